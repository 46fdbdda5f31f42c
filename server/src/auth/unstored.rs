use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::StoreError;

/// The last that was seen of each thing, between two writes to the database: a request writes nothing. Keys are of things
/// that exist, so what is invented takes no memory.
#[derive(Debug)]
pub struct Unstored<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Unstored<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V: Copy> Unstored<K, V> {
    pub fn note(&self, key: &K, value: V) {
        let mut noted = self.lock();
        match noted.get_mut(key) {
            Some(last) => *last = value,
            None => drop(noted.insert(key.clone(), value)),
        }
    }

    /// What is not in the database yet.
    pub fn get(&self, key: &K) -> Option<V> {
        self.lock().get(key).copied()
    }

    /// Stores what was noted by `write`; keeps it when that fails.
    pub async fn store<F>(&self, write: impl FnOnce(Vec<(K, V)>) -> F) -> Result<(), StoreError>
    where
        F: Future<Output = Result<(), StoreError>>,
    {
        let noted = std::mem::take(&mut *self.lock());
        if noted.is_empty() {
            return Ok(());
        }
        let stored = write(noted.iter().map(|(key, value)| (key.clone(), *value)).collect()).await;
        if stored.is_err() {
            let mut now = self.lock();
            for (key, value) in noted {
                now.entry(key).or_insert(value);
            }
        }
        stored
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, V>> {
        // What is behind it is whole after every step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_stored_is_kept_unless_something_newer_is_there() {
        let unstored = Unstored::default();
        unstored.note(&"one", 1);
        unstored.note(&"other", 1);
        let failed = unstored.store(async |_| {
            unstored.note(&"one", 2);
            Err(StoreError::Conflict)
        });
        assert!(failed.await.is_err());
        assert_eq!((unstored.get(&"one"), unstored.get(&"other")), (Some(2), Some(1)));
        unstored
            .store(async |mut rows| {
                rows.sort_unstable();
                assert_eq!(rows, [("one", 2), ("other", 1)]);
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(unstored.get(&"one"), None);
        unstored.store(async |_| panic!("there is nothing to store")).await.unwrap();
    }
}
