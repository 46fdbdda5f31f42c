//! Reading and writing: [`Reader`], [`Tx`], and units of work as the engines run them.

use std::any::type_name;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::SqlSafeStr;
use tokio::sync::oneshot;

use crate::StoreError;
use crate::engine::{Connection, Outcome, Row, Statement, Value};

/// Longer units are rolled back, so that a stuck one cannot hold up the others for ever.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// A connection to read from. Every call sees what was committed when it started.
pub struct Reader {
    connection: Box<dyn Connection>,
    transactional: bool,
    /// The first failed statement of the transaction.
    failed: Option<StoreError>,
}

impl Reader {
    pub(crate) fn new(connection: Box<dyn Connection>) -> Self {
        Self { connection, transactional: false, failed: None }
    }

    pub(crate) async fn fetch_all(
        &mut self,
        sql: impl SqlSafeStr,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        Ok(self.run(Statement::new(sql, args)).await?.rows)
    }

    /// The first row.
    pub(crate) async fn fetch_optional(
        &mut self,
        sql: impl SqlSafeStr,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.run(Statement::new(sql, args)).await?.rows.into_iter().next())
    }

    /// A failed statement ends its transaction: PostgreSQL refuses every further statement and turns COMMIT into
    /// ROLLBACK without saying so, and SQLite rolls back by itself on some errors, after which statements would
    /// commit one by one. Both are kept from happening here, alike on every engine.
    pub(crate) async fn run(&mut self, statement: Statement) -> Result<Outcome, StoreError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.connection.run(statement).await;
        if let (Err(error), true) = (&result, self.transactional) {
            self.failed = Some(error.clone());
        }
        result
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// The transaction of one unit of work. Reads, by way of [`Reader`], see what the unit has written.
#[derive(Debug)]
pub struct Tx(Reader);

impl Tx {
    pub(crate) fn new(connection: Box<dyn Connection>) -> Self {
        Self(Reader { connection, transactional: true, failed: None })
    }

    /// How many rows the statement changed.
    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        args: Vec<Value>,
    ) -> Result<u64, StoreError> {
        Ok(self.run(Statement::new(sql, args)).await?.changed)
    }

    /// Whether the statement, which changes at most one row, changed it.
    pub(crate) async fn changed(
        &mut self,
        sql: impl SqlSafeStr,
        args: Vec<Value>,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(sql, args).await? > 0)
    }

    pub(crate) async fn close(self) {
        self.0.connection.close().await;
    }

    /// The connection itself, for the engine's controls between units.
    pub(crate) fn connection(&mut self) -> &mut dyn Connection {
        self.0.connection.as_mut()
    }

    /// Puts `other` in the connection's place and returns the connection.
    #[cfg(test)]
    pub(crate) fn replace_connection(&mut self, other: Box<dyn Connection>) -> Box<dyn Connection> {
        std::mem::replace(&mut self.0.connection, other)
    }

    /// The first failed statement since the last call, after which the unit must be rolled back.
    fn take_failure(&mut self) -> Option<StoreError> {
        self.0.failed.take()
    }
}

impl Deref for Tx {
    type Target = Reader;
    fn deref(&self) -> &Reader {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.0
    }
}

/// A unit of work that waits for its transaction, with its types erased.
pub(crate) trait Unit: Send {
    /// Does the work. `false`: nothing that it wrote may be kept.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool>;

    /// Tells the caller how it ended; `transaction` is how the transaction did. Must be called after `COMMIT`.
    fn answer(self: Box<Self>, transaction: Result<(), StoreError>);
}

/// The unit for `work` and where its answer will arrive.
pub(crate) fn unit<T, E, F>(work: F) -> (Box<dyn Unit>, oneshot::Receiver<Result<T, E>>)
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (caller, answer) = oneshot::channel();
    (Box::new(Waiting { work: Some(work), result: None, caller }), answer)
}

struct Waiting<T, E, F> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    caller: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Unit for Waiting<T, E, F>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else {
                return false;
            };
            // The closure may panic before it has made its future, so the call is inside of what is caught.
            let guarded = AssertUnwindSafe(async { work(tx).await }).catch_unwind();
            let result = match tokio::time::timeout(TIME_LIMIT, guarded).await {
                Ok(Ok(result)) => result,
                Ok(Err(_panic)) => {
                    tracing::error!(work = type_name::<F>(), "a unit of work panicked and was rolled back");
                    Err(StoreError::Database("a unit of work panicked".to_owned()).into())
                }
                Err(_elapsed) => {
                    tracing::error!(
                        work = type_name::<F>(),
                        "a unit of work took too long and was rolled back"
                    );
                    Err(StoreError::went_away("a unit of work took too long").into())
                }
            };
            let result = match (result, tx.take_failure()) {
                // The work passed over a failed statement as if nothing were lost.
                (Ok(_), Some(failure)) => Err(failure.into()),
                (result, _) => result,
            };
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn answer(self: Box<Self>, transaction: Result<(), StoreError>) {
        let result = match (self.result, transaction) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(StoreError::went_away("the unit of work was not run").into()),
        };
        // The caller may have gone; the work stays done.
        drop(self.caller.send(result));
    }
}
