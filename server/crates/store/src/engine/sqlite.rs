//! SQLite: readers of their own, and one writer with group commit.

mod writer;

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _, Either, Executor};

use super::pool::{Open, Pool, Pooled};
use super::{Connection, Engine, Outcome, Row, Statement, args};
use crate::unit::Unit;
use crate::{EngineKind, SchemaError, StoreError, StoreStats};
use writer::Writer;

const READERS: usize = 4;

pub(crate) struct Sqlite {
    readers: Arc<Pool<File>>,
    writer: Writer,
    file: File,
}

impl Sqlite {
    pub async fn connect(path: &Path) -> Result<Self, StoreError> {
        create_private(path)
            .map_err(|e| StoreError::Unavailable(format!("{} cannot be opened: {e}", path.display())))?;
        let file = File { path: path.to_owned(), access: Access::Write };
        let first = file.open().await?;
        let readers = Pool::new(File { access: Access::Read, ..file.clone() }, READERS);
        Ok(Self { readers, writer: Writer::start(file.clone(), first)?, file })
    }
}

/// Sealed keys are in there, so nobody else may read it. SQLite gives its other files the same mode.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// The database file, and what its connections may do.
#[derive(Clone)]
pub(crate) struct File {
    path: PathBuf,
    access: Access,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

impl File {
    fn options(&self) -> SqliteConnectOptions {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .pragma("mmap_size", "0")
            .disable_statement_logging();
        match self.access {
            Access::Read => options.read_only(true).pragma("cache_size", "-2000"),
            Access::Write => options
                .journal_mode(SqliteJournalMode::Wal)
                // NORMAL would sync only at checkpoints, and lose what clients were told.
                .synchronous(SqliteSynchronous::Full)
                .pragma("cache_size", "-8000")
                .pragma("temp_store", "MEMORY")
                // In pages of 4 KiB. A checkpoint writes each changed page once, so seldom is cheap.
                .pragma("wal_autocheckpoint", "4000")
                .pragma("journal_size_limit", "67108864"),
        }
    }
}

#[async_trait]
impl Open for File {
    type Connection = SqliteConnection;

    async fn open(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.options().connect().await
    }

    async fn close(&self, connection: SqliteConnection) {
        end(connection).await;
    }
}

#[async_trait]
impl Engine for Sqlite {
    fn kind(&self) -> EngineKind {
        EngineKind::Sqlite
    }

    fn location(&self) -> String {
        self.file.path.display().to_string()
    }

    async fn reader(&self) -> Result<Box<dyn Connection>, StoreError> {
        Ok(Box::new(ReadLink(self.readers.acquire().await?)))
    }

    async fn submit(&self, unit: Box<dyn Unit>) {
        self.writer.submit(unit).await;
    }

    async fn migrate(&self, migrator: &Migrator) -> Result<(), SchemaError> {
        let failed = |e: &dyn std::fmt::Display| SchemaError::Failed(e.to_string());
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(self.file.options());
        let pool = pool.await.map_err(|e| failed(&e))?;
        let outcome = migrator.run(&pool).await.map_err(|e| failed(&e));
        pool.close().await;
        outcome
    }

    /// `VACUUM INTO` reads one snapshot, so the copy is consistent while others write.
    async fn backup_to(&self, path: &Path) -> Result<(), StoreError> {
        let target = path.to_str().ok_or(StoreError::Unsupported("the path of a backup must be UTF-8"))?;
        let refused = |e: io::Error| StoreError::Unavailable(format!("{target} cannot be written: {e}"));
        if path.exists() {
            return Err(refused(io::ErrorKind::AlreadyExists.into()));
        }
        create_private(path).map_err(refused)?;
        let mut connection = WriteLink(self.file.open().await?);
        // An existing file is accepted when it is empty, and keeps its mode.
        connection.run(Statement::new("VACUUM INTO $1", args![target])).await?;
        connection.0.close().await?;
        OpenOptions::new().read(true).open(path).and_then(|f| f.sync_all()).map_err(refused)
    }

    fn stats(&self) -> StoreStats {
        let readers = self.readers.stats();
        // The writer's connection is none of the pool.
        StoreStats {
            connections: readers.connections + 1,
            max: readers.max + 1,
            queue: self.waiting(),
            ..readers
        }
    }

    fn waiting(&self) -> usize {
        self.writer.waiting() + self.readers.waiting()
    }

    async fn close(&self) {
        // The last connection folds the write-ahead log into the database; one that only reads cannot.
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A connection on loan from the readers.
struct ReadLink(Pooled<File>);

#[async_trait]
impl Connection for ReadLink {
    async fn run(&mut self, statement: Statement) -> Result<Outcome, StoreError> {
        let result = run(self.0.start()?, statement).await;
        if !matches!(result, Err(StoreError::Unavailable(_))) {
            self.0.settle();
        }
        result
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        Err(StoreError::Unsupported("this connection only reads"))
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        Err(StoreError::Unsupported("this connection only reads"))
    }

    async fn rollback(&mut self) -> Result<(), StoreError> {
        Err(StoreError::Unsupported("this connection only reads"))
    }
}

/// The writer's connection.
struct WriteLink(SqliteConnection);

#[async_trait]
impl Connection for WriteLink {
    async fn run(&mut self, statement: Statement) -> Result<Outcome, StoreError> {
        run(&mut self.0, statement).await
    }

    /// IMMEDIATE: a transaction that reads before it writes could otherwise find that it may not write any more.
    async fn begin(&mut self) -> Result<(), StoreError> {
        self.run(Statement::new("BEGIN IMMEDIATE", args![])).await.map(drop)
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        self.run(Statement::new("COMMIT", args![])).await.map(drop)
    }

    async fn rollback(&mut self) -> Result<(), StoreError> {
        self.run(Statement::new("ROLLBACK", args![])).await.map(drop)
    }

    async fn close(self: Box<Self>) {
        end(self.0).await;
    }
}

/// Dropped, a connection would end some time later on sqlx's own thread, while the process ends as well.
async fn end(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "a connection to the database did not end well");
    }
}

async fn run(connection: &mut SqliteConnection, statement: Statement) -> Result<Outcome, StoreError> {
    let mut outcome = Outcome::default();
    let mut steps = connection.fetch_many(statement);
    while let Some(step) = steps.try_next().await? {
        match step {
            Either::Left(done) => outcome.changed = done.rows_affected(),
            Either::Right(row) => outcome.rows.push(Row::Sqlite(row)),
        }
    }
    Ok(outcome)
}
