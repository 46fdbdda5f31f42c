//! Deletes what is over: sessions, sign-in links, and what was remembered of sessions that providers ended.

use std::time::Duration;

use crate::core::Core;
use crate::error::{Error, Result};
use crate::jobs::Job;

pub(super) const CLEAN_UP: Job = Job {
    name: "clean_up_sessions",
    about: "Deletes sessions and sign-in links that are over.",
    every: Duration::from_secs(60),
};
/// Rows in one transaction.
const BATCH: u32 = 500;

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
