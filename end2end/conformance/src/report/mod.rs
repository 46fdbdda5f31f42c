//! What a run came to, for people and for programs.

mod json;
mod junit;
mod text;

use std::time::Duration;

use crate::finding::Outcome;
use crate::row::Row;

/// How one row ended.
#[derive(Clone, Debug)]
pub struct RowResult {
    pub row: &'static Row,
    pub outcome: Outcome,
    /// What a reader should know beside the outcome.
    pub notes: Vec<String>,
    pub took: Duration,
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct Report {
    pub directory: String,
    /// In the order of the rows' numbers.
    pub results: Vec<RowResult>,
    pub notes: Vec<String>,
    pub took: Duration,
}

impl Report {
    pub fn row(&self, number: u16) -> Option<&RowResult> {
        self.results.iter().find(|result| result.row.number == number)
    }

    /// Rows in which the server does not do what an RFC demands.
    pub fn failed(&self) -> impl Iterator<Item = &RowResult> {
        self.results.iter().filter(|result| matches!(result.outcome, Outcome::Failed(_)))
    }

    fn count(&self, word: &str) -> usize {
        self.results.iter().filter(|result| result.outcome.word() == word).count()
    }
}
