//! PostgreSQL: a pool, and a transaction of its own for every unit of work.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgQueryResult, PgRow, Postgres as Pg};
use sqlx::{ConnectOptions, Connection as _, Either, Execute, Executor};
use tokio::time::timeout;

use super::pool::{Open, Pool, Pooled};
use super::{Connection, Engine, Outcome, Row, Statement};
use crate::error::connection_is_lost;
use crate::unit::{Tx, Unit};
use crate::{EngineKind, SchemaError, StoreError, StoreStats};

/// The server ends a statement after 15 s; when even its answer does not arrive, the network is gone.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Postgres {
    pool: Arc<Pool<Server>>,
    options: PgConnectOptions,
}

impl Postgres {
    /// Opens one connection, so that a wrong URL or an unreachable server is known at once.
    pub async fn connect(url: &str, max_connections: usize) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|e| StoreError::Database(format!("the database URL is not usable: {e}")))?
            .application_name("certctl")
            .disable_statement_logging();
        let limited = options
            .clone()
            .options([("statement_timeout", "15s"), ("idle_in_transaction_session_timeout", "15s")]);
        let pool = Pool::new(Server(limited), max_connections.max(1));
        drop(pool.acquire().await?);
        Ok(Self { pool, options })
    }
}

/// Where the pool's connections lead.
pub(crate) struct Server(PgConnectOptions);

#[async_trait]
impl Open for Server {
    type Connection = PgConnection;
    async fn open(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect_with(&self.0).await
    }

    async fn close(&self, connection: PgConnection) {
        // A server that is gone has ended it already.
        drop(connection.close().await);
    }
}

#[async_trait]
impl Engine for Postgres {
    fn kind(&self) -> EngineKind {
        EngineKind::Postgres
    }

    fn location(&self) -> String {
        let (host, port) = (self.options.get_host(), self.options.get_port());
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let database = self.options.get_database().unwrap_or_else(|| self.options.get_username());
        format!("{host}:{port}/{database}")
    }

    async fn reader(&self) -> Result<Box<dyn Connection>, StoreError> {
        Ok(Box::new(Link::new(self.pool.acquire().await?)))
    }

    async fn submit(&self, mut unit: Box<dyn Unit>) {
        let pool = Arc::clone(&self.pool);
        tokio::spawn(async move {
            let outcome = transaction(&pool, unit.as_mut()).await;
            unit.answer(outcome);
        });
    }

    /// On a connection of its own, because a migration may take longer than the pool's connections allow. The
    /// migrator holds an advisory lock, which keeps other replicas out.
    async fn migrate(&self, migrator: &Migrator) -> Result<(), SchemaError> {
        let failed = |e: &dyn std::fmt::Display| SchemaError::Failed(e.to_string());
        let pool = PgPoolOptions::new().max_connections(1).connect_with(self.options.clone());
        let pool = pool.await.map_err(|e| failed(&e))?;
        let outcome = migrator.run(&pool).await.map_err(|e| failed(&e));
        pool.close().await;
        outcome
    }

    async fn backup_to(&self, _path: &Path) -> Result<(), StoreError> {
        Err(StoreError::Unsupported("a PostgreSQL database is backed up with pg_dump"))
    }

    fn stats(&self) -> StoreStats {
        StoreStats { queue: self.waiting(), ..self.pool.stats() }
    }

    fn waiting(&self) -> usize {
        self.pool.waiting()
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

async fn transaction(pool: &Arc<Pool<Server>>, unit: &mut dyn Unit) -> Result<(), StoreError> {
    let mut tx = begin(pool).await?;
    if unit.run(&mut tx).await {
        tx.connection().commit().await
    } else {
        // When this fails, the connection is closed, which also rolls back.
        tx.connection().rollback().await.or(Ok(()))
    }
}

/// BEGIN is the first that an idle connection hears; one that died in the meantime is passed over. The loop ends
/// with a working connection or with a new one that fails.
async fn begin(pool: &Arc<Pool<Server>>) -> Result<Tx, StoreError> {
    loop {
        let mut link = Link::new(pool.acquire().await?);
        match link.begin().await {
            Ok(()) => return Ok(Tx::new(Box::new(link))),
            Err(StoreError::Unavailable(_)) if link.loan.reused() => {}
            Err(e) => return Err(e),
        }
    }
}

struct Link {
    loan: Pooled<Server>,
    in_transaction: bool,
}

impl Link {
    fn new(loan: Pooled<Server>) -> Self {
        Self { loan, in_transaction: false }
    }

    /// Sends one request and waits for all of its answer. The connection stays usable when that is an error of the
    /// statement only.
    async fn ask<'q>(&mut self, request: impl Execute<'q, Pg> + 'q) -> Result<Outcome, sqlx::Error> {
        let connection = self.loan.start().map_err(|_| sqlx::Error::PoolClosed)?;
        let answer = timeout(ANSWER_LIMIT, collect(connection.fetch_many(request)))
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
        let alive = !matches!(&answer, Err(e) if connection_is_lost(e));
        if alive && !self.in_transaction {
            self.loan.settle();
        }
        answer
    }

    async fn end(&mut self, statement: &'static str) -> Result<(), StoreError> {
        self.ask(statement).await?;
        self.in_transaction = false;
        self.loan.settle();
        Ok(())
    }
}

#[async_trait]
impl Connection for Link {
    /// Outside of a transaction statements only read, so that a dead connection is replaced without further ado.
    async fn run(&mut self, statement: Statement) -> Result<Outcome, StoreError> {
        loop {
            match self.ask(&statement).await {
                Err(e) if connection_is_lost(&e) && self.loan.reused() && !self.in_transaction => {
                    let pool = Arc::clone(self.loan.pool());
                    self.loan = pool.acquire().await?;
                }
                answer => return answer.map_err(StoreError::from),
            }
        }
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        // Until the transaction ends, dropping the loan closes the connection, which rolls back.
        self.in_transaction = true;
        self.ask("BEGIN").await?;
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        self.end("COMMIT").await
    }

    async fn rollback(&mut self) -> Result<(), StoreError> {
        self.end("ROLLBACK").await
    }
}

async fn collect(
    mut steps: BoxStream<'_, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>,
) -> Result<Outcome, sqlx::Error> {
    let mut outcome = Outcome::default();
    while let Some(step) = steps.try_next().await? {
        match step {
            Either::Left(done) => outcome.changed = done.rows_affected(),
            Either::Right(row) => outcome.rows.push(Row::Postgres(row)),
        }
    }
    Ok(outcome)
}
