//! newOrder (RFC 8555 §7.4), and orders as their owners see them.

use std::time::Duration;

use acme::{Problem, ProblemType};
use model::{
    Account, Authorization, AuthorizationStatus, Caller, EabKey, Identifier, NewOrder, Order, OrderId,
    OrderStatus, Profile, ProfileId, StoredProblem, Timestamp,
};
use serde_json::json;
use store::Tx;

use super::authorization::{self, Beginning, beginnings};
use super::external_account;
use super::policy::{self, Refusal};
use super::replacement;
use crate::core::{Core, Resource};
use crate::error::{Error, Result};
use crate::limits::admission;
use crate::services::terms;

/// cert-manager asks for notAfter = its own now + duration: an order at the profile's maximum must survive a
/// clock that is some minutes ahead.
pub const CLOCK_SLACK: Duration = Duration::from_secs(300);

/// What newOrder asks for.
#[derive(Debug)]
pub struct OrderRequest {
    pub identifiers: Vec<Identifier>,
    /// The profile that the client chose, by the name that the directory advertises.
    pub profile: Option<String>,
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    /// The certificate that the order replaces (RFC 9773 §5).
    pub replaces: Option<String>,
}

/// Creates an order in the directory of `profile_id`: ready when all its authorizations are born valid, else pending.
pub async fn create(
    core: &Core,
    caller: &Caller,
    account: &Account,
    profile_id: &ProfileId,
    request: OrderRequest,
) -> Result<Order> {
    let profile = choose_profile(core, profile_id, request.profile.as_deref()).await?;
    let refused =
        |refusal| refuse(core, caller, account, &profile, "order.refused", &request.identifiers, refusal);
    let eab_key = match admit(core, caller, account, &profile, &request.identifiers).await? {
        Ok(eab_key) => eab_key,
        Err(refusal) => return refused(refusal).await,
    };
    let now = core.now();
    check_validity(core, &profile, (request.not_before, request.not_after), now)?;
    let begun = beginnings(core, account, &profile, eab_key.as_ref(), &request.identifiers, now).await?;
    let beginnings = match begun {
        Ok(beginnings) => beginnings,
        Err(refusal) => return refused(refusal).await,
    };
    let replacement = match &request.replaces {
        None => None,
        Some(named) => Some(replacement::check(core, account, &request.identifiers, named).await?),
    };
    let unproven: Vec<_> = request
        .identifiers
        .iter()
        .zip(&beginnings)
        .filter_map(|(id, beginning)| matches!(beginning, Beginning::Pending { .. }).then_some(id))
        .collect();
    let admission = admission::order(core, caller, account, &request.identifiers, &unproven).await?;
    let new = assemble(core, account, &profile, request, beginnings, now);
    let order = new.order.clone();
    let details = json!({ "profile_id": order.profile_id, "identifiers": order.identifiers });
    let event = core.event(caller, "order.created", Resource("order", order.id.as_str()), details);
    let stored = core.store.write(move |tx| {
        Box::pin(async move {
            hold_sources(tx, &new.authorizations, now).await?;
            if let Some(replacement) = replacement {
                replacement.claim(tx, &new.order.id).await?;
            }
            tx.insert_order(&new).await?;
            tx.record(&[event]).await?;
            Ok::<_, Error>(())
        })
    });
    admission.settle(stored.await)?;
    Ok(order)
}

/// Whether `account` may have `identifiers` under `profile`: by the terms of service, by the rules of the profile, and by
/// the EAB key that bound it, which is the answer. The inner error is the refusal. The terms are not asked again at
/// finalize: an order that was accepted goes on under the terms of its time.
pub(super) async fn admit(
    core: &Core,
    caller: &Caller,
    account: &Account,
    profile: &Profile,
    identifiers: &[Identifier],
) -> Result<Result<Option<EabKey>, Refusal>> {
    let eab_key = external_account::key_of(core, account).await?;
    let checked = terms::must_be_current(core, account)
        .map_err(|problem| Refusal { problem, rule: "terms_of_service" })
        .and_then(|()| policy::check(core, profile, caller, identifiers))
        .and_then(|()| external_account::check(profile, eab_key.as_ref(), identifiers));
    Ok(checked.map(|()| eab_key))
}

/// Records a refusal, which is then the error.
pub(super) async fn refuse<T>(
    core: &Core,
    caller: &Caller,
    account: &Account,
    profile: &Profile,
    action: &str,
    identifiers: &[Identifier],
    refusal: Refusal,
) -> Result<T> {
    let mut details = refusal.details(profile, identifiers);
    details["account_id"] = json!(account.id);
    let event = core.refusal(caller, action, Resource("profile", profile.id.as_str()), details);
    core.store.write(move |tx| Box::pin(async move { tx.record(&[event]).await })).await?;
    core.metrics.order_refused(&profile.id);
    Err(refusal.problem.into())
}

/// Makes sure that what made these authorizations valid is so still, and stays so until the transaction ends.
pub(super) async fn hold_sources(tx: &mut Tx, made: &[Authorization], now: Timestamp) -> Result<()> {
    let mut sources: Vec<_> = made.iter().filter_map(|a| a.source_id.clone()).collect();
    sources.sort_unstable();
    sources.dedup();
    if sources.is_empty() || tx.hold_valid_authorizations(&sources, now).await? {
        return Ok(());
    }
    Err(Error::Unavailable("an authorization that was to be used again has just ended".to_owned()))
}

