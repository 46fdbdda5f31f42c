//! The steps of bulk actions.
//!
//! An action belongs to whoever has claimed it, until the claim's lease ends or the step does. A step deals with some
//! certificates in one transaction: the changes, their audit events, what came of each, and how far the action is. Only
//! the holder of the claim can make it, so every certificate is dealt with once, whoever dies in between.
//!
//! The rights are those that whoever started the action has at the time of the step, not at its start: an action may
//! take long, and whoever has lost a right, or was shut out, must not go on using it through one that still runs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use model::{
    AuditEvent, BulkAction, BulkActionState, BulkChange, BulkKind, BulkSelection, Caller, CertificateFilter,
    CertificateId, CertificateState, CertificateSummary, PageRequest, Permission, Reach, Revocation,
    Timestamp,
};
use serde_json::json;
use store::BulkStep;

use super::{certificates, permission, resource};
use crate::auth;
use crate::core::{Core, Resource};
use crate::error::{Error, Result};
use crate::issuance::revoke;

/// How long a claim holds. A step takes some milliseconds, so only a dead process loses one.
const LEASE: Duration = Duration::from_secs(5);
/// Certificates of one step, so that it never holds up an issuance for long.
const STEP: u32 = 100;
/// Certificates of which one statement counts those that have been replaced.
const COUNT: u32 = 500;
/// For how long it is counted how many have been replaced.
const COUNT_FOR: Duration = Duration::from_secs(90 * 86_400);

/// Does the next step of the action that has waited longest; `false` when none waits.
pub async fn step(core: &Core) -> Result<bool> {
    let mut random = [0; 16];
    core.entropy.fill(&mut random);
    let (claim, now) = (hex::encode(random), core.now());
    let name = claim.clone();
    let claimed = core.store.write(move |tx| {
        Box::pin(async move { tx.claim_bulk_action(&name, now + LEASE, now).await.map_err(Error::from) })
    });
    let Some(action) = claimed.await? else { return Ok(false) };
    match action.state {
        BulkActionState::Running => advance(core, &action, claim).await?,
        BulkActionState::Done | BulkActionState::Stopped => count_replaced(core, &action, claim).await?,
    }
    Ok(true)
}

/// Makes every action due that a process before this one was at work on; only for a store that no other uses.
pub async fn take_back(core: &Core) -> Result<u64> {
    let now = core.now();
    Ok(core.store.write(move |tx| Box::pin(async move { tx.take_back_bulk_actions(now).await })).await?)
}

/// Ends a running action. `why`: for whoever looks at it.
pub(super) async fn end(core: &Core, action: &BulkAction, why: String, event: AuditEvent) -> Result<()> {
    let (id, now) = (action.id.clone(), core.now());
    let due_at = (action.change.kind() == BulkKind::Renew).then_some(now);
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if !tx.stop_bulk_action(&id, &why, due_at, now).await? {
                    return Err(Error::Conflict("it does not run any more".to_owned()));
                }
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await
}

async fn advance(core: &Core, action: &BulkAction, claim: String) -> Result<()> {
    let caller = caller_of(core, action).await?;
    let step = match Step::prepare(core, &caller, action).await {
        Ok(step) => step,
        Err(Error::Forbidden(reason)) => {
            let system = Caller::system("bulk actions");
            let details = json!({ "reason": reason, "done": action.done, "failed": action.failed });
            let event = core.event(&system, "bulk_action.stopped", resource(&action.id), details);
            let why = format!("{} may not do this any more: {reason}", action.actor);
            return end(core, action, why, event).await;
        }
        Err(other) => return Err(other),
    };
    match step.store(core, &caller, action, claim).await {
        // It was stopped, or somebody else has it by now; nothing of this step is kept.
        Err(Error::Conflict(_)) => Ok(()),
        outcome => outcome,
    }
}

/// Whoever started the action, with the rights that they have now.
async fn caller_of(core: &Core, action: &BulkAction) -> Result<Caller> {
    let rights = auth::rights_now(&mut core.store.read().await?, &action.actor, core.now()).await?;
    Ok(Caller {
        actor: action.actor.clone(),
        rights: Arc::new(rights),
        session: None,
        client_ip: action.client_ip,
        request_id: action.request_id.clone(),
    })
}

