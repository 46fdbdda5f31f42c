//! newOrder (RFC 8555 §7.4), and what an owner does with orders and authorizations.

use std::time::Duration;

use acme::{Problem, ProblemType};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{
    Account, Authorization, AuthorizationId, AuthorizationStatus, Caller, DnsName, Identifier, NewOrder,
    Order, OrderId, OrderStatus, Profile, ProfileId, StoredProblem, Timestamp,
};
use serde_json::json;

use super::{ORDER_LIFETIME, policy};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// cert-manager asks for notAfter = its own now + duration: an order at the profile's maximum must survive a
/// clock that is some minutes ahead.
pub const CLOCK_SLACK: Duration = Duration::from_secs(300);

/// What newOrder asks for.
#[derive(Debug)]
pub struct OrderRequest {
    pub identifiers: Vec<Identifier>,
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
}

/// Creates an order under `profile_id`. Its authorizations are born valid and the order ready: in the mode
/// `trust_authenticated` the profile's rules alone decide.
pub async fn create(
    core: &Core,
    caller: &Caller,
    account: &Account,
    profile_id: &ProfileId,
    request: OrderRequest,
) -> Result<Order> {
    let profile = core.store.read().await?.profile(profile_id).await?;
    let profile = profile.ok_or_else(|| Error::not_found(format!("profile {profile_id}")))?;
    if let Err(refusal) = policy::check(&profile, caller, &request.identifiers) {
        let mut details = refusal.details(&profile, &request.identifiers);
        details["account_id"] = json!(account.id);
        let event = core.refusal(caller, "order.refused", Resource("profile", profile.id.as_str()), details);
        core.store.write(move |tx| Box::pin(async move { tx.record(&[event]).await })).await?;
        core.metrics.order_refused(&profile.id);
        return Err(refusal.problem.into());
    }
    let now = core.now();
    check_validity(core, &profile, &request, now)?;
    let new = assemble(core, account, &profile, request, now);
    let order = new.order.clone();
    let details = json!({ "profile_id": order.profile_id, "identifiers": order.identifiers });
    let event = core.event(caller, "order.created", Resource("order", order.id.as_str()), details);
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.insert_order(&new).await?;
                tx.record(&[event]).await
            })
        })
        .await?;
    Ok(order)
}

/// notBefore and notAfter are honoured exactly or refused, never altered (RFC 8555 §7.4).
fn check_validity(core: &Core, profile: &Profile, request: &OrderRequest, now: Timestamp) -> Result<()> {
    let refuse = |reason: String| Err(Error::Acme(Problem::malformed(reason)));
    let longest = Duration::from_secs(profile.spec.max_ttl_seconds);
    let start = request.not_before.unwrap_or(now);
    if start + CLOCK_SLACK < now {
        return refuse(format!("notBefore {start} lies in the past"));
    }
    if start > now + longest {
        return refuse(format!("notBefore {start} lies too far in the future"));
    }
    let Some(end) = request.not_after else { return Ok(()) };
    if end <= start || end <= now {
        return refuse(format!("notAfter {end} is not after notBefore, or is in the past"));
    }
    if end > start + longest + CLOCK_SLACK {
        return refuse(format!(
            "notAfter {end} is later than the profile {} allows: at most {} seconds after notBefore",
            profile.id, profile.spec.max_ttl_seconds
        ));
    }
    if let Some(signer) = core.signers.signer(&profile.spec.issuer_id)
        && end > signer.not_after()
    {
        return refuse(format!(
            "notAfter {end} is later than the end of the issuing CA, {}",
            signer.not_after()
        ));
    }
    Ok(())
}

fn assemble(
    core: &Core,
    account: &Account,
    profile: &Profile,
    request: OrderRequest,
    now: Timestamp,
) -> NewOrder {
    let expires_at = (now + ORDER_LIFETIME).truncated_to_second();
    let order_id = OrderId::generate(now, core.entropy.as_ref());
    let authorizations: Vec<_> = request
        .identifiers
        .iter()
        .map(|identifier| Authorization {
            id: AuthorizationId::generate(now, core.entropy.as_ref()),
            order_id: order_id.clone(),
            account_id: account.id.clone(),
            identifier: without_wildcard(identifier),
            wildcard: identifier.is_wildcard(),
            status: AuthorizationStatus::Valid,
            token: token(core),
            created_at: now,
            expires_at,
            validated_at: Some(now),
        })
        .collect();
    let order = Order {
        id: order_id,
        account_id: account.id.clone(),
        profile_id: profile.id.clone(),
        status: OrderStatus::Ready,
        identifiers: request.identifiers,
        not_before: request.not_before,
        not_after: request.not_after,
        error: None,
        csr_sha256: None,
        certificate_id: None,
        authorization_ids: authorizations.iter().map(|a| a.id.clone()).collect(),
        created_at: now,
        expires_at,
        updated_at: now,
    };
    NewOrder { order, authorizations }
}

/// RFC 8555 §7.1.4: an authorization names the base domain and says `wildcard` apart.
fn without_wildcard(identifier: &Identifier) -> Identifier {
    match identifier {
        Identifier::Dns(name) if name.is_wildcard() => {
            // The base of a checked name is a checked name.
            Identifier::Dns(DnsName::parse(name.base()).unwrap_or_else(|_| name.clone()))
        }
        other => other.clone(),
    }
}

/// 256 random bits (RFC 8555 §8.1 wants at least 128).
fn token(core: &Core) -> String {
    let mut random = [0; 32];
    core.entropy.fill(&mut random);
    URL_SAFE_NO_PAD.encode(random)
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

/// An authorization of `account`, expired when its time is over.
pub async fn find_own_authorization(
    core: &Core,
    account: &Account,
    id: &AuthorizationId,
) -> Result<Authorization> {
    let found = core.store.read().await?.authorization(id).await?;
    let mut found =
        found.filter(|a| a.account_id == account.id).ok_or_else(|| Error::not_found("such authorization"))?;
    let open = matches!(found.status, AuthorizationStatus::Pending | AuthorizationStatus::Valid);
    if open && found.expires_at <= core.now() {
        found.status = AuthorizationStatus::Expired;
    }
    Ok(found)
}

/// Deactivation (RFC 8555 §7.5.2): the authorization is never used again, and an open order that needs it ends.
pub async fn deactivate_authorization(
    core: &Core,
    caller: &Caller,
    account: &Account,
    id: &AuthorizationId,
) -> Result<Authorization> {
    let found = find_own_authorization(core, account, id).await?;
    if !matches!(found.status, AuthorizationStatus::Pending | AuthorizationStatus::Valid) {
        return Ok(found);
    }
    let now = core.now();
    let details = json!({ "order_id": found.order_id, "identifier": found.identifier });
    let event =
        core.event(caller, "authorization.deactivated", Resource("authorization", id.as_str()), details);
    let problem = StoredProblem {
        r#type: ProblemType::Unauthorized.urn().to_owned(),
        detail: format!("the authorization for {} was deactivated", found.identifier),
        status: 403,
    };
    let (id, order_id) = (id.clone(), found.order_id.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if tx.deactivate_authorization(&id, now).await? {
                    tx.invalidate_order_if_open(&order_id, &problem, now).await?;
                    tx.record(&[event]).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .await?;
    Ok(Authorization { status: AuthorizationStatus::Deactivated, ..found })
}
