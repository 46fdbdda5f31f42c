use model::{Account, AccountId, AccountStatus, Page, PageRequest};

use crate::engine::{Row, Value, args};
use crate::sql::{Direction, Sql};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, status, jwk, key_thumbprint, contacts, created_at, created_from, version"
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
    pub async fn accounts(
        &mut self,
        status: Option<AccountStatus>,
        page: &PageRequest,
    ) -> Result<Page<Account>, StoreError> {
        let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM accounts"));
        sql.and_opt("status = ", status);
        self.page(sql, "id", Direction::NewestFirst, page, account, |a| a.id.to_string()).await
    }
}

impl Tx {
    /// [`StoreError::Duplicate`] when the key or the id has an account already.
    pub async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.execute(
            concat!("INSERT INTO accounts (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
            args![
                &account.id,
                account.status,
                &account.jwk,
                &account.key_thumbprint,
                Value::json(&account.contacts)?,
                account.created_at,
                account.created_from,
                account.version,
            ],
        )
        .await
        .map(drop)
    }

    /// Stores the account's status, key and contacts as version `account.version + 1`. [`StoreError::Conflict`] when
    /// the stored version is not `account.version` (any more); [`StoreError::Duplicate`] when the key belongs to
    /// another account.
    pub async fn update_account(&mut self, account: &Account) -> Result<(), StoreError> {
        let changed = self
            .changed(
                "UPDATE accounts SET status = $3, jwk = $4, key_thumbprint = $5, contacts = $6, \
                 version = version + 1 WHERE id = $1 AND version = $2",
                args![
                    &account.id,
                    account.version,
                    account.status,
                    &account.jwk,
                    &account.key_thumbprint,
                    Value::json(&account.contacts)?,
                ],
            )
            .await?;
        if changed { Ok(()) } else { Err(StoreError::Conflict) }
    }
}

fn account(row: &Row) -> Result<Account, StoreError> {
    let row = row.of("accounts");
    Ok(Account {
        id: row.parse("id")?,
        status: row.parse("status")?,
        jwk: row.string("jwk")?,
        key_thumbprint: row.string("key_thumbprint")?,
        contacts: row.json("contacts")?,
        created_at: row.time("created_at")?,
        created_from: row.parse_opt("created_from")?,
        version: row.int("version")?,
    })
}
