use model::{Issuer, IssuerId};

use crate::engine::{Row, Value, args};
use crate::{Reader, StoreError, Tx, framing};

macro_rules! columns {
    () => {
        "id, name, chain, sealed_key, created_at, updated_at"
    };
}

impl Reader {
    pub async fn issuer(&mut self, id: &IssuerId) -> Result<Option<Issuer>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM issuers WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(issuer).transpose()
    }

    /// All of them, by id; there are few.
    pub async fn issuers(&mut self) -> Result<Vec<Issuer>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM issuers ORDER BY id");
        self.fetch_all(sql, args![]).await?.iter().map(issuer).collect()
    }
}

impl Tx {
    /// Stores the issuer, in place of an older one with its id, whose time of creation stays.
    pub async fn put_issuer(&mut self, issuer: &Issuer) -> Result<(), StoreError> {
        let sql = concat!(
            "INSERT INTO issuers (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET name = excluded.name, ",
            "chain = excluded.chain, sealed_key = excluded.sealed_key, updated_at = excluded.updated_at",
        );
        self.execute(sql, values(issuer)).await.map(drop)
    }

    /// `false` when the id is taken; the stored issuer stays.
    pub async fn insert_issuer_if_absent(&mut self, issuer: &Issuer) -> Result<bool, StoreError> {
        let sql = concat!(
            "INSERT INTO issuers (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        );
        self.changed(sql, values(issuer)).await
    }
}

fn values(issuer: &Issuer) -> Vec<Value> {
    args![
        &issuer.id,
        &issuer.name,
        framing::join(&issuer.chain),
        &issuer.sealed_key,
        issuer.created_at,
        issuer.updated_at,
    ]
}

fn issuer(row: &Row) -> Result<Issuer, StoreError> {
    let row = row.of("issuers");
    Ok(Issuer {
        id: row.parse("id")?,
        name: row.string("name")?,
        chain: framing::split(&row.bytes("chain")?).map_err(|e| row.bad("chain", &e))?,
        sealed_key: row.bytes_opt("sealed_key")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
