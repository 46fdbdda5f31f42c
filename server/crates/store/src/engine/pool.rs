use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::InLine;
use crate::{StoreError, StoreStats};

/// How long to wait for a free connection, and as long again for a new one to open.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that nobody used for this long may have been dropped by a firewall that told nobody.
const MAX_IDLE: Duration = Duration::from_secs(5 * 60);
/// Connections are renewed now and then, so that they follow a database that has moved.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// How a pool gets a new connection.
#[async_trait]
pub(crate) trait Open: Send + Sync + 'static {
    type Connection: Send + 'static;
    async fn open(&self) -> Result<Self::Connection, sqlx::Error>;
    /// Returns when the connection has ended.
    async fn close(&self, connection: Self::Connection);
}

/// Up to `max` connections, opened when needed. sqlx's own pool asks the database on every release whether the
/// connection still works; that is one more round trip per use. Here a connection counts as working unless it was
/// dropped in the middle of something, and whoever finds it dead takes another ([`Pooled::reused`]).
pub(crate) struct Pool<O: Open> {
    opener: O,
    idle: Mutex<Vec<Idle<O::Connection>>>,
    permits: Arc<Semaphore>,
    max: usize,
    waiting: AtomicUsize,
}

struct Idle<C> {
    connection: C,
    opened: Instant,
    since: Instant,
}

impl<O: Open> Pool<O> {
    pub fn new(opener: O, max: usize) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(max));
        Arc::new(Self { opener, idle: Mutex::default(), permits, max, waiting: AtomicUsize::new(0) })
    }

    pub async fn acquire(self: &Arc<Self>) -> Result<Pooled<O>, StoreError> {
        let permit = self.permit().await?;
        let taken = self.take_idle();
        let reused = taken.is_some();
        let (connection, opened) = match taken {
            Some(idle) => (idle.connection, idle.opened),
            None => match timeout(PATIENCE, self.opener.open()).await {
                Ok(connection) => (connection?, Instant::now()),
                Err(_elapsed) => return Err(StoreError::went_away("the database does not answer")),
            },
        };
        Ok(Pooled {
            connection: Some(connection),
            pool: Arc::clone(self),
            opened,
            reused,
            busy: false,
            _permit: permit,
        })
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        if let Ok(free) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(free);
        }
        let _in_line = InLine::new(&self.waiting);
        match timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_closed)) => Err(StoreError::went_away("the store is closed")),
            Err(_elapsed) => Err(StoreError::went_away("all database connections are busy")),
        }
    }

    /// How many callers wait for a connection.
    pub fn waiting(&self) -> usize {
        InLine::count(&self.waiting)
    }

    pub fn stats(&self) -> StoreStats {
        let idle = self.idle().len();
        let used = self.max.saturating_sub(self.permits.available_permits());
        StoreStats { connections: used + idle, idle, max: self.max, queue: 0 }
    }

    /// Refuses new users, waits for the present ones and for the end of all connections.
    pub async fn close(&self) {
        let everybody = u32::try_from(self.max).unwrap_or(u32::MAX);
        let drained = timeout(PATIENCE, self.permits.acquire_many(everybody)).await;
        self.permits.close();
        drop(drained);
        let idle = std::mem::take(&mut *self.idle());
        let ends = idle.into_iter().map(|idle| self.opener.close(idle.connection));
        if timeout(PATIENCE, join_all(ends)).await.is_err() {
            tracing::warn!("the database does not end its connections");
        }
    }

    fn take_idle(&self) -> Option<Idle<O::Connection>> {
        let now = Instant::now();
        let mut idle = self.idle();
        idle.retain(|c| now - c.since < MAX_IDLE && now - c.opened < MAX_AGE);
        // The last one used is the one whose caches are warm.
        idle.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle<O::Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection on loan. It goes back on drop, unless it was in the middle of something.
pub(crate) struct Pooled<O: Open> {
    /// `None` only while dropping.
    connection: Option<O::Connection>,
    pool: Arc<Pool<O>>,
    opened: Instant,
    reused: bool,
    busy: bool,
    _permit: OwnedSemaphorePermit,
}

impl<O: Open> Pooled<O> {
    /// Whether somebody used the connection before: it may have died since.
    pub fn reused(&self) -> bool {
        self.reused
    }

    /// The connection, for something that must not be cut short. Dropping the loan before [`Self::settle`] closes
    /// the connection.
    pub fn start(&mut self) -> Result<&mut O::Connection, StoreError> {
        self.busy = true;
        self.connection.as_mut().ok_or_else(|| StoreError::went_away("the connection is closed"))
    }

    /// What [`Self::start`] began has ended, and the connection is as good as before.
    pub fn settle(&mut self) {
        self.busy = false;
    }

    pub fn pool(&self) -> &Arc<Pool<O>> {
        &self.pool
    }
}

impl<O: Open> Drop for Pooled<O> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if !self.busy && !self.pool.permits.is_closed() {
            self.pool.idle().push(Idle { connection, opened: self.opened, since: Instant::now() });
        }
    }
}
