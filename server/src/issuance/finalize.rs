//! Finalization (RFC 8555 §7.4): from a ready order and a CSR to a stored certificate.
//!
//! Three steps, none of which spans two: `ready → processing` under a claim, committed; the signature; then
//! certificate, `valid` and audit events in one transaction that only the claim's holder can make. Whatever races
//! or dies, an order has at most one certificate and is never stuck.

use std::sync::Arc;

use acme::Problem;
use acme::transition::order_may_become;
use ca::Csr;
use model::{Account, Caller, Certificate, CertificateId, Order, OrderId, OrderStatus};
use serde_json::json;

use super::leaf::{self, Planned, check_csr, signer_of};
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
    let checked = Csr::parse(csr_der).map_err(|e| Problem::bad_csr(e.to_string())).and_then(|csr| {
        let common_name = check_csr(core, &profile, &order.identifiers, Some(account_spki), &csr)?;
        Ok((csr, common_name))
    });
    let (csr, common_name) = match checked {
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
    let signer = signer_of(core, &profile)?;
    let planned = Planned {
        profile,
        key: csr.subject_key().clone(),
        identifiers: order.identifiers.clone(),
        common_name: common_name.filter(|name| signer.allows_common_name(name)),
        signer,
        not_before: order.not_before,
        not_after: order.not_after,
        account_id: Some(order.account_id.clone()),
        order_id: Some(order.id.clone()),
    };
    let csr_sha256 = csr.sha256_hex();
    let job = Finalization { core: Arc::clone(core), caller: caller.clone(), order, planned, csr_sha256 };
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

/// One finalization whose checks have passed.
struct Finalization {
    core: Arc<Core>,
    caller: Caller,
    order: Order,
    planned: Planned,
    csr_sha256: String,
}

impl Finalization {
    async fn run(self) -> Result<Order> {
        let claim = self.claim_text();
        let csr_sha256 = self.csr_sha256.clone();
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
        let stored = match self.planned.sign(&self.core).await {
            Ok(certificate) => self.store(&claim, certificate).await,
            Err(e) => Err(e),
        };
        match stored {
            Ok(certificate_id) => {
                self.core.metrics.issued(&self.planned.profile.id);
                Ok(Order {
                    status: OrderStatus::Valid,
                    certificate_id: Some(certificate_id),
                    csr_sha256: Some(csr_sha256),
                    ..self.order
                })
            }
            Err(error) => {
                self.core.metrics.issuance_failed(&self.planned.profile.id);
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

    async fn store(&self, claim: &str, certificate: Certificate) -> Result<CertificateId> {
        let core = &self.core;
        let now = core.now();
        let id = certificate.summary.id.clone();
        let replaced = self.order.replaces.as_deref().map(replacement::serial_of).transpose()?;
        let order_id = self.order.id.clone();
        let finalized = core.event(
            &self.caller,
            "order.finalized",
            Resource("order", order_id.as_str()),
            json!({ "certificate_id": id, "profile_id": self.planned.profile.id }),
        );
        let issued = leaf::issued(core, &self.caller, &certificate.summary);
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
        let details = json!({ "profile_id": self.planned.profile.id, "reason": error.public_detail() });
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
