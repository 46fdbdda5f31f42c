//! Finalization (RFC 8555 §7.4): from a ready order and a CSR to a stored certificate.
//!
//! Three steps, none of which spans two: `ready → processing` under a claim, committed; the signature; then
//! certificate, `valid` and audit events in one transaction that only the claim's holder can make. Whatever races
//! or dies, an order has at most one certificate and is never stuck.

use std::sync::Arc;
use std::time::Duration;

use acme::Problem;
use acme::transition::order_may_become;
use ca::{CaSigner, Csr, LeafRequest, PublicKeyAlgorithm, Serial, Validity};
use model::{
    Account, Caller, Certificate, CertificateId, CertificateSummary, Order, OrderId, OrderStatus, Profile,
    Timestamp,
};
use serde_json::json;

use super::{caa, external_account, order, policy, replacement};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// Finalizes an order of `account` with the CSR in DER. Repeating a request whose answer was lost gives the order
/// as it stands, with the one certificate.
pub async fn finalize(
    core: &Arc<Core>,
    caller: &Caller,
    account: &Account,
    account_spki: &[u8],
    order_id: &OrderId,
    csr_der: &[u8],
) -> Result<Order> {
    let order = order::find_own(core, account, order_id).await?;
    if !order_may_become(order.status, OrderStatus::Processing) {
        return repeated(order, &ca::sha256_hex(csr_der));
    }
    let profile = core.store.read().await?.profile(&order.profile_id).await?;
    let Some(profile) = profile.filter(|profile| profile.spec.enabled) else {
        let problem = Problem::invalid_profile(format!("the profile {} was withdrawn", order.profile_id));
        let details = json!({ "rule": "enabled", "reason": problem.detail, "profile_id": order.profile_id });
        return refuse(core, caller, &order, problem, details).await;
    };
    let eab_key = external_account::key_of(core, account).await?;
    let permitted = policy::check(core, &profile, caller, &order.identifiers)
        .and_then(|()| external_account::check(&profile, eab_key.as_ref(), &order.identifiers))
        .and_then(|()| external_account::still_preauthorizes(&profile, eab_key.as_ref(), &order));
    if let Err(refusal) = permitted {
        let details = refusal.details(&profile, &order.identifiers);
        return refuse(core, caller, &order, refusal.problem, details).await;
    }
    let (csr, common_name) = match check_csr(core, &profile, &order, account_spki, csr_der) {
        Ok(checked) => checked,
        Err(problem) => {
            let details = json!({ "rule": "csr", "reason": problem.detail });
            return refuse(core, caller, &order, problem, details).await;
        }
    };
    if let Err(problem) = caa::check_order(core, &profile, account, &order).await? {
        let reasons: Vec<_> = problem.subproblems.iter().map(|s| s.detail.as_str()).collect();
        let details = json!({ "rule": "caa", "reason": problem.detail, "reasons": reasons });
        return refuse(core, caller, &order, problem, details).await;
    }
    let signer = core.signers.signer(&profile.spec.issuer_id).cloned();
    let signer = signer.ok_or_else(|| {
        Error::Unavailable(format!("the issuer {} cannot sign now", profile.spec.issuer_id))
    })?;
    let common_name = common_name.filter(|name| signer.allows_common_name(name));
    let job = Finalization {
        core: Arc::clone(core),
        caller: caller.clone(),
        order,
        profile,
        csr,
        common_name,
        signer,
    };
    // A client that hangs up must not leave the order between two steps.
    tokio::spawn(job.run()).await.map_err(|e| Error::Internal(format!("finalization stopped: {e}")))?
}

/// An order that is not ready answers the request that brought it there once more, and refuses any other.
fn repeated(order: Order, csr_sha256: &str) -> Result<Order> {
    let under_way = matches!(order.status, OrderStatus::Processing | OrderStatus::Valid);
    if under_way && order.csr_sha256.as_deref() == Some(csr_sha256) {
        return Ok(order);
    }
    let status = order.status;
    Err(Problem::order_not_ready(format!("the order is {status}; only a ready one can be finalized")).into())
}

/// Records why finalization was refused; the order stays ready, so a better request can follow.
async fn refuse(
    core: &Core,
    caller: &Caller,
    order: &Order,
    problem: Problem,
    mut details: serde_json::Value,
) -> Result<Order> {
    details["order_id"] = json!(order.id);
    let event = core.refusal(caller, "order.refused", Resource("order", order.id.as_str()), details);
    core.store.write(move |tx| Box::pin(async move { tx.record(&[event]).await })).await?;
    core.metrics.order_refused(&order.profile_id);
    Err(problem.into())
}

