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
    let names: Vec<_> = order.identifiers.iter().zip(&order.authorization_ids).collect();
    let mut results = Vec::with_capacity(names.len());
    for names in names.chunks(AT_ONCE) {
        let mut checks = Vec::with_capacity(names.len());
        for (identifier, authorization) in names {
            checks.push(check(core, account, identifier, identifier.is_wildcard(), kind_of(authorization)));
        }
        results.extend(join_all(checks).await);
        // A client with many bad names need not wait for all of them.
        if results.iter().any(|result| result.outcome.is_err()) {
            break;
        }
    }
    let refused: Vec<_> = results
        .into_iter()
        .zip(&order.identifiers)
        .filter_map(|(result, identifier)| {
            let failure = result.outcome.err()?;
            Some(Subproblem {
                kind: failure.problem.kind,
                detail: failure.problem.detail,
                identifier: Some(identifier.into()),
            })
        })
        .collect();
    if refused.is_empty() {
        return Ok(Ok(()));
    }
    let detail = match refused.as_slice() {
        [one] => one.detail.clone(),
        many => format!("CAA does not allow this CA to issue for {} names of the order", many.len()),
    };
    let problem = Problem::from_subproblems(detail, refused);
    let status = if problem.kind == acme::ProblemType::Caa { 403 } else { problem.status };
    Ok(Err(problem.with_status(status)))
}

/// `kind`: how control of the name was shown; `None` when it was not.
pub async fn check(
    core: &Core,
    account: &Account,
    identifier: &Identifier,
    wildcard: bool,
    kind: Option<ChallengeKind>,
) -> CaaResult {
    let validation = &core.validation;
    let account_uri = validation.links.account(&account.id);
    let identities = &validation.caa_identities;
    let query = CaaQuery { identifier, wildcard, kind, account_uri: &account_uri, identities };
    validation.validator.check_caa(&query).await
}
