//! CAA (RFC 8659) before a certificate is signed.

use acme::{Problem, Subproblem};
use futures::future::join_all;
use model::{Account, AuthorizationId, CaaMode, ChallengeKind, Identifier, Order, Profile};

use crate::core::Core;
use crate::error::Result;
use crate::validation::{CaaQuery, CaaResult};

/// Names of one order that are asked for at the same time.
const AT_ONCE: usize = 25;

/// Asks CAA for every name of an order that is about to be finalized, also for those whose authorizations were born
/// valid. The inner error is for the client.
pub async fn check_order(
    core: &Core,
    profile: &Profile,
    account: &Account,
    order: &Order,
) -> Result<Result<(), Problem>> {
    if profile.spec.caa == CaaMode::Off {
        return Ok(Ok(()));
    }
    let kinds = core.store.read().await?.challenges_that_validated(&order.id).await?;
    let kind_of = |id: &AuthorizationId| kinds.iter().find(|(of, _)| of == id).map(|(_, kind)| *kind);
    let names = order.identifiers.iter().zip(order.authorization_ids.iter().map(kind_of)).collect();
    check_names(core, profile, Some(account), names).await
}

/// Asks CAA for names, each with the challenge by which control of it was shown, if it was. The inner error is for the
/// client.
pub async fn check_names(
    core: &Core,
    profile: &Profile,
    account: Option<&Account>,
    names: Vec<(&Identifier, Option<ChallengeKind>)>,
) -> Result<Result<(), Problem>> {
    if profile.spec.caa == CaaMode::Off {
        return Ok(Ok(()));
    }
    let mut results = Vec::with_capacity(names.len());
    for names in names.chunks(AT_ONCE) {
        let mut checks = Vec::with_capacity(names.len());
        for (identifier, kind) in names {
            checks.push(check(core, account, identifier, identifier.is_wildcard(), *kind));
        }
        results.extend(join_all(checks).await);
        // A client with many bad names need not wait for all of them.
        if results.iter().any(|result| result.outcome.is_err()) {
            break;
        }
    }
    let refused: Vec<_> = results
        .into_iter()
        .zip(&names)
        .filter_map(|(result, (identifier, _))| {
            let failure = result.outcome.err()?;
            Some(Subproblem {
                kind: failure.problem.kind,
                detail: failure.problem.detail,
                identifier: Some((*identifier).into()),
            })
        })
        .collect();
    if refused.is_empty() {
        return Ok(Ok(()));
    }
    let detail = match refused.as_slice() {
        [one] => one.detail.clone(),
        many => format!("CAA does not allow this CA to issue for {} of the names", many.len()),
    };
    let problem = Problem::from_subproblems(detail, refused);
    let status = if problem.kind == acme::ProblemType::Caa { 403 } else { problem.status };
    Ok(Err(problem.with_status(status)))
}

/// `account`: who asks by ACME. `kind`: how control of the name was shown; `None` when it was not.
pub async fn check(
    core: &Core,
    account: Option<&Account>,
    identifier: &Identifier,
    wildcard: bool,
    kind: Option<ChallengeKind>,
) -> CaaResult {
    let validation = &core.validation;
    let account_uri = account.map(|account| validation.links.account(&account.id));
    let account_uri = account_uri.as_deref();
    let identities = &validation.caa_identities;
    let query = CaaQuery { identifier, wildcard, kind, account_uri, identities };
    validation.validator.check_caa(&query).await
}
