//! Authorizations (RFC 8555 §7.1.4, §7.5): how they begin, what their owners do with them, and newAuthz.

use std::time::Duration;

use acme::{ChallengeStatus, Problem, ProblemType};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{
    Account, AcmeAuthMode, Authorization, AuthorizationId, AuthorizationStatus, Caller, Challenge,
    ChallengeKind, DnsName, EabKey, Identifier, OrderId, Profile, ProfileId, StoredProblem, Timestamp,
};
use serde_json::json;

use super::policy::{self, Refusal};
use super::{ORDER_LIFETIME, order};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};
use crate::limits::admission;

/// An earlier authorization that ends sooner than this serves no new order: the client could not finish in time.
const WORTHWHILE: Duration = Duration::from_secs(600);

/// How an authorization begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// Born valid. `until`: it ends then, if it does not end before.
    Valid { validated_at: Timestamp, until: Timestamp, source: Option<AuthorizationId> },
    /// One of these challenges must be fulfilled.
    Pending { offered: Vec<ChallengeKind> },
}

/// Decides how the authorizations for `identifiers` begin, in their order: the one place where one is born valid.
/// The inner error is the profile's refusal.
pub async fn beginnings(
    core: &Core,
    account: &Account,
    profile: &Profile,
    eab_key: Option<&EabKey>,
    identifiers: &[Identifier],
    now: Timestamp,
) -> Result<Result<Vec<Beginning>, Refusal>> {
    let by_profile = Beginning::Valid { validated_at: now, until: now + ORDER_LIFETIME, source: None };
    let preauthorized =
        |key: &EabKey| identifiers.iter().all(|identifier| key.preauthorizes(&profile.id, identifier));
    if profile.spec.acme_auth_mode == AcmeAuthMode::TrustAuthenticated || eab_key.is_some_and(preauthorized) {
        return Ok(Ok(vec![by_profile; identifiers.len()]));
    }
    let earlier = reusable(core, account, profile, identifiers, now).await?;
    let beginnings =
        identifiers.iter().map(|identifier| match earlier.iter().find(|a| serves(a, identifier)) {
            Some(source) => Beginning::Valid {
                validated_at: source.validated_at.unwrap_or(source.created_at),
                until: end_of_reuse(profile, source),
                source: Some(source.id.clone()),
            },
            None => Beginning::Pending { offered: policy::challenges(profile, identifier) },
        });
    let beginnings: Vec<_> = beginnings.collect();
    let stranded = |(identifier, beginning): (_, &Beginning)| match beginning {
        Beginning::Pending { offered } if offered.is_empty() => Some(identifier),
        _ => None,
    };
    let stranded: Vec<_> = identifiers.iter().zip(&beginnings).filter_map(stranded).collect();
    Ok(policy::no_challenge_left(profile, &stranded).map_or(Ok(beginnings), Err))
}

/// What the account has had validated under the profile and may use again.
async fn reusable(
    core: &Core,
    account: &Account,
    profile: &Profile,
    identifiers: &[Identifier],
    now: Timestamp,
) -> Result<Vec<Authorization>> {
    let after = now - profile.spec.reuses_authorizations_for();
    let mut db = core.store.read().await?;
    let mut found =
        db.reusable_authorizations(&account.id, &profile.id, identifiers, after, now + WORTHWHILE).await?;
    found.retain(|a| end_of_reuse(profile, a) > now + WORTHWHILE);
    Ok(found)
}

/// One that stands alone serves as long as it lives; one of an order, as long as the profile says.
fn end_of_reuse(profile: &Profile, source: &Authorization) -> Timestamp {
    match (&source.order_id, source.validated_at) {
        (Some(_), Some(validated_at)) => {
            source.expires_at.min(validated_at + profile.spec.reuses_authorizations_for())
        }
        _ => source.expires_at,
    }
}

fn serves(source: &Authorization, identifier: &Identifier) -> bool {
    source.wildcard == identifier.is_wildcard() && source.identifier == without_wildcard(identifier)
}

