use model::{ApiKey, ApiKeyId, Page, PageRequest, Timestamp};

use crate::engine::{Row, args};
use crate::sql::{Direction, Sql};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, name, sha256, created_by, created_at, revoked_at"
    };
}

impl Reader {
    pub async fn api_key(&mut self, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM api_keys WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(api_key).transpose()
    }

    /// The key with this SHA-256, revoked or not.
    pub async fn api_key_by_sha256(&mut self, sha256: &[u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM api_keys WHERE sha256 = $1");
        self.fetch_optional(sql, args![sha256.as_slice()]).await?.as_ref().map(api_key).transpose()
    }

    /// Newest first.
    pub async fn api_keys(&mut self, page: &PageRequest) -> Result<Page<ApiKey>, StoreError> {
        let sql = Sql::new(concat!("SELECT ", columns!(), " FROM api_keys"));
        self.page(sql, "id", Direction::NewestFirst, page, api_key, |k| k.id.to_string()).await
    }

    /// Whether there is any key, revoked ones included.
    pub async fn any_api_key(&mut self) -> Result<bool, StoreError> {
        Ok(self.fetch_optional("SELECT id FROM api_keys LIMIT 1", args![]).await?.is_some())
    }
}

impl Tx {
    pub async fn insert_api_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        self.execute(
            concat!("INSERT INTO api_keys (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6)"),
            args![&key.id, &key.name, key.sha256.as_slice(), &key.created_by, key.created_at, key.revoked_at],
        )
        .await
        .map(drop)
    }

    /// `false` when there is no such key or it is revoked already.
    pub async fn revoke_api_key(&mut self, id: &ApiKeyId, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        self.changed(sql, args![id, now]).await
    }
}

fn api_key(row: &Row) -> Result<ApiKey, StoreError> {
    let row = row.of("api_keys");
    Ok(ApiKey {
        id: row.parse("id")?,
        name: row.string("name")?,
        sha256: row.bytes("sha256")?.try_into().map_err(|_| row.bad("sha256", &"not 32 bytes"))?,
        created_by: row.string("created_by")?,
        created_at: row.time("created_at")?,
        revoked_at: row.time_opt("revoked_at")?,
    })
}