/// The profile of the directory, or the one that the client chose among those that the directory advertises
/// (draft-ietf-acme-profiles §4).
async fn choose_profile(core: &Core, directory: &ProfileId, chosen: Option<&str>) -> Result<Profile> {
    let mut db = core.store.read().await?;
    let own = db.profile(directory).await?;
    let own = own.ok_or_else(|| Error::not_found(format!("profile {directory}")))?;
    let Some(chosen) = chosen.filter(|name| *name != own.id.as_str()) else { return Ok(own) };
    if !own.spec.enabled {
        return Err(Problem::unauthorized(format!("the profile {} is disabled", own.id)).into());
    }
    let named = own.spec.selectable_profiles.iter().find(|id| id.as_str() == chosen);
    let found = match named {
        Some(id) => db.profile(id).await?.filter(|profile| profile.spec.enabled),
        None => None,
    };
    found.ok_or_else(|| {
        let detail = "the profile of the order is none of those that the directory lists in `meta.profiles`";
        Problem::invalid_profile(detail).into()
    })
}

/// notBefore and notAfter are honoured exactly or refused, never altered (RFC 8555 §7.4).
pub(super) fn check_validity(
    core: &Core,
    profile: &Profile,
    (not_before, not_after): (Option<Timestamp>, Option<Timestamp>),
    now: Timestamp,
) -> Result<()> {
    let refuse = |reason: String| Err(Error::Acme(Problem::malformed(reason)));
    let longest = Duration::from_secs(profile.spec.max_ttl_seconds);
    let start = not_before.unwrap_or(now);
    if start + CLOCK_SLACK < now {
        return refuse(format!("notBefore {start} lies in the past"));
    }
    if start > now + longest {
        return refuse(format!("notBefore {start} lies too far in the future"));
    }
    let issuer = core.signers.signer(&profile.spec.issuer_id).map(|signer| signer.validity());
    if let (Some(asked), Some(issuer)) = (not_before, issuer)
        && !(issuer.not_before..issuer.not_after).contains(&asked)
    {
        return refuse(format!(
            "notBefore {asked} lies outside the validity of the issuing CA, {} to {}",
            issuer.not_before, issuer.not_after
        ));
    }
    let Some(end) = not_after else { return Ok(()) };
    if end <= start || end <= now {
        return refuse(format!("notAfter {end} is not after notBefore, or is in the past"));
    }
    if end > start + longest + CLOCK_SLACK {
        return refuse(format!(
            "notAfter {end} is later than the profile {} allows: at most {} seconds after notBefore",
            profile.id, profile.spec.max_ttl_seconds
        ));
    }
    if let Some(issuer) = issuer
        && end > issuer.not_after
    {
        return refuse(format!(
            "notAfter {end} is later than the end of the issuing CA, {}",
            issuer.not_after
        ));
    }
    Ok(())
}

fn assemble(
    core: &Core,
    account: &Account,
    profile: &Profile,
    request: OrderRequest,
    beginnings: Vec<Beginning>,
    now: Timestamp,
) -> NewOrder {
    let order_id = OrderId::generate(now, core.entropy.as_ref());
    let authorizations: Vec<_> = request
        .identifiers
        .iter()
        .zip(beginnings)
        .map(|(identifier, beginning)| {
            authorization::begin(core, account, profile, Some(&order_id), identifier, beginning, now)
        })
        .collect();
    let all_valid = authorizations.iter().all(|a| a.status == AuthorizationStatus::Valid);
    // RFC 8555 §7.1.6: an order ends with the first of its authorizations.
    let expires_at = authorizations.iter().map(|a| a.expires_at).min();
    let order = Order {
        id: order_id,
        account_id: account.id.clone(),
        profile_id: profile.id.clone(),
        status: if all_valid { OrderStatus::Ready } else { OrderStatus::Pending },
        identifiers: request.identifiers,
        not_before: request.not_before,
        not_after: request.not_after,
        replaces: request.replaces,
        error: None,
        csr_sha256: None,
        certificate_id: None,
        authorization_ids: authorizations.iter().map(|a| a.id.clone()).collect(),
        created_at: now,
        expires_at: expires_at.unwrap_or(now),
        updated_at: now,
    };
    NewOrder { order, authorizations }
}

/// An order of `account`, as it stands now: an open one past its end is shown invalid before the clean-up job has
/// come by. Foreign and missing orders look alike (RFC 8555 §10.5).
pub async fn find_own(core: &Core, account: &Account, id: &OrderId) -> Result<Order> {
    let order = core.store.read().await?.order(id).await?;
    let order = order.filter(|o| o.account_id == account.id).ok_or_else(|| Error::not_found("such order"))?;
    Ok(as_of(order, core.now()))
}

/// `order` with the status that its end implies.
pub fn as_of(mut order: Order, now: Timestamp) -> Order {
    if matches!(order.status, OrderStatus::Pending | OrderStatus::Ready) && order.expires_at <= now {
        order.status = OrderStatus::Invalid;
        order.error = Some(StoredProblem {
            r#type: ProblemType::Malformed.urn().to_owned(),
            detail: "the order expired before it was finalized".to_owned(),
            status: 400,
        });
    }
    order
}
