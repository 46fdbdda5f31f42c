use std::net::IpAddr;

use model::{ApiKeyId, Timestamp};
use store::{Store, StoreError};

use super::Seldom;
use super::unstored::Unstored;

/// How API keys are used.
#[derive(Debug, Default)]
pub struct KeyUse {
    used: Unstored<ApiKeyId, LastUse>,
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
        self.used.note(id, LastUse { at, from });
    }

    /// A use that is not in the database yet.
    pub fn last(&self, id: &ApiKeyId) -> Option<LastUse> {
        self.used.get(id)
    }

    /// Whether this refusal is to be recorded; if so, the next ones are not for a while.
    pub fn is_to_record(&self, id: &ApiKeyId, refusal: KeyRefusal, now: Timestamp) -> bool {
        self.recorded.is_to_record((id.clone(), refusal), now)
    }

    /// Stores what was noted, in one transaction; keeps it when that fails.
    pub async fn store(&self, store: &Store) -> Result<(), StoreError> {
        let write = async |used: Vec<(ApiKeyId, LastUse)>| {
            store
                .write(move |tx| {
                    Box::pin(async move {
                        for (id, last) in &used {
                            tx.note_api_key_use(id, last.at, last.from).await?;
                        }
                        Ok(())
                    })
                })
                .await
        };
        self.used.store(write).await
    }
}
