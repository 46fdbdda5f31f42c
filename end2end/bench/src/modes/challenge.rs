//! What challenge mode costs beyond trust mode, and what sharing used nonces through the database costs.
//!
//! Both modes run on one server in turns, for the same IP identifiers: 127.0.0.1 to 127.0.0.64, so that no DNS is
//! needed. http-01 is answered by this program, whose CPU time is not the server's; the kernel's work for the
//! validation's connection is, on both ends, where it falls.

use std::time::Duration;

use serde::Serialize;

use crate::acme::{Challenged, Client, Request};
use crate::error::Error;
use crate::keys::Naming;
use crate::load::Work;
use crate::measure::{Figures, Round, median, percentile};
use crate::modes::Bench;
use crate::modes::quick::Load;
use crate::report::{figures_table, number, table};
use crate::responder::{ADDRESSES, Responder};
use crate::subject::{CHALLENGING, Engine, Subject, TRUSTING};

/// A client under load looks again after this time, whatever `Retry-After` says; its shortest, 1 s, would measure the
/// waiting alone.
const IMPATIENCE: Duration = Duration::from_millis(20);

/// A patient client waits as long as it is told.
const PATIENCE: Duration = Duration::from_secs(15);

/// Issuances of a patient client, about a second each.
const PATIENT_ISSUANCES: usize = 5;

/// Requests per round where single requests are measured.
const REQUESTS: usize = 2000;

/// The clients that send them: alone, where every redemption is a statement of its own, and so many that share one.
const REQUEST_CLIENTS: [usize; 2] = [1, 8];

#[derive(Debug, Serialize)]
struct Measured {
    engine: Engine,
    levels: Vec<Level>,
    /// One client that obeys `Retry-After`.
    patient: Figures,
    requests: Vec<Requests>,
}

/// The two modes with the same number of clients.
#[derive(Debug, Serialize)]
struct Level {
    trust: Figures,
    challenge: Figures,
    extra: Extra,
}

/// What an issuance in challenge mode has more, per issuance; CPU ms of server and database together.
#[derive(Debug, Serialize)]
struct Extra {
    requests: f64,
    cpu_ms: f64,
    /// The requests that only read: all but the challenge's POST.
    reads_cpu_ms: f64,
    /// What is left: the challenge's POST and the validation with its two transactions.
    validation_cpu_ms: f64,
}

/// Single requests, each the median of the rounds; CPU ms per request.
#[derive(Debug, Serialize)]
struct Requests {
    concurrency: usize,
    read: Cost,
    good_nonce: Cost,
    foreign_nonce: Cost,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Cost {
    server_cpu_ms: f64,
    database_cpu_ms: f64,
    p50_ms: f64,
}

/// # Errors
/// When a server does not start or does nothing right.
pub async fn run(bench: &mut Bench, load: &Load) -> Result<(), Error> {
    bench.naming = Naming::Loopback(ADDRESSES);
    let mut all = Vec::new();
    for engine in bench.engines.clone() {
        all.push(measure(bench, engine, load).await?);
    }
    bench.naming = Naming::Hosts;
    print(&all);
    bench.report.set("challenge", all)
}

/// About two seconds' worth on two cores.
fn issuances_per_round(concurrency: usize) -> usize {
    match concurrency {
        0..=1 => 60,
        2..=8 => 400,
        _ => 800,
    }
}

async fn measure(bench: &mut Bench, engine: Engine, load: &Load) -> Result<Measured, Error> {
    eprintln!("Starting the server on {} with both modes.", engine.name());
    let responder = Responder::start().await?;
    let mut subject = Subject::start_to_challenge(engine, responder.port).await?;
    bench.warm_up(&mut subject).await?;
    let mut patient = challenged(&mut subject, &responder, 1, PATIENCE).await?;
    let patient = vec![bench.round(&mut subject, &mut patient, PATIENT_ISSUANCES, Work::Issue).await?];

    let mut levels = Vec::new();
    for &concurrency in &load.concurrencies {
        subject.use_profile(TRUSTING).await?;
        let trusted = subject.clients(concurrency).await?;
        let challenged = challenged(&mut subject, &responder, concurrency, IMPATIENCE).await?;
        levels.push((concurrency, [trusted, challenged], [Vec::new(), Vec::new()]));
    }
    for _ in 0..load.rounds {
        for (concurrency, clients, rounds) in &mut levels {
            for (clients, rounds) in clients.iter_mut().zip(rounds) {
                let count = issuances_per_round(*concurrency);
                rounds.push(bench.round(&mut subject, clients, count, Work::Issue).await?);
            }
        }
    }
    let mut requests = Vec::new();
    for concurrency in REQUEST_CLIENTS {
        requests.push(single_requests(bench, &mut subject, concurrency, load.rounds).await?);
    }

    let (memory, floor) = (subject.memory(), bench.floor.summary());
    let figures = |what: &str, concurrency, rounds| {
        Figures::new(&format!("{}, {what}", subject.name), concurrency, rounds, memory, floor)
    };
    let level = |(concurrency, _, [trust, challenge]): (usize, [Vec<Client>; 2], [Vec<Round>; 2])| {
        let (trust, challenge) =
            (figures("trust", concurrency, trust), figures("challenge", concurrency, challenge));
        // Requests are cheaper where many share a round trip, so the two must have about the same number of clients.
        let alike = requests.iter().rfind(|requests| requests.concurrency <= concurrency);
        let read_ms = alike.map_or(f64::NAN, |requests| requests.read.cpu_ms());
        Level { extra: Extra::between(&trust, &challenge, read_ms), trust, challenge }
    };
    Ok(Measured {
        engine,
        levels: levels.into_iter().map(level).collect(),
        patient: figures("challenge, patient", 1, patient),
        requests,
    })
}

async fn challenged(
    subject: &mut Subject,
    responder: &Responder,
    count: usize,
    longest_wait: Duration,
) -> Result<Vec<Client>, Error> {
    subject.use_profile(CHALLENGING).await?;
    let mut clients = subject.clients(count).await?;
    for client in &mut clients {
        client.answer_challenges(Challenged { responses: responder.responses.clone(), longest_wait });
    }
    Ok(clients)
}

/// The kinds of request take turns, as everything does that is compared.
async fn single_requests(
    bench: &mut Bench,
    subject: &mut Subject,
    concurrency: usize,
    rounds: usize,
) -> Result<Requests, Error> {
    subject.use_profile(CHALLENGING).await?;
    let mut clients = subject.clients(concurrency).await?;
    for (client, leaf) in clients.iter_mut().zip(bench.leaves.make(concurrency, bench.naming)?) {
        client.order_to_read(&leaf).await?;
    }
    let mut kinds = [Request::Authorization, Request::Nonce, Request::ForeignNonce]
        .map(|kind| (kind, Vec::<Round>::new()));
    for _ in 0..rounds {
        for (kind, rounds) in &mut kinds {
            rounds.push(bench.requests(subject, &mut clients, REQUESTS, *kind).await?);
        }
    }
    let [read, good_nonce, foreign_nonce] = kinds.map(|(_, rounds)| Cost::of(&rounds));
    Ok(Requests { concurrency, read, good_nonce, foreign_nonce })
}

impl Extra {
    fn between(trust: &Figures, challenge: &Figures, read_ms: f64) -> Self {
        let requests = challenge.requests - trust.requests;
        let cpu_ms = challenge.cpu_ms - trust.cpu_ms;
        let reads_cpu_ms = (requests - 1.0) * read_ms;
        Self { requests, cpu_ms, reads_cpu_ms, validation_cpu_ms: cpu_ms - reads_cpu_ms }
    }
}

impl Cost {
    fn of(rounds: &[Round]) -> Self {
        let median_of = |of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
        let mut latencies: Vec<Duration> = rounds.iter().flat_map(|r| &r.latencies).copied().collect();
        latencies.sort_unstable();
        Self {
            server_cpu_ms: median_of(|r| r.server_cpu_ms),
            database_cpu_ms: median_of(|r| r.database_cpu_ms),
            p50_ms: percentile(&latencies, 50),
        }
    }

