//! The table of rows. Each section's file under `rows/` begins with its part of it.

use futures::future::BoxFuture;

use crate::finding::Verdict;
use crate::probe::Probe;

/// One row: a condition, and what every server must answer to it.
pub struct Row {
    /// Stable: reports, tests and documentation name rows by it.
    pub number: u16,
    pub condition: &'static str,
    pub expected: &'static str,
    /// What is behind it, with the section. Rows of ours begin with `policy`.
    pub law: &'static str,
    pub check: for<'p> fn(&'p Probe<'p>) -> BoxFuture<'p, Verdict>,
}

impl Row {
    /// Whether no RFC demands any of it.
    pub fn is_policy(&self) -> bool {
        self.law.starts_with("policy")
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").field("number", &self.number).finish_non_exhaustive()
    }
}

/// How many rows there are.
pub const COUNT: u16 = 130;

/// Declares a section's rows: number, condition, expectation, law, function.
macro_rules! rows {
    ($($number:literal $condition:literal => $expected:literal, $law:literal, $check:ident;)+) => {
        pub const ROWS: &[$crate::row::Row] = &[$($crate::row::Row {
            number: $number,
            condition: $condition,
            expected: $expected,
            law: $law,
            check: |probe| Box::pin($check(probe)),
        }),+];
    };
}
pub(crate) use rows;

/// All rows by number.
pub fn all() -> Vec<&'static Row> {
    let mut all: Vec<&Row> = crate::rows::SECTIONS.iter().flat_map(|section| section.iter()).collect();
    all.sort_by_key(|row| row.number);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_row() {
        let numbers: Vec<u16> = all().iter().map(|row| row.number).collect();
        assert_eq!(numbers, (1..=COUNT).collect::<Vec<_>>());
    }

    #[test]
    fn every_row_says_what_is_behind_it() {
        for row in all() {
            let known = ["RFC ", "draft-ietf-acme-profiles", "policy"];
            assert!(known.iter().any(|start| row.law.starts_with(start)), "row {}: {}", row.number, row.law);
        }
    }
}
