//! Databases to test on, and a second way into them that is not ours.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use futures::future::BoxFuture;
use store::{DatabaseUrl, EngineKind, Store, StoreError, StoreOptions, Tx};
use tempfile::TempDir;
use testkit::postgres::Postgres;

/// A store with an empty database of its own.
pub struct Db {
    pub store: Store,
    pub url: DatabaseUrl,
    /// Of SQLite's file.
    _directory: TempDir,
}

impl Db {
    /// With the tables that this program needs.
    pub async fn new(engine: EngineKind) -> Self {
        let db = Self::without_tables(engine).await;
        db.store.migrate().await.unwrap();
        db
    }

    pub async fn without_tables(engine: EngineKind) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = match engine {
            EngineKind::Sqlite => DatabaseUrl::Sqlite { path: directory.path().join("test.db") },
            EngineKind::Postgres => {
                DatabaseUrl::Postgres { url: Postgres::shared().create_database("contract") }
            }
        };
        let store = Store::connect(&StoreOptions::new(url.clone())).await.unwrap();
        Self { store, url, _directory: directory }
    }

    /// The rows of `sql`, columns separated by `|`, by sqlite3 or psql on a connection of its own.
    pub fn query(&self, sql: &str) -> Vec<String> {
        let output = match &self.url {
            DatabaseUrl::Sqlite { path } => sqlite3(path, sql),
            DatabaseUrl::Postgres { url } => Postgres::shared().query(url, sql),
        };
        output.lines().map(str::to_owned).collect()
    }

    /// SQLite's file.
    pub fn file(&self) -> PathBuf {
        match &self.url {
            DatabaseUrl::Sqlite { path } => path.clone(),
            DatabaseUrl::Postgres { .. } => panic!("PostgreSQL has no file for us"),
        }
    }

    /// The second way to write a unit of work: for closures that only call one method and must succeed.
    pub async fn put<T, F>(&self, work: F) -> T
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
    {
        self.store.write(work).await.unwrap()
    }
}

impl Deref for Db {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

pub fn sqlite3(path: &Path, sql: &str) -> String {
    let mut command = Command::new("sqlite3");
    command.args(["-bail", "-batch", "-cmd", ".timeout 5000"]).arg(path).arg(sql).stdin(Stdio::null());
    let output = command.output().unwrap_or_else(|e| panic!("sqlite3: {e}; install Debian package sqlite3"));
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Turns async functions of a [`Db`] into tests, one for each engine.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::support::Db::new(store::EngineKind::Sqlite).await).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::support::Db::new(store::EngineKind::Postgres).await).await;
            })+
        }
    };
}
pub(crate) use on_both_engines;

/// A unit of work that is written as one expression of its transaction.
macro_rules! unit {
    (|$tx:ident| $body:expr) => {
        move |$tx| Box::pin(async move { $body })
    };
}
pub(crate) use unit;
