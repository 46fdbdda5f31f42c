//! The bootstrap CA: made on the first start, sealed in the store, shared by all replicas. It signs nothing but the
//! servers' own TLS certificates, so that trusting it for the connection trusts no leaf of any profile.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ca::{CaKeyAlgorithm, CaSigner, LeafRequest, Serial};
use model::{Clock, DnsName, Entropy, ExtendedKeyUsage, Identifier, Timestamp};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};

use super::certified_key;
use crate::core::Core;
use crate::error::{Error, Result};

const SECRET: &str = "bootstrap-ca";
const CA_LIFETIME: Duration = Duration::from_secs(10 * 365 * 86_400);
const LEAF_LIFETIME: Duration = Duration::from_secs(30 * 86_400);

#[derive(Debug)]
pub struct BootstrapCa(CaSigner);

/// What is sealed: the CA's certificate and its key, in hexadecimal DER.
#[derive(Serialize, Deserialize)]
struct Stored {
    certificate: String,
    key: String,
}

impl BootstrapCa {
    /// Loads the CA from the store, or makes it. When two replicas race, both take the one that was first.
    pub async fn load_or_create(core: &Core) -> Result<Self> {
        if let Some(found) = Self::load(core).await? {
            return Ok(found);
        }
        let made = CaSigner::generate(
            "certctl bootstrap CA",
            CaKeyAlgorithm::EcdsaP256,
            CA_LIFETIME,
            core.now(),
            core.entropy.as_ref(),
        );
        let (signer, pkcs8) =
            made.map_err(|e| Error::Internal(format!("the bootstrap CA cannot be made: {e}")))?;
        let certificate = signer.chain().first().map(hex::encode).unwrap_or_default();
        let stored = Stored { certificate, key: hex::encode(pkcs8.as_slice()) };
        let plain = serde_json::to_vec(&stored).map_err(|e| Error::Internal(e.to_string()))?;
        let sealed = core.sealer.seal("secret", SECRET, &plain, core.entropy.as_ref());
        core.store
            .write(move |tx| Box::pin(async move { tx.insert_secret_if_absent(SECRET, &sealed).await }))
            .await?;
        Self::load(core).await?.ok_or_else(|| Error::Internal("the bootstrap CA was not stored".to_owned()))
    }

    async fn load(core: &Core) -> Result<Option<Self>> {
        let Some(sealed) = core.store.read().await?.secret(SECRET).await? else { return Ok(None) };
        let plain = core.sealer.open("secret", SECRET, &sealed);
        let plain = plain.map_err(|e| Error::Internal(format!("the bootstrap CA cannot be opened: {e}")))?;
        let damaged = |e: String| Error::Internal(format!("the bootstrap CA is damaged: {e}"));
        let stored: Stored = serde_json::from_slice(&plain).map_err(|e| damaged(e.to_string()))?;
        let certificate = hex::decode(&stored.certificate).map_err(|e| damaged(e.to_string()))?;
        let key = hex::decode(&stored.key).map_err(|e| damaged(e.to_string()))?;
        CaSigner::load(vec![certificate], &key).map(|s| Some(Self(s))).map_err(|e| damaged(e.to_string()))
    }

    pub fn pem(&self) -> String {
        self.0.chain_pem()
    }

    /// A new key and certificate for the server at `host`, and for this machine by its loopback names.
    pub fn issue(&self, host: &str, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<CertifiedKey> {
        let fail = |e: String| Error::Internal(format!("the server's certificate cannot be made: {e}"));
        let now = clock.now();
        let (pkcs8, key) = ca::generate_key(CaKeyAlgorithm::EcdsaP256).map_err(|e| fail(e.to_string()))?;
        let leaf = self.0.sign_leaf(&LeafRequest {
            serial: Serial::generate(now, entropy),
            subject_key: &key,
            identifiers: &identifiers(host),
            common_name: None,
            not_before: (now - Duration::from_secs(300)).truncated_to_second(),
            not_after: (now + LEAF_LIFETIME).truncated_to_second(),
            extended_key_usages: &[ExtendedKeyUsage::ServerAuth],
            must_staple: false,
        });
        let leaf = leaf.map_err(|e| fail(e.to_string()))?;
        let chain = std::iter::once(leaf.der).chain(self.0.chain().iter().cloned()).collect();
        certified_key(chain, &pkcs8).map_err(|e| fail(e.to_string()))
    }

    /// When a certificate that ends at `not_after` should be replaced: after two thirds of its life.
    pub fn renewal_time(not_after: Timestamp) -> Timestamp {
        not_after - LEAF_LIFETIME / 3
    }
}

fn identifiers(host: &str) -> Vec<Identifier> {
    let mut all = vec![
        Identifier::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        Identifier::Ip(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ];
    all.extend(DnsName::parse("localhost").map(Identifier::Dns));
    if let Ok(id) = Identifier::parse_any(host)
        && !all.contains(&id)
    {
        all.insert(0, id);
    }
    all
}
