//! Challenges (RFC 8555 §7.1.5, §7.5.1): what an authorization shows of them, and a client's word that it is ready.

use std::time::Duration;

use acme::Problem;
use acme::transition::challenge_may_become;
use model::{
    Account, Authorization, AuthorizationId, AuthorizationStatus, Caller, Challenge, ChallengeKind,
    ChallengeStatus, StoredProblem, Timestamp,
};
use serde_json::json;

use super::authorization::find_own;
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// Clients look again at least this often while a challenge is processing.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(10);

/// A challenge as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub kind: ChallengeKind,
    pub status: ChallengeStatus,
    pub validated_at: Option<Timestamp>,
    pub error: Option<StoredProblem>,
    /// When another look may tell more.
    pub look_again_at: Option<Timestamp>,
}

impl Shown {
    /// Whole seconds from `now` until another look may tell more; `None`: the state will not change by itself.
    pub fn retry_after(&self, now: Timestamp) -> Option<u64> {
        let wait = self.look_again_at?.since(now).min(LONGEST_RETRY_AFTER);
        Some(wait.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(1))
    }
}

/// The challenge `kind` of an authorization; `None` when it was not offered.
pub fn find(authorization: &Authorization, answered: &[Challenge], kind: ChallengeKind) -> Option<Shown> {
    offered(authorization).contains(&kind).then(|| show(authorization, answered, kind))
}

/// The challenges that an authorization lists (RFC 8555 §7.1.4): all that could be fulfilled while it is pending; then
/// the one that was fulfilled, or those that failed.
pub fn listed(authorization: &Authorization, answered: &[Challenge]) -> Vec<Shown> {
    let all = offered(authorization).iter().map(|kind| show(authorization, answered, *kind));
    let decisive = match authorization.status {
        AuthorizationStatus::Pending => return all.collect(),
        AuthorizationStatus::Valid => ChallengeStatus::Valid,
        AuthorizationStatus::Invalid => ChallengeStatus::Invalid,
        // It ended by other means, whatever became of the challenges.
        _ => return all.collect(),
    };
    let was_answered = |shown: &Shown| {
        authorization.offered.is_none() || answered.iter().any(|challenge| challenge.kind == shown.kind)
    };
    all.filter(|shown| shown.status == decisive && was_answered(shown)).collect()
}

/// An authorization that was born valid has been through no validation. It still shows one challenge, valid: RFC 8555
/// §7.1.4 lists the challenge that was fulfilled, and clients look for a type that they know.
fn offered(authorization: &Authorization) -> &[ChallengeKind] {
    match &authorization.offered {
        Some(offered) => offered,
        None => acme::offered(&authorization.identifier, authorization.wildcard).split_at(1).0,
    }
}

fn show(authorization: &Authorization, answered: &[Challenge], kind: ChallengeKind) -> Shown {
    if let Some(challenge) = answered.iter().find(|challenge| challenge.kind == kind) {
        let mut status = challenge.status;
        if status == ChallengeStatus::Processing && authorization.status != AuthorizationStatus::Pending {
            // A worker will find that out.
            status = ChallengeStatus::Invalid;
        }
        let processing = status == ChallengeStatus::Processing;
        // While an attempt is under way, `due_at` is the end of its lease, and most attempts end much sooner.
        let soon = if challenge.claim.is_some() { challenge.updated_at } else { challenge.due_at };
        return Shown {
            kind,
            status,
            validated_at: challenge.validated_at,
            error: challenge.error.clone(),
            look_again_at: processing.then_some(soon),
        };
    }
    let status = match (authorization.status, &authorization.offered) {
        (AuthorizationStatus::Pending, _) | (AuthorizationStatus::Valid, Some(_)) => ChallengeStatus::Pending,
        (AuthorizationStatus::Valid, None) => ChallengeStatus::Valid,
        _ => ChallengeStatus::Invalid,
    };
    let validated_at = authorization.validated_at.filter(|_| authorization.offered.is_none());
    Shown { kind, status, validated_at, error: None, look_again_at: None }
}

/// The client is ready for the challenge `kind`: `pending` → `processing`, and its validation starts. Repeating that
/// changes nothing, nor does it for a valid authorization, which needs no further validation.
pub async fn respond(
    core: &Core,
    caller: &Caller,
    account: &Account,
    id: &AuthorizationId,
    kind: ChallengeKind,
) -> Result<(Authorization, Vec<Challenge>)> {
    let (authorization, answered) = find_own(core, account, id).await?;
    let shown = find(&authorization, &answered, kind).ok_or_else(|| Error::not_found("such challenge"))?;
    match (authorization.status, shown.status) {
        (AuthorizationStatus::Valid, _) | (AuthorizationStatus::Pending, ChallengeStatus::Processing) => {
            return Ok((authorization, answered));
        }
        (AuthorizationStatus::Pending, from) if challenge_may_become(from, ChallengeStatus::Processing) => {}
        (AuthorizationStatus::Pending, status) => {
            let detail = format!("the challenge is {status}; it cannot be answered again");
            return Err(Problem::malformed(detail).into());
        }
        (status, _) => {
            let detail = format!("the authorization is {status}; its challenges cannot be answered");
            return Err(Problem::malformed(detail).into());
        }
    }
    let now = core.now();
    let details = json!({
        "challenge": kind, "identifier": authorization.identifier, "wildcard": authorization.wildcard,
        "order_id": authorization.order_id,
    });
    let event = core.event(caller, "challenge.answered", Resource("authorization", id.as_str()), details);
    let authorization_id = id.clone();
    let started = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                let started = tx.start_challenge(&authorization_id, kind, now).await?;
                if started {
                    tx.record(&[event]).await?;
                }
                Ok::<_, Error>(started)
            })
        })
        .await?;
    if started {
        core.validation.wake();
    }
    // Somebody may have been faster with the same or with something else.
    find_own(core, account, id).await
}
