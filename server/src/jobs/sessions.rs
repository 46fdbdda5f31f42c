//! Deletes what is over: sessions, sign-in links, and what was remembered of sessions that providers ended.

use std::sync::Arc;
use std::time::Duration;

use crate::core::Core;
use crate::error::{Error, Result};

const EVERY: Duration = Duration::from_secs(60);
/// Rows in one transaction.
const BATCH: u32 = 500;

pub(super) async fn clean_up(core: Arc<Core>) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(e) = delete_ended(&core).await {
            tracing::warn!(error = %e, "ended sessions could not be deleted");
        }
    }
}

pub async fn delete_ended(core: &Core) -> Result<()> {
    loop {
        let now = core.now();
        let idle_since = core.sessions.idle_since(now);
        let deleted = core
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let sessions = tx.delete_ended_sessions(now, idle_since, BATCH).await?;
                    let links = tx.delete_expired_login_links(now, BATCH).await?;
                    Ok::<_, Error>(
                        sessions.max(links).max(tx.forget_ended_provider_sessions(now, BATCH).await?),
                    )
                })
            })
            .await?;
        if deleted < u64::from(BATCH) {
            return Ok(());
        }
    }
}