/// An authorization for `identifier` that begins as `beginning`.
pub fn begin(
    core: &Core,
    account: &Account,
    profile: &Profile,
    order_id: Option<&OrderId>,
    identifier: &Identifier,
    beginning: Beginning,
    now: Timestamp,
) -> Authorization {
    let lifetime = (now + ORDER_LIFETIME).truncated_to_second();
    let (status, offered, source_id, validated_at, expires_at) = match beginning {
        Beginning::Valid { validated_at, until, source } => {
            let until = until.truncated_to_second().min(lifetime);
            (AuthorizationStatus::Valid, None, source, Some(validated_at), until)
        }
        Beginning::Pending { offered } => (AuthorizationStatus::Pending, Some(offered), None, None, lifetime),
    };
    Authorization {
        id: AuthorizationId::generate(now, core.entropy.as_ref()),
        order_id: order_id.cloned(),
        account_id: account.id.clone(),
        profile_id: profile.id.clone(),
        identifier: without_wildcard(identifier),
        wildcard: identifier.is_wildcard(),
        status,
        token: token(core),
        offered,
        source_id,
        created_at: now,
        expires_at,
        validated_at,
    }
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

/// newAuthz (RFC 8555 §7.4.1): an authorization before any order. Orders of the account under the same profile can
/// use it until it ends.
pub async fn create(
    core: &Core,
    caller: &Caller,
    account: &Account,
    profile_id: &ProfileId,
    identifier: &Identifier,
) -> Result<Authorization> {
    if identifier.is_wildcard() {
        // RFC 8555 §7.4.1.
        return Err(Problem::malformed("newAuthz takes no wildcard; order it").into());
    }
    let profile = core.store.read().await?.profile(profile_id).await?;
    let profile = profile.ok_or_else(|| Error::not_found(format!("profile {profile_id}")))?;
    let identifiers = std::slice::from_ref(identifier);
    let now = core.now();
    let beginning = match order::admit(core, caller, account, &profile, identifiers).await? {
        Ok(eab_key) => beginnings(core, account, &profile, eab_key.as_ref(), identifiers, now).await?,
        Err(refusal) => Err(refusal),
    };
    let beginning = match beginning {
        Ok(beginnings) => beginnings.into_iter().next(),
        Err(mut refusal) => {
            // RFC 8555 §7.4.1: the server is unwilling.
            refusal.problem = refusal.problem.with_status(403);
            let action = "authorization.refused";
            return order::refuse(core, caller, account, &profile, action, identifiers, refusal).await;
        }
    };
    let beginning =
        beginning.ok_or_else(|| Error::Internal("one identifier has one beginning".to_owned()))?;
    if matches!(beginning, Beginning::Pending { .. }) {
        admission::authorization(core, caller, account, identifier).await?;
    }
    let made = begin(core, account, &profile, None, identifier, beginning, now);
    let event = core.event(
        caller,
        "authorization.created",
        Resource("authorization", made.id.as_str()),
        json!({ "profile_id": profile.id, "identifier": made.identifier, "status": made.status }),
    );
    let stored = made.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                order::hold_sources(tx, std::slice::from_ref(&stored), now).await?;
                tx.insert_authorization(&stored).await?;
                tx.record(&[event]).await?;
                Ok::<_, Error>(())
            })
        })
        .await?;
    Ok(made)
}

/// An authorization of `account`, expired when its time is over, and its challenges that were answered.
pub async fn find_own(
    core: &Core,
    account: &Account,
    id: &AuthorizationId,
) -> Result<(Authorization, Vec<Challenge>)> {
    let mut db = core.store.read().await?;
    let found = db.authorization(id).await?;
    let mut found =
        found.filter(|a| a.account_id == account.id).ok_or_else(|| Error::not_found("such authorization"))?;
    let answered = match found.offered {
        Some(_) => db.challenges_of_authorization(id).await?,
        None => Vec::new(),
    };
    // The two statements see two moments. A validation that ended between them has moved the authorization in the
    // transaction that moved the challenge, so a second look finds both where they belong.
    let settled = |c: &Challenge| matches!(c.status, ChallengeStatus::Valid | ChallengeStatus::Invalid);
    if found.status == AuthorizationStatus::Pending && answered.iter().any(settled) {
        found = db.authorization(id).await?.ok_or_else(|| Error::not_found("such authorization"))?;
    }
    Ok((as_of(found, core.now()), answered))
}

/// `authorization` with the status that its end implies.
pub fn as_of(mut authorization: Authorization, now: Timestamp) -> Authorization {
    let open = matches!(authorization.status, AuthorizationStatus::Pending | AuthorizationStatus::Valid);
    if open && authorization.expires_at <= now {
        authorization.status = AuthorizationStatus::Expired;
    }
    authorization
}

/// Deactivation (RFC 8555 §7.5.2): the authorization is never used again, nor what it made valid, and open orders
/// that need any of them end.
pub async fn deactivate(
    core: &Core,
    caller: &Caller,
    account: &Account,
    id: &AuthorizationId,
) -> Result<(Authorization, Vec<Challenge>)> {
    let (found, answered) = find_own(core, account, id).await?;
    if !acme::transition::authorization_may_become(found.status, AuthorizationStatus::Deactivated) {
        return Ok((found, answered));
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
    // What was born valid has no challenges, and serves its own order only.
    let challenged = found.offered.is_some();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if let Some(order_id) = &order_id {
                    tx.lock_order(order_id).await?;
                }
                if !tx.deactivate_authorization(&id, now).await? {
                    return Ok(());
                }
                let mut orders = Vec::new();
                if challenged {
                    orders = tx.deactivate_authorizations_made_by(&id, now).await?;
                    tx.end_challenges(&id, now).await?;
                }
                orders.extend(order_id);
                for order_id in &orders {
                    tx.invalidate_order_if_open(order_id, &problem, now).await?;
                }
                tx.record(&[event]).await?;
                Ok::<_, Error>(())
            })
        })
        .await?;
    find_own(core, account, &found.id).await
}