/// Certificates that are dealt with together.
struct Step {
    to_change: Vec<CertificateSummary>,
    /// Certificates that are left as they are, and why.
    failures: Vec<(CertificateId, String)>,
    /// Where the next step begins.
    position: Option<CertificateId>,
    /// Whether the action is through.
    ended: bool,
}

impl Step {
    async fn prepare(core: &Core, caller: &Caller, action: &BulkAction) -> Result<Self> {
        let needed = permission(action.change.kind());
        let may = auth::reach(caller, needed)?;
        let (found, missing, position, ended) = match &action.selection {
            BulkSelection::Ids(ids) => {
                let rest = ids.iter().filter(|id| action.position.as_ref().is_none_or(|last| *id < last));
                let part: Vec<_> = rest.take(STEP as usize).cloned().collect();
                let sees = auth::reach(caller, Permission::CertificateRead)?;
                let mut found = core.store.read().await?.certificates_by_ids(&part).await?;
                found.retain(|certificate| sees.covers(&certificate.profile_id));
                let known: HashSet<_> = found.iter().map(|certificate| certificate.id.clone()).collect();
                let ended = part.last() == ids.last() || part.is_empty();
                let position = part.last().cloned();
                let missing: Vec<_> = part.into_iter().filter(|id| !known.contains(id)).collect();
                (found, missing, position, ended)
            }
            BulkSelection::Filter(filter) => {
                let after = action.position.as_ref().map(ToString::to_string);
                let page = PageRequest { after, limit: STEP };
                let filter = CertificateFilter { page, ..(**filter).clone() };
                let page = certificates::list(core, caller, &filter).await?;
                // What fits may be rare: then the page ends where its search did, and may have nothing.
                let position = page.next.as_deref().map(str::parse::<CertificateId>).transpose();
                let position = position.map_err(|e| Error::Internal(format!("a list's cursor: {e}")))?;
                let ended = position.is_none();
                (page.items, Vec::new(), position, ended)
            }
        };
        let now = core.now();
        let mut step = Self { to_change: Vec::new(), failures: Vec::new(), position, ended };
        for certificate in found {
            match obstacle(&certificate, &may, needed, now) {
                None => step.to_change.push(certificate),
                Some(reason) => step.failures.push((certificate.id, reason)),
            }
        }
        let unknown = missing.into_iter().map(|id| (id, "there is no such certificate".to_owned()));
        step.failures.extend(unknown);
        Ok(step)
    }

    /// Makes the changes, all of them or none; [`Error::Conflict`] when the action is in other hands by now.
    async fn store(self, core: &Core, caller: &Caller, action: &BulkAction, claim: String) -> Result<()> {
        let Self { to_change, failures, position, ended } = self;
        let (id, change, now) = (action.id.clone(), action.change.clone(), core.now());
        let ids: Vec<_> = to_change.iter().map(|certificate| certificate.id.clone()).collect();
        let events = to_change.iter().map(|certificate| event(core, caller, action, certificate));
        let events: Vec<_> = events.collect();
        let details = json!({ "done": action.done, "failed": action.failed });
        let mut finished = core.event(caller, "bulk_action.finished", resource(&id), details);
        let demand = change.demand(action.created_at);
        let (before_done, before_failed) = (action.done, action.failed);
        core.store
            .write(move |tx| {
                Box::pin(async move {
                    let changed = match &change {
                        BulkChange::Revoke { reason, .. } => {
                            tx.revoke_certificates(&ids, &Revocation { at: now, reason: *reason }).await?
                        }
                        BulkChange::Renew { .. } => {
                            tx.demand_renewal(&ids, &[], demand.as_ref(), now).await?
                        }
                    };
                    let changed: HashSet<_> = changed.into_iter().collect();
                    let mut items: Vec<_> =
                        failures.into_iter().map(|(id, reason)| (id, Some(reason))).collect();
                    let overtaken = || "somebody else was faster".to_owned();
                    items.extend(ids.into_iter().map(|id| {
                        let failure = (!changed.contains(&id)).then(overtaken);
                        (id, failure)
                    }));
                    let failed = items.iter().filter(|(_, failure)| failure.is_some()).count() as u64;
                    let done = items.len() as u64 - failed;
                    let is_changed = |event: &AuditEvent| {
                        event.resource_id.parse().is_ok_and(|id: CertificateId| changed.contains(&id))
                    };
                    let mut events: Vec<_> = events.into_iter().filter(is_changed).collect();
                    let due_at = match (ended, &change) {
                        (true, BulkChange::Revoke { .. }) => None,
                        _ => Some(now),
                    };
                    if ended {
                        finished.details["done"] = json!(before_done + done);
                        finished.details["failed"] = json!(before_failed + failed);
                        events.push(finished);
                    }
                    tx.insert_bulk_items(&id, &items).await?;
                    tx.record(&events).await?;
                    let step = BulkStep { done, failed, position, ended, due_at };
                    match tx.advance_bulk_action(&id, &claim, &step, now).await? {
                        true => Ok(()),
                        false => Err(Error::Conflict("the action is in other hands".to_owned())),
                    }
                })
            })
            .await
    }
}

