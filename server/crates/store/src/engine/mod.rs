//! What a database engine is to the rest of the store. All statements are written once in the subjects' files, in
//! SQL that every engine understands; an engine opens connections, runs units of work and knows its own controls.

mod pool;
pub(crate) mod postgres;
mod row;
pub(crate) mod sqlite;
mod statement;
mod value;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use sqlx::migrate::Migrator;

pub(crate) use row::{Record, Row};
pub(crate) use statement::Statement;
pub(crate) use value::{Value, args};

use crate::unit::Unit;
use crate::{EngineKind, SchemaError, StoreError, StoreStats};

/// A database with its connections.
#[async_trait]
pub(crate) trait Engine: Send + Sync {
    fn kind(&self) -> EngineKind;

    /// File, or host and database; no credentials.
    fn location(&self) -> String;

    /// A connection for reading, outside of any transaction.
    async fn reader(&self) -> Result<Box<dyn Connection>, StoreError>;

    /// Takes a unit of work, which is answered when its transaction has ended. Once this returns, the unit runs to
    /// its end whatever the caller does.
    async fn submit(&self, unit: Box<dyn Unit>);

    async fn migrate(&self, migrator: &Migrator) -> Result<(), SchemaError>;

    async fn backup_to(&self, path: &Path) -> Result<(), StoreError>;

    fn stats(&self) -> StoreStats;

    /// How many units of work and readers are in line. Asked for every request.
    fn waiting(&self) -> usize;

    /// Finishes the units that were taken and closes the connections.
    async fn close(&self);
}

/// One connection.
#[async_trait]
pub(crate) trait Connection: Send {
    async fn run(&mut self, statement: Statement) -> Result<Outcome, StoreError>;

    /// Starts a transaction that may write.
    async fn begin(&mut self) -> Result<(), StoreError>;

    /// When this returns `Ok`, what was written is on disk.
    async fn commit(&mut self) -> Result<(), StoreError>;

    async fn rollback(&mut self) -> Result<(), StoreError>;

    /// Returns when the database knows that the connection has ended. What is on loan only goes back.
    async fn close(self: Box<Self>) {}
}

/// A place in a line whose length is counted; it is given up when dropped, also by a caller that goes away.
struct InLine<'c>(&'c AtomicUsize);

impl<'c> InLine<'c> {
    fn new(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }

    fn count(count: &AtomicUsize) -> usize {
        count.load(Ordering::Relaxed)
    }

    /// Leaves the place to others, who count it down.
    fn hand_over(self) {
        std::mem::forget(self);
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a statement did.
#[derive(Default)]
pub(crate) struct Outcome {
    /// How many rows it changed.
    pub changed: u64,
    pub rows: Vec<Row>,
}
