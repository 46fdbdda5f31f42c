//! The work of bulk actions: whoever is free does the next step.

use std::time::Duration;

use crate::core::Core;
use crate::error::Result;
use crate::jobs::Job;
use crate::services::bulk_actions::work;

pub(super) const WORK: Job = Job {
    name: "bulk_actions",
    about: "Does what was asked for many certificates at once, some at a time.",
    every: Duration::from_secs(1),
};
/// Between two steps, so that a large action leaves most of the database to issuances.
const PAUSE: Duration = Duration::from_millis(20);

pub async fn do_all(core: &Core) -> Result<()> {
    while work::step(core).await? {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
