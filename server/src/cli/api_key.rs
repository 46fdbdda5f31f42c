use clap::ArgMatches;
use model::Caller;

use crate::auth::ApiKeyText;
use crate::config::{Config, Settings};
use crate::services::api_keys::{self, NewApiKey};
use crate::startup::{self, Purpose, StartError};

/// Creates an admin key; also while a server runs on the same data. The key alone goes to standard output, for `$(…)`.
pub async fn create(matches: &ArgMatches, settings: &Settings) -> Result<(), StartError> {
    let config = Config::from_settings(settings)?;
    config.log.install();
    let opened = startup::open(&config, Purpose::Command).await?;
    let core = &opened.core;
    let text = ApiKeyText::generate(core.entropy.as_ref());
    let name = matches.get_one::<String>("name").map_or("cli", String::as_str);
    let key = api_keys::create(core, &Caller::system("cli"), NewApiKey::admin(name), &text).await?;
    println!("{}", text.expose());
    eprintln!("API key {} ({}) created. It is shown only now.", key.id, key.name);
    core.store.close().await;
    Ok(())
}
