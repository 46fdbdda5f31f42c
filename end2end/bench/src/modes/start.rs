//! How long the server takes from exec to ready.

use serde::Serialize;
use tempfile::TempDir;
use testkit::CertctlServer;
use testkit::server::{random_encryption_key, random_secret};

use crate::error::Error;
use crate::measure::median;
use crate::modes::Bench;
use crate::report::{Goal, number, table};
use crate::subject::{Engine, start_postgres, time_to_ready};

/// Starts of each kind.
const STARTS: usize = 7;

#[derive(Debug, Serialize)]
struct Starts {
    engine: Engine,
    data: &'static str,
    median_ms: f64,
    worst_ms: f64,
    all_ms: Vec<f64>,
}

/// Starts the server on new data (it creates keys, CA and tables), stops it, and starts it again on the same data.
///
/// # Errors
/// When a server does not start.
pub async fn run(bench: &mut Bench) -> Result<(), Error> {
    let mut all = Vec::new();
    for engine in bench.engines.clone() {
        let postgres = (engine == Engine::Postgres).then(start_postgres);
        let (mut fresh, mut existing) = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            bench.floor.measure()?;
            let data = TempDir::with_prefix("certctl-bench-")?;
            let (api_key, encryption_key) = (random_secret(), random_encryption_key());
            let database = postgres.as_ref().map(|postgres| postgres.create_database("start"));
            let builder = || {
                let builder = CertctlServer::builder().data_dir(data.path()).api_key(&api_key);
                match &database {
                    Some(url) => builder.env("CERTCTL_ENCRYPTION_KEY", &encryption_key).database_url(url),
                    None => builder,
                }
            };
            for times in [&mut fresh, &mut existing] {
                let (mut server, time) = time_to_ready(builder()).await?;
                times.push(time.as_secs_f64() * 1e3);
                server.terminate().await;
            }
        }
        all.push(Starts::new(engine, "new", fresh));
        all.push(Starts::new(engine, "existing", existing));
    }
    let rows = all.iter().map(|starts| {
        let engine = starts.engine.name().to_owned();
        vec![engine, starts.data.to_owned(), number(starts.median_ms), number(starts.worst_ms)]
    });
    println!("\n{}", table(&["server", "data", "median ms to ready", "worst ms"], &rows.collect::<Vec<_>>()));
    for starts in &all {
        let what = format!("{}: s from exec to ready, {} data", starts.engine.name(), starts.data);
        bench.report.goal(Goal::at_most(what, starts.median_ms / 1e3, 0.5));
    }
    bench.report.set("start", all)
}

impl Starts {
    fn new(engine: Engine, data: &'static str, all_ms: Vec<f64>) -> Self {
        let worst_ms = all_ms.iter().copied().fold(0.0, f64::max);
        Self { engine, data, median_ms: median(all_ms.clone()), worst_ms, all_ms }
    }
}
