//! Stores when ACME accounts were seen last.

use std::time::Duration;

use crate::core::Core;
use crate::error::Result;
use crate::jobs::Job;

pub(super) const STORE_USE: Job = Job {
    name: "store_account_use",
    about: "Stores when ACME accounts were seen last.",
    every: Duration::from_secs(60),
};

pub(super) async fn store_use(core: &Core) -> Result<()> {
    Ok(core.account_use.store(&core.store).await?)
}
