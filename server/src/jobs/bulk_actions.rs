//! The work of bulk actions: whoever is free does the next step. And their end.

use std::time::Duration;

use crate::core::Core;
use crate::error::{Error, Result};
use crate::jobs::{Job, KEEP_ENDED};
use crate::services::bulk_actions::work;

pub(super) const WORK: Job = Job {
    name: "bulk_actions",
    about: "Does what was asked for many certificates at once, some at a time.",
    every: Duration::from_secs(1),
};
pub(super) const CLEAN_UP: Job = Job {
    name: "clean_up_bulk_actions",
    about: "Deletes bulk actions that ended 90 days ago.",
    every: Duration::from_secs(60),
};
/// Rows in one transaction.
const BATCH: u32 = 500;
/// Between two steps, so that a large action leaves most of the database to issuances.
const PAUSE: Duration = Duration::from_millis(20);

pub async fn do_all(core: &Core) -> Result<()> {
    while work::step(core).await? {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// What was done to each certificate stays in the audit trail.
pub async fn delete_ended(core: &Core) -> Result<()> {
    loop {
        let ended_before = core.now() - KEEP_ENDED;
        let deleted = core.store.write(move |tx| {
            Box::pin(
                async move { tx.delete_ended_bulk_action(ended_before, BATCH).await.map_err(Error::from) },
            )
        });
        if deleted.await? == 0 {
            return Ok(());
        }
    }
}
