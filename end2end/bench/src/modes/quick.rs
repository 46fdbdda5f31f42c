//! The figures at several concurrencies.

use crate::error::Error;
use crate::load::Work;
use crate::measure::{Figures, Round};
use crate::modes::Bench;
use crate::report::{Goal, figures_table};
use crate::subject::{Engine, Subject};

/// How much load there is.
#[derive(Debug, Clone)]
pub struct Load {
    pub concurrencies: Vec<usize>,
    pub rounds: usize,
}

impl Load {
    /// Of what is not the main thing: the most clients only, and few rounds.
    pub fn reduced(&self) -> Self {
        Self {
            concurrencies: self.concurrencies.iter().copied().max().into_iter().collect(),
            rounds: self.rounds.min(3),
        }
    }

    /// About two seconds' worth on two cores.
    fn issuances_per_round(concurrency: usize) -> usize {
        match concurrency {
            0..=1 => 400,
            2..=8 => 1200,
            _ => 2400,
        }
    }
}

/// Measures our server on each engine.
///
/// # Errors
/// When a server does not start or does nothing right.
pub async fn run(bench: &mut Bench, load: &Load) -> Result<(), Error> {
    let mut all = Vec::new();
    for engine in bench.engines.clone() {
        let mut subject = bench.start(engine).await?;
        let figures = measure(bench, &mut subject, load).await?;
        if let Some(most) = figures.iter().find(|f| f.concurrency == 32) {
            let limit = match engine {
                Engine::Sqlite => 3.0,
                Engine::Postgres => 5.0,
            };
            let what = format!("{}: CPU per issuance, × floor, 32 clients", subject.name);
            bench.report.goal(Goal::at_most(what, most.times_floor, limit));
            if engine == Engine::Sqlite {
                let what = format!("{}: issuances/s, 32 clients", subject.name);
                bench.report.goal(Goal::at_least(what, most.per_second, 700.0));
            }
        }
        all.extend(figures);
    }
    println!("\n{}", figures_table(&all));
    bench.report.set("concurrency", all)
}

/// Measures one server that runs already.
///
/// # Errors
/// When it does nothing right.
pub async fn run_against(bench: &mut Bench, mut subject: Subject, load: &Load) -> Result<(), Error> {
    bench.warm_up(&mut subject).await?;
    let figures = measure(bench, &mut subject, load).await?;
    println!("\n{}", figures_table(&figures));
    bench.report.set("concurrency", figures)
}

/// The concurrencies take turns, so that a slow spell of the machine meets them all.
async fn measure(bench: &mut Bench, subject: &mut Subject, load: &Load) -> Result<Vec<Figures>, Error> {
    let mut levels = Vec::new();
    for &concurrency in &load.concurrencies {
        let clients = subject.clients(concurrency).await?;
        levels.push((concurrency, clients, Vec::<Round>::new()));
    }
    for number in 1..=load.rounds {
        for (concurrency, clients, rounds) in &mut levels {
            let count = Load::issuances_per_round(*concurrency);
            let round = bench.round(subject, clients, count, Work::Issue).await?;
            eprintln!(
                "{}, {concurrency} clients, round {number}: {:.0}/s, {:.2} ms CPU",
                subject.name,
                round.per_second,
                round.cpu_ms()
            );
            rounds.push(round);
        }
    }
    let (memory, floor) = (subject.memory(), bench.floor.summary());
    let figures = |(concurrency, _, rounds)| Figures::new(&subject.name, concurrency, rounds, memory, floor);
    Ok(levels.into_iter().map(figures).collect())
}
