//! How much was issued, how much failed, and when what was issued ends.
//!
//! The figures are counted from the certificates and orders themselves, which is right whatever was revoked, replaced or
//! deleted meanwhile, on every replica, and costs an issuance nothing; counts that are kept along would be a row that all
//! issuances of a day change, or a drift. What counting costs grows with what there is, so the page does not wait for
//! it: where it takes long, figures are shown that are some time old, and the page says so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::{Caller, Permission, Timestamp};
use store::Counted;
use tokio::sync::oneshot;

use crate::auth::authorise;
use crate::core::Core;
use crate::error::Result;

const DAY: Duration = Duration::from_secs(86_400);
/// How far ahead, and how far back, the days are counted.
pub const AHEAD: u32 = 90;
pub const BACK: u32 = 28;

/// Figures that are counted as fast as this are counted anew for every page.
const QUICK: Duration = Duration::from_millis(50);
/// Others are kept for so many times what they took: counting takes no more than this part of the server's time.
const KEPT: u32 = 50;
/// How long a page waits for newer figures when it has old ones, and when it has none that it would show.
const PATIENCE: Duration = Duration::from_millis(30);
const LONG_PATIENCE: Duration = Duration::from_secs(2);
/// Figures from before this are not shown.
const TOO_OLD: Duration = Duration::from_secs(3600);
/// Days that one statement counts, so that none takes long.
const SPANS_AT_ONCE: usize = 10;

/// Counts for each day, where a day begins at the time of day that it is now.
#[derive(Debug)]
pub struct Figures {
    pub counted_at: Timestamp,
    /// What ends in each of the next [`AHEAD`] days, without what is revoked.
    pub expiring: Vec<Counted>,
    /// What was issued in each of the last [`BACK`] days.
    pub issued: Vec<i64>,
    /// Orders that were placed in each of those days and failed.
    pub failed: Vec<i64>,
}

/// The figures of this process.
#[derive(Debug, Default)]
pub struct FiguresCache(Mutex<Cached>);

#[derive(Debug, Default)]
struct Cached {
    last: Option<Arc<Figures>>,
    /// What they took.
    took: Duration,
    /// Somebody counts.
    under_way: bool,
}

impl FiguresCache {
    fn lock(&self) -> MutexGuard<'_, Cached> {
        // What is behind it is whole after every step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None`: the first ones are being counted.
pub async fn figures(core: &Arc<Core>, caller: &Caller) -> Result<Option<Arc<Figures>>> {
    authorise(caller, Permission::CertificateRead)?;
    let (shown, patience) = {
        let mut cached = core.figures.lock();
        let age = cached.last.as_ref().map(|last| core.now().since(last.counted_at));
        let quick = cached.took <= QUICK;
        let shown = cached.last.clone().filter(|_| age.is_some_and(|age| age <= TOO_OLD));
        if cached.under_way || (!quick && age.is_some_and(|age| age < cached.took * KEPT)) {
            return Ok(shown);
        }
        cached.under_way = true;
        let patience = if shown.is_none() || quick { LONG_PATIENCE } else { PATIENCE };
        (shown, patience)
    };
    let (done, counted) = oneshot::channel();
    let counting = Counting(Arc::clone(core));
    tokio::spawn(async move { drop(done.send(counting.run().await)) });
    match tokio::time::timeout(patience, counted).await {
        Ok(Ok(figures)) => figures.map(Some),
        Ok(Err(_)) | Err(_) => Ok(shown),
    }
}

/// Dropped, it lets others count.
struct Counting(Arc<Core>);

impl Counting {
    async fn run(self) -> Result<Arc<Figures>> {
        let since = Instant::now();
        let figures = Arc::new(count(&self.0).await?);
        let mut cached = self.0.figures.lock();
        cached.last = Some(Arc::clone(&figures));
        cached.took = since.elapsed();
        Ok(figures)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.0.figures.lock().under_way = false;
    }
}

async fn count(core: &Core) -> Result<Figures> {
    let now = core.now();
    let ahead: Vec<Timestamp> = (0..=AHEAD).map(|days| now + DAY * days).collect();
    // The last moment counts as well: what was issued just now is of today.
    let back: Vec<_> = (0..=BACK).rev().map(|days| now + Duration::from_secs(1) - DAY * days).collect();
    let mut db = core.store.read().await?;
    let mut figures =
        Figures { counted_at: now, expiring: Vec::new(), issued: Vec::new(), failed: Vec::new() };
    for some in parts(&ahead) {
        figures.expiring.extend(db.expiry_counts(some).await?);
    }
    for some in parts(&back) {
        figures.issued.extend(db.issuance_counts(some).await?);
        figures.failed.extend(db.failure_counts(some).await?);
    }
    Ok(figures)
}

/// The bounds of some spans at a time; the last bound of some is the first of the next.
fn parts(bounds: &[Timestamp]) -> impl Iterator<Item = &[Timestamp]> {
    let spans = bounds.len().saturating_sub(1);
    let starts = (0..spans).step_by(SPANS_AT_ONCE);
    starts.filter_map(move |start| bounds.get(start..=(start + SPANS_AT_ONCE).min(spans)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::sessions::tests::World;

    #[test]
    fn parts_have_every_span_once() {
        for length in [0, 1, 2, 10, 11, 12, 29, 91] {
            let bounds: Vec<_> = (0..length).map(Timestamp::from_unix_seconds).collect();
            let spans = parts(&bounds).flat_map(|some| some.windows(2)).map(<[_]>::to_vec);
            let expected = bounds.windows(2).map(<[_]>::to_vec);
            assert_eq!(spans.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{length}");
            assert!(parts(&bounds).all(|some| some.len() <= SPANS_AT_ONCE + 1));
        }
    }

    #[tokio::test]
    async fn figures_that_took_long_are_kept_for_a_while() {
        let world = World::new().await;
        let caller = Caller::system("test");
        let core = &world.core;
        let first = figures(core, &caller).await.unwrap().unwrap();
        assert_eq!((first.expiring.len(), first.issued.len(), first.failed.len()), (90, 28, 28));
        let second = figures(core, &caller).await.unwrap().unwrap();
        assert!(!Arc::ptr_eq(&first, &second), "quick ones are counted anew");
        core.figures.lock().took = Duration::from_secs(2);
        let third = figures(core, &caller).await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&second, &third));
        world.wait(Duration::from_secs(101));
        let mut newer = figures(core, &caller).await.unwrap().unwrap();
        while newer.counted_at == second.counted_at {
            tokio::time::sleep(Duration::from_millis(5)).await;
            newer = figures(core, &caller).await.unwrap().unwrap();
        }
        assert!(newer.counted_at > second.counted_at && !core.figures.lock().under_way);
        // While somebody counts, others do not wait; what is too old is not shown.
        core.figures.lock().under_way = true;
        assert!(figures(core, &caller).await.unwrap().is_some());
        world.wait(Duration::from_secs(3700));
        assert!(figures(core, &caller).await.unwrap().is_none());
    }
}
