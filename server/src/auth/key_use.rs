use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{ApiKeyId, Timestamp};
use store::{Store, StoreError};

use super::Seldom;

/// How API keys are used, between two writes to the database: a request writes nothing. There are entries for keys that
/// exist only, so what is invented takes no memory.
#[derive(Debug, Default)]
pub struct KeyUse {
    used: Mutex<HashMap<ApiKeyId, LastUse>>,
    recorded: Seldom<(ApiKeyId, KeyRefusal)>,
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
        self.recorded.is_to_record((id.clone(), refusal), now)
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
