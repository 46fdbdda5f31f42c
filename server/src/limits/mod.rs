//! Rate limits: who may do how much in an hour.
//!
//! Counts are kept in memory, so that an order within its limits costs no statement and no orders contend for a row.
//! Once a second [`RateLimiter::synchronise`] adds what is worth it to the counters in the database and learns what
//! other replicas have counted. Before anybody is refused the database is asked, so that a reset works everywhere at
//! once.

pub mod admission;
mod counters;
mod pending;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use model::{AccountId, RateCounter, RateLimit, RateSubject, StoredRateLimits, Timestamp};
use store::{Store, StoreError};
use tokio::sync::RwLock;

use counters::Counters;
pub use counters::window_end;
use pending::PendingOrders;

/// A count is stored when a fiftieth of its limit has come together in this process. So ordinary use, of most names
/// an order or two, is never written, and a replica or a restart forgets a fiftieth of a limit at most.
const WORTH_STORING: u32 = 50;
/// How many counters that are half used up, of each limit, a replica learns from the others.
const LEARNED: u32 = 1000;

/// Something that a caller is about to do, and what it counts towards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub limit: RateLimit,
    pub subject: RateSubject,
    /// 1, or 0 for what must not be done when the limit is reached, but does not itself count towards it.
    pub amount: u8,
}

impl Charge {
    pub fn one(limit: RateLimit, subject: RateSubject) -> Self {
        Self { limit, subject, amount: 1 }
    }
}

/// A limit is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub limit: RateLimit,
    pub subject: RateSubject,
    pub allowed: u32,
    /// The end of the window.
    pub resets_at: Timestamp,
    /// When to try again.
    pub retry_at: Timestamp,
    /// Whether the subject was refused before in this window, by any replica, and an audit event says so.
    pub noted: bool,
}

#[derive(Debug, Default)]
pub struct RateLimiter {
    limits: ArcSwap<StoredRateLimits>,
    counters: Counters,
    pending: PendingOrders,
    /// Written while counts move from here to the database: a reader in between would count them twice.
    moving: RwLock<()>,
}

impl RateLimiter {
    /// The limits in force.
    pub fn limits(&self) -> Arc<StoredRateLimits> {
        self.limits.load_full()
    }

    /// Puts limits in force that were just stored or read. Older ones than those in force are passed over.
    pub fn set_limits(&self, fresh: StoredRateLimits) {
        let fresh = Arc::new(fresh);
        self.limits.rcu(|current| match current.version < fresh.version {
            true => Arc::clone(&fresh),
            false => Arc::clone(current),
        });
    }

    /// Counts all of `charges`, or none of them and says which limit is reached.
    pub async fn charge(
        &self,
        store: &Store,
        charges: &[Charge],
        now: Timestamp,
    ) -> Result<Option<Refusal>, StoreError> {
        let current = self.limits.load_full();
        for (done, charge) in charges.iter().enumerate() {
            let Some(allowed) = current.limits.allowed(charge.limit) else { continue };
            let amount = i64::from(charge.amount);
            let count = match amount {
                0 => self.counters.count(charge.limit, &charge.subject, now),
                _ => self.counters.add(charge.limit, &charge.subject, now, amount),
            };
            if count - amount < i64::from(allowed) {
                continue;
            }
            let refusal = self.confirm(store, charge, allowed, now).await;
            if let Ok(None) = refusal {
                continue;
            }
            self.take_back(&charges[..=done], now);
            return refusal;
        }
        Ok(None)
    }

    /// Uncounts what was counted and then not done.
    pub fn take_back(&self, charges: &[Charge], now: Timestamp) {
        let current = self.limits.load();
        let counted = |c: &&Charge| c.amount > 0 && current.limits.allowed(c.limit).is_some();
        for charge in charges.iter().filter(counted) {
            self.counters.add(charge.limit, &charge.subject, now, -i64::from(charge.amount));
        }
    }

    /// Counts what has happened already.
    pub fn note(&self, limit: RateLimit, subject: &RateSubject, now: Timestamp) {
        if self.limits.load().limits.allowed(limit).is_some() {
            self.counters.add(limit, subject, now, 1);
        }
    }

