use std::collections::BTreeMap;

use model::{Account, AccountId, Timestamp};
use store::{Store, StoreError};

use super::unstored::Unstored;

/// When ACME accounts were seen. Times are kept to the minute, so that the accounts of a minute are one statement.
#[derive(Debug, Default)]
pub struct AccountUse(Unstored<AccountId, Timestamp>);

impl AccountUse {
    /// Of a request that was accepted.
    pub fn note(&self, id: &AccountId, at: Timestamp) {
        self.0.note(id, Timestamp::from_unix_seconds(at.unix_seconds().div_euclid(60) * 60));
    }

    /// Puts in what is not stored yet.
    pub fn known_of(&self, account: Account) -> Account {
        let last_seen_at = self.0.get(&account.id).unwrap_or(account.last_seen_at);
        Account { last_seen_at: last_seen_at.max(account.last_seen_at), ..account }
    }

    /// Stores what was noted, in one transaction; keeps it when that fails.
    pub async fn store(&self, store: &Store) -> Result<(), StoreError> {
        let write = async |seen: Vec<(AccountId, Timestamp)>| {
            let mut by_minute = BTreeMap::<_, Vec<_>>::new();
            for (id, minute) in seen {
                by_minute.entry(minute).or_default().push(id);
            }
            store
                .write(move |tx| {
                    Box::pin(async move {
                        for (minute, mut ids) in by_minute {
                            // In one order on all replicas.
                            ids.sort_unstable();
                            tx.note_accounts_seen(&ids, minute).await?;
                        }
                        Ok(())
                    })
                })
                .await
        };
        self.0.store(write).await
    }
}

#[cfg(test)]
mod tests {
    use model::{AccountFilter, AccountStatus, SystemEntropy};
    use store::{DatabaseUrl, StoreOptions};

    use super::*;

    #[tokio::test]
    async fn what_was_noted_is_known_at_once_and_stored_by_the_minute() {
        let at = |seconds| Timestamp::from_unix_seconds(1_800_000_000 + seconds);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let store = Store::connect(&StoreOptions::new(DatabaseUrl::Sqlite { path })).await.unwrap();
        store.migrate().await.unwrap();
        let account = |number: i64| Account {
            id: AccountId::generate(at(number), &SystemEntropy),
            status: AccountStatus::Valid,
            jwk: "{}".to_owned(),
            key_thumbprint: number.to_string(),
            contacts: Vec::new(),
            external_account: None,
            terms_version: None,
            created_at: at(number),
            created_from: None,
            last_seen_at: at(number),
            version: 1,
        };
        let [one, other] = [1, 2].map(account);
        let stored = [one.clone(), other.clone()];
        store
            .write(move |tx| {
                Box::pin(async move {
                    for account in &stored {
                        tx.insert_account(account).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();

        let seen = AccountUse::default();
        seen.note(&one.id, at(30));
        assert_eq!(seen.known_of(one.clone()).last_seen_at, one.created_at, "never before the registration");
        seen.note(&one.id, at(150));
        seen.note(&other.id, at(100));
        assert_eq!(seen.known_of(one.clone()).last_seen_at, at(120));
        seen.store(&store).await.unwrap();
        let found = store.read().await.unwrap().accounts(&AccountFilter::default()).await.unwrap().items;
        assert_eq!(found.iter().map(|a| a.last_seen_at).collect::<Vec<_>>(), [at(60), at(120)]);
        assert_eq!(seen.0.get(&one.id), None);
    }
}
