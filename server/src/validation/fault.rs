use acme::{Problem, ProblemType};

use super::Failure;

/// A failure and what the administrator is told to do about it.
#[derive(Debug)]
pub(super) struct Fault {
    /// Boxed, because a fault goes up through many calls.
    pub(super) failure: Box<Failure>,
    /// One sentence.
    pub(super) advice: String,
}

impl Fault {
    /// May be gone at the next attempt.
    pub(super) fn retryable(kind: ProblemType, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(kind, detail, advice, true)
    }

    /// Stays as it is until somebody changes a rule.
    pub(super) fn refused(kind: ProblemType, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(kind, detail, advice, false)
    }

    fn new(kind: ProblemType, detail: impl Into<String>, advice: impl Into<String>, retryable: bool) -> Self {
        let failure = Box::new(Failure { problem: Problem::new(kind, detail), retryable });
        Self { failure, advice: advice.into() }
    }
}
