//! Stores when API keys were used last, and reports those whose end comes near.

use std::time::Duration;

use model::Caller;
use serde_json::json;

use crate::core::Core;
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::services::api_keys::{EXPIRY_NOTICE, resource};

pub(super) const STORE_USE: Job = Job {
    name: "store_api_key_use",
    about: "Stores when and from where API keys were used last.",
    every: Duration::from_secs(60),
};
pub(super) const REPORT_ENDS: Job = Job {
    name: "report_ending_api_keys",
    about: "Records an audit event for each API key that ends within 14 days and has no successor.",
    every: Duration::from_secs(60),
};
/// Keys that are looked for at once.
const BATCH: u32 = 100;

pub(super) async fn store_use(core: &Core) -> Result<()> {
    Ok(core.key_use.store(&core.store).await?)
}

/// One audit event for each key and end, whichever replica is first.
pub(super) async fn report_ends(core: &Core) -> Result<()> {
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
