//! What every job goes through: it runs again and again, and how its runs ended is kept for the System page and for
//! `/metrics`.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use model::Timestamp;

use crate::core::Core;
use crate::error::{Error, Result};

/// Something that the server does by itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Job {
    pub name: &'static str,
    /// What it does, in words.
    pub about: &'static str,
    /// The pause between the end of a run and the beginning of the next one.
    pub every: Duration,
}

/// What a job has done since this process began.
#[derive(Debug, Clone)]
pub struct Report {
    pub job: &'static Job,
    /// The one that ended last.
    pub last: Option<Run>,
    /// Since when a run is under way.
    pub running_since: Option<Timestamp>,
    /// When the next run is due; of no matter while one is under way.
    pub next: Timestamp,
    /// Runs that failed since the last one that did not.
    pub failures: u64,
}

#[derive(Debug, Clone)]
pub struct Run {
    pub began: Timestamp,
    pub took: Duration,
    /// Why it failed, as it may be told; the log has the cause.
    pub fault: Option<String>,
}

/// The jobs of this process.
#[derive(Debug, Default)]
pub struct Jobs(Mutex<Vec<Report>>);

impl Jobs {
    /// In the order in which they were registered.
    pub fn reports(&self) -> Vec<Report> {
        self.lock().clone()
    }

    pub(super) fn register(&self, job: &'static Job, now: Timestamp) {
        self.lock().push(Report { job, last: None, running_since: None, next: now, failures: 0 });
    }

    /// Does `work` as one run of `job`. A panic ends the run and not the job. Of failures that follow each other only
    /// the first is in the log: an outage of the database is one event, and not one for each second.
    pub(super) async fn run<T>(
        &self,
        core: &Core,
        job: &'static Job,
        work: impl Future<Output = Result<T>>,
    ) -> Option<T> {
        let (began, clock) = (core.now(), Instant::now());
        self.change(job, |report| report.running_since = Some(began));
        // A run leaves nothing half done in the database, where units of work are rolled back, nor behind a lock.
        let caught = AssertUnwindSafe(work).catch_unwind().await;
        let done = caught.unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
        let (took, next) = (clock.elapsed(), core.now() + job.every);
        core.metrics.job(job.name, done.is_ok().then(|| core.now().unix_seconds()));
        let fault = done.as_ref().err().map(told);
        let failed_before = self.change(job, |report| {
            let before = report.failures;
            report.failures = if fault.is_some() { before + 1 } else { 0 };
            report.last = Some(Run { began, took, fault });
            report.running_since = None;
            report.next = next;
            before
        });
        match (&done, failed_before.unwrap_or(0)) {
            (Ok(_), 0) => {}
            (Ok(_), failures) => tracing::info!(job = job.name, failures, "the job works again"),
            (Err(Error::Internal(cause)), 0) => {
                tracing::error!(job = job.name, error = %cause, "the job failed; it will be tried again");
            }
            (Err(error), 0) => {
                tracing::warn!(job = job.name, %error, "the job failed; it will be tried again");
            }
            (Err(error), _) => tracing::debug!(job = job.name, %error, "the job failed again"),
        }
        done.ok()
    }

    fn change<T>(&self, job: &'static Job, change: impl FnOnce(&mut Report) -> T) -> Option<T> {
        self.lock().iter_mut().find(|report| report.job == job).map(change)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Report>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does `work` again and again.
pub(super) fn repeat<F>(core: Arc<Core>, job: &'static Job, work: F) -> impl Future<Output = ()> + use<F>
where
    F: AsyncFn(&Core) -> Result<()>,
{
    core.jobs.register(job, core.now());
    async move {
        loop {
            core.jobs.run(&core, job, work(&core)).await;
            tokio::time::sleep(job.every).await;
        }
    }
}

/// For the log: what was said where a run panicked.
fn panicked(panic: &(dyn Any + Send)) -> Error {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::Internal(format!("the run panicked: {}", said.unwrap_or("without words")))
}

/// What may be told of a failure.
fn told(error: &Error) -> String {
    match error {
        Error::Internal(_) | Error::Unavailable(_) => {
            "it could not be done; the server's log has the cause".to_owned()
        }
        other => other.public_detail(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::services::sessions::tests::World;

    static JOB: Job = Job { name: "a_job", about: "Does nothing.", every: Duration::from_secs(60) };

    #[tokio::test]
    async fn a_run_is_reported_while_it_lasts_and_when_it_ended() {
        let world = World::new().await;
        let core = &world.core;
        core.jobs.register(&JOB, core.now());
        let report = || core.jobs.reports().remove(0);
        assert!(report().last.is_none() && report().next == core.now());
        let began = core.now();
        let work = async {
            assert_eq!(report().running_since, Some(began));
            world.wait(Duration::from_secs(2));
            Ok(7)
        };
        assert_eq!(core.jobs.run(core, &JOB, work).await, Some(7));
        let done = report();
        assert_eq!((done.running_since, done.failures), (None, 0));
        assert_eq!(done.next, began + Duration::from_secs(62));
        let last = done.last.unwrap();
        assert_eq!((last.began, last.fault), (began, None));
    }

    #[tokio::test]
    async fn failures_are_counted_until_one_is_none_and_keep_their_cause_to_the_log() {
        let world = World::new().await;
        let core = &world.core;
        core.jobs.register(&JOB, core.now());
        let run = |outcome: Result<()>| core.jobs.run(core, &JOB, async move { outcome });
        for failures in 1..=2 {
            assert_eq!(run(Err(Error::Internal("password=x".to_owned()))).await, None);
            let report = core.jobs.reports().remove(0);
            assert_eq!(report.failures, failures);
            let fault = report.last.unwrap().fault.unwrap();
            assert!(fault.contains("log") && !fault.contains("password"), "{fault}");
        }
        run(Ok(())).await;
        let report = core.jobs.reports().remove(0);
        assert!(report.failures == 0 && report.last.unwrap().fault.is_none());
        let metrics = core.metrics.render();
        assert!(metrics.contains(r#"certctl_job_runs_total{job="a_job",outcome="failed"} 2"#), "{metrics}");
    }

    #[tokio::test]
    async fn a_run_that_panics_has_failed_and_the_job_goes_on() {
        static JOB: Job = Job { name: "a_job", about: "Panics.", every: Duration::from_millis(1) };
        let world = World::new().await;
        let core = &world.core;
        let (runs, mut seen) = tokio::sync::mpsc::channel(1);
        let panics = AtomicBool::new(true);
        let work = async move |core: &Core| {
            runs.send(core.jobs.reports().remove(0)).await.unwrap();
            assert!(!panics.swap(false, Ordering::Relaxed), "password={}", "x");
            Ok(())
        };
        let job = tokio::spawn(repeat(Arc::clone(core), &JOB, work));
        let mut next = async || tokio::time::timeout(Duration::from_secs(10), seen.recv()).await.unwrap();
        assert!(next().await.unwrap().last.is_none());
        let after = next().await.expect("the job goes on");
        assert_eq!(after.failures, 1);
        let fault = after.last.unwrap().fault.unwrap();
        assert!(fault.contains("log") && !fault.contains("password"), "{fault}");
        let after = next().await.expect("and further");
        assert!(after.failures == 0 && after.last.unwrap().fault.is_none());
        job.abort();
        let metrics = core.metrics.render();
        assert!(metrics.contains(r#"certctl_job_runs_total{job="a_job",outcome="failed"} 1"#), "{metrics}");
    }
}
