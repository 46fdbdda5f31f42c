use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::Timestamp;

const EVERY: Duration = Duration::from_secs(60);

/// What is recorded at most once a minute for each key, so that whoever is refused cannot fill the audit trail. Keys are of
/// things that exist, so what is invented takes no memory.
#[derive(Debug)]
pub struct Seldom<K>(Mutex<HashMap<K, Timestamp>>);

impl<K> Default for Seldom<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Seldom<K> {
    /// Whether this is to be recorded; if so, the next ones are not for a while.
    pub fn is_to_record(&self, key: K, now: Timestamp) -> bool {
        // What is behind it is whole after every step.
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.retain(|_, at| *at + EVERY > now);
        match recorded.entry(key) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(now);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_recorded_once_a_minute() {
        let seldom = Seldom::default();
        let record = |key, seconds: i64| {
            seldom.is_to_record(key, Timestamp::from_unix_seconds(1_800_000_000 + seconds))
        };
        assert!(record(("one", 1), 0));
        assert!(!record(("one", 1), 59));
        assert!(record(("one", 2), 59));
        assert!(record(("other", 1), 59));
        assert!(record(("one", 1), 60));
        assert!(!record(("one", 1), 61));
    }
}
