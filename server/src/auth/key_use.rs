use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{ApiKeyId, Timestamp};
use store::{Store, StoreError};

/// A refused use of a key is recorded at most so often for each reason, so that somebody who has an old key cannot fill
/// the audit trail with it.
const RECORD_EVERY: Duration = Duration::from_secs(60);

/// How API keys are used, between two writes to the database: a request writes nothing. There are entries for keys that
/// exist only, so what is invented takes no memory.
#[derive(Debug, Default)]
pub struct KeyUse {
    used: Mutex<HashMap<ApiKeyId, LastUse>>,
    recorded: Mutex<HashMap<(ApiKeyId, KeyRefusal), Timestamp>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastUse {
    pub at: Timestamp,
    pub from: Option<IpAddr>,
}

/// Why a key that exists is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyRefusal {
    Revoked,
    Expired,
    /// It may not be used from there.
    ForeignNetwork,
}

impl KeyRefusal {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::ForeignNetwork => "foreign network",
        }
    }
}

impl KeyUse {
    pub fn note(&self, id: &ApiKeyId, at: Timestamp, from: Option<IpAddr>) {
        let mut used = lock(&self.used);
        match used.get_mut(id) {
            Some(last) => *last = LastUse { at, from },
            None => drop(used.insert(id.clone(), LastUse { at, from })),
        }
    }

    /// A use that is not in the database yet.
    pub fn last(&self, id: &ApiKeyId) -> Option<LastUse> {
        lock(&self.used).get(id).copied()
    }

    /// Whether this refusal is to be recorded; if so, the next ones are not for a while.
    pub fn is_to_record(&self, id: &ApiKeyId, refusal: KeyRefusal, now: Timestamp) -> bool {
        let mut recorded = lock(&self.recorded);
        recorded.retain(|_, at| *at + RECORD_EVERY > now);
        match recorded.entry((id.clone(), refusal)) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(now);
                true
            }
        }
    }

    /// Stores what was noted, in one transaction; keeps it when that fails.
    pub async fn store(&self, store: &Store) -> Result<(), StoreError> {
        let used = std::mem::take(&mut *lock(&self.used));
        if used.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = used.iter().map(|(id, last)| (id.clone(), *last)).collect();
        let stored = store
            .write(move |tx| {
                Box::pin(async move {
                    for (id, last) in &rows {
                        tx.note_api_key_use(id, last.at, last.from).await?;
                    }
                    Ok(())
                })
            })
            .await;
        if stored.is_err() {
            let mut now = lock(&self.used);
            for (id, last) in used {
                now.entry(id).or_insert(last);
            }
        }
        stored
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind it is whole after every step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_recorded_once_a_minute_and_reason() {
        let use_of_keys = KeyUse::default();
        let at = |seconds: i64| Timestamp::from_unix_seconds(1_800_000_000 + seconds);
        let [one, other] = [0; 2].map(|_| ApiKeyId::generate(at(0), &model::SystemEntropy));
        let record = |id: &ApiKeyId, refusal, seconds| use_of_keys.is_to_record(id, refusal, at(seconds));
        assert!(record(&one, KeyRefusal::Revoked, 0));
        assert!(!record(&one, KeyRefusal::Revoked, 59));
        assert!(record(&one, KeyRefusal::Expired, 59));
        assert!(record(&other, KeyRefusal::Revoked, 59));
        assert!(record(&one, KeyRefusal::Revoked, 60));
        assert!(!record(&one, KeyRefusal::Revoked, 61));
    }
}
