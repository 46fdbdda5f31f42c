//! What this process has counted, in memory.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{RateCounter, RateLimit, RateSubject, Timestamp};

/// The length of a window.
const WINDOW: Duration = Duration::from_secs(3600);
const SHARDS: usize = 16;
/// Subjects per shard: about ten megabytes in all, whatever names a client invents.
const SHARD_CAPACITY: usize = 4096;

type Key = (RateLimit, RateSubject);

/// Counts per limit and subject. Short locks on many shards: orders of one account meet only for an addition.
#[derive(Debug)]
pub struct Counters {
    shards: [Mutex<HashMap<Key, Entry>>; SHARDS],
    capacity: usize,
}

/// The use in one window: `stored` as the database had it last, `unsaved` since.
#[derive(Debug, Clone, Copy)]
struct Entry {
    resets_at: Timestamp,
    stored: i64,
    unsaved: i64,
}

impl Entry {
    fn count(self) -> i64 {
        self.stored.saturating_add(self.unsaved)
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self { shards: Default::default(), capacity: SHARD_CAPACITY }
    }
}

impl Counters {
    /// Adds `amount`, which may be 0 or negative, in the window of `now`. Returns the count after that.
    pub fn add(&self, limit: RateLimit, subject: &RateSubject, now: Timestamp, amount: i64) -> i64 {
        let key = (limit, subject.clone());
        let mut shard = self.shard(&key);
        if shard.len() >= self.capacity && !shard.contains_key(&key) {
            make_room(&mut shard, self.capacity, now);
        }
        let resets_at = window_end(limit, subject, now);
        let entry = shard.entry(key).or_insert(Entry { resets_at, stored: 0, unsaved: 0 });
        if entry.resets_at != resets_at {
            *entry = Entry { resets_at, stored: 0, unsaved: 0 };
        }
        entry.unsaved += amount;
        entry.count()
    }

    /// The count in the window of `now`.
    pub fn count(&self, limit: RateLimit, subject: &RateSubject, now: Timestamp) -> i64 {
        let key = (limit, subject.clone());
        let resets_at = window_end(limit, subject, now);
        self.shard(&key).get(&key).filter(|e| e.resets_at == resets_at).map_or(0, |e| e.count())
    }

    /// Takes over what the database has for the window. Returns the count after that.
    pub fn correct(&self, limit: RateLimit, subject: &RateSubject, now: Timestamp, stored: i64) -> i64 {
        let key = (limit, subject.clone());
        let resets_at = window_end(limit, subject, now);
        let mut shard = self.shard(&key);
        if shard.len() >= self.capacity && !shard.contains_key(&key) {
            make_room(&mut shard, self.capacity, now);
        }
        let entry = shard.entry(key).or_insert(Entry { resets_at, stored, unsaved: 0 });
        match entry.resets_at == resets_at {
            true => entry.stored = stored,
            false => *entry = Entry { resets_at, stored, unsaved: 0 },
        }
        entry.count()
    }

    /// What was counted here and is not stored yet, in the window of `now`.
    pub fn unsaved(&self, limit: RateLimit, subject: &RateSubject, now: Timestamp) -> i64 {
        let key = (limit, subject.clone());
        let resets_at = window_end(limit, subject, now);
        self.shard(&key).get(&key).filter(|e| e.resets_at == resets_at).map_or(0, |e| e.unsaved)
    }

    pub fn forget(&self, limit: RateLimit, subject: &RateSubject) {
        let key = (limit, subject.clone());
        self.shard(&key).remove(&key);
    }

    /// What should be stored now: counts of which at least `worth(limit)` are unsaved. Drops windows that are over.
    pub fn to_save(&self, now: Timestamp, worth: impl Fn(RateLimit) -> Option<i64>) -> Vec<RateCounter> {
        let mut out = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.retain(|_, entry| entry.resets_at > now);
            for ((limit, subject), entry) in shard.iter() {
                if worth(*limit).is_some_and(|worth| entry.unsaved.abs() >= worth) {
                    out.push(RateCounter {
                        limit: *limit,
                        subject: subject.clone(),
                        resets_at: entry.resets_at,
                        count: entry.unsaved,
                        refused: false,
                    });
                }
            }
        }
        out
    }

    /// `added` of what [`Self::to_save`] gave is in the database, which has `stored` now.
    pub fn saved(&self, stored: &RateCounter, added: i64) {
        let key = (stored.limit, stored.subject.clone());
        if let Some(entry) = self.shard(&key).get_mut(&key)
            && entry.resets_at == stored.resets_at
        {
            entry.stored = stored.count;
            entry.unsaved -= added;
        }
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, HashMap<Key, Entry>> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or(0);
        lock(&self.shards[index])
    }
}

