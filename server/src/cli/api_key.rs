use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use model::{BuiltInRole, Caller, Grant, IpNet, ProfileId, RoleId};

use crate::auth::ApiKeyText;
use crate::config::{Config, Settings};
use crate::services::api_keys::{self, NewApiKey};
use crate::startup::{self, Purpose, StartError};

pub fn with_args(command: Command) -> Command {
    let several =
        |name: &'static str| Arg::new(name).long(name).action(ArgAction::Append).value_delimiter(',');
    command
        .arg(
            Arg::new("name").long("name").value_name("TEXT").default_value("cli").help("What the key is for"),
        )
        .arg(
            Arg::new("role")
                .long("role")
                .value_name("ROLE")
                .default_value(BuiltInRole::ADMIN)
                .value_parser(|text: &str| text.parse::<RoleId>())
                .help("What it may do: admin, operator, auditor, viewer, agent, or a role of your own"),
        )
        .arg(
            several("profile")
                .value_name("PROFILE")
                .value_parser(|text: &str| text.parse::<ProfileId>())
                .help("A profile within which it may do it; may be repeated. Default: everywhere"),
        )
        .arg(
            Arg::new("expires-in")
                .long("expires-in")
                .value_name("DURATION")
                .value_parser(duration)
                .help("For how long it is good: a number with s, m, h or d. Default: for ever"),
        )
        .arg(
            several("allow")
                .value_name("NETWORK")
                .value_parser(network)
                .help("A network or address that it may be used from; may be repeated. Default: anywhere"),
        )
}

/// Creates an API key; also while a server runs on the same data. The key alone goes to standard output, for `$(…)`.
pub async fn create(matches: &ArgMatches, settings: &Settings) -> Result<(), StartError> {
    let config = Config::from_settings(settings)?;
    config.log.install();
    let opened = startup::open(&config, Purpose::Command).await?;
    let core = &opened.core;
    let text = ApiKeyText::generate(core.entropy.as_ref());
    let new = NewApiKey {
        name: matches.get_one::<String>("name").map_or("cli", String::as_str).to_owned(),
        grant: Grant {
            role: matches.get_one("role").cloned().unwrap_or_else(RoleId::admin),
            profiles: matches.get_many("profile").into_iter().flatten().cloned().collect(),
        },
        allowed_networks: matches.get_many("allow").into_iter().flatten().copied().collect(),
        expires_at: matches.get_one::<Duration>("expires-in").map(|life| core.now() + *life),
    };
    let key = api_keys::create(core, &Caller::system("cli"), new, &text).await?;
    println!("{}", text.expose());
    eprintln!("API key {} ({}) created. It is shown only now.", key.id, key.name);
    core.store.close().await;
    Ok(())
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "a number with s, m, h or d is allowed, for example 90d";
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(WRONG)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(WRONG),
    };
    let number = number.parse::<u32>().ok().filter(|n| *n > 0).ok_or(WRONG)?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

fn network(text: &str) -> Result<IpNet, &'static str> {
    let address = text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse().or(address).map_err(|_| "a network or an address is allowed, for example 192.0.2.0/24")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("90d"), Ok(Duration::from_secs(90 * 86_400)));
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        for wrong in ["", "d", "5", "0h", "-1d", "1w", "99999999999d", "1é"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
