//! What can be measured, one file each, and what they share.

pub mod long;
pub mod quick;
pub mod shape;
pub mod start;

use std::time::Duration;

use crate::acme::Client;
use crate::error::Error;
use crate::floor::Floor;
use crate::keys::LeafFactory;
use crate::load::{self, Work};
use crate::measure::Round;
use crate::report::Report;
use crate::subject::{Engine, Subject};
use crate::verify::{Verifier, last_of};

/// No round begins an order after this time.
const ROUND_LIMIT: Duration = Duration::from_secs(120);

/// A run of this program.
pub struct Bench {
    pub engines: Vec<Engine>,
    /// Of how many chains one is verified.
    pub verify_every: usize,
    pub floor: Floor,
    pub leaves: LeafFactory,
    pub report: Report,
    /// Over all rounds.
    pub issued: usize,
    pub verified: usize,
    pub failed: usize,
}

impl Bench {
    /// # Errors
    /// When cryptography fails.
    pub fn new(engines: Vec<Engine>, verify_every: usize) -> Result<Self, Error> {
        Ok(Self {
            engines,
            verify_every,
            floor: Floor::new()?,
            leaves: LeafFactory::default(),
            report: Report::default(),
            issued: 0,
            verified: 0,
            failed: 0,
        })
    }

    /// Starts a server, tells where its data lies, and lets it get warm.
    pub async fn start(&mut self, engine: Engine) -> Result<Subject, Error> {
        eprintln!("Starting the server on {}.", engine.name());
        let mut subject = Subject::start(engine).await?;
        self.warm_up(&mut subject).await?;
        Ok(subject)
    }

    pub async fn warm_up(&mut self, subject: &mut Subject) -> Result<(), Error> {
        if subject.disk().is_memory() {
            eprintln!(
                "The data lies in memory ({}), where an fsync is free. Set TMPDIR to a directory on a disk.",
                subject.disk().file_system
            );
        }
        let mut clients = subject.clients(8).await?;
        self.round(subject, &mut clients, 400, Work::Issue).await.map(drop)
    }

    /// One round: leaves are made, the floor is measured, connections are opened; then the clock starts, `clients`
    /// do `work` for `count` leaves, and the clock stops; then the chains are verified.
    ///
    /// # Errors
    /// When a chain is wrong, or nothing at all worked. Single failures are counted.
    pub async fn round(
        &mut self,
        subject: &mut Subject,
        clients: &mut Vec<Client>,
        count: usize,
        work: Work,
    ) -> Result<Round, Error> {
        let leaves = self.leaves.make(count)?;
        self.floor.measure()?;
        for client in clients.iter_mut() {
            client.reconnect().await?;
        }
        let before = subject.read();
        let mut outcome = load::run(clients, leaves, work, ROUND_LIMIT).await;
        let after = subject.read();

        for failure in &outcome.failures {
            eprintln!("Failed: {failure}");
        }
        self.failed += outcome.failed;
        let issued = std::mem::take(&mut outcome.issued);
        if let Some(first) = issued.first() {
            let anchor = match &subject.anchor {
                Some(anchor) => anchor.clone(),
                None => subject.anchor.insert(last_of(&first.chain)?).clone(),
            };
            self.issued += issued.len();
            self.verified += Verifier::new(anchor, self.verify_every).verify(&issued)?;
        }
        if outcome.latencies.is_empty() {
            return Err(Error::other(format!(
                "nothing succeeded. The server's log:\n{}",
                subject.last_log_lines(20)
            )));
        }
        Ok(Round::new(&before, &after, outcome))
    }
}
