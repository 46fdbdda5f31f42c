//! Orders that nobody finishes: taken back, expired, deleted.

use std::time::Duration;

use model::{Caller, OrderId};
use serde_json::json;

use crate::core::{Core, Resource};
use crate::error::{Error, Result};
use crate::issuance::PROCESSING_LIMIT;
use crate::jobs::{Job, KEEP_ENDED};

pub(super) const RELEASE_STALE: Job = Job {
    name: "release_stale_orders",
    about: "Makes orders ready again that a process left in processing when it died.",
    every: Duration::from_secs(5),
};
pub(super) const CLEAN_UP: Job = Job {
    name: "clean_up_orders",
    about: "Ends orders that expired, and deletes those that ended 90 days ago.",
    every: Duration::from_secs(60),
};
/// Rows in one transaction, so that a clean-up never holds up an issuance for long.
const BATCH: u32 = 500;

/// Returns orders that a process left in `processing` when it died. `age`: zero when no other process can be at
/// work on them.
pub async fn recover(core: &Core, age: Duration) -> Result<usize> {
    let mut total = 0;
    loop {
        let now = core.now();
        let released: Vec<OrderId> = core
            .store
            .write(move |tx| Box::pin(async move { tx.release_stale_orders(now - age, now, BATCH).await }))
            .await
            .map_err(Error::from)?;
        total += released.len();
        if !released.is_empty() {
            let caller = Caller::system("recovery");
            let events: Vec<_> = released
                .iter()
                .map(|id| core.event(&caller, "order.released", Resource("order", id.as_str()), json!({})))
                .collect();
            core.store.write(move |tx| Box::pin(async move { tx.record(&events).await })).await?;
        }
        if released.len() < BATCH as usize {
            return Ok(total);
        }
    }
}

pub(super) async fn release_stale(core: &Core) -> Result<()> {
    match recover(core, PROCESSING_LIMIT).await? {
        0 => {}
        orders => tracing::warn!(orders, "orders were left in processing and are ready again"),
    }
    Ok(())
}

pub(super) async fn clean_up(core: &Core) -> Result<()> {
    loop {
        let now = core.now();
        let expired =
            core.store.write(move |tx| Box::pin(async move { tx.expire_orders(now, BATCH).await })).await?;
        let ended_before = now - KEEP_ENDED;
        let deleted = core
            .store
            .write(move |tx| Box::pin(async move { tx.delete_orders(ended_before, BATCH).await }))
            .await?;
        let lone = core
            .store
            .write(move |tx| {
                Box::pin(async move { tx.delete_lone_authorizations(ended_before, BATCH).await })
            })
            .await?;
        if expired.len() < BATCH as usize && deleted.max(lone) < u64::from(BATCH) {
            return Ok(());
        }
    }
}
