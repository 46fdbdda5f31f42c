//! Whether an issuance costs more, and the server grows, when the tables are full.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::Error;
use crate::load::Work;
use crate::measure::{median, megabytes};
use crate::modes::Bench;
use crate::report::{Goal, number, table};
use crate::subject::Engine;

const CONCURRENCY: usize = 32;

/// Issuances per window.
const WINDOW: usize = 2000;

/// The memory goal holds after so many.
const MEMORY_AFTER: usize = 20_000;

/// Early and late cost are medians of so many windows: one alone is off by some percent on a shared machine.
const WINDOWS_COMPARED: usize = 5;

/// No window begins after this time per engine.
const ENGINE_LIMIT: Duration = Duration::from_secs(40 * 60);

#[derive(Debug, Serialize)]
struct Window {
    /// Issuances before this window.
    after: usize,
    cpu_ms: f64,
    server_cpu_ms: f64,
    database_cpu_ms: f64,
    per_second: f64,
    rss_mb: f64,
    peak_rss_mb: f64,
}

#[derive(Debug, Serialize)]
struct Growth {
    engine: Engine,
    early_after: usize,
    early_cpu_ms: f64,
    late_after: usize,
    late_cpu_ms: f64,
    ratio: f64,
    windows: Vec<Window>,
}

/// Issues `total` certificates and some more on each engine.
///
/// # Errors
/// When a server does not start or does nothing right.
pub async fn run(bench: &mut Bench, total: usize) -> Result<(), Error> {
    let mut all = Vec::new();
    for engine in bench.engines.clone() {
        let growth = grow(bench, engine, total).await?;
        print(&growth);
        let name = engine.name();
        if let Some(full) = growth.windows.iter().find(|window| window.after + WINDOW >= MEMORY_AFTER) {
            let what = format!("{name}: RSS MB after {} issuances", full.after + WINDOW);
            bench.report.goal(Goal::at_most(what, full.rss_mb, 60.0));
        }
        let what = format!(
            "{name}: CPU per issuance after {} against after {}",
            growth.late_after, growth.early_after
        );
        bench.report.goal(Goal::at_most(what, growth.ratio, 1.1));
        all.push(growth);
    }
    bench.report.set("long", all)
}

async fn grow(bench: &mut Bench, engine: Engine, total: usize) -> Result<Growth, Error> {
    let mut subject = bench.start(engine).await?;
    let mut clients = subject.clients(CONCURRENCY).await?;
    let start = Instant::now();
    let mut windows: Vec<Window> = Vec::new();
    let mut issued = 0;
    while issued < total + WINDOWS_COMPARED * WINDOW && start.elapsed() < ENGINE_LIMIT {
        let round = bench.round(&mut subject, &mut clients, WINDOW, Work::Issue).await?;
        let memory = subject.memory();
        windows.push(Window {
            after: issued,
            cpu_ms: round.cpu_ms(),
            server_cpu_ms: round.server_cpu_ms,
            database_cpu_ms: round.database_cpu_ms,
            per_second: round.per_second,
            rss_mb: megabytes(memory.now),
            peak_rss_mb: megabytes(memory.peak),
        });
        issued += round.done;
        if windows.len().is_multiple_of(10) {
            eprintln!(
                "{}: {issued} issued in {} s, {:.0}/s, {:.2} ms CPU, RSS {:.1} MB",
                subject.name,
                start.elapsed().as_secs(),
                round.per_second,
                round.cpu_ms(),
                megabytes(memory.now)
            );
        }
    }
    // The first window, and the warm-up before it, make up the first 2,000.
    let early = &windows[1.min(windows.len() - 1)..windows.len().min(1 + WINDOWS_COMPARED)];
    let late = &windows[windows.len().saturating_sub(WINDOWS_COMPARED)..];
    let cost = |windows: &[Window]| median(windows.iter().map(|window| window.cpu_ms).collect());
    let (early_cpu_ms, late_cpu_ms) = (cost(early), cost(late));
    Ok(Growth {
        engine,
        early_after: early[0].after,
        early_cpu_ms,
        late_after: late[0].after,
        late_cpu_ms,
        ratio: late_cpu_ms / early_cpu_ms,
        windows,
    })
}

fn print(growth: &Growth) {
    let count = growth.windows.len();
    let shown = (0..count).filter(|&i| i < 2 || i + 1 == count || (i + 1) % 10 == 0);
    let rows: Vec<Vec<String>> = shown
        .map(|i| {
            let window = &growth.windows[i];
            vec![
                growth.engine.name().to_owned(),
                (window.after + WINDOW).to_string(),
                number(window.server_cpu_ms),
                number(window.database_cpu_ms),
                number(window.cpu_ms),
                number(window.per_second),
                number(window.rss_mb),
                number(window.peak_rss_mb),
            ]
        })
        .collect();
    let columns = [
        "server",
        "issued",
        "server CPU ms",
        "database CPU ms",
        "sum CPU ms",
        "issuances/s",
        "RSS MB",
        "peak MB",
    ];
    println!("\n{}", table(&columns, &rows));
    println!(
        "{}: {} ms after {} issuances, {} ms after {} (medians of {WINDOWS_COMPARED} windows of {WINDOW}): ratio {}.\n",
        growth.engine.name(),
        number(growth.early_cpu_ms),
        growth.early_after,
        number(growth.late_cpu_ms),
        growth.late_after,
        number(growth.ratio)
    );
}
