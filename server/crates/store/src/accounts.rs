use model::{Account, AccountFilter, AccountId, EabKeyId, ExternalAccount, Page};

use crate::engine::{Row, Value, args};
use crate::sql::{Direction, Sql};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, status, jwk, key_thumbprint, contacts, eab_key_id, eab_binding, terms_version, created_at, \
         created_from, version"
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

    /// Newest first.
    pub async fn accounts(&mut self, filter: &AccountFilter) -> Result<Page<Account>, StoreError> {
        let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM accounts"));
        // The key drives, by an index that gives the rows in the order of ids; `|| ''` keeps an engine that knows no
        // statistics from taking another.
        let by_key = filter.eab_key_id.is_some();
        sql.and_opt("eab_key_id = ", filter.eab_key_id.as_ref());
        sql.and_opt(if by_key { "status || '' = " } else { "status = " }, filter.status);
        self.page(sql, "id", Direction::NewestFirst, &filter.page, account, |a| a.id.to_string()).await
    }
}

impl Tx {
    /// [`StoreError::Duplicate`] when the key or the id has an account already.
    pub async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.execute(
            concat!(
                "INSERT INTO accounts (",
                columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
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
                account.version,
            ],
        )
        .await
        .map(drop)
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
        if changed { Ok(()) } else { Err(StoreError::Conflict) }
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
        version: row.int("version")?,
    })
}
