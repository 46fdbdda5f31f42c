use crate::engine::args;
use crate::{Reader, StoreError, Tx};

impl Reader {
    /// The sealed value.
    pub async fn secret(&mut self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.fetch_optional("SELECT name, value FROM secrets WHERE name = $1", args![name]).await?;
        row.map(|row| row.of("secrets").bytes("value")).transpose()
    }
}

impl Tx {
    /// `false` when the name is taken; the stored value stays.
    pub async fn insert_secret_if_absent(&mut self, name: &str, value: &[u8]) -> Result<bool, StoreError> {
        let sql = "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        self.changed(sql, args![name, value]).await
    }

    /// Stores the sealed value, in place of an older one.
    pub async fn put_secret(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO secrets (name, value) VALUES ($1, $2) \
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.execute(sql, args![name, value]).await.map(drop)
    }
}
