use model::{EabKey, EabKeyId, Page, PageRequest, Timestamp};

use crate::engine::{Row, Value, args};
use crate::sql::{Direction, Sql};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, note, profiles, permitted_names, preauthorized, max_uses, uses, sealed_mac_key, created_by, created_at, \
         expires_at, rotated_at, revoked_at"
    };
}

impl Reader {
    pub async fn eab_key(&mut self, id: &EabKeyId) -> Result<Option<EabKey>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM eab_keys WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(eab_key).transpose()
    }

    /// Newest first.
    pub async fn eab_keys(&mut self, page: &PageRequest) -> Result<Page<EabKey>, StoreError> {
        let sql = Sql::new(concat!("SELECT ", columns!(), " FROM eab_keys"));
        self.page(sql, "id", Direction::NewestFirst, page, eab_key, |k| k.id.to_string()).await
    }
}

impl Tx {
    pub async fn insert_eab_key(&mut self, key: &EabKey) -> Result<(), StoreError> {
        self.execute(
            concat!(
                "INSERT INTO eab_keys (",
                columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
            ),
            args![
                &key.id,
                &key.note,
                Value::json(&key.profiles)?,
                Value::json(&key.permitted_names)?,
                key.preauthorized,
                key.max_uses.map(i64::from),
                key.uses,
                &key.sealed_mac_key,
                &key.created_by,
                key.created_at,
                key.expires_at,
                key.rotated_at,
                key.revoked_at,
            ],
        )
        .await
        .map(drop)
    }

    /// Counts one use of the key that was read as `key`; `false` when it cannot be used (any more): it was revoked,
    /// rotated, used up or has expired. Of several callers as many get `true` as the key has uses left.
    pub async fn use_eab_key(&mut self, key: &EabKey, now: Timestamp) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE eab_keys SET uses = uses + 1 WHERE id = $1 AND sealed_mac_key = $2 AND revoked_at IS NULL \
             AND (expires_at IS NULL OR expires_at > $3) AND (max_uses IS NULL OR uses < max_uses)",
            args![&key.id, &key.sealed_mac_key, now],
        )
        .await
    }

    /// Replaces the MAC key of the key that was read as `key`; `false` when it was rotated meanwhile or is revoked.
    pub async fn rotate_eab_key(
        &mut self,
        key: &EabKey,
        sealed_mac_key: &[u8],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE eab_keys SET sealed_mac_key = $3, rotated_at = $4 \
             WHERE id = $1 AND sealed_mac_key = $2 AND revoked_at IS NULL",
            args![&key.id, &key.sealed_mac_key, sealed_mac_key, now],
        )
        .await
    }

    /// `false` when there is no such key or it is revoked already.
    pub async fn revoke_eab_key(&mut self, id: &EabKeyId, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE eab_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        self.changed(sql, args![id, now]).await
    }
}

fn eab_key(row: &Row) -> Result<EabKey, StoreError> {
    let row = row.of("eab_keys");
    let max_uses = match row.int_opt("max_uses")? {
        Some(max) => Some(u32::try_from(max).map_err(|e| row.bad("max_uses", &e))?),
        None => None,
    };
    Ok(EabKey {
        id: row.parse("id")?,
        note: row.string("note")?,
        profiles: row.json("profiles")?,
        permitted_names: row.json("permitted_names")?,
        preauthorized: row.bool("preauthorized")?,
        max_uses,
        uses: row.int("uses")?,
        sealed_mac_key: row.bytes("sealed_mac_key")?,
        created_by: row.string("created_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time_opt("expires_at")?,
        rotated_at: row.time_opt("rotated_at")?,
        revoked_at: row.time_opt("revoked_at")?,
    })
}
