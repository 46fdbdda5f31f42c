use model::{AuditEvent, AuditFilter, Caller, Page, Permission};

use crate::auth::authorise;
use crate::core::Core;
use crate::error::Result;

pub async fn list(core: &Core, caller: &Caller, filter: &AuditFilter) -> Result<Page<AuditEvent>> {
    authorise(caller, Permission::AuditRead)?;
    Ok(core.store.read().await?.audit_events(filter).await?)
}
