//! The same change of many certificates: started here, done by [`work`] some at a time.

#[cfg(test)]
mod tests;
pub mod work;

use model::{
    BulkAction, BulkActionFilter, BulkActionId, BulkActionState, BulkChange, BulkKind, BulkSelection, Caller,
    CertificateFilter, CertificateOrder, CertificateState, CertificateSummary, Page, PageRequest, Permission,
    Reach, Timestamp,
};
use serde_json::{Value, json};
use store::BulkFailure;

use super::certificates;
use crate::auth::{authorise, reach};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// Ids that one action may name. Who means more means what a filter finds.
pub const MAX_IDS: usize = 1000;
/// Of what is selected, so many are shown before it begins.
const SHOWN: u32 = 10;

/// What an action would be about.
#[derive(Debug)]
pub struct Preview {
    /// As [`BulkAction::total`].
    pub total: u64,
    /// The newest.
    pub first: Vec<CertificateSummary>,
}

/// Counts what `selection` means now, for somebody who has to decide.
pub async fn preview(
    core: &Core,
    caller: &Caller,
    kind: BulkKind,
    selection: BulkSelection,
) -> Result<Preview> {
    reach(caller, permission(kind))?;
    let sees = reach(caller, Permission::CertificateRead)?;
    let selection = check(selection)?;
    let total = count(core, caller, &selection).await?;
    let first = match selection {
        BulkSelection::Ids(ids) => {
            let shown: Vec<_> = ids.into_iter().take(SHOWN as usize).collect();
            let mut found = core.store.read().await?.certificates_by_ids(&shown).await?;
            found.retain(|certificate| sees.covers(&certificate.profile_id));
            found.sort_unstable_by(|one, other| other.id.cmp(&one.id));
            found
        }
        BulkSelection::Filter(filter) => newest(core, caller, &filter).await?,
    };
    Ok(Preview { total, first })
}

/// The newest that a filter finds. A page of a list may be short of them where they are few among many.
async fn newest(core: &Core, caller: &Caller, filter: &CertificateFilter) -> Result<Vec<CertificateSummary>> {
    let (mut first, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { after, limit: SHOWN };
        let found = certificates::list(core, caller, &CertificateFilter { page, ..filter.clone() }).await?;
        first.extend(found.items);
        after = found.next;
        if after.is_none() || first.len() >= SHOWN as usize {
            first.truncate(SHOWN as usize);
            return Ok(first);
        }
    }
}

/// Starts an action. `as_of`: what was issued later is not meant by a filter.
pub async fn start(
    core: &Core,
    caller: &Caller,
    change: BulkChange,
    selection: BulkSelection,
    as_of: Timestamp,
) -> Result<BulkAction> {
    reach(caller, permission(change.kind()))?;
    let mut selection = check(selection)?;
    let total = count(core, caller, &selection).await?;
    if total == 0 {
        return Err(Error::invalid("selection", "there is no certificate in it"));
    }
    let now = core.now();
    if let BulkSelection::Filter(filter) = &mut selection {
        let ends = [filter.created_before, Some(as_of), Some(now)];
        filter.created_before = ends.into_iter().flatten().min();
    }
    let action = BulkAction {
        id: BulkActionId::generate(now, core.entropy.as_ref()),
        state: BulkActionState::Running,
        change,
        selection,
        actor: caller.actor.clone(),
        client_ip: caller.client_ip,
        request_id: caller.request_id.clone(),
        total,
        done: 0,
        failed: 0,
        replaced: None,
        position: None,
        claim: None,
        due_at: Some(now),
        created_at: now,
        ended_at: None,
        note: None,
    };
    let details = json!({
        "change": action.change, "selection": shown(&action.selection), "certificates": total,
    });
    let event = core.event(caller, "bulk_action.started", resource(&action.id), details);
    let stored = action.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.insert_bulk_action(&stored).await?;
                tx.record(&[event]).await?;
                Ok::<_, Error>(())
            })
        })
        .await?;
    Ok(action)
}

/// Ends an action before it has dealt with everything. What it has done stays done. Whoever started it may do so, and
/// whoever may do everywhere what it does.
pub async fn stop(core: &Core, caller: &Caller, id: &BulkActionId) -> Result<()> {
    let action = find(core, caller, id).await?;
    if action.actor != caller.actor {
        authorise(caller, permission(action.change.kind()))?;
    }
    let details = json!({ "done": action.done, "failed": action.failed });
    let event = core.event(caller, "bulk_action.stopped", resource(id), details);
    work::end(core, &action, format!("{} stopped it", caller.actor), event).await
}

