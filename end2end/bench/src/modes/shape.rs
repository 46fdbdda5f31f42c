//! The loads that cert-manager makes: many orders of one account at once, and many orders left unfinished.

use serde::Serialize;

use crate::error::Error;
use crate::load::Work;
use crate::measure::{Figures, Round};
use crate::modes::Bench;
use crate::report::{Goal, figures_table};
use crate::subject::{Engine, Subject};

/// Orders of one account at once.
const PARALLEL: usize = 32;

/// Orders of one account that are never finalized.
const PENDING: usize = 10_000;

const ROUNDS: usize = 5;
const ISSUANCES_PER_ROUND: usize = 1200;

/// Clients while the account's other orders are pending.
const CLIENTS: usize = 8;

#[derive(Debug, Serialize)]
struct Shape {
    engine: Engine,
    parallel: Figures,
    before: Figures,
    after: Figures,
    /// An account without pending orders, in rounds between those of `after`.
    other_account: Figures,
}

/// # Errors
/// When a server does not start or does nothing right.
pub async fn run(bench: &mut Bench) -> Result<(), Error> {
    let mut all = Vec::new();
    for engine in bench.engines.clone() {
        let mut subject = bench.start(engine).await?;
        let shape = measure(bench, engine, &mut subject).await?;
        print(&shape);
        let name = engine.name();
        bench.report.goal(Goal::at_most(
            format!("{name}: failures of {PARALLEL} orders in parallel of one account"),
            shape.parallel.failed as f64,
            0.0,
        ));
        let (after, other) = (&shape.after, &shape.other_account);
        let what = |what| format!("{name}: {what} with {PENDING} pending orders, × without");
        bench.report.goal(Goal::at_most(what("CPU per issuance"), after.cpu_ms / other.cpu_ms, 1.1));
        bench.report.goal(Goal::at_most(what("p50 latency"), after.p50_ms / other.p50_ms, 1.1));
        all.push(shape);
    }
    bench.report.set("shape", all)
}

async fn measure(bench: &mut Bench, engine: Engine, subject: &mut Subject) -> Result<Shape, Error> {
    let mut many = subject.clients_of_one_account(PARALLEL).await?;
    let parallel = vec![bench.round(subject, &mut many, 100 * PARALLEL, Work::Issue).await?];
    eprintln!(
        "{}: {PARALLEL} orders in parallel of one account: {} failed",
        subject.name, parallel[0].failed
    );

    let mut few = many.split_off(PARALLEL - CLIENTS);
    let mut before = Vec::new();
    for _ in 0..ROUNDS {
        before.push(bench.round(subject, &mut few, ISSUANCES_PER_ROUND, Work::Issue).await?);
    }
    let pending = bench.round(subject, &mut many, PENDING, Work::OnlyOrder).await?;
    eprintln!("{}: {} orders left pending, {:.0}/s", subject.name, pending.done, pending.per_second);

    let mut others = subject.clients_of_one_account(CLIENTS).await?;
    let (mut after, mut other_account) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        after.push(bench.round(subject, &mut few, ISSUANCES_PER_ROUND, Work::Issue).await?);
        other_account.push(bench.round(subject, &mut others, ISSUANCES_PER_ROUND, Work::Issue).await?);
    }

    let (memory, floor) = (subject.memory(), bench.floor.summary());
    let figures = |clients, what: &str, rounds: Vec<Round>| {
        Figures::new(&format!("{}, {what}", subject.name), clients, rounds, memory, floor)
    };
    Ok(Shape {
        engine,
        parallel: figures(PARALLEL, "one account", parallel),
        before: figures(CLIENTS, "before", before),
        after: figures(CLIENTS, "10,000 pending", after),
        other_account: figures(CLIENTS, "other account", other_account),
    })
}

fn print(shape: &Shape) {
    let figures = [&shape.parallel, &shape.before, &shape.after, &shape.other_account];
    println!("\n{}", figures_table(figures));
}
