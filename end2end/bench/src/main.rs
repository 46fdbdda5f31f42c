//! The load generator that `make bench` runs: what an issuance costs the server, how fast it is, and whether that
//! changes with load and age. README.md says what the figures mean.

mod acme;
mod error;
mod floor;
mod http;
mod keys;
mod load;
mod measure;
mod modes;
mod proc;
mod report;
mod responder;
mod subject;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::error::Error;
use crate::modes::{Bench, auth, challenge, lists, long, quick, shape, start};
use crate::subject::{Engine, Subject};

/// Measures what a certificate costs: starts the release server on SQLite and on PostgreSQL, on this machine only,
/// and issues certificates over ACME as fast as it goes. Takes three to four minutes unless a mode is chosen.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: LoadArguments,
    /// Issue 200,000 certificates per engine: memory after 20,000, and whether the cost grows (half an hour).
    #[arg(long)]
    long: bool,
    /// With --long: after how many issuances the late cost is taken.
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = in_range(20_000, 1_000_000), requires = "long")]
    total: usize,
    #[command(subcommand)]
    mode: Option<Mode>,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// The time from exec to ready, on new and on existing data.
    Start,
    /// One account with 32 orders in parallel, and one with 10,000 orders that are never finalized.
    Shape,
    /// Challenge mode (http-01, answered by this program) next to trust mode, and what using a nonce costs.
    Challenge,
    /// What it costs to find out who asks, and to refuse them.
    Auth,
    /// The pages of the lists when there are a million certificates and five million audit events.
    Lists(lists::ListsArguments),
    /// Any ACME server that runs on this machine, for comparison.
    Against {
        /// The ACME directory; its port is taken on the loopback address.
        #[arg(long)]
        directory: String,
        /// The CA (PEM) of the server's TLS certificate.
        #[arg(long)]
        ca: PathBuf,
        /// The server's process, whose CPU time and memory are measured.
        #[arg(long)]
        pid: Option<u32>,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// Write the figures to FILE as JSON, too.
    #[arg(long, value_name = "FILE", global = true)]
    json: Option<PathBuf>,
    /// Only this engine.
    #[arg(long, value_enum, global = true)]
    engine: Option<Engine>,
    /// Verify one chain of N; the figures that count are taken with every one verified.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = in_range(1, 1_000_000), global = true)]
    verify: usize,
}

#[derive(Debug, Args)]
struct LoadArguments {
    /// How many clients work at once.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32", value_parser = in_range(1, 256), global = true)]
    concurrency: Vec<usize>,
    /// Rounds per concurrency, about two seconds each.
    #[arg(long, default_value_t = 5, value_parser = in_range(1, 1000), global = true)]
    rounds: usize,
}

fn in_range(least: usize, most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("not a number from {least} to {most}")),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // One thread: it serves 32 connections with less CPU than several threads that hand work to each other.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Error::Io(error)),
    };
    // Whatever ends this, what was started is owned by the future and goes with it.
    let result = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = run(arguments) => result,
            _ = tokio::signal::ctrl_c() => Err(Error::other("interrupted")),
            _ = terminate.recv() => Err(Error::other("terminated")),
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &Error) -> ExitCode {
    eprintln!("bench: {error}");
    ExitCode::FAILURE
}

async fn run(arguments: Arguments) -> Result<(), Error> {
    let Arguments { common, load, long, total, mode } = arguments;
    let load = quick::Load { concurrencies: load.concurrency, rounds: load.rounds };
    let engines = common.engine.map_or_else(|| vec![Engine::Sqlite, Engine::Postgres], |engine| vec![engine]);
    let mut bench = Bench::new(engines, common.verify)?;
    let machine = proc::machine();
    println!("{machine}.");
    bench.report.set("machine", machine)?;
    match mode {
        Some(Mode::Start) => start::run(&mut bench).await?,
        Some(Mode::Shape) => shape::run(&mut bench).await?,
        Some(Mode::Challenge) => challenge::run(&mut bench, &load).await?,
        Some(Mode::Auth) => auth::run(&mut bench).await?,
        Some(Mode::Lists(arguments)) => lists::run(&mut bench, &arguments).await?,
        Some(Mode::Against { directory, ca, pid }) => {
            let subject = Subject::running(&directory, &ca, pid).await?;
            quick::run_against(&mut bench, subject, &load).await?;
        }
        None if long => long::run(&mut bench, total).await?,
        None => {
            quick::run(&mut bench, &load).await?;
            challenge::run(&mut bench, &load.reduced()).await?;
        }
    }
    println!(
        "{} certificates issued, {} verified, {} orders failed.",
        bench.issued, bench.verified, bench.failed
    );
    bench.report.set("issued", bench.issued)?;
    bench.report.set("verified", bench.verified)?;
    bench.report.set("failed", bench.failed)?;
    bench.report.finish(bench.floor.summary())?;
    if let Some(file) = &common.json {
        bench.report.write_json(file)?;
    }
    match bench.failed {
        0 => Ok(()),
        failed => Err(Error::other(format!("{failed} orders failed"))),
    }
}