    /// Counts one more pending order of `account`, or says that it has as many as it may.
    pub async fn charge_pending_order(
        &self,
        store: &Store,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<Option<Refusal>, StoreError> {
        let limit = RateLimit::AccountPendingOrders;
        let Some(allowed) = self.limits().limits.allowed(limit) else { return Ok(None) };
        if self.pending.place(store, account, allowed, now).await? {
            return Ok(None);
        }
        let subject = RateSubject::account(account);
        let resets_at = window_end(limit, &subject, now);
        let noted = store.read().await?.rate_counter(limit, &subject, resets_at).await?;
        let noted = noted.is_some_and(|counter| counter.refused);
        let retry_at = now + pending::WAIT;
        Ok(Some(Refusal { limit, subject, allowed, resets_at, retry_at, noted }))
    }

    /// Uncounts a pending order that was then not made.
    pub fn take_back_pending_order(&self, account: &AccountId) {
        self.pending.take_back(account);
    }

    /// Whether the database too says that `charge`, which is counted here already, is too much.
    async fn confirm(
        &self,
        store: &Store,
        charge: &Charge,
        allowed: u32,
        now: Timestamp,
    ) -> Result<Option<Refusal>, StoreError> {
        let resets_at = window_end(charge.limit, &charge.subject, now);
        let _not_moving = self.moving.read().await;
        let stored = store.read().await?.rate_counter(charge.limit, &charge.subject, resets_at).await?;
        let (count, noted) = stored.map_or((0, false), |c| (c.count, c.refused));
        let count = self.counters.correct(charge.limit, &charge.subject, now, count);
        if count - i64::from(charge.amount) < i64::from(allowed) {
            return Ok(None);
        }
        let Charge { limit, subject, .. } = charge.clone();
        Ok(Some(Refusal { limit, subject, allowed, resets_at, retry_at: resets_at, noted }))
    }

    /// Exchanges limits and counts with the database.
    pub async fn synchronise(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let _moving = self.moving.write().await;
        let mut db = store.read().await?;
        self.set_limits(db.rate_limits().await?);
        let current = self.limits.load_full();
        let half: Vec<_> = RateLimit::ALL
            .iter()
            .filter(|limit| limit.has_window())
            .filter_map(|limit| Some((*limit, (i64::from(current.limits.allowed(*limit)?) + 1) / 2)))
            .collect();
        for counter in db.high_rate_counters(&half, now, LEARNED).await? {
            // A window of the future is one of a replica whose clock is ahead.
            if counter.resets_at == window_end(counter.limit, &counter.subject, now) {
                self.counters.correct(counter.limit, &counter.subject, now, counter.count);
            }
        }
        drop(db);
        let worth = |limit| Some(i64::from((current.limits.allowed(limit)? / WORTH_STORING).max(1)));
        let unsaved = self.counters.to_save(now, worth);
        self.save(store, unsaved).await?;
        match current.limits.allowed(RateLimit::AccountPendingOrders) {
            Some(allowed) => self.pending.recount(store, allowed).await,
            None => Ok(()),
        }
    }

    /// Stores all counts of `subject`, however low, so that the database has the whole of them.
    pub async fn save_subject(
        &self,
        store: &Store,
        subject: &RateSubject,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let _moving = self.moving.write().await;
        let unsaved: Vec<_> = RateLimit::ALL
            .iter()
            .map(|limit| RateCounter {
                limit: *limit,
                subject: subject.clone(),
                resets_at: window_end(*limit, subject, now),
                count: self.counters.unsaved(*limit, subject, now),
                refused: false,
            })
            .filter(|counter| counter.count != 0)
            .collect();
        self.save(store, unsaved).await
    }

    async fn save(&self, store: &Store, unsaved: Vec<RateCounter>) -> Result<(), StoreError> {
        if unsaved.is_empty() {
            return Ok(());
        }
        let added: HashMap<_, _> = unsaved.iter().map(|c| ((c.limit, c.subject.clone()), c.count)).collect();
        let stored: Vec<RateCounter> =
            store.write(move |tx| Box::pin(async move { tx.add_to_rate_counters(unsaved).await })).await?;
        for counter in stored {
            if let Some(added) = added.get(&(counter.limit, counter.subject.clone())) {
                self.counters.saved(&counter, *added);
            }
        }
        Ok(())
    }

    /// Forgets what this process has counted for `subject`.
    pub fn forget(&self, limit: RateLimit, subject: &RateSubject) {
        self.counters.forget(limit, subject);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::RateLimits;
    use store::{DatabaseUrl, StoreOptions};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    async fn store() -> (Store, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let store = Store::connect(&StoreOptions::new(DatabaseUrl::Sqlite { path })).await.unwrap();
        store.migrate().await.unwrap();
        (store, directory)
    }

    fn limiter(names: u32, networks: u32) -> RateLimiter {
        let limits = RateLimits {
            name_orders_per_hour: Some(names),
            network_orders_per_hour: Some(networks),
            ..RateLimits::default()
        };
        let limiter = RateLimiter::default();
        limiter.set_limits(StoredRateLimits { limits, version: 1 });
        limiter
    }

    fn charge(subject: &str) -> Charge {
        let subject: RateSubject = subject.parse().unwrap();
        let limits = [RateLimit::NameOrders, RateLimit::NetworkOrders];
        let limit = limits.into_iter().find(|limit| limit.counts(&subject)).unwrap();
        Charge::one(limit, subject)
    }

    async fn refused(limiter: &RateLimiter, store: &Store, charge: &Charge, now: Timestamp) -> bool {
        limiter.charge(store, std::slice::from_ref(charge), now).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn a_limit_holds_until_its_window_ends() {
        let ((store, _directory), limiter, name) = (store().await, limiter(2, 9), charge("name:a.example"));
        for expected in [false, false, true, true] {
            assert_eq!(refused(&limiter, &store, &name, NOW).await, expected);
        }
        assert!(!refused(&limiter, &store, &charge("name:b.example"), NOW).await, "others go on");
        let refusal = limiter.charge(&store, std::slice::from_ref(&name), NOW).await.unwrap().unwrap();
        assert_eq!((refusal.allowed, refusal.noted), (2, false));
        let last = refusal.resets_at - Duration::from_micros(1);
        assert!(refused(&limiter, &store, &name, last).await);
        assert!(!refused(&limiter, &store, &name, refusal.resets_at).await);
    }

    #[tokio::test]
    async fn a_refusal_counts_nothing() {
        let ((store, _directory), limiter) = (store().await, limiter(1, 3));
        let (network, name) = (charge("network:10.0.0.0/24"), charge("name:a.example"));
        let both = [network.clone(), name.clone()];
        assert_eq!(limiter.charge(&store, &both, NOW).await.unwrap(), None);
        for _ in 0..5 {
            let refusal = limiter.charge(&store, &both, NOW).await.unwrap().unwrap();
            assert_eq!(refusal.subject, name.subject);
        }
        limiter.take_back(&both, NOW);
        for expected in [false, false, false, true] {
            assert_eq!(refused(&limiter, &store, &network, NOW).await, expected);
        }
    }

    #[tokio::test]
    async fn no_limit_counts_nothing() {
        let ((store, _directory), limiter) = (store().await, RateLimiter::default());
        let limits = RateLimits { name_orders_per_hour: None, ..RateLimits::default() };
        limiter.set_limits(StoredRateLimits { limits, version: 1 });
        let name = charge("name:a.example");
        for _ in 0..10_000 {
            assert!(!refused(&limiter, &store, &name, NOW).await);
        }
        limiter.save_subject(&store, &name.subject, NOW).await.unwrap();
        assert!(store.read().await.unwrap().rate_counters_of(&name.subject, NOW).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn replicas_share_a_limit_and_a_restart_does_not_forget_it() {
        let ((store, _directory), name) = (store().await, charge("name:a.example"));
        let (a, b) = (limiter(4, 9), limiter(4, 9));
        for replica in [&a, &a, &b] {
            assert!(!refused(replica, &store, &name, NOW).await);
        }
        for replica in [&a, &b, &a] {
            replica.synchronise(&store, NOW).await.unwrap();
        }
        assert!(!refused(&a, &store, &name, NOW).await, "the fourth");
        a.synchronise(&store, NOW).await.unwrap();
        assert!(refused(&a, &store, &name, NOW).await);
        b.synchronise(&store, NOW).await.unwrap();
        assert!(refused(&b, &store, &name, NOW).await);
        let restarted = limiter(4, 9);
        restarted.synchronise(&store, NOW).await.unwrap();
        assert!(refused(&restarted, &store, &name, NOW).await);

        // A reset at one works at the others at once.
        let subject = name.subject.clone();
        let reset = store.write(move |tx| {
            Box::pin(async move { tx.delete_rate_counters(RateLimit::NameOrders, &subject).await })
        });
        assert_eq!(Result::<Vec<_>, StoreError>::unwrap(reset.await)[0].count, 4);
        assert!(!refused(&b, &store, &name, NOW).await);
    }

    #[tokio::test]
    async fn ordinary_use_is_not_written() {
        let ((store, _directory), limiter) = (store().await, limiter(1000, 1000));
        let name = charge("name:a.example");
        for count in 1..=20 {
            assert!(!refused(&limiter, &store, &name, NOW).await);
            limiter.synchronise(&store, NOW).await.unwrap();
            let stored = store.read().await.unwrap().rate_counters_of(&name.subject, NOW).await.unwrap();
            assert_eq!(stored.iter().map(|c| c.count).sum::<i64>(), if count < 20 { 0 } else { 20 });
        }
    }

    #[tokio::test]
    async fn failures_are_counted_when_they_happen_and_stop_what_comes_after() {
        let ((store, _directory), limiter) = (store().await, RateLimiter::default());
        let limits = RateLimits { account_name_failed_validations_per_hour: Some(2), ..Default::default() };
        limiter.set_limits(StoredRateLimits { limits, version: 1 });
        let account = AccountId::generate(NOW, &model::SystemEntropy);
        let subject: RateSubject = format!("account_name:{account}/a.example").parse().unwrap();
        let check = Charge { amount: 0, ..Charge::one(RateLimit::AccountNameFailures, subject.clone()) };
        for _ in 0..5 {
            assert!(!refused(&limiter, &store, &check, NOW).await, "asking counts nothing");
        }
        // One is noted here, the other by another replica.
        limiter.note(check.limit, &subject, NOW);
        assert!(!refused(&limiter, &store, &check, NOW).await);
        let other = RateLimiter::default();
        other.set_limits(limiter.limits().as_ref().clone());
        other.note(check.limit, &subject, NOW);
        for replica in [&limiter, &other, &limiter] {
            replica.synchronise(&store, NOW).await.unwrap();
        }
        assert!(refused(&limiter, &store, &check, NOW).await);
    }

    #[tokio::test]
    async fn older_limits_do_not_replace_newer_ones() {
        let limiter = limiter(7, 7);
        limiter.set_limits(StoredRateLimits::default());
        assert_eq!(limiter.limits().version, 1);
    }
}
