//! What was fetched from a provider and is good for a while. One request at a time fetches it, however many want it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use model::Timestamp;
use tokio::sync::Mutex;

use super::Fault;

/// Then somebody fetches it anew, while the others go on with what there is.
const FRESH: Duration = Duration::from_secs(3600);
/// For so long it is used when it cannot be fetched anew.
const USABLE: Duration = Duration::from_secs(24 * 3600);
/// So long a failure answers for the next attempt, so that those who wait for a dead provider do not queue up.
const FAILURE: Duration = Duration::from_secs(3);
/// Between two refreshes that a caller demands: what strangers send must not become requests to the provider.
pub const DEMANDED: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Fetched<T> {
    value: Arc<T>,
    at: Timestamp,
}

#[derive(Debug, Default)]
struct Attempts {
    /// The last one, if it failed.
    failed: Option<(Timestamp, Fault)>,
    /// The last one that a caller demanded.
    demanded_at: Option<Timestamp>,
}

#[derive(Debug)]
pub struct Cached<T> {
    current: ArcSwapOption<Fetched<T>>,
    /// Held while fetching.
    attempts: Mutex<Attempts>,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self { current: ArcSwapOption::empty(), attempts: Mutex::default() }
    }
}

impl<T> Cached<T> {
    /// What there is, fetched when there is nothing or it is old.
    pub async fn get<F>(&self, now: Timestamp, fetch: impl FnOnce() -> F) -> Result<Arc<T>, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        if let Some(value) = self.younger_than(FRESH, now) {
            return Ok(value);
        }
        let usable = self.younger_than(USABLE, now);
        let mut attempts = match &usable {
            Some(value) => match self.attempts.try_lock() {
                Ok(guard) => guard,
                Err(_) => return Ok(Arc::clone(value)),
            },
            None => self.attempts.lock().await,
        };
        // Another may have fetched while this one waited.
        if let Some(value) = self.younger_than(FRESH, now) {
            return Ok(value);
        }
        let pause = if usable.is_some() { DEMANDED } else { FAILURE };
        let outcome = match &attempts.failed {
            Some((at, fault)) if now.since(*at) < pause => Err(fault.clone()),
            _ => self.fetch(now, &mut attempts, fetch).await,
        };
        outcome.or_else(|fault| usable.ok_or(fault))
    }

    /// Newer than what [`Self::get`] gave: fetched, unless that was demanded less than [`DEMANDED`] ago.
    pub async fn renew<F>(&self, now: Timestamp, fetch: impl FnOnce() -> F) -> Result<Arc<T>, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut attempts = self.attempts.lock().await;
        let is_early = attempts.demanded_at.is_some_and(|at| now.since(at) < DEMANDED);
        match (self.younger_than(USABLE, now), &attempts.failed) {
            (Some(value), _) if is_early => return Ok(value),
            (None, Some((_, fault))) if is_early => return Err(fault.clone()),
            _ => attempts.demanded_at = Some(now),
        }
        self.fetch(now, &mut attempts, fetch).await
    }

    async fn fetch<F>(
        &self,
        now: Timestamp,
        attempts: &mut Attempts,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        match fetch().await {
            Ok(value) => {
                let value = Arc::new(value);
                self.current.store(Some(Arc::new(Fetched { value: Arc::clone(&value), at: now })));
                attempts.failed = None;
                Ok(value)
            }
            Err(fault) => {
                attempts.failed = Some((now, fault.clone()));
                Err(fault)
            }
        }
    }

    fn younger_than(&self, age: Duration, now: Timestamp) -> Option<Arc<T>> {
        let current = self.current.load();
        current
            .as_ref()
            .filter(|fetched| now.since(fetched.at) < age)
            .map(|fetched| Arc::clone(&fetched.value))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    #[derive(Default)]
    struct Source(AtomicU32);

    impl Source {
        async fn works(&self) -> Result<u32, Fault> {
            let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::task::yield_now().await;
            Ok(count)
        }

        async fn fails(&self) -> Result<u32, Fault> {
            self.works().await?;
            Err(Fault::Unavailable("down".to_owned()))
        }

        fn asked(&self) -> u32 {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn after(seconds: u64) -> Timestamp {
        START + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn many_want_it_and_one_fetches() {
        let (source, cached) = (Source::default(), Cached::default());
        let all = (0..50).map(|_| cached.get(START, || source.works()));
        let got = futures::future::join_all(all).await;
        assert!(got.into_iter().all(|value| *value.unwrap() == 1));
        assert_eq!(*cached.get(after(3599), || source.works()).await.unwrap(), 1);
        assert_eq!(*cached.get(after(3601), || source.works()).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn old_values_outlive_a_provider_that_is_down_for_a_day() {
        let (source, cached) = (Source::default(), Cached::default());
        cached.get(START, || source.works()).await.unwrap();
        for second in [3601, 3602, 3603] {
            assert_eq!(*cached.get(after(second), || source.fails()).await.unwrap(), 1);
        }
        assert_eq!(source.asked(), 2, "a failure is not repeated at once");
        cached.get(after(86_400), || source.fails()).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_failure_is_forgotten_soon() {
        let (source, cached) = (Source::default(), Cached::default());
        for second in [0, 1, 2] {
            cached.get(after(second), || source.fails()).await.unwrap_err();
        }
        assert_eq!(source.asked(), 1);
        assert_eq!(*cached.get(after(3), || source.works()).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn what_is_demanded_is_fetched_at_most_every_half_minute() {
        let (source, cached) = (Source::default(), Cached::default());
        cached.get(START, || source.works()).await.unwrap();
        for second in [1, 2, 10, 30] {
            assert_eq!(*cached.renew(after(second), || source.works()).await.unwrap(), 2);
        }
        assert_eq!(*cached.renew(after(31), || source.works()).await.unwrap(), 3);
        cached.renew(after(61), || source.fails()).await.unwrap_err();
        assert_eq!(*cached.renew(after(90), || source.works()).await.unwrap(), 3);
        assert_eq!(source.asked(), 4, "failures count too");
        assert_eq!(*cached.renew(after(91), || source.works()).await.unwrap(), 5);
    }
}