/// The CSR and the common name to use, when both fit the order and the profile.
fn check_csr(
    core: &Core,
    profile: &Profile,
    order: &Order,
    account_spki: &[u8],
    csr_der: &[u8],
) -> Result<(Csr, Option<String>), Problem> {
    let bad = |e: ca::CsrError| Problem::bad_csr(e.to_string());
    let csr = Csr::parse(csr_der).map_err(bad)?;
    let key = csr.subject_key();
    if key.spki_der() == account_spki {
        // RFC 8555 §11.1.
        return Err(Problem::bad_csr("the CSR uses the account's key; a certificate needs a key of its own"));
    }
    if core.key_blocklist.contains(&key.spki_sha256()) {
        return Err(Problem::bad_csr("the CSR's key is known to be compromised"));
    }
    if !profile.spec.accepts_key(key.key_type()) {
        let allowed: Vec<_> = profile.spec.allowed_key_types.iter().map(|k| k.as_str()).collect();
        return Err(Problem::bad_csr(format!(
            "the profile {} does not allow {} keys; allowed: {}",
            profile.id,
            key.key_type(),
            allowed.join(", ")
        )));
    }
    let common_name = csr.check_names(&order.identifiers).map_err(bad)?;
    Ok((csr, common_name))
}

/// One finalization whose checks have passed.
struct Finalization {
    core: Arc<Core>,
    caller: Caller,
    order: Order,
    profile: Profile,
    csr: Csr,
    common_name: Option<String>,
    signer: Arc<CaSigner>,
}

impl Finalization {
    async fn run(self) -> Result<Order> {
        let claim = self.claim_text();
        let csr_sha256 = self.csr.sha256_hex();
        let claimed = {
            let (id, csr, claim, now) =
                (self.order.id.clone(), csr_sha256.clone(), claim.clone(), self.core.now());
            let work = self
                .core
                .store
                .write(move |tx| Box::pin(async move { tx.claim_order(&id, &csr, &claim, now).await }));
            work.await?
        };
        if !claimed {
            // Another request was first, or the account was suspended meanwhile.
            let db = self.core.store.read().await?.order(&self.order.id).await?;
            let current = db.ok_or_else(|| Error::not_found("such order"))?;
            return repeated(current, &csr_sha256);
        }
        let stored = match self.sign().await {
            Ok((certificate, chain_id)) => self.store(&claim, certificate, chain_id).await,
            Err(e) => Err(e),
        };
        match stored {
            Ok(certificate_id) => {
                self.core.metrics.issued(&self.profile.id);
                Ok(Order {
                    status: OrderStatus::Valid,
                    certificate_id: Some(certificate_id),
                    csr_sha256: Some(csr_sha256),
                    ..self.order
                })
            }
            Err(error) => {
                self.core.metrics.issuance_failed(&self.profile.id);
                self.release(claim, &error).await;
                Err(error)
            }
        }
    }

    /// 128 random bits that tell this attempt from any other.
    fn claim_text(&self) -> String {
        let mut random = [0; 16];
        self.core.entropy.fill(&mut random);
        hex::encode(random)
    }

    async fn sign(&self) -> Result<(ca::Leaf, String)> {
        let now = self.core.now();
        let (not_before, not_after) = self.validity(now)?;
        let serial = Serial::generate(now, self.core.entropy.as_ref());
        let signer = Arc::clone(&self.signer);
        let spec = self.profile.spec.clone();
        let (key, identifiers) = (self.csr.subject_key().clone(), self.order.identifiers.clone());
        let common_name = self.common_name.clone();
        let sign = move || {
            signer.sign_leaf(&LeafRequest {
                serial,
                subject_key: &key,
                identifiers: &identifiers,
                common_name: common_name.as_deref(),
                not_before,
                not_after,
                extended_key_usages: spec.extended_key_usages(),
                must_staple: spec.must_staple,
            })
        };
        // An RSA signature takes milliseconds, which other requests should not wait for.
        let leaf = match self.signer.algorithm() {
            PublicKeyAlgorithm::Rsa { .. } => tokio::task::spawn_blocking(sign)
                .await
                .map_err(|e| Error::Internal(format!("the signing thread stopped: {e}")))?,
            _ => sign(),
        };
        let leaf = leaf.map_err(|e| Error::Internal(format!("signing failed: {e}")))?;
        Ok((leaf, self.signer.chain_id().to_owned()))
    }

