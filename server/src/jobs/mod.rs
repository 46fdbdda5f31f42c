//! What the server does by itself. Every replica runs every job; each step is safe to do twice.

mod api_keys;
pub mod gauges;
mod identity;
mod orders;
mod rate_limits;
pub mod sessions;
mod validation;

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::core::Core;
pub use identity::{Renewal, Source};
pub use orders::recover;
pub use validation::take_back as take_back_challenges;

/// Starts all jobs; they end when the set is dropped. `validate`: whether this replica validates challenges.
pub fn start(core: &Arc<Core>, renewal: Renewal, validate: bool) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    jobs.spawn(orders::release_stale(Arc::clone(core)));
    jobs.spawn(orders::clean_up(Arc::clone(core)));
    jobs.spawn(rate_limits::synchronise(Arc::clone(core)));
    jobs.spawn(rate_limits::clean_up(Arc::clone(core)));
    jobs.spawn(sessions::clean_up(Arc::clone(core)));
    jobs.spawn(api_keys::look_after(Arc::clone(core)));
    if validate {
        jobs.spawn(validation::run(Arc::clone(core)));
    }
    jobs.spawn(identity::renew(Arc::clone(core), renewal));
    jobs
}
