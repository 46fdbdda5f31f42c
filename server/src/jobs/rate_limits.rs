//! Keeps the counts of the rate limits in memory and in the database together, and the table small.

use std::time::Duration;

use crate::core::Core;
use crate::error::Result;
use crate::jobs::Job;

/// How soon replicas know of each other's counts, and of changed limits.
pub(super) const SYNCHRONISE: Job = Job {
    name: "synchronise_rate_limits",
    about: "Exchanges the counts of the rate limits with the database and so with other replicas.",
    every: Duration::from_secs(1),
};
pub(super) const CLEAN_UP: Job = Job {
    name: "clean_up_rate_limits",
    about: "Deletes counts of rate limits whose window is over.",
    every: Duration::from_secs(60),
};
/// Rows in one transaction.
const BATCH: u32 = 500;

pub(super) async fn synchronise(core: &Core) -> Result<()> {
    Ok(core.rate_limiter.synchronise(&core.store, core.now()).await?)
}

pub(super) async fn clean_up(core: &Core) -> Result<()> {
    loop {
        let now = core.now();
        let deleted: Result<_, store::StoreError> = core
            .store
            .write(move |tx| Box::pin(async move { tx.delete_ended_rate_counters(now, BATCH).await }))
            .await;
        if deleted? < u64::from(BATCH) {
            return Ok(());
        }
    }
}
