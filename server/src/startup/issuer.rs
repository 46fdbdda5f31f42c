//! The issuer `iss-internal-ca`: made on the first start, or the operator's own CA from files.

use std::sync::Arc;
use std::time::Duration;

use ca::{CaSigner, Sealer};
use model::{Clock, Entropy, Issuer, IssuerId};
use store::{Store, StoreError};

use super::{StartError, load_ca_files};
use crate::config::{Config, ConfigError};

const LIFETIME: Duration = Duration::from_secs(10 * 365 * 86_400);
const PURPOSE: &str = "issuer-key";

/// The signer, and whether it comes from files.
pub(super) async fn load_or_create(
    store: &Store,
    sealer: &Sealer,
    config: &Config,
    clock: &dyn Clock,
    entropy: &Arc<dyn Entropy>,
) -> Result<(CaSigner, bool), StartError> {
    let id = IssuerId::internal_ca();
    let stored = store.read().await?.issuer(&id).await?;
    if let Some(signer) = load_ca_files(config, clock)? {
        // The key of an internal CA from before stays in its row: what it signed may have to be revoked.
        let sealed_key = stored.as_ref().and_then(|i| i.sealed_key.clone());
        let created_at = stored.as_ref().map_or_else(|| clock.now(), |i| i.created_at);
        let issuer = Issuer {
            id,
            name: signer.common_name().to_owned(),
            chain: signer.chain().to_vec(),
            sealed_key,
            created_at,
            updated_at: clock.now(),
        };
        if stored.is_none_or(|s| s.chain != issuer.chain) {
            put(store, issuer, &signer).await?;
        }
        return Ok((signer, true));
    }
    if let Some(issuer) = stored {
        return Ok((unseal(sealer, &issuer)?, false));
    }
    let made = CaSigner::generate(
        &config.ca.common_name,
        config.ca.key_algorithm,
        LIFETIME,
        clock.now(),
        entropy.as_ref(),
    );
    let (signer, pkcs8) =
        made.map_err(|e| StartError::Other(format!("the internal CA cannot be made: {e}")))?;
    let now = clock.now();
    let issuer = Issuer {
        sealed_key: Some(sealer.seal(PURPOSE, id.as_str(), &pkcs8, entropy.as_ref())),
        name: signer.common_name().to_owned(),
        chain: signer.chain().to_vec(),
        created_at: now,
        updated_at: now,
        id: id.clone(),
    };
    let (chain_id, chain) = (signer.chain_id().to_owned(), issuer.chain.clone());
    let inserted: Result<bool, StoreError> = store
        .write(move |tx| {
            Box::pin(async move {
                let inserted = tx.insert_issuer_if_absent(&issuer).await?;
                if inserted {
                    tx.put_chain(&chain_id, &chain).await?;
                }
                Ok(inserted)
            })
        })
        .await;
    if inserted? {
        return Ok((signer, false));
    }
    // Another replica was first; sign with what it made.
    let issuer = store.read().await?.issuer(&id).await?;
    let issuer = issuer.ok_or_else(|| StartError::Other("the internal CA was not stored".to_owned()))?;
    Ok((unseal(sealer, &issuer)?, false))
}

fn unseal(sealer: &Sealer, issuer: &Issuer) -> Result<CaSigner, StartError> {
    let Some(sealed) = &issuer.sealed_key else { return Err(files_missing(issuer).into()) };
    let pkcs8 = sealer.open(PURPOSE, issuer.id.as_str(), sealed);
    let pkcs8 =
        pkcs8.map_err(|e| StartError::Other(format!("the key of {} cannot be opened: {e}", issuer.id)))?;
    match CaSigner::load(issuer.chain.clone(), &pkcs8) {
        Ok(signer) => Ok(signer),
        // The row has the chain of files that are not configured any more.
        Err(ca::CaError::KeyMismatch { .. }) => Err(files_missing(issuer).into()),
        Err(e) => Err(StartError::Other(format!("the issuer {} cannot be used: {e}", issuer.id))),
    }
}

fn files_missing(issuer: &Issuer) -> ConfigError {
    ConfigError::new(
        "CERTCTL_CA_CERT_FILE",
        format!("it is not set, but this database was last used with the CA `{}` from files", issuer.name),
        "the files of that CA",
    )
}

async fn put(store: &Store, issuer: Issuer, signer: &CaSigner) -> Result<(), StartError> {
    let (chain_id, chain) = (signer.chain_id().to_owned(), issuer.chain.clone());
    let stored: Result<(), StoreError> = store
        .write(move |tx| {
            Box::pin(async move {
                tx.put_issuer(&issuer).await?;
                tx.put_chain(&chain_id, &chain).await
            })
        })
        .await;
    Ok(stored?)
}
