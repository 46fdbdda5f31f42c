use std::net::IpAddr;

use model::{ApiKey, ApiKeyId, Grant, Page, PageRequest, RoleId, Timestamp};

use crate::engine::{Record, Row, Value, args};
use crate::sql::{Direction, Sql};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, name, sha256, role, profiles, allowed_networks, created_by, created_at, expires_at, revoked_at, \
         replaced_by, last_used_at, last_used_from"
    };
}

impl Reader {
    pub async fn api_key(&mut self, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM api_keys WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(api_key).transpose()
    }

    /// The key with this SHA-256, whatever its state.
    pub async fn api_key_by_sha256(&mut self, sha256: &[u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM api_keys WHERE sha256 = $1");
        self.fetch_optional(sql, args![sha256.as_slice()]).await?.as_ref().map(api_key).transpose()
    }

    /// Those of `ids` that exist.
    pub async fn api_keys_by_ids(&mut self, ids: &[ApiKeyId]) -> Result<Vec<ApiKey>, StoreError> {
        let sql = Sql::new(concat!("SELECT ", columns!(), " FROM api_keys"));
        self.by_ids(sql, ids, api_key).await
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

    /// Whether an administrator's key is active at `now`.
    pub async fn any_active_admin_key(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT id FROM api_keys WHERE role = 'admin' AND profiles = '[]' AND revoked_at IS NULL \
                   AND (expires_at IS NULL OR expires_at > $1) LIMIT 1";
        Ok(self.fetch_optional(sql, args![now]).await?.is_some())
    }

    /// Keys that are not revoked and have this role; at most `limit`.
    pub async fn api_keys_of_role(&mut self, role: &RoleId, limit: u32) -> Result<Vec<ApiKey>, StoreError> {
        let sql =
            concat!("SELECT ", columns!(), " FROM api_keys WHERE role = $1 AND revoked_at IS NULL LIMIT $2");
        self.fetch_all(sql, args![role, i64::from(limit)]).await?.iter().map(api_key).collect()
    }

    /// Active keys without a successor that end before `before` and whose end was not reported yet; at most `limit`.
    pub async fn api_keys_to_report(
        &mut self,
        now: Timestamp,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM api_keys WHERE revoked_at IS NULL AND expires_at IS NOT NULL AND expires_at > $1 \
             AND expires_at < $2 AND replaced_by IS NULL AND (expiry_reported IS NULL OR expiry_reported <> expires_at) \
             ORDER BY expires_at LIMIT $3"
        );
        let rows = self.fetch_all(sql, args![now, before, i64::from(limit)]).await?;
        rows.iter().map(api_key).collect()
    }

    /// Active keys that end before `before`, the next to end first.
    pub async fn api_keys_ending(
        &mut self,
        now: Timestamp,
        before: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<ApiKey>, StoreError> {
        let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM api_keys"));
        sql.and("revoked_at IS NULL").and("expires_at IS NOT NULL");
        sql.and("expires_at > ").bind(now);
        sql.and("expires_at < ").bind(before);
        if let Some((end, id)) = page.after.as_deref().and_then(parse_cursor) {
            sql.and("(expires_at, id) > (").bind(end).push(", ").bind(id).push(")");
        }
        let limit = page.limit.clamp(1, PageRequest::MAX_LIMIT);
        sql.push(" ORDER BY expires_at, id LIMIT ").bind(i64::from(limit) + 1);
        let rows = self.run(sql.repeated()).await?.rows;
        let keys = rows.iter().map(api_key).collect::<Result<_, _>>()?;
        Ok(Page::from_overfull(keys, limit, cursor))
    }

    /// How many active keys without a successor end before `before`.
    pub async fn count_api_keys_ending(
        &mut self,
        now: Timestamp,
        before: Timestamp,
    ) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) AS n FROM api_keys WHERE revoked_at IS NULL AND expires_at IS NOT NULL \
                   AND expires_at > $1 AND expires_at < $2 AND replaced_by IS NULL";
        let row = self.fetch_optional(sql, args![now, before]).await?;
        row.map_or(Ok(0), |row| row.of("api_keys").int("n"))
    }
}

impl Tx {
    pub async fn insert_api_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        self.execute(
            concat!(
                "INSERT INTO api_keys (",
                columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
            ),
            args![
                &key.id,
                &key.name,
                key.sha256.as_slice(),
                &key.grant.role,
                Value::json(&key.grant.profiles)?,
                Value::json(&key.allowed_networks)?,
                &key.created_by,
                key.created_at,
                key.expires_at,
                key.revoked_at,
                key.replaced_by.as_ref().map(ApiKeyId::as_str),
                key.last_used_at,
                key.last_used_from,
            ],
        )
        .await
        .map(drop)
    }

    /// `false` when there is no such key or it is revoked already.
    pub async fn revoke_api_key(&mut self, id: &ApiKeyId, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        self.changed(sql, args![id, now]).await
    }

    /// Ends the key at `end`, another one being in its place; `false` when it is revoked or has a successor.
    pub async fn replace_api_key(
        &mut self,
        id: &ApiKeyId,
        by: &ApiKeyId,
        end: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE api_keys SET replaced_by = $2, expires_at = $3 \
                   WHERE id = $1 AND revoked_at IS NULL AND replaced_by IS NULL";
        self.changed(sql, args![id, by, end]).await
    }

    pub async fn note_api_key_use(
        &mut self,
        id: &ApiKeyId,
        at: Timestamp,
        from: Option<IpAddr>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE api_keys SET last_used_at = $2, last_used_from = $3 \
                   WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
        self.execute(sql, args![id, at, from]).await.map(drop)
    }

    /// `false` when somebody else reported this end.
    pub async fn mark_api_key_reported(&mut self, id: &ApiKeyId) -> Result<bool, StoreError> {
        let sql = "UPDATE api_keys SET expiry_reported = expires_at \
                   WHERE id = $1 AND (expiry_reported IS NULL OR expiry_reported <> expires_at)";
        self.changed(sql, args![id]).await
    }
}

/// Of a list along the ends: the microseconds of the end, then the id.
fn cursor(key: &ApiKey) -> String {
    format!("{}-{}", key.expires_at.map_or(0, Timestamp::unix_micros), key.id)
}

/// A cursor that is none of ours starts from the beginning.
fn parse_cursor(text: &str) -> Option<(Timestamp, &str)> {
    let (micros, id) = text.split_once('-')?;
    Some((Timestamp::from_unix_micros(micros.parse().ok()?), id))
}

fn api_key(row: &Row) -> Result<ApiKey, StoreError> {
    let row = row.of("api_keys");
    Ok(ApiKey {
        id: row.parse("id")?,
        name: row.string("name")?,
        sha256: sha256(row, "sha256")?,
        grant: Grant { role: row.parse("role")?, profiles: row.json("profiles")? },
        allowed_networks: row.json("allowed_networks")?,
        created_by: row.string("created_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time_opt("expires_at")?,
        revoked_at: row.time_opt("revoked_at")?,
        replaced_by: row.parse_opt("replaced_by")?,
        last_used_at: row.time_opt("last_used_at")?,
        last_used_from: row.parse_opt("last_used_from")?,
    })
}

pub(crate) fn sha256(row: Record<'_>, column: &'static str) -> Result<[u8; 32], StoreError> {
    row.bytes(column)?.try_into().map_err(|_| row.bad(column, &"not 32 bytes"))
}