/// What the next step of an action would change, and what it would leave and why.
#[cfg(test)]
pub(super) async fn prepared(
    core: &Core,
    caller: &Caller,
    action: &BulkAction,
) -> Result<(Vec<CertificateSummary>, Vec<(CertificateId, String)>)> {
    let step = Step::prepare(core, caller, action).await?;
    Ok((step.to_change, step.failures))
}

/// Why a certificate is left as it is.
fn obstacle(c: &CertificateSummary, may: &Reach, needed: Permission, now: Timestamp) -> Option<String> {
    if !may.covers(&c.profile_id) {
        return Some(format!("{needed} is not held within its profile {}", c.profile_id));
    }
    match c.state(now) {
        CertificateState::Valid => None,
        CertificateState::Revoked => Some("it is revoked already".to_owned()),
        CertificateState::Expired => Some("it has expired".to_owned()),
    }
}

fn event(core: &Core, caller: &Caller, action: &BulkAction, c: &CertificateSummary) -> AuditEvent {
    let mut event = match &action.change {
        BulkChange::Revoke { reason, comment } => revoke::event(core, caller, c, *reason, Some(comment)),
        BulkChange::Renew { reason, explanation_url } => {
            let details = json!({ "reason": reason, "explanation_url": explanation_url });
            let resource = Resource("certificate", c.id.as_str());
            core.event(caller, "certificate.renewal_demanded", resource, details)
        }
    };
    event.details["bulk_action"] = json!(action.id);
    event
}

/// Counts how many of the changed certificates have been replaced by their clients, and says when that is worth another
/// look: soon at first, then the rarer the older the action and the more there is to count.
async fn count_replaced(core: &Core, action: &BulkAction, claim: String) -> Result<()> {
    let (mut replaced, mut after, mut claimed_at) = (0, None, core.now());
    loop {
        // Each part by a reader of its own, so that none is held for long.
        let mut db = core.store.read().await?;
        let (some, last) = db.count_bulk_replaced(&action.id, after.as_ref(), COUNT).await?;
        drop(db);
        replaced += some;
        after = last;
        if after.is_none() {
            break;
        }
        let now = core.now();
        if now.since(claimed_at) > LEASE / 3 {
            let (id, name) = (action.id.clone(), claim.clone());
            let kept = core
                .store
                .write(move |tx| Box::pin(async move { tx.keep_bulk_action(&id, &name, now + LEASE).await }));
            if !kept.await? {
                return Ok(());
            }
            claimed_at = now;
        }
    }
    let now = core.now();
    let age = now.since(action.ended_at.unwrap_or(action.created_at));
    let pause = Duration::from_secs(2 + action.done / 1000) + age / 50;
    let due_at = (replaced < action.done && age < COUNT_FOR).then_some(now + pause);
    let id = action.id.clone();
    let noted = core.store.write(move |tx| {
        Box::pin(async move { tx.note_bulk_replaced(&id, &claim, replaced, due_at, now).await })
    });
    noted.await?;
    Ok(())
}
