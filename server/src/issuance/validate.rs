//! The validation of answered challenges (RFC 8555 §7.1.6, §8): who does the next attempt, and what follows from it.
//!
//! An attempt belongs to whoever has claimed the challenge, until the claim's lease ends. No transaction spans the
//! attempt; what follows from it is one transaction that only the holder of the claim can make, and only while the
//! authorization is pending and its account valid.

use std::time::Duration;

use acme::{Problem, key_authorization};
use model::{
    Account, AccountStatus, AttemptOutcome, AuditEvent, Authorization, AuthorizationStatus, CaaMode, Caller,
    Challenge, Order, OrderStatus, Outcome, Profile, ProfileId, StoredProblem, Timestamp, ValidationAttempt,
};
use serde_json::json;
use store::StoreError;

use super::{authorization, caa};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};
use crate::limits::admission;
use crate::validation::{Attempt, Evidence, Failure, Target};

/// How long a claim holds. Whoever has it renews it every [`RENEW_EVERY`] while the attempt is under way, so that only
/// a dead process loses one.
pub const LEASE: Duration = Duration::from_secs(10);
pub const RENEW_EVERY: Duration = Duration::from_secs(3);
/// How long the challenges of a suspended account rest until it is looked at again.
const SUSPENDED_REST: Duration = Duration::from_secs(60);

/// A challenge that waits for its next attempt, and everything that the attempt needs.
#[derive(Debug)]
pub struct Work {
    claim: String,
    challenge: Challenge,
    authorization: Authorization,
    account: Account,
    /// `None`: it was deleted.
    profile: Option<Profile>,
    order: Option<Order>,
}

/// Claims challenges of a profile that are due, at most `limit`.
pub async fn claim(core: &Core, profile: &ProfileId, limit: u32) -> Result<Vec<Challenge>> {
    let mut random = [0; 16];
    core.entropy.fill(&mut random);
    let (profile, claim, now) = (profile.clone(), hex::encode(random), core.now());
    let work = core.store.write(move |tx| {
        Box::pin(async move { tx.claim_challenges(&profile, &claim, now + LEASE, now, limit).await })
    });
    Ok(work.await?)
}

/// Renews the lease; `false` when somebody else has the challenge, or it is finished.
pub async fn keep(core: &Core, challenge: &Challenge) -> Result<bool> {
    let Some(claim) = challenge.claim.clone() else { return Ok(false) };
    let (id, kind, until) = (challenge.authorization_id.clone(), challenge.kind, core.now() + LEASE);
    let work = core
        .store
        .write(move |tx| Box::pin(async move { tx.keep_challenge(&id, kind, &claim, until).await }));
    Ok(work.await?)
}

/// One attempt for a claimed challenge, and what follows from it.
pub async fn attempt(core: &Core, challenge: Challenge) -> Result<()> {
    let Some(work) = prepare(core, challenge).await? else { return Ok(()) };
    let started_at = core.now();
    let attempt = work.validate(core).await;
    conclude(core, work, started_at, attempt).await
}

/// What an attempt needs; `None` when there is nothing to attempt. The challenges of an authorization that ended by
/// other means end with it, quietly; those of a suspended account rest.
pub async fn prepare(core: &Core, challenge: Challenge) -> Result<Option<Work>> {
    let Some(claim) = challenge.claim.clone() else { return Ok(None) };
    let mut db = core.store.read().await?;
    let Some(found) = db.authorization(&challenge.authorization_id).await? else { return Ok(None) };
    let account = db.account(&found.account_id).await?;
    let profile = db.profile(&found.profile_id).await?;
    let order = match &found.order_id {
        Some(id) => db.order(id).await?,
        None => None,
    };
    // Whoever writes needs a connection of its own, and must not wait for it with another in its hands.
    drop(db);
    let now = core.now();
    let found = authorization::as_of(found, now);
    let usable = account.filter(|account| account.status != AccountStatus::Deactivated);
    let (AuthorizationStatus::Pending, Some(account)) = (found.status, usable) else {
        let id = found.id;
        core.store.write(move |tx| Box::pin(async move { tx.end_challenges(&id, now).await })).await?;
        return Ok(None);
    };
    if account.status == AccountStatus::Suspended {
        let due_at = now + SUSPENDED_REST;
        let c = challenge;
        let rest = core.store.write(move |tx| {
            Box::pin(async move {
                let id = &c.authorization_id;
                tx.retry_challenge(id, c.kind, &claim, c.attempts, c.error.as_ref(), due_at, now).await
            })
        });
        rest.await?;
        return Ok(None);
    }
    Ok(Some(Work { claim, challenge, authorization: found, account, profile, order }))
}

