use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use super::{ConfigError, Settings, parse_duration, parse_number};

const DNS_PORT: u16 = 53;
const LONGEST_RETRY_INTERVAL: Duration = Duration::from_secs(600);

/// How challenges are validated (RFC 8555 §8).
#[derive(Debug, Clone)]
pub struct ValidationConfig {
    pub http01_port: u16,
    pub tls_alpn01_port: u16,
    /// Empty: those of the system.
    pub dns_resolvers: Vec<SocketAddr>,
    /// Networks that may be dialled although they are refused by default.
    pub allow: Vec<IpNet>,
    /// Networks that are never dialled.
    pub deny: Vec<IpNet>,
    /// How often one challenge is tried before it becomes invalid, the first time included.
    pub attempts: u32,
    /// The pause after the first attempt; it doubles with each further one.
    pub retry_interval: Duration,
    /// Attempts under way at once for one profile.
    pub concurrency: u32,
}

impl ValidationConfig {
    pub(super) fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        Ok(Self {
            http01_port: port(settings, "CERTCTL_ACME_HTTP01_PORT")?,
            tls_alpn01_port: port(settings, "CERTCTL_ACME_TLSALPN01_PORT")?,
            dns_resolvers: list(
                settings,
                "CERTCTL_ACME_DNS_RESOLVERS",
                resolver,
                "comma-separated addresses with or without a port, for example 10.0.0.53,[fd00::53]:5353",
            )?,
            allow: list(settings, "CERTCTL_ACME_VALIDATION_ALLOW_CIDRS", network, NETWORKS)?,
            deny: list(settings, "CERTCTL_ACME_VALIDATION_DENY_CIDRS", network, NETWORKS)?,
            attempts: parse_number(settings, "CERTCTL_ACME_VALIDATION_ATTEMPTS", 1..=20)?,
            retry_interval: retry_interval(settings)?,
            concurrency: parse_number(settings, "CERTCTL_ACME_VALIDATION_CONCURRENCY", 1..=1000)?,
        })
    }
}

const NETWORKS: &str = "comma-separated networks or addresses, for example 127.0.0.0/8,fd00::7";

fn port(settings: &Settings, name: &'static str) -> Result<u16, ConfigError> {
    let number = parse_number(settings, name, 1..=u32::from(u16::MAX))?;
    // The range is that of a port.
    Ok(u16::try_from(number).unwrap_or(u16::MAX))
}

fn list<T>(
    settings: &Settings,
    name: &'static str,
    parse: fn(&str) -> Option<T>,
    allowed: &str,
) -> Result<Vec<T>, ConfigError> {
    let items = settings.value(name).split(',').map(str::trim).filter(|item| !item.is_empty());
    items
        .map(|item| {
            let fault = || format!("`{item}` cannot be understood");
            parse(item).ok_or_else(|| ConfigError::new(name, fault(), allowed))
        })
        .collect()
}

fn resolver(text: &str) -> Option<SocketAddr> {
    let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT));
    address.or_else(|_| text.parse()).ok().filter(|address| address.port() != 0)
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()
}

fn retry_interval(settings: &Settings) -> Result<Duration, ConfigError> {
    let name = "CERTCTL_ACME_VALIDATION_RETRY_INTERVAL";
    let text = settings.value(name);
    parse_duration(text).filter(|d| !d.is_zero() && *d <= LONGEST_RETRY_INTERVAL).ok_or_else(|| {
        ConfigError::new(
            name,
            format!("`{text}` is not a duration in range"),
            "1 to 600000 milliseconds, or a number with ms, s or m, for example 2s",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<ValidationConfig, ConfigError> {
        ValidationConfig::from_settings(&Settings::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn the_defaults_are_those_of_the_table() {
        let config = config(&[]).unwrap();
        assert_eq!((config.http01_port, config.tls_alpn01_port), (80, 443));
        assert!(config.dns_resolvers.is_empty() && config.allow.is_empty() && config.deny.is_empty());
        assert_eq!((config.attempts, config.concurrency), (4, 16));
        assert_eq!(config.retry_interval, Duration::from_secs(2));
    }

    #[test]
    fn resolvers_have_a_port_or_the_usual_one() {
        let config =
            config(&[("CERTCTL_ACME_DNS_RESOLVERS", "10.0.0.53, 10.0.0.54:5353,fd00::1,[fd00::1]:54")])
                .unwrap();
        let shown: Vec<_> = config.dns_resolvers.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.53:53", "10.0.0.54:5353", "[fd00::1]:53", "[fd00::1]:54"]);
    }

    #[test]
    fn durations_have_a_unit_or_are_milliseconds() {
        for (text, milliseconds) in [("1", 1), ("250", 250), ("250ms", 250), ("2s", 2_000), ("10m", 600_000)]
        {
            let config = config(&[("CERTCTL_ACME_VALIDATION_RETRY_INTERVAL", text)]).unwrap();
            assert_eq!(config.retry_interval, Duration::from_millis(milliseconds), "{text}");
        }
    }

    #[test]
    fn a_wrong_value_names_its_setting() {
        for (name, value) in [
            ("CERTCTL_ACME_HTTP01_PORT", "0"),
            ("CERTCTL_ACME_TLSALPN01_PORT", "65536"),
            ("CERTCTL_ACME_DNS_RESOLVERS", "dns.example"),
            ("CERTCTL_ACME_DNS_RESOLVERS", "10.0.0.1:0"),
            ("CERTCTL_ACME_VALIDATION_ALLOW_CIDRS", "10.0.0.0/33"),
            ("CERTCTL_ACME_VALIDATION_DENY_CIDRS", "all"),
            ("CERTCTL_ACME_VALIDATION_ATTEMPTS", "0"),
            ("CERTCTL_ACME_VALIDATION_CONCURRENCY", "-1"),
            ("CERTCTL_ACME_VALIDATION_RETRY_INTERVAL", "0"),
            ("CERTCTL_ACME_VALIDATION_RETRY_INTERVAL", "1h"),
            ("CERTCTL_ACME_VALIDATION_RETRY_INTERVAL", "s"),
            ("CERTCTL_ACME_VALIDATION_RETRY_INTERVAL", "11m"),
        ] {
            let error = config(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(name) && error.contains(value), "{error}");
        }
    }
}
