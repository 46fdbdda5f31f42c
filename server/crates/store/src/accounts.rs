use model::{
    Account, AccountFilter, AccountId, AccountOrder, ContactPart, EabKeyId, ExternalAccount, Page, Timestamp,
};

use crate::engine::{Row, Value, args};
use crate::list::{Along, Condition, List};
use crate::sql::{Direction, Sql};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, status, jwk, key_thumbprint, contacts, eab_key_id, eab_binding, terms_version, created_at, \
         created_from, last_seen_at, version"
    };
}

impl Reader {
    pub async fn account(&mut self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM accounts WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(account).transpose()
    }

    /// The account whose key has this SHA-256 JWK thumbprint, in base64url.
    pub async fn account_by_thumbprint(&mut self, thumbprint: &str) -> Result<Option<Account>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM accounts WHERE key_thumbprint = $1");
        self.fetch_optional(sql, args![thumbprint]).await?.as_ref().map(account).transpose()
    }

    /// In the order of [`AccountFilter::order`].
    pub async fn accounts(&mut self, filter: &AccountFilter) -> Result<Page<Account>, StoreError> {
        let mut list = list_of(filter);
        let Some(part) = &filter.contact_part else {
            return self.page_of(&list, &filter.page, account).await;
        };
        let select = "SELECT account_id AS id, part FROM account_contacts";
        match self.found_by_part(select, part.as_str(), MOST_FOUND).await? {
            Some(ids) => self.page_among(&list, ids, &filter.page, account).await,
            None => {
                let labels = "REPLACE(REPLACE(REPLACE(LOWER(CAST(contacts AS TEXT)), '\"mailto:', '.'), '\"', '.'), \
                              '@', '.') LIKE ";
                list.compare(Condition::has_part(labels, part.as_str()));
                self.page_of(&list, &filter.page, account).await
            }
        }
    }
}

/// A search for a part that more contacts have walks the list instead.
const MOST_FOUND: usize = if cfg!(test) { 20 } else { 1_000 };

/// One column drives, by an index in the order of the list; `|| ''` keeps an engine that knows no statistics from taking
/// another.
fn list_of(filter: &AccountFilter) -> List {
    let seen = filter.not_seen_since.map(Value::from);
    let along = match filter.order() {
        AccountOrder::Newest => Along::newest_first("id"),
        AccountOrder::LastSeen => Along {
            id: "id",
            time: Some(("last_seen_at", "last_seen_at")),
            direction: Direction::OldestFirst,
        },
    };
    let mut list = List::new(columns!(), "accounts", along);
    let mut driven = along.time.is_some();
    for (by_index, by_row, value) in [
        ("eab_key_id = ", "eab_key_id || '' = ", filter.eab_key_id.as_ref().map(Value::from)),
        ("status = ", "status || '' = ", filter.status.map(Value::from)),
    ] {
        let Some(value) = value else { continue };
        match driven {
            true => list.compare(Condition::of(by_row, value)),
            false => list.drive(Condition::of(by_index, value)),
        }
        driven = true;
    }
    if let Some(seen) = seen {
        match along.time {
            Some(_) => list.drive(Condition::of("last_seen_at < ", seen)),
            None => list.compare(Condition::of("last_seen_at < ", seen)),
        }
    }
    list
}

impl Tx {
    /// [`StoreError::Duplicate`] when the key or the id has an account already.
    pub async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.execute(
            concat!(
                "INSERT INTO accounts (",
                columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
            ),
            args![
                &account.id,
                account.status,
                &account.jwk,
                &account.key_thumbprint,
                Value::json(&account.contacts)?,
                account.external_account.as_ref().map(|e| e.key_id.as_str()),
                account.external_account.as_ref().map(|e| e.binding.as_str()),
                &account.terms_version,
                account.created_at,
                account.created_from,
                account.last_seen_at,
                account.version,
            ],
        )
        .await?;
        self.put_contacts(account).await
    }

    /// Stores the account's status, key, contacts and agreement as version `account.version + 1`. [`StoreError::Conflict`] when
    /// the stored version is not `account.version` (any more); [`StoreError::Duplicate`] when the key belongs to
    /// another account.
    pub async fn update_account(&mut self, account: &Account) -> Result<(), StoreError> {
        let changed = self
            .changed(
                "UPDATE accounts SET status = $3, jwk = $4, key_thumbprint = $5, contacts = $6, \
                 terms_version = $7, version = version + 1 WHERE id = $1 AND version = $2",
                args![
                    &account.id,
                    account.version,
                    account.status,
                    &account.jwk,
                    &account.key_thumbprint,
                    Value::json(&account.contacts)?,
                    &account.terms_version,
                ],
            )
            .await?;
        if !changed {
            return Err(StoreError::Conflict);
        }
        self.execute("DELETE FROM account_contacts WHERE account_id = $1", args![&account.id]).await?;
        self.put_contacts(account).await
    }

    /// Lets the account be found by parts of its contacts.
    async fn put_contacts(&mut self, account: &Account) -> Result<(), StoreError> {
        let parts = account.contacts.iter().flat_map(|contact| ContactPart::all_of(contact));
        let rows = parts.map(|part| [Value::from(part), Value::from(&account.id)]).collect();
        let head = "INSERT INTO account_contacts (part, account_id) VALUES";
        self.insert_rows(head, rows, " ON CONFLICT DO NOTHING").await
    }

    /// Notes that these accounts were seen at `at`, unless they were seen since.
    pub async fn note_accounts_seen(&mut self, ids: &[AccountId], at: Timestamp) -> Result<(), StoreError> {
        for some in ids.chunks(200) {
            let mut sql = Sql::new("UPDATE accounts SET last_seen_at = ");
            sql.bind(at);
            sql.and("last_seen_at < ").bind(at);
            Condition::any_of("id IN (", some).add_to(&mut sql);
            self.run(sql.once()).await?;
        }
        Ok(())
    }
}

fn account(row: &Row) -> Result<Account, StoreError> {
    let row = row.of("accounts");
    let key_id: Option<EabKeyId> = row.parse_opt("eab_key_id")?;
    let external_account = match key_id {
        Some(key_id) => Some(ExternalAccount { key_id, binding: row.string("eab_binding")? }),
        None => None,
    };
    Ok(Account {
        id: row.parse("id")?,
        status: row.parse("status")?,
        jwk: row.string("jwk")?,
        key_thumbprint: row.string("key_thumbprint")?,
        contacts: row.json("contacts")?,
        external_account,
        terms_version: row.string_opt("terms_version")?,
        created_at: row.time("created_at")?,
        created_from: row.parse_opt("created_from")?,
        last_seen_at: row.time("last_seen_at")?,
        version: row.int("version")?,
    })
}