impl Work {
    async fn validate(&self, core: &Core) -> Attempt {
        let Some(profile) = &self.profile else { return withdrawn(&self.authorization.profile_id) };
        let authorization = &self.authorization;
        let target = Target {
            identifier: &authorization.identifier,
            wildcard: authorization.wildcard,
            kind: self.challenge.kind,
            token: &authorization.token,
            key_authorization: &key_authorization(&authorization.token, &self.account.key_thumbprint),
        };
        let attempt = core.validation.validator.validate(&target).await;
        if attempt.outcome.is_err() || profile.spec.caa == CaaMode::Off {
            return attempt;
        }
        let kind = Some(target.kind);
        let checked = caa::check(core, Some(&self.account), target.identifier, target.wildcard, kind).await;
        with_caa(attempt, checked)
    }
}

/// A validated challenge after CAA was asked too: one attempt, with the steps of both.
fn with_caa(validated: Attempt, checked: Attempt) -> Attempt {
    let (mut evidence, of_caa) = (validated.evidence, checked.evidence);
    evidence.steps.extend(of_caa.steps);
    evidence.elapsed_ms += of_caa.elapsed_ms;
    if checked.outcome.is_err() {
        evidence.expected = of_caa.expected;
        evidence.read = of_caa.read;
        evidence.advice = of_caa.advice;
    }
    Attempt { outcome: checked.outcome, evidence }
}

fn withdrawn(profile: &ProfileId) -> Attempt {
    let problem = Problem::unauthorized(format!("the profile {profile} was withdrawn"));
    let evidence = Evidence {
        expected: format!("the profile {profile}"),
        read: None,
        steps: Vec::new(),
        elapsed_ms: 0,
        advice: Some("Order under a profile that exists.".to_owned()),
    };
    Attempt { outcome: Err(Failure { problem, retryable: false }), evidence }
}

/// Stores what follows from an attempt: success flips challenge, authorization and maybe order; the last failure
/// likewise; any other failure lets another attempt follow. Leaves everything alone when the claim is lost or the
/// authorization has ended meanwhile.
pub async fn conclude(core: &Core, work: Work, started_at: Timestamp, attempt: Attempt) -> Result<()> {
    let now = core.now();
    let number = work.challenge.attempts + 1;
    let outcome = match &attempt.outcome {
        Ok(()) => AttemptOutcome::Passed,
        Err(failure) if failure.retryable && number < core.validation.attempts => AttemptOutcome::Retried,
        Err(_) => AttemptOutcome::Failed,
    };
    let problem = attempt.outcome.err().map(|failure| StoredProblem::from(&failure.problem));
    let evidence = serde_json::to_value(&attempt.evidence)
        .map_err(|e| Error::Internal(format!("evidence has no JSON form: {e}")))?;
    let kept = ValidationAttempt {
        authorization_id: work.authorization.id.clone(),
        kind: work.challenge.kind,
        number,
        started_at,
        duration: now.since(started_at),
        outcome,
        problem: problem.clone(),
        evidence,
    };
    let of = || (work.account.id.clone(), work.authorization.identifier.clone());
    let failed = (outcome == AttemptOutcome::Failed).then(of);
    let stored = match (outcome, problem) {
        (AttemptOutcome::Retried, problem) => retry(core, &work, kept, problem).await,
        (_, None) => pass(core, &work, kept).await,
        (_, Some(problem)) => fail(core, &work, kept, problem).await,
    };
    match stored {
        Ok(()) => {
            core.metrics.validation(work.challenge.kind, outcome);
            if let Some((account, identifier)) = failed {
                admission::failed_validation(core, &account, &identifier);
            }
            Ok(())
        }
        // The claim was lost, the authorization has ended or the account was suspended. In the second and third case
        // the challenge is still ours, and is put where it belongs.
        Err(StoreError::Conflict) => prepare(core, work.challenge).await.map(drop),
        Err(error) => Err(error.into()),
    }
}

/// A compare-and-set that must hold, or nothing of the transaction does.
fn must(held: bool) -> Result<(), StoreError> {
    if held { Ok(()) } else { Err(StoreError::Conflict) }
}

