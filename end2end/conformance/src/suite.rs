//! A run: prepares what rows need, runs them, and gives the report.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use futures::StreamExt;
use testkit::acme::{Algorithm, Key};

use crate::acme::{Acme, Settings};
use crate::admin::{Admin, EabKey, Place, PlaceKind};
use crate::common::Log;
use crate::endpoint::{self, Endpoint, Fixture};
use crate::finding::{Finding, Outcome, Stop, Verdict};
use crate::probe::Probe;
use crate::report::{Report, RowResult};
use crate::responder::{Ports, Responder};
use crate::row::{self, Row};

/// How many rows run at once.
const WIDTH: usize = 8;
/// One at a time, after all others: 57 changes terms that 56 reads, and the rest judges all answers that came.
const LAST: &[u16] = &[57, 7, 1, 2, 3];

/// What to test, and with what help.
#[derive(Clone, Debug)]
pub struct Options {
    pub target: Place,
    /// The kind of account keys.
    pub algorithm: Algorithm,
    /// Where test names lie.
    pub domain: String,
    pub ports: Ports,
    /// For servers that require EAB.
    pub eab: Option<EabKey>,
    /// A name that the server's policy does not permit.
    pub denied_name: Option<String>,
    /// A loopback address that the server's policy forbids as a target of validation.
    pub forbidden_address: Option<Ipv4Addr>,
    /// A key that the server must know to be compromised.
    pub compromised_key: Option<Arc<Key>>,
    /// Only these rows; empty: all.
    pub rows: Vec<u16>,
}

impl Options {
    pub fn new(target: Place) -> Self {
        Self {
            target,
            algorithm: Algorithm::Es256,
            domain: "conformance.example.com".to_owned(),
            ports: Ports::default(),
            eab: None,
            denied_name: None,
            forbidden_address: None,
            compromised_key: None,
            rows: Vec::new(),
        }
    }
}

/// Everything that rows share.
#[derive(Debug)]
pub struct Suite {
    pub options: Options,
    /// The server under test.
    pub acme: Acme,
    pub admin: Arc<dyn Admin>,
    pub log: Arc<Log>,
    pub fixture: Fixture,
    endpoints: Vec<Endpoint>,
}

impl Suite {
    /// The resources on which flaws can be tried.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter()
    }

    /// What answers challenges, or the end of a row that needs it.
    pub fn responder(&self) -> Verdict<&Responder> {
        let none = || Stop::NotApplicable("no port to answer challenges on was given".to_owned());
        self.acme.settings.responder.as_ref().ok_or_else(none)
    }

    /// A client of another place of the same server.
    pub async fn at(&self, kind: PlaceKind) -> Verdict<Acme> {
        let place = self.admin.place(kind).await?;
        self.client_of(&place).await
    }

    pub async fn client_of(&self, place: &Place) -> Verdict<Acme> {
        let settings = Arc::clone(&self.acme.settings);
        Acme::connect(&place.directory, &place.ca_pem, Arc::clone(&self.log), settings).await
    }
}

/// Runs the suite.
///
/// # Errors
/// When the server cannot be tested at all; the text says why.
pub async fn run(options: Options, admin: Arc<dyn Admin>) -> Result<Report, String> {
    let start = Instant::now();
    let (suite, mut notes) = prepare(options, admin).await.map_err(|stop| stop.to_string())?;
    let wanted = |row: &&&Row| suite.options.rows.is_empty() || suite.options.rows.contains(&row.number);
    let all = row::all();
    let (last, first): (Vec<_>, Vec<_>) =
        all.iter().filter(wanted).partition(|row| LAST.contains(&row.number));
    let mut results: Vec<RowResult> =
        futures::stream::iter(first).map(|row| run_row(&suite, row)).buffer_unordered(WIDTH).collect().await;
    let mut last = last;
    last.sort_by_key(|row| LAST.iter().position(|number| *number == row.number));
    for row in last {
        results.push(run_row(&suite, row).await);
    }
    results.sort_by_key(|result| result.row.number);
    let (answers, problems) = suite.log.counts();
    notes.push(format!("{answers} answers were looked at, {problems} of them problems"));
    let directory = suite.options.target.directory.clone();
    Ok(Report { directory, results, notes, took: start.elapsed() })
}

async fn run_row(suite: &Suite, row: &'static Row) -> RowResult {
    let start = Instant::now();
    let probe = Probe::new(suite, row);
    let verdict = (row.check)(&probe).await;
    let (outcome, notes) = probe.finish(verdict);
    RowResult { row, outcome, notes, took: start.elapsed() }
}

async fn prepare(options: Options, admin: Arc<dyn Admin>) -> Verdict<(Suite, Vec<String>)> {
    let responder = Responder::start(options.ports, options.forbidden_address).await;
    let responder = responder.or_else(|error| crate::finding::broken("the responder's ports", error))?;
    let settings = Arc::new(Settings {
        algorithm: options.algorithm,
        domain: options.domain.clone(),
        responder,
        eab: options.eab.clone(),
        run: random_label(),
        counter: Arc::new(AtomicU32::new(1)),
    });
    let log = Arc::new(Log::default());
    let Place { directory, ca_pem } = &options.target;
    let acme = Acme::connect(directory, ca_pem, Arc::clone(&log), settings).await?;
    let (fixture, found, mut notes) = endpoint::prepare(&acme).await?;
    let mut suite = Suite { options, acme, admin, log, fixture, endpoints: Vec::new() };
    for mut endpoint in found {
        let body = endpoint.draft(&suite).await?.sign();
        let answer = suite.acme.post_jws(&endpoint.url, &body).await?;
        match endpoint.learn(&answer) {
            true => suite.endpoints.push(endpoint),
            false => notes.push(format!(
                "no flaws are tried on {}: it answers a request without flaw with {}",
                endpoint.name,
                answer.gist()
            )),
        }
    }
    Ok((suite, notes))
}

fn random_label() -> String {
    let mut bytes = [0; 4];
    // Names only need to differ from those of other runs.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    hex::encode(bytes)
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotApplicable(why) => f.write_str(why),
            Self::Broken(finding) => {
                let Finding { exchange, .. } = finding.as_ref();
                write!(f, "{finding}")?;
                exchange.as_ref().map_or(Ok(()), |exchange| write!(f, "\n{exchange}"))
            }
        }
    }
}

impl RowResult {
    pub fn passed(&self) -> bool {
        matches!(self.outcome, Outcome::Passed)
    }
}