/// What somebody has started, and, for those who see all certificates, what others have.
pub async fn find(core: &Core, caller: &Caller, id: &BulkActionId) -> Result<BulkAction> {
    let all = reach(caller, Permission::CertificateRead)? == Reach::Everywhere;
    let found = core.store.read().await?.bulk_action(id).await?;
    let found = found.filter(|action| all || action.actor == caller.actor);
    found.ok_or_else(|| Error::not_found(format!("bulk action {id}")))
}

pub async fn list(core: &Core, caller: &Caller, page: PageRequest) -> Result<Page<BulkAction>> {
    let actor = match reach(caller, Permission::CertificateRead)? {
        Reach::Everywhere => None,
        Reach::Profiles(_) => Some(caller.actor.clone()),
    };
    Ok(core.store.read().await?.bulk_actions(&BulkActionFilter { actor, page }).await?)
}

/// Which certificates an action has left as they were, and why.
pub async fn failures(
    core: &Core,
    caller: &Caller,
    id: &BulkActionId,
    page: &PageRequest,
) -> Result<Page<BulkFailure>> {
    find(core, caller, id).await?;
    Ok(core.store.read().await?.bulk_failures(id, page).await?)
}

pub fn permission(kind: BulkKind) -> Permission {
    match kind {
        BulkKind::Revoke => Permission::CertificateRevoke,
        BulkKind::Renew => Permission::CertificateRenew,
    }
}

fn resource(id: &BulkActionId) -> Resource<'_> {
    Resource("bulk_action", id.as_str())
}

/// For the audit event. Ids are not repeated: each certificate has an event of its own.
fn shown(selection: &BulkSelection) -> Value {
    match selection {
        BulkSelection::Ids(ids) => json!({ "ids": ids.len() }),
        BulkSelection::Filter(filter) => json!({ "filter": filter }),
    }
}

/// A selection that an action can be about: ids in the order of the work, or a filter that leaves out what nothing can
/// be done to.
fn check(selection: BulkSelection) -> Result<BulkSelection> {
    let wrong = |reason: String| Err(Error::invalid("selection", reason));
    match selection {
        BulkSelection::Ids(mut ids) => {
            ids.sort_unstable_by(|one, other| other.cmp(one));
            ids.dedup();
            match ids.len() {
                0 => wrong("select at least one certificate".to_owned()),
                1..=MAX_IDS => Ok(BulkSelection::Ids(ids)),
                _ => {
                    wrong(format!("at most {MAX_IDS} certificates can be selected one by one; use a filter"))
                }
            }
        }
        BulkSelection::Filter(mut filter) => {
            if !is_restricted(&filter) {
                return wrong("set a filter first: this would be every certificate".to_owned());
            }
            match filter.state {
                None | Some(CertificateState::Valid) => filter.state = Some(CertificateState::Valid),
                Some(state) => {
                    return wrong(format!("nothing can be done to certificates that are {state}"));
                }
            }
            // The work runs along the ids.
            filter.order = Some(CertificateOrder::Newest);
            Ok(BulkSelection::Filter(filter))
        }
    }
}

/// Whether a filter says more than where certificates stand: an action on all there are is nobody's intention.
pub fn is_restricted(filter: &CertificateFilter) -> bool {
    let (state, order, page) = (filter.state, filter.order, filter.page.clone());
    *filter != CertificateFilter { state, order, page, ..CertificateFilter::default() }
}

/// How many certificates are meant, as [`BulkAction::total`].
async fn count(core: &Core, caller: &Caller, selection: &BulkSelection) -> Result<u64> {
    let filter = match selection {
        BulkSelection::Ids(ids) => return Ok(ids.len() as u64),
        BulkSelection::Filter(filter) => filter,
    };
    let mut page = PageRequest { after: None, limit: PageRequest::MAX_LIMIT };
    let mut total = 0;
    loop {
        let part = CertificateFilter { page: page.clone(), ..(**filter).clone() };
        let found = certificates::list(core, caller, &part).await?;
        total += found.items.len() as u64;
        page.after = found.next;
        if page.after.is_none() || total > BulkAction::COUNTED {
            return Ok(total.min(BulkAction::COUNTED + 1));
        }
    }
}
