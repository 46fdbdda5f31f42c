//! From readings before and after each round to the figures of the report.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::floor::FloorSummary;
use crate::load::Outcome;
use crate::proc::{MachineTime, Memory};

/// Counters at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub at: Instant,
    /// CPU time of the server's process.
    pub server: Duration,
    /// CPU time of all the database's processes; zero with an embedded one.
    pub database: Duration,
    /// CPU time of this process.
    pub generator: Duration,
    pub machine: MachineTime,
    pub flushes: Option<u64>,
}

/// One round of load with what it used.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    pub done: usize,
    pub failed: usize,
    pub per_second: f64,
    /// CPU ms of the server per issuance.
    pub server_cpu_ms: f64,
    /// CPU ms of the database's own processes per issuance.
    pub database_cpu_ms: f64,
    /// CPU ms of the load generator per issuance.
    pub generator_cpu_ms: f64,
    /// HTTP requests per issuance.
    pub requests: f64,
    /// Disk cache flushes per issuance.
    pub flushes: Option<f64>,
    /// Share of all cores' time that went to other processes and to the kernel's own threads.
    pub others_percent: f64,
    /// Share of all cores' time that the hypervisor kept.
    pub stolen_percent: f64,
    pub bad_nonces: u64,
    #[serde(skip)]
    pub latencies: Vec<Duration>,
}

impl Round {
    pub fn new(before: &Reading, after: &Reading, outcome: Outcome) -> Self {
        let done = outcome.latencies.len();
        let per_issuance = |value: f64| value / done.max(1) as f64;
        let cpu_ms = |of: fn(&Reading) -> Duration| {
            per_issuance(of(after).saturating_sub(of(before)).as_secs_f64() * 1e3)
        };
        let between = |of: fn(&Reading) -> Duration| of(after).saturating_sub(of(before)).as_secs_f64();
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let available = (after.at - before.at).as_secs_f64() * cores;
        let ours = between(|r| r.server + r.database + r.generator);
        let flushes =
            after.flushes.zip(before.flushes).map(|(after, before)| per_issuance((after - before) as f64));
        Self {
            done,
            failed: outcome.failed,
            per_second: done as f64 / outcome.wall.as_secs_f64(),
            server_cpu_ms: cpu_ms(|r| r.server),
            database_cpu_ms: cpu_ms(|r| r.database),
            generator_cpu_ms: cpu_ms(|r| r.generator),
            requests: per_issuance(outcome.requests as f64),
            flushes,
            others_percent: 100.0 * (between(|r| r.machine.busy) - ours).max(0.0) / available,
            stolen_percent: 100.0 * between(|r| r.machine.stolen) / available,
            bad_nonces: outcome.bad_nonces,
            latencies: outcome.latencies,
        }
    }

    /// CPU ms of server and database together per issuance.
    pub fn cpu_ms(&self) -> f64 {
        self.server_cpu_ms + self.database_cpu_ms
    }
}

/// The figures of several rounds that were alike. Each is the median of the rounds, unless it says otherwise.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    pub subject: String,
    pub concurrency: usize,
    pub per_second: f64,
    /// Of all issuances of all rounds.
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub server_cpu_ms: f64,
    pub database_cpu_ms: f64,
    pub cpu_ms: f64,
    pub times_floor: f64,
    /// The cheapest round against the floor: both without what disturbed.
    pub best_times_floor: f64,
    pub requests: f64,
    pub flushes: Option<f64>,
    pub generator_cpu_ms: f64,
    pub others_percent: f64,
    pub stolen_percent: f64,
    /// After the last round.
    pub rss_mb: f64,
    pub peak_rss_mb: f64,
    /// Of all rounds.
    pub issuances: usize,
    pub failed: usize,
    pub bad_nonces: u64,
    pub rounds: Vec<Round>,
}

impl Figures {
    pub fn new(
        subject: &str,
        concurrency: usize,
        rounds: Vec<Round>,
        memory: Memory,
        floor: FloorSummary,
    ) -> Self {
        let median_of = |of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
        let mut latencies: Vec<Duration> =
            rounds.iter().flat_map(|round| &round.latencies).copied().collect();
        latencies.sort_unstable();
        let flushes: Option<Vec<f64>> = rounds.iter().map(|round| round.flushes).collect();
        let best = rounds.iter().map(Round::cpu_ms).fold(f64::INFINITY, f64::min);
        Self {
            subject: subject.to_owned(),
            concurrency,
            per_second: median_of(|r| r.per_second),
            p50_ms: percentile(&latencies, 50),
            p95_ms: percentile(&latencies, 95),
            p99_ms: percentile(&latencies, 99),
            server_cpu_ms: median_of(|r| r.server_cpu_ms),
            database_cpu_ms: median_of(|r| r.database_cpu_ms),
            cpu_ms: median_of(Round::cpu_ms),
            times_floor: median_of(Round::cpu_ms) / floor.best_ms,
            best_times_floor: best / floor.best_ms,
            requests: median_of(|r| r.requests),
            flushes: flushes.map(median),
            generator_cpu_ms: median_of(|r| r.generator_cpu_ms),
            others_percent: median_of(|r| r.others_percent),
            stolen_percent: median_of(|r| r.stolen_percent),
            rss_mb: megabytes(memory.now),
            peak_rss_mb: megabytes(memory.peak),
            issuances: rounds.iter().map(|round| round.done).sum(),
            failed: rounds.iter().map(|round| round.failed).sum(),
            bad_nonces: rounds.iter().map(|round| round.bad_nonces).sum(),
            rounds,
        }
    }
}

/// The smallest value that `percent` of all values do not exceed (nearest rank), in ms; NaN of none.
pub fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
}

/// The middle value, or the mean of the two in the middle; NaN of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len() % 2, values.as_slice()) {
        (_, []) => f64::NAN,
        (0, values) => f64::midpoint(values[middle - 1], values[middle]),
        (_, values) => values[middle],
    }
}

/// Millions of bytes.
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let latencies: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&latencies, 50), 100.0);
        assert_eq!(percentile(&latencies, 95), 190.0);
        assert_eq!(percentile(&latencies, 99), 198.0);
        assert_eq!(percentile(&latencies[..1], 99), 1.0);
        assert_eq!(percentile(&latencies[..2], 50), 1.0);
        assert!(percentile(&[], 50).is_nan());
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(vec![]).is_nan());
    }

    #[test]
    fn a_round_is_the_difference_of_two_readings() {
        let at = Instant::now();
        let reading = |ms: u64| Reading {
            at: at + Duration::from_millis(ms),
            server: Duration::from_millis(ms / 2),
            database: Duration::from_millis(ms / 4),
            generator: Duration::from_millis(ms / 8),
            machine: MachineTime { busy: Duration::from_millis(ms), stolen: Duration::ZERO },
            flushes: Some(ms),
        };
        let outcome = Outcome {
            wall: Duration::from_secs(2),
            latencies: vec![Duration::from_millis(1); 100],
            requests: 400,
            ..Outcome::default()
        };
        let round = Round::new(&reading(800), &reading(2800), outcome);
        assert_eq!((round.done, round.per_second, round.requests), (100, 50.0, 4.0));
        assert_eq!((round.server_cpu_ms, round.database_cpu_ms, round.cpu_ms()), (10.0, 5.0, 15.0));
        assert_eq!((round.generator_cpu_ms, round.flushes), (2.5, Some(20.0)));
        let none = Round::new(
            &reading(1),
            &reading(2),
            Outcome { wall: Duration::from_secs(1), ..Outcome::default() },
        );
        assert_eq!((none.done, none.per_second), (0, 0.0));
    }
}
