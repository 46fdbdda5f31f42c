//! The key that seals secrets at rest: found or made, and checked against the database before anything is written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca::Sealer;
use model::Entropy;
use store::{Store, StoreError};
use zeroize::Zeroizing;

use super::StartError;
use crate::config::{Config, ConfigError, create_private_file, read_private_file};

/// The secret that tells whether a key is the database's own.
pub(super) const CHECK: &str = "encryption-key-check";

pub(super) struct EncryptionKey {
    pub bytes: Zeroizing<[u8; 32]>,
    /// Made now, and in no file yet.
    fresh: bool,
}

/// The key of the setting or of the file in the data directory.
pub(super) fn load(config: &Config) -> Result<Option<Zeroizing<[u8; 32]>>, ConfigError> {
    let file = config.encryption_key_file();
    let text = match &config.encryption_key {
        Some(key) => Zeroizing::new(key.expose().to_owned()),
        None if file.exists() => read_private_file(&file).map_err(|fault| {
            ConfigError::new("CERTCTL_ENCRYPTION_KEY", fault, "a file that only its owner can read")
        })?,
        None => return Ok(None),
    };
    let fault = || {
        let fault = "it is not 32 bytes in base64";
        ConfigError::new(
            "CERTCTL_ENCRYPTION_KEY",
            fault,
            "32 random bytes in base64 (openssl rand -base64 32)",
        )
    };
    let decoded = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| fault())?);
    let bytes = <[u8; 32]>::try_from(decoded.as_slice()).map_err(|_| fault())?;
    Ok(Some(Zeroizing::new(bytes)))
}

pub(super) fn load_or_generate(config: &Config, entropy: &dyn Entropy) -> Result<EncryptionKey, ConfigError> {
    if let Some(bytes) = load(config)? {
        return Ok(EncryptionKey { bytes, fresh: false });
    }
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(bytes.as_mut_slice());
    Ok(EncryptionKey { bytes, fresh: true })
}

/// Refuses a key that the database was not sealed with.
pub(super) fn verify(sealer: &Sealer, check: &[u8]) -> Result<(), ConfigError> {
    sealer.open("secret", CHECK, check).map(drop).map_err(|_| {
        ConfigError::new(
            "CERTCTL_ENCRYPTION_KEY",
            "it is not the key that this database is sealed with",
            "the key that was in use before (by default the file encryption.key beside the database)",
        )
    })
}

/// Binds the database to the key on the first start, and writes a fresh key to its file.
pub(super) async fn keep(
    store: &Store,
    sealer: &Sealer,
    config: &Config,
    key: &EncryptionKey,
    entropy: &dyn Entropy,
) -> Result<(), StartError> {
    let found = store.read().await?.secret(CHECK).await?;
    if let Some(check) = found {
        return Ok(verify(sealer, &check)?);
    }
    if key.fresh {
        // Before the database is bound to it: a key that is lost cannot be made again.
        let file = config.encryption_key_file();
        create_private_file(&file, &STANDARD.encode(key.bytes.as_slice())).map_err(|e| {
            let fault = format!("`{}` cannot be written: {e}", file.display());
            ConfigError::new("CERTCTL_ENCRYPTION_KEY", fault, "a data directory that this user can write")
        })?;
    }
    let sealed = sealer.seal("secret", CHECK, b"certctl", entropy);
    let stored: Result<bool, StoreError> = store
        .write(move |tx| Box::pin(async move { tx.insert_secret_if_absent(CHECK, &sealed).await }))
        .await;
    if !stored? {
        // Another replica was first; its key must be ours.
        let check = store.read().await?.secret(CHECK).await?.unwrap_or_default();
        verify(sealer, &check)?;
    }
    Ok(())
}