    /// What the order asked for, exactly; else what the profile gives, never past the issuer's own end. Both ends
    /// count (RFC 5280 §4.1.2.5), so a leaf of one hour ends a second before the hour is over.
    fn validity(&self, now: Timestamp) -> Result<(Timestamp, Timestamp)> {
        let ttl = Duration::from_secs(self.profile.spec.ttl_seconds());
        // Relying parties whose clock is a little behind must accept the certificate at once.
        let backdate = Duration::from_secs(60).min(ttl / 10);
        let issuer = self.signer.validity();
        let not_before = match self.order.not_before {
            Some(asked) => asked,
            None => (now - backdate).truncated_to_second().max(issuer.not_before),
        };
        let not_after = match self.order.not_after {
            Some(asked) => asked,
            None => (not_before + ttl - Duration::from_secs(1)).min(issuer.not_after),
        };
        if not_after <= now || !issuer.contains(&Validity { not_before, not_after }) {
            let problem = "the order's validity cannot be had any more; order again";
            return Err(Problem::order_not_ready(problem).into());
        }
        Ok((not_before, not_after))
    }

    async fn store(&self, claim: &str, leaf: ca::Leaf, chain_id: String) -> Result<CertificateId> {
        let core = &self.core;
        let now = core.now();
        let id = CertificateId::generate(now, core.entropy.as_ref());
        let summary = CertificateSummary {
            id: id.clone(),
            serial: leaf.serial_hex,
            issuer_id: self.profile.spec.issuer_id.clone(),
            profile_id: self.profile.id.clone(),
            account_id: Some(self.order.account_id.clone()),
            order_id: Some(self.order.id.clone()),
            common_name: self.common_name.clone(),
            identifiers: self.order.identifiers.clone(),
            key_type: self.csr.subject_key().key_type(),
            sha256: leaf.sha256_hex,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            created_at: now,
            revocation: None,
            renewal_demand: None,
            replaced_by: None,
        };
        let replaced = self.order.replaces.as_deref().map(replacement::serial_of).transpose()?;
        let order_id = self.order.id.clone();
        let finalized = core.event(
            &self.caller,
            "order.finalized",
            Resource("order", order_id.as_str()),
            json!({ "certificate_id": id, "profile_id": self.profile.id }),
        );
        let issued = core.event(
            &self.caller,
            "certificate.issued",
            Resource("certificate", id.as_str()),
            json!({
                "serial": summary.serial, "order_id": order_id, "profile_id": self.profile.id,
                "issuer_id": summary.issuer_id, "identifiers": summary.identifiers,
                "not_after": summary.not_after, "sha256": summary.sha256,
            }),
        );
        let certificate = Certificate { summary, der: leaf.der, chain_id, replaced_by_order: None };
        let (claim, certificate_id) = (claim.to_owned(), id.clone());
        core.store
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.complete_order(&order_id, &claim, &certificate_id, now).await? {
                        let reason = "the order was taken back while it was being signed";
                        return Err(Error::Unavailable(reason.to_owned()));
                    }
                    tx.insert_certificate(&certificate).await?;
                    if let Some(serial) = replaced {
                        tx.complete_replacement(&serial, &order_id, &certificate_id).await?;
                    }
                    tx.record(&[finalized, issued]).await?;
                    Ok(())
                })
            })
            .await?;
        Ok(id)
    }

    /// Returns the order to `ready`. If even that fails, the clean-up job does it (`PROCESSING_LIMIT`).
    async fn release(&self, claim: String, error: &Error) {
        tracing::error!(order.id = %self.order.id, error = %error, "issuance failed; the order is ready again");
        let id = self.order.id.clone();
        let details = json!({ "profile_id": self.profile.id, "reason": error.public_detail() });
        let mut event =
            self.core.event(&self.caller, "order.failed", Resource("order", id.as_str()), details);
        event.outcome = model::Outcome::Failure;
        let now = self.core.now();
        let released = self
            .core
            .store
            .write(move |tx| {
                Box::pin(async move {
                    if tx.release_order(&id, &claim, now).await? {
                        tx.record(&[event]).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await;
        if let Err(e) = released {
            tracing::warn!(order.id = %self.order.id, error = %e, "the order could not be released; the clean-up job will");
        }
    }
}
