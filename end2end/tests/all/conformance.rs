//! The conformance suite against certctl, in both modes and on both engines. A row that does not apply in one of
//! the four is named here with its reason; challenge mode on PostgreSQL may miss none.

use conformance::{Outcome, Report};
use end2end::Engine;
use end2end::conformance::{Mode, run};

/// SQLite has one server: there is no replica whose nonces could come here.
const NOT_ON_SQLITE: &[u16] = &[44];
/// Without validation there is nothing to read, to fail, or to try again.
const NOT_WITH_TRUST: &[u16] = &[100, 102, 103, 104, 105, 106, 107, 108, 109, 110];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trust_on_sqlite() {
    check(&run(Engine::Sqlite, Mode::Trust).await, &[NOT_ON_SQLITE, NOT_WITH_TRUST]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trust_on_postgres() {
    check(&run(Engine::Postgres, Mode::Trust).await, &[NOT_WITH_TRUST]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn challenge_on_sqlite() {
    check(&run(Engine::Sqlite, Mode::Challenge).await, &[NOT_ON_SQLITE]);
}

/// All 130.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn challenge_on_postgres() {
    check(&run(Engine::Postgres, Mode::Challenge).await, &[]);
}

/// Holds a report against the rows that may be missing from it.
fn check(report: &Report, may_be_missing: &[&[u16]]) {
    let mut wrong = Vec::new();
    for result in &report.results {
        let number = result.row.number;
        let excused = may_be_missing.iter().any(|list| list.contains(&number));
        match &result.outcome {
            Outcome::Passed => {}
            Outcome::NotApplicable(_) if excused => {}
            _ => wrong.push(number),
        }
    }
    assert!(wrong.is_empty(), "rows {wrong:?}\n{}", report.to_text());
    assert_eq!(report.results.len(), usize::from(conformance::row::COUNT));
}
