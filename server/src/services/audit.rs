use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream::try_unfold;
use model::{
    AuditEvent, AuditEventId, AuditFilter, Caller, Page, PageRequest, Permission, ProfileId, Timestamp,
};
use serde_json::json;

use crate::auth::authorise;
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

pub async fn list(core: &Core, caller: &Caller, filter: &AuditFilter) -> Result<Page<AuditEvent>> {
    authorise(caller, Permission::AuditRead)?;
    Ok(core.store.read().await?.audit_events(filter).await?)
}

/// How a profile came to be as it is, newest first.
pub async fn changes_of_profile(
    core: &Core,
    caller: &Caller,
    profile: &ProfileId,
    page: &PageRequest,
) -> Result<Page<AuditEvent>> {
    authorise(caller, Permission::AuditRead)?;
    Ok(core.store.read().await?.profile_history(profile, page).await?)
}

pub async fn find(core: &Core, caller: &Caller, id: &AuditEventId) -> Result<AuditEvent> {
    authorise(caller, Permission::AuditRead)?;
    let event = core.store.read().await?.audit_event(id).await?;
    event.ok_or_else(|| Error::not_found(format!("audit event {id}")))
}

/// The event by which something was revoked at that moment, for those who may see the thing. `action`: what such events
/// are called. Others of the thing may be many, such as what a revoked key was refused.
pub(super) async fn of_revocation(
    core: &Core,
    action: &str,
    resource_id: &str,
    revoked_at: Option<Timestamp>,
) -> Result<Option<AuditEvent>> {
    // Event and thing were stored together, and read the clock one after the other.
    const SLACK: Duration = Duration::from_secs(60);
    let Some(revoked_at) = revoked_at else { return Ok(None) };
    let filter = AuditFilter {
        resource_id: Some(resource_id.to_owned()),
        action: Some(action.to_owned()),
        since: Some(revoked_at - SLACK),
        until: Some(revoked_at + SLACK),
        page: PageRequest { after: None, limit: 1 },
        ..AuditFilter::default()
    };
    Ok(core.store.read().await?.audit_events(&filter).await?.items.pop())
}

/// All events that match, newest first, page by page: none is read before the one before it was taken. The export is
/// recorded before it begins.
pub async fn export(
    core: &Arc<Core>,
    caller: &Caller,
    filter: AuditFilter,
    format: String,
) -> Result<impl Stream<Item = Result<Vec<AuditEvent>>> + use<>> {
    authorise(caller, Permission::AuditExport)?;
    let details = json!({
        "format": format, "actor": filter.actor, "action": filter.action, "resource_type": filter.resource_type,
        "resource_id": filter.resource_id, "outcome": filter.outcome, "since": filter.since, "until": filter.until,
    });
    let event = core.event(caller, "audit.exported", Resource("audit", "export"), details);
    core.store
        .write(move |tx| Box::pin(async move { tx.record(&[event]).await }))
        .await
        .map_err(Error::from)?;
    let page = PageRequest { after: None, limit: PageRequest::MAX_LIMIT };
    let start = Some(AuditFilter { page, ..filter });
    let core = Arc::clone(core);
    Ok(try_unfold(start, move |filter| {
        let core = Arc::clone(&core);
        async move {
            let Some(mut filter) = filter else { return Ok(None) };
            let page = core.store.read().await?.audit_events(&filter).await?;
            filter.page.after = page.next;
            let rest = filter.page.after.is_some().then_some(filter);
            Ok(Some((page.items, rest)))
        }
    }))
}
