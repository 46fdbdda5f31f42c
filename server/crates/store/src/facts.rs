//! What a database says of itself.

use crate::engine::args;
use crate::{EngineKind, Store, StoreError, schema};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// Of the engine.
    pub version: String,
    /// File, or host and database; no credentials.
    pub location: String,
    /// The newest migration that was applied.
    pub schema: i64,
    /// The newest migration that this binary has.
    pub newest_schema: i64,
    /// Octets, of SQLite without those that wait in its log.
    pub size: u64,
    /// Connections of all servers to the database; `None` where there is but one server.
    pub connections: Option<u64>,
}

impl Store {
    /// One statement. Its price does not grow with the tables.
    pub async fn facts(&self) -> Result<DatabaseFacts, StoreError> {
        let sql = match self.engine() {
            EngineKind::Sqlite => {
                "SELECT sqlite_version() AS version, MAX(version) AS schema_version, NULL AS connections, \
                 (SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM pragma_page_size()) AS size \
                 FROM _sqlx_migrations"
            }
            EngineKind::Postgres => {
                "SELECT current_setting('server_version') AS version, MAX(version) AS schema_version, \
                 (SELECT COUNT(*) FROM pg_stat_activity \
                 WHERE datname = current_database() AND application_name = current_setting('application_name')) \
                 AS connections, pg_database_size(current_database()) AS size \
                 FROM _sqlx_migrations"
            }
        };
        let row = self.read().await?.fetch_optional(sql, args![]).await?;
        let row = row.ok_or_else(|| StoreError::Database("an aggregate has no row".to_owned()))?;
        let row = row.of("_sqlx_migrations");
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Ok(DatabaseFacts {
            version: row.string("version")?,
            location: self.engine.location(),
            schema: row.int_opt("schema_version")?.unwrap_or(0),
            newest_schema: schema::newest(),
            size: count(row.int("size")?),
            connections: row.int_opt("connections")?.map(count),
        })
    }
}
