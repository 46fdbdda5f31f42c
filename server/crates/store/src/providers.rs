use model::{Page, PageRequest, Provider, ProviderId};

use crate::engine::{Row, Value, args};
use crate::sql::{Direction, Sql};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, spec, sealed_client_secret, version, created_at, updated_at"
    };
}

impl Reader {
    pub async fn provider(&mut self, id: &ProviderId) -> Result<Option<Provider>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM oidc_providers WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(provider).transpose()
    }

    /// By id.
    pub async fn providers(&mut self, page: &PageRequest) -> Result<Page<Provider>, StoreError> {
        let sql = Sql::new(concat!("SELECT ", columns!(), " FROM oidc_providers"));
        self.page(sql, "id", Direction::OldestFirst, page, provider, |p| p.id.to_string()).await
    }
}

impl Tx {
    pub async fn insert_provider(&mut self, provider: &Provider) -> Result<(), StoreError> {
        self.execute(
            concat!("INSERT INTO oidc_providers (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6)"),
            args![
                &provider.id,
                Value::json(&provider.spec)?,
                &provider.sealed_client_secret,
                provider.version,
                provider.created_at,
                provider.updated_at,
            ],
        )
        .await
        .map(drop)
    }

    /// `false` when the stored version is not `expected`.
    pub async fn replace_provider(&mut self, provider: &Provider, expected: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE oidc_providers SET spec = $3, sealed_client_secret = $4, version = $5, \
                   updated_at = $6 WHERE id = $1 AND version = $2";
        self.changed(
            sql,
            args![
                &provider.id,
                expected,
                Value::json(&provider.spec)?,
                &provider.sealed_client_secret,
                provider.version,
                provider.updated_at,
            ],
        )
        .await
    }

    /// Makes all others who change this provider, or begin or end its sessions, wait for the end of this transaction.
    /// `false` when it is gone.
    pub async fn lock_provider(&mut self, id: &ProviderId) -> Result<bool, StoreError> {
        self.changed("UPDATE oidc_providers SET version = version WHERE id = $1", args![id]).await
    }

    /// `false` when the stored version is not `expected`.
    pub async fn delete_provider(&mut self, id: &ProviderId, expected: i64) -> Result<bool, StoreError> {
        self.changed("DELETE FROM oidc_providers WHERE id = $1 AND version = $2", args![id, expected]).await
    }
}

fn provider(row: &Row) -> Result<Provider, StoreError> {
    let row = row.of("oidc_providers");
    Ok(Provider {
        id: row.parse("id")?,
        spec: row.json("spec")?,
        sealed_client_secret: row.bytes_opt("sealed_client_secret")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
