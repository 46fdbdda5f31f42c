//! Keeps the counts of the rate limits in memory and in the database together, and the table small.

use std::sync::Arc;
use std::time::Duration;

use crate::core::Core;

/// How soon replicas know of each other's counts, and of changed limits.
const EVERY: Duration = Duration::from_secs(1);
const CLEAN_UP_EVERY: Duration = Duration::from_secs(60);
/// Rows in one transaction.
const BATCH: u32 = 500;

pub(super) async fn synchronise(core: Arc<Core>) {
    let mut failing = false;
    loop {
        tokio::time::sleep(EVERY).await;
        match core.rate_limiter.synchronise(&core.store, core.now()).await {
            Ok(()) => failing = false,
            // Once, not every second of an outage.
            Err(e) if !failing => {
                failing = true;
                tracing::warn!(error = %e, "the counts of the rate limits could not be exchanged with the database");
            }
            Err(_) => {}
        }
    }
}

pub(super) async fn clean_up(core: Arc<Core>) {
    loop {
        tokio::time::sleep(CLEAN_UP_EVERY).await;
        loop {
            let now = core.now();
            let deleted = core
                .store
                .write(move |tx| Box::pin(async move { tx.delete_ended_rate_counters(now, BATCH).await }))
                .await;
            match deleted {
                Ok(rows) if rows < u64::from(BATCH) => break,
                Ok(_) => {}
                Err::<_, store::StoreError>(e) => {
                    tracing::warn!(error = %e, "old counts of the rate limits could not be deleted");
                    break;
                }
            }
        }
    }
}
