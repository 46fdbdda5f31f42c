//! Issuance without ACME: from a CSR to a stored certificate, for a caller whose credential vouches for the names. The
//! rules are those of an order; only that there is no account, so nothing that is bound to one.

use std::sync::Arc;

use acme::{MAX_IDENTIFIERS, Problem, ProblemType, RawIdentifier};
use ca::Csr;
use model::{Caller, Certificate, Identifier, Permission, ProfileId};
use serde_json::{Value, json};

use super::leaf::{Planned, check_csr, issued, signer_of};
use super::{caa, policy};
use crate::auth::authorise_named;
use crate::core::{Core, Resource};
use crate::error::{Error, FieldError, Result};

/// Issues for the names in the CSR's subjectAltName under a profile.
pub async fn issue(
    core: &Arc<Core>,
    caller: &Caller,
    profile_id: &ProfileId,
    csr_der: &[u8],
) -> Result<Certificate> {
    const ISSUE: Permission = Permission::CertificateIssue;
    let unknown = || Error::invalid("profile_id", format!("there is no profile {profile_id}"));
    authorise_named(caller, ISSUE, Permission::ProfileRead, profile_id, unknown)?;
    let profile = core.store.read().await?.profile(profile_id).await?.ok_or_else(unknown)?;
    let refuse =
        async |problem: Problem, details: Value| refuse(core, caller, profile_id, problem, details).await;

    let (csr, identifiers) = match read_csr(csr_der) {
        Ok(read) => read,
        Err(problem) => {
            let details = json!({ "rule": "csr", "reason": problem.detail });
            return refuse(problem, details).await;
        }
    };
    if let Err(refusal) = policy::check(core, &profile, caller, &identifiers) {
        let details = refusal.details(&profile, &identifiers);
        return refuse(refusal.problem, details).await;
    }
    let common_name = match check_csr(core, &profile, &identifiers, None, &csr) {
        Ok(common_name) => common_name,
        Err(problem) => {
            let details = json!({ "rule": "csr", "reason": problem.detail, "identifiers": identifiers });
            return refuse(problem, details).await;
        }
    };
    let unshown = identifiers.iter().map(|identifier| (identifier, None));
    if let Err(problem) = caa::check_names(core, &profile, None, unshown.collect()).await? {
        let details = json!({ "rule": "caa", "reason": problem.detail, "identifiers": identifiers });
        return refuse(problem, details).await;
    }
    let signer = signer_of(core, &profile)?;
    let common_name = common_name.filter(|name| signer.allows_common_name(name));
    let planned = Planned {
        profile,
        key: csr.subject_key().clone(),
        identifiers,
        common_name,
        signer,
        not_before: None,
        not_after: None,
        account_id: None,
        order_id: None,
    };
    let (core, caller) = (Arc::clone(core), caller.clone());
    // What was signed is stored, also when the client hangs up meanwhile.
    tokio::spawn(async move { sign_and_store(&core, &caller, &planned).await })
        .await
        .map_err(|e| Error::Internal(format!("issuance stopped: {e}")))?
}

/// The CSR and the names that it asks for.
fn read_csr(der: &[u8]) -> Result<(Csr, Vec<Identifier>), Problem> {
    let csr = Csr::parse(der).map_err(|e| Problem::bad_csr(e.to_string()))?;
    let identifiers: Vec<_> = csr.names().cloned().collect();
    if identifiers.is_empty() {
        return Err(Problem::bad_csr("the CSR has no subjectAltName with a DNS name or an IP address"));
    }
    if identifiers.len() > MAX_IDENTIFIERS {
        return Err(Problem::bad_csr(format!(
            "the CSR has {} names; at most {MAX_IDENTIFIERS} are accepted",
            identifiers.len()
        )));
    }
    // The rules of an order's identifiers.
    let raw: Vec<_> = identifiers.iter().map(RawIdentifier::from).collect();
    acme::parse_identifiers(&raw).map_err(|e| {
        let reason = e.subproblems.into_iter().next().map_or(e.detail, |subproblem| subproblem.detail);
        Problem::bad_csr(format!("the CSR has a name that cannot be issued: {reason}"))
    })?;
    let known = |name: &str| Identifier::parse_any(name).is_ok_and(|name| identifiers.contains(&name));
    if csr.common_name().is_some_and(|name| !known(name)) {
        return Err(Problem::bad_csr("the CSR's common name is not among the names of its subjectAltName"));
    }
    Ok((csr, identifiers))
}

async fn sign_and_store(core: &Core, caller: &Caller, planned: &Planned) -> Result<Certificate> {
    let stored = async {
        let certificate = planned.sign(core).await?;
        let event = issued(core, caller, &certificate.summary);
        let inserted = certificate.clone();
        core.store
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_certificate(&inserted).await?;
                    tx.record(&[event]).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(certificate)
    };
    let outcome = stored.await;
    match &outcome {
        Ok(_) => core.metrics.issued(&planned.profile.id),
        Err(_) => core.metrics.issuance_failed(&planned.profile.id),
    }
    outcome
}

/// Records a refusal, and says it in the words of the API.
async fn refuse(
    core: &Core,
    caller: &Caller,
    profile: &ProfileId,
    problem: Problem,
    mut details: Value,
) -> Result<Certificate> {
    details["profile_id"] = json!(profile);
    let event = core.refusal(caller, "certificate.refused", Resource("profile", profile.as_str()), details);
    core.store.write(move |tx| Box::pin(async move { tx.record(&[event]).await })).await?;
    core.metrics.order_refused(profile);
    Err(match problem.kind {
        ProblemType::Unauthorized => Error::Forbidden(problem.detail),
        ProblemType::BadCsr | ProblemType::RejectedIdentifier => {
            let reasons = problem.subproblems.into_iter().map(|subproblem| subproblem.detail);
            let mut errors: Vec<_> = reasons.map(|reason| FieldError::new("csr", reason)).collect();
            if errors.is_empty() {
                errors.push(FieldError::new("csr", problem.detail));
            }
            Error::Invalid(errors)
        }
        _ => Error::Acme(problem),
    })
}
