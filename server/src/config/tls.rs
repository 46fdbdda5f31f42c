use std::path::PathBuf;

use super::{ConfigError, Settings, parse_file_pair};

#[derive(Debug, Clone)]
pub enum TlsConfig {
    /// The server issues and renews its own certificate from its bootstrap CA.
    OwnCertificate,
    Files {
        cert: PathBuf,
        key: PathBuf,
    },
}

impl TlsConfig {
    pub(super) fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let files = parse_file_pair(settings, "CERTCTL_TLS_CERT_FILE", "CERTCTL_TLS_KEY_FILE")?;
        Ok(files.map_or(Self::OwnCertificate, |(cert, key)| Self::Files { cert, key }))
    }
}
