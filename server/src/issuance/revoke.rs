//! Revocation (RFC 8555 §7.6).

use acme::Problem;
use model::{Account, AuditEvent, Caller, Certificate, CertificateSummary, Revocation, RevocationReason};
use serde_json::json;

use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// Who signed a revocation request.
#[derive(Debug)]
pub enum Requester<'a> {
    Account(&'a Account),
    /// The certificate's own key, as SubjectPublicKeyInfo in DER.
    CertificateKey(&'a [u8]),
}

/// Revokes a certificate given in DER for the account it was issued to, for an account that holds authorizations
/// for all of its names, or for its own key.
pub async fn revoke(
    core: &Core,
    caller: &Caller,
    requester: Requester<'_>,
    certificate_der: &[u8],
    reason: RevocationReason,
) -> Result<()> {
    let spki = ca::certificate_spki(certificate_der)
        .map_err(|e| Problem::malformed(format!("`certificate` is not an X.509 certificate: {e}")))?;
    let found = core.store.read().await?.certificate_by_sha256(&ca::sha256_hex(certificate_der)).await?;
    let Some(certificate) = found else {
        return Err(Problem::malformed("this CA did not issue that certificate").with_status(404).into());
    };
    let entitled = match requester {
        Requester::CertificateKey(key) => key == spki,
        Requester::Account(account) if certificate.summary.account_id.as_ref() == Some(&account.id) => true,
        Requester::Account(account) => {
            let names = &certificate.summary.identifiers;
            core.store.read().await?.holds_authorizations(&account.id, names, core.now()).await?
        }
    };
    if !entitled {
        let event = core.refusal(
            caller,
            "certificate.revocation_refused",
            Resource("certificate", certificate.summary.id.as_str()),
            json!({ "rule": "requester", "reason": "neither the issuing account, nor a holder of all authorizations, nor the certificate's key" }),
        );
        core.store.write(move |tx| Box::pin(async move { tx.record(&[event]).await })).await?;
        let problem = "only the account that the certificate was issued to, an account with authorizations for all of its names, or its own key may revoke it";
        return Err(Problem::unauthorized(problem).into());
    }
    if certificate.summary.revocation.is_some() {
        return Err(already_revoked());
    }
    store(core, caller, certificate, reason, None).await?;
    Ok(())
}

/// Stores the revocation with its event; whoever calls this has decided that it may be.
pub async fn store(
    core: &Core,
    caller: &Caller,
    mut certificate: Certificate,
    reason: RevocationReason,
    comment: Option<&str>,
) -> Result<Certificate> {
    let revocation = Revocation { at: core.now(), reason };
    let id = certificate.summary.id.clone();
    let event = event(core, caller, &certificate.summary, reason, comment);
    certificate.summary.revocation = Some(revocation.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if !tx.revoke_certificate(&id, &revocation).await? {
                    return Err(already_revoked());
                }
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await?;
    Ok(certificate)
}

/// What is recorded of a revocation. `comment`: why an administrator did it, in their words.
pub fn event(
    core: &Core,
    caller: &Caller,
    certificate: &CertificateSummary,
    reason: RevocationReason,
    comment: Option<&str>,
) -> AuditEvent {
    let mut details = json!({
        "serial": certificate.serial, "reason": reason.name(), "identifiers": certificate.identifiers,
    });
    if let Some(comment) = comment {
        details["comment"] = comment.into();
    }
    core.event(caller, "certificate.revoked", Resource("certificate", certificate.id.as_str()), details)
}

fn already_revoked() -> Error {
    Problem::already_revoked("the certificate is revoked already").into()
}
