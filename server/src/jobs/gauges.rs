//! Metrics that are read, not counted.

use model::OrderStatus;
use store::StoreError;

use crate::core::Core;
use crate::services::api_keys::EXPIRY_NOTICE;

/// Brings the gauges up to date; called for each scrape. The counts come from indexes over what is
/// open only.
pub async fn refresh(core: &Core) -> Result<(), StoreError> {
    let mut db = core.store.read().await?;
    let counts = db.open_order_counts().await?;
    core.metrics.set_validation_queue(db.count_processing_challenges().await?);
    let now = core.now();
    core.metrics.set_api_keys_expiring(db.count_api_keys_ending(now, now + EXPIRY_NOTICE).await?);
    drop(db);
    for status in [OrderStatus::Pending, OrderStatus::Ready, OrderStatus::Processing] {
        let count = counts.iter().find(|(s, _)| *s == status).map_or(0, |(_, n)| *n);
        core.metrics.set_open_orders(status.as_str(), count);
    }
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let stats = core.store.stats();
    core.metrics.set_database("open", count(stats.connections));
    core.metrics.set_database("idle", count(stats.idle));
    core.metrics.set_database("queue", count(stats.queue));
    for (id, signer) in core.signers.iter() {
        core.metrics.set_expiry(id.as_str(), signer.not_after().unix_seconds());
    }
    Ok(())
}
