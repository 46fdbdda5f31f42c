//! One round of load: so many orders, as fast as so many clients can.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::acme::{Client, Request};
use crate::error::Error;
use crate::keys::Leaf;
use crate::verify::Issued;

/// How long one issuance may take before it counts as failed, in seconds.
const PATIENCE_SECONDS: u64 = 30;

/// A client gives up after so many failures in a row.
const FAILURES_IN_A_ROW: usize = 10;

/// How many failures are told in full.
const FAILURES_TOLD: usize = 5;

/// What is done for every leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Work {
    Issue,
    /// newOrder only; the order is never finalized.
    OnlyOrder,
}

/// What happened in a round.
#[derive(Debug, Default)]
pub struct Outcome {
    pub wall: Duration,
    /// Of what succeeded.
    pub latencies: Vec<Duration>,
    pub issued: Vec<Issued>,
    pub failed: usize,
    /// What the first failures were.
    pub failures: Vec<String>,
    pub requests: u64,
    pub bad_nonces: u64,
}

/// Does `work` for all `leaves`, every client working on one at a time; after `limit`, no more are begun.
///
/// Failures are counted, not returned.
pub async fn run(clients: &mut Vec<Client>, leaves: Vec<Leaf>, work: Work, limit: Duration) -> Outcome {
    let queue = Arc::new(Queue::new(leaves));
    let deadline = Instant::now() + limit;
    together(clients, |client| work_off(client, Arc::clone(&queue), work, deadline)).await
}

/// Sends `request` `count` times, spread evenly over all `clients`. Failures are counted, not returned.
pub async fn repeat(clients: &mut Vec<Client>, count: usize, request: Request) -> Outcome {
    let share = count.div_ceil(clients.len().max(1));
    together(clients, |client| send_often(client, request, share)).await
}

async fn send_often(mut client: Client, request: Request, times: usize) -> (Client, Outcome) {
    let mut outcome = Outcome::default();
    for _ in 0..times {
        let start = Instant::now();
        let sent = timeout(Duration::from_secs(PATIENCE_SECONDS), client.send(request)).await;
        match sent.unwrap_or(Err(Error::TooSlow("a request", PATIENCE_SECONDS))) {
            Ok(()) => outcome.latencies.push(start.elapsed()),
            Err(error) => {
                outcome.failed += 1;
                outcome.failures.push(error.to_string());
                break;
            }
        }
    }
    (client, outcome)
}

/// Has every client work at the same time, each as `work` says, and sums up.
async fn together<F>(clients: &mut Vec<Client>, work: impl Fn(Client) -> F) -> Outcome
where
    F: Future<Output = (Client, Outcome)> + Send + 'static,
{
    let (requests, bad_nonces) = counters(clients);
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for client in clients.drain(..) {
        tasks.spawn(work(client));
    }
    let mut total = Outcome::default();
    while let Some(joined) = tasks.join_next().await {
        match joined {
            Ok((client, outcome)) => {
                clients.push(client);
                total.add(outcome);
            }
            // Nothing cancels the tasks, so this is a panic; let it go on.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    total.wall = start.elapsed();
    let (requests_after, bad_nonces_after) = counters(clients);
    total.requests = requests_after - requests;
    total.bad_nonces = bad_nonces_after - bad_nonces;
    total
}

fn counters(clients: &[Client]) -> (u64, u64) {
    (clients.iter().map(Client::requests).sum(), clients.iter().map(Client::bad_nonces).sum())
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.issued.extend(other.issued);
        self.failed += other.failed;
        let room = FAILURES_TOLD.saturating_sub(self.failures.len());
        self.failures.extend(other.failures.into_iter().take(room));
    }
}

async fn work_off(mut client: Client, queue: Arc<Queue>, work: Work, deadline: Instant) -> (Client, Outcome) {
    let mut outcome = Outcome::default();
    let mut in_a_row = 0;
    while in_a_row < FAILURES_IN_A_ROW && Instant::now() < deadline {
        let Some(leaf) = queue.next() else { break };
        let start = Instant::now();
        match do_one(&mut client, &leaf, work).await {
            Ok(chain) => {
                outcome.latencies.push(start.elapsed());
                in_a_row = 0;
                if work == Work::Issue {
                    outcome.issued.push(Issued { leaf, chain });
                }
            }
            Err(error) => {
                in_a_row += 1;
                outcome.failed += 1;
                if outcome.failures.len() < FAILURES_TOLD {
                    outcome.failures.push(format!("{}: {error}", leaf.name));
                }
                // The connection may be broken or in the middle of a response.
                if client.reconnect().await.is_err() {
                    break;
                }
            }
        }
    }
    (client, outcome)
}

async fn do_one(client: &mut Client, leaf: &Leaf, work: Work) -> Result<Vec<u8>, Error> {
    let one = async {
        match work {
            Work::Issue => client.issue(leaf).await,
            Work::OnlyOrder => client.only_order(leaf).await.map(|()| Vec::new()),
        }
    };
    timeout(Duration::from_secs(PATIENCE_SECONDS), one)
        .await
        .unwrap_or(Err(Error::TooSlow("an issuance", PATIENCE_SECONDS)))
}

/// Leaves to be taken once each.
struct Queue(Mutex<std::vec::IntoIter<Leaf>>);

impl Queue {
    fn new(leaves: Vec<Leaf>) -> Self {
        Self(Mutex::new(leaves.into_iter()))
    }

    fn next(&self) -> Option<Leaf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}