async fn retry(
    core: &Core,
    work: &Work,
    kept: ValidationAttempt,
    error: Option<StoredProblem>,
) -> Result<(), StoreError> {
    let now = core.now();
    let pause = core.validation.retry_interval.saturating_mul(2_u32.saturating_pow(kept.number - 1));
    let claim = work.claim.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let (id, kind, error) = (&kept.authorization_id, kept.kind, error.as_ref());
                must(tx.retry_challenge(id, kind, &claim, kept.number, error, now + pause, now).await?)?;
                tx.insert_validation_attempt(&kept).await
            })
        })
        .await
}

async fn pass(core: &Core, work: &Work, kept: ValidationAttempt) -> Result<(), StoreError> {
    let now = core.now();
    let reuse = work.profile.as_ref().map_or(Duration::ZERO, |p| p.spec.reuses_authorizations_for());
    let expires_at = work.authorization.expires_at.max((now + reuse).truncated_to_second());
    let validated = core.event(
        &Caller::system("validation"),
        "challenge.validated",
        Resource("authorization", work.authorization.id.as_str()),
        details(work, &kept),
    );
    let ready = order_event(core, work, "order.ready");
    let order = work.order.clone();
    let claim = work.claim.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if let Some(order) = order.as_ref().filter(|o| o.authorization_ids.len() > 1) {
                    tx.lock_order(&order.id).await?;
                }
                must(tx.validate_authorization(&kept.authorization_id, expires_at, now).await?)?;
                let (id, kind) = (&kept.authorization_id, kept.kind);
                must(tx.finish_challenge(id, kind, &claim, kept.number, None, now).await?)?;
                let mut events = vec![validated];
                if let Some(order) = &order
                    && tx.ready_order(&order.id, now).await?
                {
                    events.extend(ready);
                }
                tx.insert_validation_attempt(&kept).await?;
                tx.record(&events).await
            })
        })
        .await
}

async fn fail(
    core: &Core,
    work: &Work,
    kept: ValidationAttempt,
    problem: StoredProblem,
) -> Result<(), StoreError> {
    let now = core.now();
    let failure = |event| AuditEvent { outcome: Outcome::Failure, ..event };
    let failed = failure(core.event(
        &Caller::system("validation"),
        "challenge.failed",
        Resource("authorization", work.authorization.id.as_str()),
        details(work, &kept),
    ));
    let invalidated = order_event(core, work, "order.invalidated").map(failure);
    let order_id = work.authorization.order_id.clone();
    let order_problem =
        StoredProblem { detail: format!("{}: {}", work.name(), problem.detail), ..problem.clone() };
    let claim = work.claim.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let mut events = vec![failed];
                // The order first: see `lock_order`.
                if let Some(order_id) = &order_id
                    && tx.fail_order(order_id, OrderStatus::Pending, &order_problem, now).await?
                {
                    events.extend(invalidated);
                }
                must(tx.invalidate_authorization(&kept.authorization_id, now).await?)?;
                let (id, kind, problem) = (&kept.authorization_id, kept.kind, Some(&problem));
                must(tx.finish_challenge(id, kind, &claim, kept.number, problem, now).await?)?;
                tx.insert_validation_attempt(&kept).await?;
                tx.record(&events).await
            })
        })
        .await
}

impl Work {
    /// The name as the client ordered it.
    fn name(&self) -> String {
        match self.authorization.wildcard {
            true => format!("*.{}", self.authorization.identifier),
            false => self.authorization.identifier.to_string(),
        }
    }
}

fn details(work: &Work, kept: &ValidationAttempt) -> serde_json::Value {
    json!({
        "challenge": kept.kind, "identifier": work.authorization.identifier,
        "wildcard": work.authorization.wildcard, "order_id": work.authorization.order_id,
        "account_id": work.account.id, "profile_id": work.authorization.profile_id,
        "attempts": kept.number, "problem": kept.problem,
    })
}

fn order_event(core: &Core, work: &Work, action: &str) -> Option<AuditEvent> {
    let id = work.authorization.order_id.as_ref()?;
    let details =
        json!({ "authorization_id": work.authorization.id, "profile_id": work.authorization.profile_id });
    Some(core.event(&Caller::system("validation"), action, Resource("order", id.as_str()), details))
}
