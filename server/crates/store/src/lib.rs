//! Everything that the server remembers, on SQLite or PostgreSQL.
//!
//! [`Store::read`] gives a connection to read from. [`Store::write`] runs a unit of work: a closure over a [`Tx`]
//! whose changes become durable together, or not at all when it returns an error. Each subject (accounts, orders,
//! …) has a file with its reads, which [`Reader`] and [`Tx`] both have, and its writes, which only [`Tx`] has. The
//! statements are written once, in SQL that both engines understand.

mod accounts;
mod api_keys;
mod attempts;
mod audit;
mod authorizations;
mod bulk_actions;
mod certificates;
mod challenges;
mod eab_keys;
mod engine;
mod error;
mod facts;
mod figures;
#[cfg(test)]
#[path = "../tests/contract/fixtures.rs"]
mod fixtures;
mod framing;
mod issuers;
mod list;
mod names;
mod nonces;
mod orders;
#[cfg(test)]
mod plans;
mod profiles;
mod providers;
mod rate_limits;
mod roles;
mod schema;
#[cfg(test)]
mod searches;
mod secrets;
mod sessions;
mod sql;
mod unit;
mod users;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use futures::future::BoxFuture;
use model::Timestamp;

pub use bulk_actions::{BulkFailure, BulkStep};
pub use error::{SchemaError, StoreError};
pub use facts::DatabaseFacts;
pub use figures::Counted;
pub use unit::{Reader, Tx};

use engine::Engine;
use engine::postgres::Postgres;
use engine::sqlite::Sqlite;
use nonces::Nonces;

/// Where the data is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite {
        path: PathBuf,
    },
    /// `postgres://…`; `sslmode` and `sslrootcert` in the query work as in libpq.
    Postgres {
        url: String,
    },
}

/// The text is no URL of a database that the store can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use `sqlite:<path>` or `postgres://user:password@host/database`")]
pub struct InvalidDatabaseUrl;

/// `sqlite:<path>`, also with `//` before the path, or `postgres://…`, also spelt `postgresql://…`.
impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres { url: text.to_owned() });
        }
        let path = text.strip_prefix("sqlite:").ok_or(InvalidDatabaseUrl)?;
        match path.strip_prefix("//").unwrap_or(path) {
            "" | ":memory:" => Err(InvalidDatabaseUrl),
            path => Ok(Self::Sqlite { path: path.into() }),
        }
    }
}

/// Without user, password and parameters of a PostgreSQL URL.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite:{}", path.display()),
            Self::Postgres { url } => {
                let address = url.split_once("://").map_or("", |(_, rest)| rest);
                let address = address.rsplit_once('@').map_or(address, |(_, rest)| rest);
                write!(f, "postgres://{}", address.split('?').next().unwrap_or(""))
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Debug)]
pub struct StoreOptions {
    pub url: DatabaseUrl,
    /// Connections to PostgreSQL at most; SQLite has its own fixed number.
    pub max_connections: usize,
}

impl StoreOptions {
    pub const DEFAULT_MAX_CONNECTIONS: usize = 10;

    pub fn new(url: DatabaseUrl) -> Self {
        Self { url, max_connections: Self::DEFAULT_MAX_CONNECTIONS }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    Sqlite,
    Postgres,
}

impl EngineKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// How busy the store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Open connections.
    pub connections: usize,
    /// Those that nobody uses.
    pub idle: usize,
    /// How many may be open.
    pub max: usize,
    /// Who waits: for a connection, on SQLite also for the answer to a unit of work.
    pub queue: usize,
}

/// The handle to the database; clones share it.
#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
    nonces: Option<Nonces>,
}

impl Store {
    /// Opens the database, creating the file of a SQLite one. Does not touch the tables.
    pub async fn connect(options: &StoreOptions) -> Result<Self, StoreError> {
        let engine: Arc<dyn Engine> = match &options.url {
            DatabaseUrl::Sqlite { path } => Arc::new(Sqlite::connect(path).await?),
            DatabaseUrl::Postgres { url } => Arc::new(Postgres::connect(url, options.max_connections).await?),
        };
        // SQLite combines all writes anyway.
        let nonces = match engine.kind() {
            EngineKind::Sqlite => None,
            EngineKind::Postgres => Some(Nonces::start(Arc::clone(&engine))),
        };
        Ok(Self { engine, nonces })
    }

    /// Brings the tables up to what this binary needs.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        schema::migrate(self.engine.as_ref()).await
    }

    /// Whether the tables are those that this binary needs; [`StoreError::Schema`] says why not.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        schema::check(self.engine.as_ref()).await
    }

    /// A connection to read from.
    pub async fn read(&self) -> Result<Reader, StoreError> {
        Ok(Reader::new(self.engine.reader().await?))
    }

    /// Runs `work` in a transaction of its own. When this returns `Ok`, the changes are on disk; when `work` fails
    /// or panics, none of them are kept. Dropping the future does not stop the work. A statement that fails ends the
    /// transaction, also when `work` goes on after it: what may fail harmlessly is asked, not tried.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (unit, answer) = unit::unit(work);
        self.engine.submit(unit).await;
        match answer.await {
            Ok(result) => result,
            Err(_dropped) => Err(StoreError::went_away("the store is closed").into()),
        }
    }

    /// Whether nobody has redeemed this nonce before, on any replica. It is remembered until `expires_at`.
    pub async fn redeem_nonce(&self, id: [u8; 16], expires_at: Timestamp) -> Result<bool, StoreError> {
        match &self.nonces {
            Some(nonces) => nonces.redeem(id, expires_at).await,
            None => {
                self.write(move |tx| Box::pin(async move { tx.redeem_nonce(id, expires_at).await })).await
            }
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read().await?.fetch_optional("SELECT 1", Vec::new()).await.map(drop)
    }

    pub fn engine(&self) -> EngineKind {
        self.engine.kind()
    }

    pub fn stats(&self) -> StoreStats {
        self.engine.stats()
    }

    /// [`StoreStats::queue`] alone, at the price of an atomic load or two.
    pub fn queue(&self) -> usize {
        self.engine.waiting()
    }

    /// Writes a consistent copy of a SQLite database to the new file `path`, while others read and write.
    pub async fn backup_to(&self, path: &Path) -> Result<(), StoreError> {
        self.engine.backup_to(path).await
    }

    /// Ends the work that was accepted and closes the connections. Later calls get [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.engine.close().await;
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("engine", &self.engine()).finish_non_exhaustive()
    }
}
