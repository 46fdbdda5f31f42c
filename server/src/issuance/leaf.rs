//! What every certificate goes through, however it was asked for: checks of the CSR, validity, the signature, and what
//! is stored of it.

use std::sync::Arc;
use std::time::Duration;

use acme::Problem;
use ca::{CaSigner, Csr, LeafRequest, PublicKeyAlgorithm, Serial, SubjectKey, UnsignedLeaf, Validity};
use model::{
    AccountId, AuditEvent, Caller, Certificate, CertificateId, CertificateSummary, Identifier, KeyType,
    OrderId, Profile, Timestamp,
};
use serde_json::json;

use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// The CSR and the common name to use, when both fit the names and the profile. `account_spki`: the key of the ACME
/// account that asks.
pub(super) fn check_csr(
    core: &Core,
    profile: &Profile,
    identifiers: &[Identifier],
    account_spki: Option<&[u8]>,
    csr: &Csr,
) -> Result<Option<String>, Problem> {
    let key = csr.subject_key();
    if account_spki == Some(key.spki_der()) {
        // RFC 8555 §11.1.
        return Err(Problem::bad_csr("the CSR uses the account's key; a certificate needs a key of its own"));
    }
    if core.key_blocklist.contains(&key.spki_sha256()) {
        return Err(Problem::bad_csr("the CSR's key is known to be compromised"));
    }
    check_key_type(profile, key.key_type())?;
    csr.check_names(identifiers).map_err(|e| Problem::bad_csr(e.to_string()))
}

pub(super) fn check_key_type(profile: &Profile, key_type: KeyType) -> Result<(), Problem> {
    if profile.spec.accepts_key(key_type) {
        return Ok(());
    }
    let allowed: Vec<_> = profile.spec.allowed_key_types.iter().map(|k| k.as_str()).collect();
    Err(Problem::bad_csr(format!(
        "the profile {} does not allow {key_type} keys; allowed: {}",
        profile.id,
        allowed.join(", ")
    )))
}

/// The signer of the profile's issuer.
pub(super) fn signer_of(core: &Core, profile: &Profile) -> Result<Arc<CaSigner>> {
    let signer = core.signers.signer(&profile.spec.issuer_id).cloned();
    signer.ok_or_else(|| Error::Unavailable(format!("the issuer {} cannot sign now", profile.spec.issuer_id)))
}

/// A certificate that may be issued: all checks have passed.
pub(super) struct Planned {
    pub profile: Profile,
    pub key: SubjectKey,
    pub identifiers: Vec<Identifier>,
    pub common_name: Option<String>,
    pub signer: Arc<CaSigner>,
    /// The validity that was asked for; `None`: what the profile gives.
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    pub account_id: Option<AccountId>,
    pub order_id: Option<OrderId>,
}

impl Planned {
    /// The leaf, all but its signature.
    pub fn prepare(&self, core: &Core) -> Result<UnsignedLeaf> {
        let now = core.now();
        let (not_before, not_after) = self.validity(now)?;
        let spec = &self.profile.spec;
        let leaf = self.signer.prepare_leaf(&LeafRequest {
            serial: Serial::generate(now, core.entropy.as_ref()),
            subject_key: &self.key,
            identifiers: &self.identifiers,
            common_name: self.common_name.as_deref(),
            not_before,
            not_after,
            extended_key_usages: spec.extended_key_usages(),
            must_staple: spec.must_staple,
        });
        leaf.map_err(|e| Error::Internal(format!("the leaf cannot be built: {e}")))
    }

    pub async fn sign(&self, core: &Core) -> Result<Certificate> {
        let leaf = self.prepare(core)?;
        let signer = Arc::clone(&self.signer);
        let sign = move || signer.sign(leaf);
        // An RSA signature takes milliseconds, which other requests should not wait for.
        let leaf = match self.signer.algorithm() {
            PublicKeyAlgorithm::Rsa { .. } => tokio::task::spawn_blocking(sign)
                .await
                .map_err(|e| Error::Internal(format!("the signing thread stopped: {e}")))?,
            _ => sign(),
        };
        let leaf = leaf.map_err(|e| Error::Internal(format!("signing failed: {e}")))?;
        Ok(self.certificate(core, leaf))
    }

    /// What was asked for, exactly; else what the profile gives, never past the issuer's own end. Both ends
    /// count (RFC 5280 §4.1.2.5), so a leaf of one hour ends a second before the hour is over.
    fn validity(&self, now: Timestamp) -> Result<(Timestamp, Timestamp)> {
        let ttl = Duration::from_secs(self.profile.spec.ttl_seconds());
        // Relying parties whose clock is a little behind must accept the certificate at once.
        let backdate = Duration::from_secs(60).min(ttl / 10);
        let issuer = self.signer.validity();
        let not_before = match self.not_before {
            Some(asked) => asked,
            None => (now - backdate).truncated_to_second().max(issuer.not_before),
        };
        let not_after = match self.not_after {
            Some(asked) => asked,
            None => (not_before + ttl - Duration::from_secs(1)).min(issuer.not_after),
        };
        if not_after <= now || !issuer.contains(&Validity { not_before, not_after }) {
            let problem = match self.order_id {
                Some(_) => "the order's validity cannot be had any more; order again",
                None => "the issuer's own certificate has ended or not begun",
            };
            return Err(Problem::order_not_ready(problem).into());
        }
        Ok((not_before, not_after))
    }

    fn certificate(&self, core: &Core, leaf: ca::Leaf) -> Certificate {
        let now = core.now();
        let summary = CertificateSummary {
            id: CertificateId::generate(now, core.entropy.as_ref()),
            serial: leaf.serial_hex,
            issuer_id: self.profile.spec.issuer_id.clone(),
            profile_id: self.profile.id.clone(),
            account_id: self.account_id.clone(),
            order_id: self.order_id.clone(),
            common_name: self.common_name.clone(),
            identifiers: self.identifiers.clone(),
            key_type: self.key.key_type(),
            sha256: leaf.sha256_hex,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            created_at: now,
            revocation: None,
            renewal_demand: None,
            replaced_by: None,
        };
        let chain_id = self.signer.chain_id().to_owned();
        Certificate { summary, der: leaf.der, chain_id, replaced_by_order: None }
    }
}

/// The event that goes into the transaction which stores the certificate.
pub(super) fn issued(core: &Core, caller: &Caller, summary: &CertificateSummary) -> AuditEvent {
    core.event(
        caller,
        "certificate.issued",
        Resource("certificate", summary.id.as_str()),
        json!({
            "serial": summary.serial, "order_id": summary.order_id, "profile_id": summary.profile_id,
            "issuer_id": summary.issuer_id, "identifiers": summary.identifiers,
            "not_after": summary.not_after, "sha256": summary.sha256,
        }),
    )
}