fn lock(shard: &Mutex<HashMap<Key, Entry>>) -> MutexGuard<'_, HashMap<Key, Entry>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Drops windows that are over, and if that is little, the lower half of the counts: whoever comes near a limit is
/// kept, and the effort is spread over the many insertions that it makes room for.
fn make_room(shard: &mut HashMap<Key, Entry>, capacity: usize, now: Timestamp) {
    shard.retain(|_, entry| entry.resets_at > now);
    if shard.len() < capacity - capacity / 4 {
        return;
    }
    let mut counts: Vec<i64> = shard.values().map(|entry| entry.count()).collect();
    let middle = counts.len() / 2;
    let median = *counts.select_nth_unstable(middle).1;
    let mut surplus = shard.len() - capacity / 2;
    shard.retain(|_, entry| {
        let keep = surplus == 0 || entry.count() > median;
        surplus -= usize::from(!keep);
        keep
    });
}

/// The end of the window that `now` lies in. Windows of different subjects end at different times, so that those who
/// were refused do not all come back at once; replicas agree on them without a word.
pub fn window_end(limit: RateLimit, subject: &RateSubject, now: Timestamp) -> Timestamp {
    let length = i64::try_from(WINDOW.as_secs()).unwrap_or(i64::MAX);
    let offset = i64::try_from(fnv1a(&[limit.as_str(), subject.as_str()]) % WINDOW.as_secs()).unwrap_or(0);
    let elapsed = (now.unix_seconds() - offset).rem_euclid(length);
    Timestamp::from_unix_seconds(now.unix_seconds() - elapsed + length)
}

/// FNV-1a, which is the same in every process and version, as the standard library's hashes are not.
fn fnv1a(texts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in texts.iter().flat_map(|text| text.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const ORDERS: RateLimit = RateLimit::NameOrders;

    fn subject(n: usize) -> RateSubject {
        format!("name:n{n}.example").parse().unwrap()
    }

    #[test]
    fn a_window_begins_anew_when_it_is_over() {
        let (counters, name) = (Counters::default(), subject(1));
        let end = window_end(ORDERS, &name, NOW);
        assert!(end > NOW && end <= NOW + WINDOW);
        assert_eq!((1..=3).map(|_| counters.add(ORDERS, &name, NOW, 1)).last(), Some(3));
        let last = end - Duration::from_micros(1);
        assert_eq!(counters.add(ORDERS, &name, last, 1), 4);
        assert_eq!(counters.add(ORDERS, &name, end, 1), 1);
        assert_eq!(window_end(ORDERS, &name, end), end + WINDOW);
    }

    #[test]
    fn windows_of_different_subjects_end_at_different_times() {
        let mut ends: Vec<_> = (0..100).map(|n| window_end(ORDERS, &subject(n), NOW)).collect();
        ends.sort_unstable();
        ends.dedup();
        assert!(ends.len() > 80, "{}", ends.len());
    }

    #[test]
    fn what_is_saved_is_counted_once() {
        let (counters, name) = (Counters::default(), subject(1));
        counters.add(ORDERS, &name, NOW, 5);
        assert!(counters.to_save(NOW, |_| Some(6)).is_empty(), "not worth it yet");
        let [unsaved] = &counters.to_save(NOW, |_| Some(5))[..] else { panic!("one counter") };
        counters.add(ORDERS, &name, NOW, 1);
        // Another replica had stored 10.
        counters.saved(&RateCounter { count: 15, ..unsaved.clone() }, 5);
        assert_eq!(counters.add(ORDERS, &name, NOW, 0), 16);
        assert_eq!(counters.unsaved(ORDERS, &name, NOW), 1);
        assert_eq!(counters.correct(ORDERS, &name, NOW, 0), 1, "somebody reset it");
    }

    #[test]
    fn memory_is_bounded_and_high_counts_stay() {
        let counters = Counters { capacity: 64, ..Counters::default() };
        let busy = subject(0);
        counters.add(ORDERS, &busy, NOW, 50);
        for n in 1..20_000 {
            counters.add(ORDERS, &subject(n), NOW, 1);
        }
        let held: usize = counters.shards.iter().map(|s| lock(s).len()).sum();
        assert!(held <= 64 * SHARDS, "{held}");
        assert_eq!(counters.add(ORDERS, &busy, NOW, 0), 50);
        counters.to_save(NOW + 2 * WINDOW, |_| None);
        assert_eq!(counters.shards.iter().map(|s| lock(s).len()).sum::<usize>(), 0);
    }
}
