//! How many pending orders each account has, roughly: the last count, and what was placed here since.
//!
//! The estimate errs on the high side, because orders end without a word to it; so it is counted anew before anybody
//! is refused. Counting is bounded by the limit, runs over an index of pending orders alone, and is the job's, not the
//! order's, except just before a refusal.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{AccountId, Timestamp};
use store::{Store, StoreError};

/// What a refused client is told to wait. Orders end at any time.
pub const WAIT: Duration = Duration::from_secs(60);
/// For how long a count that filled the limit is believed, so that a client that keeps trying costs little.
const FULL_FOR: Duration = Duration::from_secs(2);
/// Accounts that are remembered.
const CAPACITY: usize = 10_000;
/// Accounts that one round of the job counts.
const ROUND: usize = 50;

#[derive(Debug, Default)]
pub struct PendingOrders(Mutex<HashMap<AccountId, Estimate>>);

#[derive(Debug, Default, Clone, Copy)]
struct Estimate {
    /// `None`: not since this process has known the account.
    counted: Option<i64>,
    placed_since: i64,
    /// Until when the account is known to have all that it may.
    full_until: Option<Timestamp>,
}

impl Estimate {
    fn total(self) -> i64 {
        self.counted.unwrap_or(0) + self.placed_since
    }
}

impl PendingOrders {
    /// Counts one more; `false`, and nothing, when `allowed` are there.
    pub async fn place(
        &self,
        store: &Store,
        account: &AccountId,
        allowed: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if let Some(known) = self.place_by_estimate(account, allowed, now) {
            return Ok(known);
        }
        let counted = store.read().await?.count_pending_orders(account, allowed).await?;
        let full = counted >= i64::from(allowed);
        let estimate = Estimate {
            counted: Some(counted),
            placed_since: i64::from(!full),
            full_until: full.then_some(now + FULL_FOR),
        };
        self.lock().insert(account.clone(), estimate);
        Ok(!full)
    }

    /// `None`: it must be counted.
    fn place_by_estimate(&self, account: &AccountId, allowed: u32, now: Timestamp) -> Option<bool> {
        let mut accounts = self.lock();
        if accounts.len() >= CAPACITY && !accounts.contains_key(account) {
            make_room(&mut accounts, allowed);
        }
        let estimate = accounts.entry(account.clone()).or_default();
        if estimate.total() < i64::from(allowed) {
            estimate.placed_since += 1;
            return Some(true);
        }
        estimate.full_until.is_some_and(|until| now < until).then_some(false)
    }

    pub fn take_back(&self, account: &AccountId) {
        if let Some(estimate) = self.lock().get_mut(account) {
            estimate.placed_since -= 1;
        }
    }

    /// Counts anew for accounts that are new here, or have placed a tenth of the limit since the last count.
    pub async fn recount(&self, store: &Store, allowed: u32) -> Result<(), StoreError> {
        let is_due = |e: &Estimate| e.counted.is_none() || e.placed_since * 10 >= i64::from(allowed);
        let due: Vec<_> = self
            .lock()
            .iter()
            .filter(|(_, e)| is_due(e))
            .take(ROUND)
            .map(|(account, e)| (account.clone(), e.placed_since))
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let mut db = store.read().await?;
        for (account, placed) in due {
            let counted = db.count_pending_orders(&account, allowed).await?;
            if let Some(estimate) = self.lock().get_mut(&account) {
                estimate.counted = Some(counted);
                // What was placed while counting may be in both.
                estimate.placed_since = (estimate.placed_since - placed).max(0);
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Estimate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops accounts that are far from the limit; all, when that does not help, to be counted anew.
fn make_room(accounts: &mut HashMap<AccountId, Estimate>, allowed: u32) {
    accounts.retain(|_, e| e.total() * 10 >= i64::from(allowed));
    if accounts.len() >= CAPACITY {
        accounts.clear();
    }
}
