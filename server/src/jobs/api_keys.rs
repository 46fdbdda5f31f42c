//! Stores when API keys were used last, and reports those whose end comes near.

use std::sync::Arc;
use std::time::Duration;

use model::Caller;
use serde_json::json;

use crate::core::Core;
use crate::error::{Error, Result};
use crate::services::api_keys::{EXPIRY_NOTICE, resource};

const EVERY: Duration = Duration::from_secs(60);
/// Keys that are looked for at once.
const BATCH: u32 = 100;

pub(super) async fn look_after(core: Arc<Core>) {
    loop {
        if let Err(e) = core.key_use.store(&core.store).await {
            tracing::warn!(error = %e, "the last uses of API keys could not be stored; they will be tried again");
        }
        if let Err(e) = report_ends(&core).await {
            tracing::warn!(error = %e, "the ends of API keys could not be reported; it will be tried again");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// One audit event for each key and end, whichever replica is first.
async fn report_ends(core: &Core) -> Result<()> {
    loop {
        let now = core.now();
        let keys = core.store.read().await?.api_keys_to_report(now, now + EXPIRY_NOTICE, BATCH).await?;
        let full = keys.len() == BATCH as usize;
        for key in keys {
            let details = json!({ "name": key.name, "role": key.grant.role, "expires_at": key.expires_at });
            let caller = Caller::system("api-keys");
            let event = core.event(&caller, "api_key.expiring", resource(&key.id), details);
            core.store
                .write(move |tx| {
                    Box::pin(async move {
                        if tx.mark_api_key_reported(&key.id).await? {
                            tx.record(&[event]).await?;
                        }
                        Ok::<_, Error>(())
                    })
                })
                .await?;
        }
        if !full {
            return Ok(());
        }
    }
}
