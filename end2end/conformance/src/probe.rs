//! What a row's function works with: the suite, and a place for what it finds.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::acme::Draft;
use crate::endpoint::Endpoint;
use crate::exchange::Answer;
use crate::finding::{Finding, Outcome, Stop, Verdict, Weight};
use crate::row::Row;
use crate::suite::Suite;

/// One run of one row.
#[derive(Debug)]
pub struct Probe<'s> {
    suite: &'s Suite,
    row: &'static Row,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    checks: u32,
    findings: Vec<Finding>,
    notes: Vec<String>,
}

impl Deref for Probe<'_> {
    type Target = Suite;

    fn deref(&self) -> &Suite {
        self.suite
    }
}

impl<'s> Probe<'s> {
    pub fn new(suite: &'s Suite, row: &'static Row) -> Self {
        Self { suite, row, state: Mutex::default() }
    }

    /// Something that an RFC demands of `answer`. Gives whether it is so.
    pub fn must(&self, case: &str, answer: &Answer, holds: bool, expected: &str) -> bool {
        self.check(Weight::Must, case, answer, holds, expected)
    }

    /// Something that the RFCs leave open or recommend.
    pub fn policy(&self, case: &str, answer: &Answer, holds: bool, expected: &str) -> bool {
        self.check(Weight::Policy, case, answer, holds, expected)
    }

    /// The RFC fixes both the status and the problem type.
    pub fn problem(&self, case: &str, answer: &Answer, status: u16, problem: &str) -> bool {
        let holds = answer.status == status && answer.problem() == problem;
        self.must(case, answer, holds, &format!("{status} {problem}"))
    }

    /// The RFC fixes the problem type and leaves the status to the server.
    pub fn problem_type(&self, case: &str, answer: &Answer, status: u16, problem: &str) -> bool {
        let holds = answer.is_refused() && answer.problem() == problem;
        self.must(case, answer, holds, &format!("a refusal of the type {problem}"))
            && self.policy(case, answer, answer.status == status, &format!("{status} {problem}"))
    }

    /// The RFC says that the request is refused and leaves to the server how.
    pub fn refusal(&self, case: &str, answer: &Answer, status: u16, problem: &str) -> bool {
        self.must(case, answer, answer.is_refused(), &format!("a refusal, such as {status} {problem}"))
            && self.policy_problem(case, answer, status, problem)
    }

    /// The suite would have this refusal; no RFC demands it.
    pub fn policy_problem(&self, case: &str, answer: &Answer, status: u16, problem: &str) -> bool {
        let holds = answer.status == status && answer.problem() == problem;
        self.policy(case, answer, holds, &format!("{status} {problem}"))
    }

    pub fn status(&self, case: &str, answer: &Answer, status: u16) -> bool {
        self.must(case, answer, answer.status == status, &status.to_string())
    }

    /// A check that is about more than one answer.
    pub fn holds(&self, weight: Weight, case: &str, holds: bool, expected: &str, got: &str) -> bool {
        self.state().checks += 1;
        if !holds {
            let (case, expected, got) = (case.to_owned(), expected.to_owned(), got.to_owned());
            self.add(Finding { weight, case, expected, got, exchange: None });
        }
        holds
    }

    /// Something that a reader of the report should know, such as a part of the row that could not be tried.
    pub fn note(&self, note: impl Into<String>) {
        self.state().notes.push(note.into());
    }

    /// Findings that were made elsewhere.
    pub fn take(&self, findings: Vec<Finding>) {
        self.state().checks += 1;
        for finding in findings {
            self.add(finding);
        }
    }

    /// What the row came to.
    pub fn finish(self, verdict: Verdict) -> (Outcome, Vec<String>) {
        let weight = self.heaviest();
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match verdict {
            Ok(()) if state.checks == 0 => {
                let why = state.notes.pop().unwrap_or_else(|| "there was nothing to try it on".to_owned());
                return (Outcome::NotApplicable(why), state.notes);
            }
            Err(Stop::NotApplicable(why)) if state.findings.is_empty() => {
                return (Outcome::NotApplicable(why), state.notes);
            }
            Ok(()) => {}
            Err(Stop::NotApplicable(why)) => state.notes.push(why),
            Err(Stop::Broken(finding)) => {
                state.findings.push(Finding { weight: finding.weight.min(weight), ..*finding });
            }
        }
        let outcome = match state.findings.iter().map(|finding| finding.weight).max() {
            None => Outcome::Passed,
            Some(Weight::Policy) => Outcome::Differs(state.findings),
            Some(Weight::Must) => Outcome::Failed(state.findings),
        };
        (outcome, state.notes)
    }

    fn check(&self, weight: Weight, case: &str, answer: &Answer, holds: bool, expected: &str) -> bool {
        self.state().checks += 1;
        if !holds {
            self.add(Finding::of(weight, case, answer, expected));
        }
        holds
    }

    fn add(&self, finding: Finding) {
        let weight = finding.weight.min(self.heaviest());
        self.state().findings.push(Finding { weight, ..finding });
    }

    /// A row that is ours alone has nothing that an RFC demands.
    fn heaviest(&self) -> Weight {
        if self.row.is_policy() { Weight::Policy } else { Weight::Must }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request to `endpoint` that is right but for what `change` does to it before the signature.
    pub async fn flawed(&self, endpoint: &Endpoint, change: impl FnOnce(&mut Draft<'_>)) -> Verdict<Answer> {
        self.flawed_jws(endpoint, change, |_| ()).await
    }

    /// As [`Self::flawed`], for changes of the protected header alone.
    pub async fn flawed_header(
        &self,
        endpoint: &Endpoint,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Verdict<Answer> {
        self.flawed_jws(endpoint, |draft| change(&mut draft.header), |_| ()).await
    }

    /// As [`Self::flawed`], with a change of the JWS after its signature.
    pub async fn flawed_jws(
        &self,
        endpoint: &Endpoint,
        before: impl FnOnce(&mut Draft<'_>),
        after: impl FnOnce(&mut Value),
    ) -> Verdict<Answer> {
        let mut draft = endpoint.draft(self).await?;
        before(&mut draft);
        let mut jws = draft.sign();
        after(&mut jws);
        let answer = self.acme.post_jws(&endpoint.url, &jws).await?;
        self.acme.keep_nonce(&answer);
        Ok(answer)
    }
}
