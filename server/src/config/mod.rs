//! Settings: read from flags and environment, checked section by section, handed on as typed values.
//!
//! Every setting is a flag of the commands and an environment variable; [`settings::TABLE`] lists them and is the
//! source of docs/reference/configuration.md. A wrong one stops the start with one line.

mod acme;
mod ca;
mod database;
mod http;
mod log;
mod secret;
mod session;
pub mod settings;
mod tls;
mod validation;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use acme::{AcmeConfig, TermsOfService};
pub use ca::{CaConfig, CaFiles};
pub use database::{DatabaseConfig, DatabaseLocation};
pub use http::{ExternalUrl, HttpConfig};
pub use log::{LogConfig, LogFormat};
pub use secret::{Secret, create_private_file, read_private_file};
pub use session::SessionConfig;
pub use settings::Setting;
pub use tls::TlsConfig;
pub use validation::ValidationConfig;
pub use values::{InForce, Origin, Settings, Shown};

use crate::auth::{MIN_CHOSEN_LENGTH, is_plausible};

/// Characters of `CERTCTL_BOOTSTRAP_TOKEN` at least.
const MIN_TOKEN_LENGTH: usize = 32;

/// Everything that the server needs to know before it starts.
#[derive(Debug)]
pub struct Config {
    pub data_dir: PathBuf,
    pub http: HttpConfig,
    pub tls: TlsConfig,
    pub database: DatabaseConfig,
    /// The key that seals secrets at rest; `None`: the file in the data directory.
    pub encryption_key: Option<Secret>,
    pub bootstrap_api_key: Option<Secret>,
    /// Makes the first administrator, over the network.
    pub bootstrap_token: Option<Secret>,
    /// Members of these groups of any provider become administrators while there is none.
    pub bootstrap_admin_groups: Vec<String>,
    pub ca: CaConfig,
    pub acme: AcmeConfig,
    pub validation: ValidationConfig,
    pub session: SessionConfig,
    pub log: LogConfig,
}

impl Config {
    /// Checks all settings and reads the files of secrets; touches nothing else.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let data_dir = PathBuf::from(settings.value("CERTCTL_DATA_DIR"));
        let database = DatabaseConfig::from_settings(settings, &data_dir)?;
        let encryption_key = secret::read(settings, "CERTCTL_ENCRYPTION_KEY")?;
        if encryption_key.is_none() && database.is_shared() {
            return Err(ConfigError::new(
                "CERTCTL_ENCRYPTION_KEY",
                "it is not set, but is required with PostgreSQL because all replicas must share it",
                "32 random bytes in base64 (openssl rand -base64 32)",
            ));
        }
        let bootstrap_api_key = secret::read(settings, "CERTCTL_BOOTSTRAP_API_KEY")?;
        if let Some(key) = &bootstrap_api_key {
            let wrong = |fault| {
                let allowed = "a long random text (openssl rand -hex 32)";
                Err(ConfigError::new("CERTCTL_BOOTSTRAP_API_KEY", fault, allowed))
            };
            if key.expose().len() < MIN_CHOSEN_LENGTH {
                return wrong(format!("the key is shorter than {MIN_CHOSEN_LENGTH} characters"));
            }
            if !is_plausible(key.expose()) {
                return wrong("it has the form of a generated key, and its checksum is wrong".to_owned());
            }
        }
        let bootstrap_token = secret::read(settings, "CERTCTL_BOOTSTRAP_TOKEN")?;
        if let Some(token) = &bootstrap_token
            && token.expose().chars().count() < MIN_TOKEN_LENGTH
        {
            return Err(ConfigError::new(
                "CERTCTL_BOOTSTRAP_TOKEN",
                format!("the token is shorter than {MIN_TOKEN_LENGTH} characters"),
                "a long random text (openssl rand -hex 32)",
            ));
        }
        Ok(Self {
            http: HttpConfig::from_settings(settings)?,
            tls: TlsConfig::from_settings(settings)?,
            ca: CaConfig::from_settings(settings)?,
            acme: AcmeConfig::from_settings(settings)?,
            validation: ValidationConfig::from_settings(settings)?,
            session: SessionConfig::from_settings(settings)?,
            log: LogConfig::from_settings(settings)?,
            data_dir,
            database,
            encryption_key,
            bootstrap_api_key,
            bootstrap_token,
            bootstrap_admin_groups: settings
                .value("CERTCTL_BOOTSTRAP_ADMIN_GROUPS")
                .split(',')
                .map(str::trim)
                .filter(|group| !group.is_empty())
                .map(str::to_owned)
                .collect(),
        })
    }

    /// Where the encryption key lies when no setting gives it.
    pub fn encryption_key_file(&self) -> PathBuf {
        self.data_dir.join("encryption.key")
    }
}

/// A wrong setting: which one, what is wrong, what is allowed. One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: String,
    fault: String,
    allowed: String,
}

impl ConfigError {
    pub fn new(setting: impl Into<String>, fault: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { setting: setting.into(), fault: fault.into(), allowed: allowed.into() }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; allowed: {}", self.setting, self.fault, self.allowed)
    }
}

fn parse_bool(settings: &Settings, name: &'static str) -> Result<bool, ConfigError> {
    match settings.value(name) {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        other => Err(ConfigError::new(name, format!("`{other}` is neither true nor false"), "true or false")),
    }
}

fn parse_number(
    settings: &Settings,
    name: &'static str,
    range: std::ops::RangeInclusive<u32>,
) -> Result<u32, ConfigError> {
    let text = settings.value(name);
    text.parse().ok().filter(|n| range.contains(n)).ok_or_else(|| {
        ConfigError::new(
            name,
            format!("`{text}` is not a number in range"),
            format!("{} to {}", range.start(), range.end()),
        )
    })
}

/// Whole milliseconds, or a whole number with its unit: ms, s, m or h.
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" | "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(factor)?))
}

/// A file and the key that belongs to it: both or neither.
fn parse_file_pair(
    settings: &Settings,
    cert: &'static str,
    key: &'static str,
) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
    match (settings.optional(cert), settings.optional(key)) {
        (None, None) => Ok(None),
        (Some(c), Some(k)) => {
            for (name, path) in [(cert, c), (key, k)] {
                if let Err(e) = std::fs::metadata(Path::new(path)) {
                    let fault = format!("`{path}` cannot be read: {e}");
                    return Err(ConfigError::new(name, fault, "a readable PEM file"));
                }
            }
            Ok(Some((c.into(), k.into())))
        }
        (Some(_), None) => {
            Err(ConfigError::new(key, format!("it is missing while {cert} is set"), "both or neither"))
        }
        (None, Some(_)) => {
            Err(ConfigError::new(cert, format!("it is missing while {key} is set"), "both or neither"))
        }
    }
}
