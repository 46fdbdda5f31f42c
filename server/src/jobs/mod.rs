//! What the server does by itself. Every replica runs every job; each step is safe to do twice. All go through the
//! registry, which knows how their runs ended.

mod accounts;
mod api_keys;
pub mod bulk_actions;
pub mod gauges;
mod identity;
mod orders;
mod rate_limits;
mod registry;
pub mod sessions;
mod validation;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::core::Core;
use registry::repeat;

pub use identity::{Renewal, Source};
pub use orders::recover;
#[cfg(test)]
pub use registry::Run;
pub use registry::{Job, Jobs, Report};
pub use validation::take_back as take_back_challenges;

/// How long what has ended can be read: orders and bulk actions. Certificates and audit events are kept for ever.
const KEEP_ENDED: Duration = Duration::from_secs(90 * 86_400);

/// Starts all jobs; they end when the set is dropped. `validate`: whether this replica validates challenges.
pub fn start(core: &Arc<Core>, renewal: Renewal, validate: bool) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    let each = || Arc::clone(core);
    jobs.spawn(repeat(each(), &orders::RELEASE_STALE, orders::release_stale));
    jobs.spawn(repeat(each(), &orders::CLEAN_UP, orders::clean_up));
    jobs.spawn(repeat(each(), &rate_limits::SYNCHRONISE, rate_limits::synchronise));
    jobs.spawn(repeat(each(), &rate_limits::CLEAN_UP, rate_limits::clean_up));
    jobs.spawn(repeat(each(), &sessions::CLEAN_UP, sessions::delete_ended));
    jobs.spawn(repeat(each(), &accounts::STORE_USE, accounts::store_use));
    jobs.spawn(repeat(each(), &api_keys::STORE_USE, api_keys::store_use));
    jobs.spawn(repeat(each(), &api_keys::REPORT_ENDS, api_keys::report_ends));
    jobs.spawn(repeat(each(), &bulk_actions::WORK, bulk_actions::do_all));
    jobs.spawn(repeat(each(), &bulk_actions::CLEAN_UP, bulk_actions::delete_ended));
    if validate {
        core.jobs.register(&validation::START_DUE, core.now());
        jobs.spawn(validation::run(each()));
    }
    core.jobs.register(&identity::RENEW, core.now());
    jobs.spawn(identity::renew(each(), renewal));
    jobs
}
