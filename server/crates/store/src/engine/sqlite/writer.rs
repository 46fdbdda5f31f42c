//! The one writer of a SQLite database. Units of work wait in a queue; the writer takes all that are there, runs
//! each in its own savepoint, commits once and then answers all of them. One fsync serves the whole batch, and
//! nobody is answered before it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{File, Open, WriteLink};
use crate::StoreError;
use crate::engine::{InLine, Statement, args};
use crate::unit::{Tx, Unit};

/// How many units may wait before callers wait for a place.
const QUEUE: usize = 1024;
/// How many units one transaction takes at most; more would only lengthen the wait of the first.
const BATCH: usize = 128;
/// How long a caller waits for a place in the queue.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Writer {
    /// `None` once the store is closed.
    queue: Mutex<Option<mpsc::Sender<Box<dyn Unit>>>>,
    waiting: Arc<AtomicUsize>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Writer {
    /// Starts the writer on a thread of its own: it waits for one statement after the other, and a task that other
    /// tasks keep waiting would hold up every write.
    pub fn start(file: File, connection: SqliteConnection) -> Result<Self, StoreError> {
        let (sender, queue) = mpsc::channel(QUEUE);
        let waiting = Arc::new(AtomicUsize::new(0));
        let batches = Batches { file, tx: Some(transaction_on(connection)), waiting: Arc::clone(&waiting) };
        let runtime = tokio::runtime::Handle::current();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                // For the time limits of units.
                let _entered = runtime.enter();
                block_on(batches.run(queue));
            })
            .map_err(|e| StoreError::Unavailable(format!("the writer's thread cannot be started: {e}")))?;
        Ok(Self { queue: Mutex::new(Some(sender)), waiting, thread: Mutex::new(Some(thread)) })
    }

    pub async fn submit(&self, unit: Box<dyn Unit>) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(queue) = queue else {
            return unit.answer(Err(StoreError::went_away("the store is closed")));
        };
        let in_line = InLine::new(&self.waiting);
        match timeout(PATIENCE, queue.reserve()).await {
            Ok(Ok(place)) => {
                in_line.hand_over();
                place.send(unit);
            }
            Ok(Err(_closed)) => unit.answer(Err(StoreError::went_away("the store is closed"))),
            Err(_elapsed) => unit.answer(Err(StoreError::went_away("too many writes are waiting"))),
        }
    }

    /// Units that nobody has answered yet.
    pub fn waiting(&self) -> usize {
        InLine::count(&self.waiting)
    }

    /// Runs what is waiting and closes the database, which also folds the write-ahead log into it.
    pub async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // Joining blocks. A writer that panicked has nothing left to do.
            drop(tokio::task::spawn_blocking(move || drop(thread.join())).await);
        }
    }
}

struct Batches {
    file: File,
    /// `None` after a fault: the next batch opens the database anew, and by that finds out whether it is back.
    tx: Option<Tx>,
    waiting: Arc<AtomicUsize>,
}

impl Batches {
    async fn run(mut self, mut queue: mpsc::Receiver<Box<dyn Unit>>) {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            let outcome = self.transaction(&mut batch).await;
            if let Err(error) = &outcome {
                tracing::warn!(%error, units = batch.len(), "a batch of writes was lost");
            }
            self.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
            for unit in batch.drain(..) {
                unit.answer(outcome.clone());
            }
        }
        if let Some(tx) = self.tx {
            tx.close().await;
        }
    }

    async fn transaction(&mut self, batch: &mut [Box<dyn Unit>]) -> Result<(), StoreError> {
        let mut tx = match self.tx.take() {
            Some(tx) => tx,
            None => transaction_on(self.file.open().await?),
        };
        tx.connection().begin().await?;
        match batch {
            [unit] => {
                if unit.run(&mut tx).await {
                    tx.connection().commit().await?;
                } else {
                    tx.connection().rollback().await?;
                }
            }
            units => {
                in_savepoints(&mut tx, units).await?;
                tx.connection().commit().await?;
            }
        }
        self.tx = Some(tx);
        Ok(())
    }
}

/// Errors are those of the transaction, not of a unit. They also come when a statement of a unit met a fault upon
/// which SQLite rolls back everything (disk full, I/O error): the savepoint is gone then.
async fn in_savepoints(tx: &mut Tx, units: &mut [Box<dyn Unit>]) -> Result<(), StoreError> {
    let mut next = "SAVEPOINT unit";
    for unit in units {
        control(tx, next).await?;
        next = match unit.run(tx).await {
            // One call for both, because a call to sqlx's thread costs more than what it does here.
            true => "RELEASE unit; SAVEPOINT unit",
            false => "ROLLBACK TO unit; RELEASE unit; SAVEPOINT unit",
        };
    }
    if next.starts_with("ROLLBACK") {
        control(tx, "ROLLBACK TO unit").await?;
    }
    Ok(())
}

async fn control(tx: &mut Tx, sql: &'static str) -> Result<(), StoreError> {
    tx.connection().run(Statement::new(sql, args![])).await.map(drop)
}

fn transaction_on(connection: SqliteConnection) -> Tx {
    Tx::new(Box::new(WriteLink(connection)))
}

struct Unpark(std::thread::Thread);
impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = std::task::Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(v) = future.as_mut().poll(&mut cx) {
            return v;
        }
        std::thread::park();
    }
}
