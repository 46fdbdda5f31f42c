use std::fmt;
use std::net::SocketAddr;

use ipnet::IpNet;

use super::{ConfigError, Settings, parse_number};

#[derive(Debug, Clone)]
pub struct HttpConfig {
    pub listen: SocketAddr,
    pub external_url: ExternalUrl,
    pub max_connections: u32,
    pub max_requests_in_flight: u32,
    /// Peers whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl HttpConfig {
    pub(super) fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let listen = settings.value("CERTCTL_LISTEN");
        let listen = listen.parse().map_err(|_| {
            ConfigError::new(
                "CERTCTL_LISTEN",
                format!("`{listen}` is not an IP address with a port"),
                "for example 0.0.0.0:8443 or [::]:8443",
            )
        })?;
        let trusted_proxies = settings
            .value("CERTCTL_TRUSTED_PROXIES")
            .split(',')
            .map(str::trim)
            .filter(|net| !net.is_empty())
            .map(|net| {
                let address = net.parse::<std::net::IpAddr>().map(IpNet::from);
                net.parse::<IpNet>().or(address).map_err(|_| {
                    ConfigError::new(
                        "CERTCTL_TRUSTED_PROXIES",
                        format!("`{net}` is not a network"),
                        "comma-separated networks or addresses, for example 10.0.0.0/8,192.168.1.7",
                    )
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            listen,
            external_url: ExternalUrl::parse(settings.value("CERTCTL_EXTERNAL_URL"))?,
            max_connections: parse_number(settings, "CERTCTL_MAX_CONNECTIONS", 16..=100_000)?,
            max_requests_in_flight: parse_number(settings, "CERTCTL_MAX_REQUESTS_IN_FLIGHT", 1..=1_000_000)?,
            trusted_proxies,
        })
    }
}

/// The https origin under which clients reach the server, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalUrl(String);

impl ExternalUrl {
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let fail = |fault: &str| {
            ConfigError::new(
                "CERTCTL_EXTERNAL_URL",
                format!("`{text}` {fault}"),
                "an https URL of host and port only, for example https://certctl.example.com:8443",
            )
        };
        let uri: http::Uri = text.parse().map_err(|_| fail("is not a URL"))?;
        if uri.scheme_str() != Some("https") {
            return Err(fail("is not an https URL"));
        }
        let authority = uri.authority().ok_or_else(|| fail("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(fail("has a user name"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(fail("has a path"));
        }
        Ok(Self(format!("https://{}", authority.as_str().to_ascii_lowercase())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without port, and without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        let authority = self.0.trim_start_matches("https://");
        match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or(v6),
            None => authority.split(':').next().unwrap_or(authority),
        }
    }

    /// `path` starts with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl fmt::Display for ExternalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
