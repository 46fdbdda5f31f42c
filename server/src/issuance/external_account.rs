//! What an account's external account binding (RFC 8555 §7.3.4) lets it order; asked at newOrder and again at finalize.
//! newAccount alone cannot decide it: an account is of the whole server, so it may have been registered in the
//! directory of another profile.

use acme::{Problem, ProblemType, Subproblem};
use model::{Account, AcmeAuthMode, EabKey, Identifier, Order, Profile};

use super::policy::Refusal;
use crate::core::Core;
use crate::error::{Error, Result};

/// The key that bound `account`.
pub async fn key_of(core: &Core, account: &Account) -> Result<Option<EabKey>> {
    let Some(external) = &account.external_account else { return Ok(None) };
    let key = core.store.read().await?.eab_key(&external.key_id).await?;
    key.map(Some).ok_or_else(|| Error::Internal(format!("the EAB key {} is gone", external.key_id)))
}

/// Whether an account that `key` bound may have a certificate for `identifiers` under `profile`. The key's expiry does
/// not matter here: it ends the binding of further accounts only.
pub fn check(profile: &Profile, key: Option<&EabKey>, identifiers: &[Identifier]) -> Result<(), Refusal> {
    let Some(key) = key else {
        if !profile.spec.eab_required {
            return Ok(());
        }
        let problem = Problem::external_account_required(format!(
            "the profile {} requires an external account binding (RFC 8555 §7.3.4), and this account has none; ask the administrator of this CA for an EAB key and register a new account key with it",
            profile.id
        ));
        return Err(Refusal { problem, rule: "eab_required" });
    };
    if !key.covers_profile(&profile.id) {
        let problem = Problem::unauthorized(format!(
            "the EAB key {} that bound this account is not for the profile {}; register another account key with an EAB key for it",
            key.id, profile.id
        ));
        return Err(Refusal { problem, rule: "eab_scope" });
    }
    if profile.spec.eab_required && key.revoked_at.is_some() {
        let problem = Problem::unauthorized(format!(
            "the EAB key {} that bound this account is revoked; ask the administrator of this CA for another one and register a new account key with it",
            key.id
        ));
        return Err(Refusal { problem, rule: "eab_revoked" });
    }
    let refused: Vec<_> = identifiers
        .iter()
        .filter(|id| !key.permits(id))
        .map(|id| Subproblem {
            kind: ProblemType::RejectedIdentifier,
            detail: format!("{id} is not among the names that the EAB key {} permits", key.id),
            identifier: Some(id.into()),
        })
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let names: Vec<_> =
        refused.iter().filter_map(|s| s.identifier.as_ref()).map(|id| id.value.as_str()).collect();
    let detail = format!("the EAB key {} of this account does not permit {}", key.id, names.join(", "));
    let problem = Problem::rejected_identifier(detail).with_subproblems(refused);
    Err(Refusal { problem, rule: "eab_scope" })
}

/// Whether an order that was spared its challenges by `key` may still be finalized: not once the key is revoked.
pub fn still_preauthorizes(profile: &Profile, key: Option<&EabKey>, order: &Order) -> Result<(), Refusal> {
    let Some(key) = key else { return Ok(()) };
    let spared = profile.spec.acme_auth_mode == AcmeAuthMode::Challenge && key.preauthorized;
    if !(spared && key.revoked_at.is_some_and(|at| order.created_at <= at)) {
        return Ok(());
    }
    let problem = Problem::unauthorized(format!(
        "the EAB key {} that spared this order its challenges is revoked; order again",
        key.id
    ));
    Err(Refusal { problem, rule: "eab_revoked" })
}
