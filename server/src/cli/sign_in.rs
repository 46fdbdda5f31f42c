//! Ways in that only the machine's own command line can make.

use std::io::Read;

use clap::ArgMatches;
use model::Caller;
use zeroize::Zeroizing;

use crate::auth;
use crate::config::{Config, Secret, Settings};
use crate::core::Core;
use crate::http::links::Links;
use crate::services::{break_glass, login_links};
use crate::startup::{self, Purpose, StartError};

/// Makes a one-time link and prints it; also while a server runs on the same data. The link alone goes to standard
/// output, for `$(…)`.
pub async fn login_link(settings: &Settings) -> Result<(), StartError> {
    let config = Config::from_settings(settings)?;
    config.log.install();
    let links = Links::new(config.http.external_url.clone());
    let opened = startup::open(&config, Purpose::Command).await?;
    let (url, end) = make_link(&opened.core, &links).await?;
    println!("{url}");
    eprintln!("The link signs the local administrator in once, until {end}.");
    opened.core.store.close().await;
    Ok(())
}

/// The link's URL and its end.
pub async fn make_link(core: &Core, links: &Links) -> Result<(String, String), StartError> {
    let link = login_links::create(core, &Caller::system("login-link")).await?;
    Ok((links.url(&format!("/auth/link/{}", link.token)), link.expires_at.truncated_to_second().to_rfc3339()))
}

/// Reads a password from standard input, or makes one up and prints it.
pub async fn set_password(matches: &ArgMatches, settings: &Settings) -> Result<(), StartError> {
    let config = Config::from_settings(settings)?;
    config.log.install();
    let name = matches.get_one::<String>("name").map_or("", String::as_str);
    let given = if matches.get_flag("generate") { None } else { Some(read_password()?) };
    let opened = startup::open(&config, Purpose::Command).await?;
    let core = &opened.core;
    let generated = given.is_none().then(|| Zeroizing::new(auth::random_token(core.entropy.as_ref())));
    let password = match (given, &generated) {
        (Some(password), _) => password,
        (None, Some(made)) => Secret::new(made.as_str()),
        (None, None) => return Err(StartError::Other("there is no password".to_owned())),
    };
    let user = break_glass::set_password(core, &Caller::system("break-glass"), name, password).await?;
    if let Some(made) = generated {
        println!("{}", made.as_str());
        eprintln!("This is the password of {}. It is shown only now.", user.name);
    } else {
        eprintln!("The password of {} is set.", user.name);
    }
    if !core.break_glass.enabled {
        eprintln!("It opens nothing until the server runs with CERTCTL_BREAK_GLASS_ENABLED=true.");
    }
    core.store.close().await;
    Ok(())
}

pub async fn remove_password(matches: &ArgMatches, settings: &Settings) -> Result<(), StartError> {
    let config = Config::from_settings(settings)?;
    config.log.install();
    let name = matches.get_one::<String>("name").map_or("", String::as_str);
    let opened = startup::open(&config, Purpose::Command).await?;
    break_glass::remove_password(&opened.core, &Caller::system("break-glass"), name).await?;
    eprintln!("{name} has no password any more, and is signed out everywhere.");
    opened.core.store.close().await;
    Ok(())
}

/// The first line of standard input.
fn read_password() -> Result<Secret, StartError> {
    const MOST: u64 = 16 * 1024;
    let mut text = Zeroizing::new(String::new());
    let read = std::io::stdin().lock().take(MOST).read_to_string(&mut text);
    read.map_err(|e| StartError::Other(format!("the password cannot be read from standard input: {e}")))?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}