    fn cpu_ms(self) -> f64 {
        self.server_cpu_ms + self.database_cpu_ms
    }
}

fn print(all: &[Measured]) {
    println!(
        "\nChallenge mode: http-01 for the IP identifiers 127.0.0.1 to 127.0.0.{ADDRESSES} (no DNS), answered by this \
         program. Clients look at the authorization at once and then every {} ms; a patient one obeys Retry-After. \
         The floor is that of trust mode.\n",
        IMPATIENCE.as_millis()
    );
    let figures = all
        .iter()
        .flat_map(|m| m.levels.iter().flat_map(|level| [&level.trust, &level.challenge]).chain([&m.patient]));
    println!("{}", figures_table(figures));

    println!("What challenge mode adds to an issuance, CPU of server and database:\n");
    let extra = all.iter().flat_map(|m| m.levels.iter().map(|level| (m.engine, level)));
    let rows: Vec<Vec<String>> = extra
        .map(|(engine, Level { trust, extra, .. })| {
            vec![
                engine.name().to_owned(),
                trust.concurrency.to_string(),
                number(extra.requests),
                number(extra.cpu_ms),
                number(extra.reads_cpu_ms),
                number(extra.validation_cpu_ms),
            ]
        })
        .collect();
    let columns =
        ["server", "conc.", "requests", "CPU ms", "of it reading", "of it challenge POST and validation"];
    println!("{}", table(&columns, &rows));

    println!(
        "What it costs to use a nonce: POST-as-GET of newNonce with a good nonce, and with one that is refused before \
         it is looked up. SQLite has one process, which remembers used nonces itself; on PostgreSQL the replicas share \
         them in a table.\n"
    );
    let requests = all.iter().flat_map(|m| m.requests.iter().map(|requests| (m.engine, requests)));
    let rows: Vec<Vec<String>> = requests
        .map(|(engine, Requests { concurrency, good_nonce: good, foreign_nonce: foreign, .. })| {
            vec![
                engine.name().to_owned(),
                concurrency.to_string(),
                number(good.cpu_ms()),
                number(foreign.cpu_ms()),
                number(good.server_cpu_ms - foreign.server_cpu_ms),
                number(good.database_cpu_ms - foreign.database_cpu_ms),
                number(good.p50_ms - foreign.p50_ms),
            ]
        })
        .collect();
    let columns = [
        "server",
        "conc.",
        "good: CPU ms",
        "refused: CPU ms",
        "difference: server CPU ms",
        "database CPU ms",
        "p50 ms",
    ];
    println!("{}", table(&columns, &rows));
}
