use std::path::PathBuf;

use ca::{CaKeyAlgorithm, KeyBlocklist};

use super::{ConfigError, Settings, parse_file_pair};

#[derive(Debug)]
pub struct CaConfig {
    /// Name and key of the internal CA, where the first start creates one.
    pub common_name: String,
    pub key_algorithm: CaKeyAlgorithm,
    /// An existing CA to sign with instead.
    pub files: Option<CaFiles>,
    /// Files with other chains for the CA, each beginning with another certificate for its name and key.
    pub alternate_chains: Vec<PathBuf>,
    pub key_blocklist: KeyBlocklist,
}

#[derive(Debug, Clone)]
pub struct CaFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl CaConfig {
    pub(super) fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let common_name = settings.value("CERTCTL_CA_COMMON_NAME");
        // X.520 bounds a common name to 64 characters.
        if common_name.trim().is_empty() || common_name.chars().count() > 64 {
            return Err(ConfigError::new(
                "CERTCTL_CA_COMMON_NAME",
                format!("`{common_name}` is empty or too long"),
                "1 to 64 characters",
            ));
        }
        let algorithm = settings.value("CERTCTL_CA_KEY_ALGORITHM");
        let key_algorithm = algorithm.parse().map_err(|_| {
            ConfigError::new(
                "CERTCTL_CA_KEY_ALGORITHM",
                format!("`{algorithm}` is not known"),
                "ecdsa-p256, ecdsa-p384, rsa-3072, rsa-4096, ed25519",
            )
        })?;
        let key_blocklist = match settings.optional("CERTCTL_KEY_BLOCKLIST_FILE") {
            None => KeyBlocklist::default(),
            Some(path) => {
                let fail = |fault: String| {
                    ConfigError::new(
                        "CERTCTL_KEY_BLOCKLIST_FILE",
                        format!("`{path}`: {fault}"),
                        "a file with one SHA-256 in hexadecimal per line",
                    )
                };
                let text = std::fs::read_to_string(path).map_err(|e| fail(e.to_string()))?;
                KeyBlocklist::parse(&text).map_err(|e| fail(e.to_string()))?
            }
        };
        let files = parse_file_pair(settings, "CERTCTL_CA_CERT_FILE", "CERTCTL_CA_KEY_FILE")?;
        let files = files.map(|(cert, key)| CaFiles { cert, key });
        let alternate_chains = settings.value("CERTCTL_CA_ALTERNATE_CHAIN_FILE").split(',').map(str::trim);
        let alternate_chains = alternate_chains.filter(|path| !path.is_empty()).map(PathBuf::from).collect();
        Ok(Self {
            common_name: common_name.to_owned(),
            key_algorithm,
            files,
            alternate_chains,
            key_blocklist,
        })
    }
}
