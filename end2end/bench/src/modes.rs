//! What can be measured, one file each, and what they share.

pub mod auth;
pub mod challenge;
pub mod lists;
pub mod long;
pub mod quick;
pub mod shape;
pub mod start;

use std::time::Duration;

use crate::acme::{Client, Request};
use crate::error::Error;
use crate::floor::Floor;
use crate::keys::{LeafFactory, Naming};
use crate::load::{self, Outcome, Work};
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
    /// What the leaves of the next rounds are for.
    pub naming: Naming,
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
            naming: Naming::Hosts,
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
        let leaves = self.leaves.make(count, self.naming)?;
        self.floor.measure()?;
        for client in clients.iter_mut() {
            client.reconnect().await?;
        }
        let before = subject.read();
        let mut outcome = load::run(clients, leaves, work, ROUND_LIMIT).await;
        let after = subject.read();

        self.count_failures(&outcome);
        let issued = std::mem::take(&mut outcome.issued);
        if let Some(first) = issued.first() {
            let anchor = match &subject.anchor {
                Some(anchor) => anchor.clone(),
                None => subject.anchor.insert(last_of(&first.chain)?).clone(),
            };
            self.issued += issued.len();
            self.verified += Verifier::new(anchor, self.verify_every).verify(&issued)?;
        }
        something_worked(subject, &outcome)?;
        Ok(Round::new(&before, &after, outcome))
    }

    /// One round of single requests: every client sends `request` until all have sent `count` together.
    ///
    /// # Errors
    /// When no connection can be opened, or nothing at all worked. Single failures are counted.
    pub async fn requests(
        &mut self,
        subject: &Subject,
        clients: &mut Vec<Client>,
        count: usize,
        request: Request,
    ) -> Result<Round, Error> {
        for client in clients.iter_mut() {
            client.reconnect().await?;
        }
        let before = subject.read();
        let outcome = load::repeat(clients, count, request).await;
        let after = subject.read();
        self.count_failures(&outcome);
        something_worked(subject, &outcome)?;
        Ok(Round::new(&before, &after, outcome))
    }

    fn count_failures(&mut self, outcome: &Outcome) {
        for failure in &outcome.failures {
            eprintln!("Failed: {failure}");
        }
        self.failed += outcome.failed;
    }
}

fn something_worked(subject: &Subject, outcome: &Outcome) -> Result<(), Error> {
    if !outcome.latencies.is_empty() {
        return Ok(());
    }
    let log = subject.last_log_lines(20);
    Err(Error::other(format!("nothing succeeded. The server's log:\n{log}")))
}
