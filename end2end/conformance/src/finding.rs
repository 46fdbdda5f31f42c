//! What a row found out.

use std::fmt;

use crate::exchange::Answer;

/// How much a deviation counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// An RFC leaves it open, or only recommends it; the suite would have it otherwise.
    Policy,
    /// An RFC demands it.
    Must,
}

/// One deviation from what a row expects.
#[derive(Clone, Debug)]
pub struct Finding {
    pub weight: Weight,
    /// What was sent where, in a few words; empty when the exchange says it.
    pub case: String,
    pub expected: String,
    pub got: String,
    /// The request and the answer, for a reader.
    pub exchange: Option<String>,
}

impl Finding {
    pub fn of(weight: Weight, case: &str, answer: &Answer, expected: impl Into<String>) -> Self {
        Self {
            weight,
            case: case.to_owned(),
            expected: expected.into(),
            got: answer.gist(),
            exchange: Some(answer.to_string()),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.case.is_empty() {
            write!(f, "{}: ", self.case)?;
        }
        write!(f, "expected {}, got {}", self.expected, self.got)
    }
}

/// Why a row ended early.
#[derive(Debug)]
pub enum Stop {
    /// The row says nothing about this server; the text says why.
    NotApplicable(String),
    /// What the row builds on did not work.
    Broken(Box<Finding>),
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Broken(Box::new(finding))
    }
}

/// How a row's function ends; what it found on the way lies in its probe.
pub type Verdict<T = ()> = Result<T, Stop>;

/// Ends a row that does not apply.
pub fn not_applicable<T>(why: impl Into<String>) -> Verdict<T> {
    Err(Stop::NotApplicable(why.into()))
}

/// Ends a row whose ground is missing.
pub fn broken<T>(expected: impl Into<String>, got: impl fmt::Display) -> Verdict<T> {
    let (expected, got) = (expected.into(), got.to_string());
    Err(Finding { weight: Weight::Must, case: String::new(), expected, got, exchange: None }.into())
}

/// How a row ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    Passed,
    /// Nothing that an RFC demands is missing, but the suite would have some of it otherwise.
    Differs(Vec<Finding>),
    Failed(Vec<Finding>),
    NotApplicable(String),
}

impl Outcome {
    /// One word for a table.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Differs(_) => "differs (policy)",
            Self::Failed(_) => "failed",
            Self::NotApplicable(_) => "not applicable",
        }
    }

    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Differs(findings) | Self::Failed(findings) => findings,
            Self::Passed | Self::NotApplicable(_) => &[],
        }
    }
}
