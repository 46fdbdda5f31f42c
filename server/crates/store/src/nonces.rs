//! Redemption of nonces that many replicas share.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::engine::Engine;
use crate::sql::Sql;
use crate::unit::Reader;
use crate::{StoreError, Tx};

/// Redemptions per statement at most.
const BATCH: usize = 64;
const QUEUE: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(5);

type Nonce = [u8; 16];

struct Redemption {
    nonce: Nonce,
    expires_at: Timestamp,
    caller: oneshot::Sender<Result<bool, StoreError>>,
}

/// Redeems what is waiting with one statement at a time: under load one round trip serves many requests, without
/// load nobody waits for company.
#[derive(Clone)]
pub(crate) struct Nonces(mpsc::Sender<Redemption>);

impl Nonces {
    pub fn start(engine: Arc<dyn Engine>) -> Self {
        let (sender, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(serve(engine, waiting));
        Self(sender)
    }

    pub async fn redeem(&self, nonce: Nonce, expires_at: Timestamp) -> Result<bool, StoreError> {
        let (caller, answer) = oneshot::channel();
        match timeout(PATIENCE, self.0.send(Redemption { nonce, expires_at, caller })).await {
            Ok(Ok(())) => answer.await.unwrap_or_else(|_| Err(StoreError::went_away("the store is closed"))),
            Ok(Err(_closed)) => Err(StoreError::went_away("the store is closed")),
            Err(_elapsed) => Err(StoreError::went_away("too many nonces are waiting")),
        }
    }
}

async fn serve(engine: Arc<dyn Engine>, mut waiting: mpsc::Receiver<Redemption>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let nonces: Vec<_> = batch.iter().map(|r| (r.nonce, r.expires_at)).collect();
        let outcome = match engine.reader().await {
            Ok(connection) => redeem(&mut Reader::new(connection), &nonces).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(mut fresh) => {
                for r in batch.drain(..) {
                    // `remove`: of two requests with one nonce in one batch, the first wins.
                    drop(r.caller.send(Ok(fresh.remove(&r.nonce))));
                }
            }
            Err(error) => {
                for r in batch.drain(..) {
                    drop(r.caller.send(Err(error.clone())));
                }
            }
        }
    }
}

/// Those of the nonces that nobody had redeemed. A single statement, which is its own transaction on a connection
/// that is in none.
async fn redeem(reader: &mut Reader, nonces: &[(Nonce, Timestamp)]) -> Result<HashSet<Nonce>, StoreError> {
    // Sorted, so that two replicas with the same nonces cannot wait for each other.
    let mut rows: Vec<_> = nonces.iter().copied().collect::<BTreeMap<_, _>>().into_iter().collect();
    let Some(last) = rows.last().copied() else {
        return Ok(HashSet::new());
    };
    // Filled up with a duplicate to a power of two, so that few texts have to be prepared.
    rows.resize(rows.len().next_power_of_two(), last);

    let mut sql = Sql::new("INSERT INTO redeemed_nonces (id, expires_at) VALUES ");
    for (i, (nonce, expires_at)) in rows.iter().enumerate() {
        sql.push(if i == 0 { "(" } else { ", (" })
            .bind(nonce.as_slice())
            .push(", ")
            .bind(*expires_at)
            .push(")");
    }
    sql.push(" ON CONFLICT DO NOTHING RETURNING id");
    let mut fresh = HashSet::new();
    for row in reader.run(sql.repeated()).await?.rows {
        let row = row.of("redeemed_nonces");
        let id = row.bytes("id")?;
        fresh.insert(id.try_into().map_err(|_| row.bad("id", &"not 16 bytes"))?);
    }
    Ok(fresh)
}

impl Tx {
    /// Those of the nonces that nobody had redeemed before; they are redeemed now.
    pub(crate) async fn redeem_nonces(
        &mut self,
        nonces: &[(Nonce, Timestamp)],
    ) -> Result<HashSet<Nonce>, StoreError> {
        redeem(self, nonces).await
    }

    /// Whether nobody has redeemed this nonce before, on any replica. It is remembered until `expires_at`, and only if
    /// this transaction is kept.
    pub async fn redeem_nonce(&mut self, id: Nonce, expires_at: Timestamp) -> Result<bool, StoreError> {
        Ok(!self.redeem_nonces(&[(id, expires_at)]).await?.is_empty())
    }

    /// Forgets redeemed nonces that nobody would accept any more; at most `limit` of them. Returns how many.
    pub async fn delete_expired_nonces(&mut self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.execute(
            "DELETE FROM redeemed_nonces WHERE id IN \
             (SELECT id FROM redeemed_nonces WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
            crate::engine::args![now, i64::from(limit)],
        )
        .await
    }
}
