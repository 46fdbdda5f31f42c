use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Octets of others' that a text of ours may quote.
pub(super) const EXCERPT: usize = 200;
/// More steps than the longest chain of redirects takes.
const MAX_STEPS: usize = 100;
/// Records of one answer that are kept.
const MAX_ANSWERS: usize = 20;

/// What an attempt did, step by step, for the administrator. All text of others is ASCII without control characters
/// and cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What would have been right; empty where the attempt ended before that mattered.
    pub expected: String,
    /// What was read instead, or the same.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub read: Option<String>,
    pub steps: Vec<Step>,
    pub elapsed_ms: u64,
    /// After a failure: one sentence that tells what to fix.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub advice: Option<String>,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    #[serde(flatten)]
    pub action: Action,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    pub elapsed_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Action {
    /// A DNS question. `followed` are the names that CNAME records led to.
    Lookup { name: String, record_type: String, followed: Vec<String>, answers: Vec<String> },
    /// An address that was not dialled, because of `rule`.
    Refuse { address: String, rule: String },
    /// A TCP connection.
    Connect { address: String },
    /// A TLS handshake; what the server's certificate says.
    Tls { server_name: String, version: Option<String>, alpn: Option<String>, names: Vec<String> },
    /// An HTTP request and the head of its answer.
    Request { url: String, status: Option<u16>, location: Option<String> },
}

/// One line for people.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.action {
            Action::Lookup { name, record_type, followed, answers } => {
                write!(f, "looked up {record_type} of {name}")?;
                for alias in followed {
                    write!(f, ", which is an alias of {alias}")?;
                }
                if !answers.is_empty() {
                    write!(f, ": {}", answers.join(", "))?;
                }
            }
            Action::Refuse { address, rule } => write!(f, "did not connect to {address}: {rule}")?,
            Action::Connect { address } => write!(f, "connected to {address}")?,
            Action::Tls { server_name, version, alpn, names } => {
                write!(f, "TLS handshake as {server_name}")?;
                for fact in version.iter().chain(alpn) {
                    write!(f, ", {fact}")?;
                }
                if !names.is_empty() {
                    write!(f, ", certificate for {}", names.join(", "))?;
                }
            }
            Action::Request { url, status, location } => {
                write!(f, "GET {url}")?;
                if let Some(status) = status {
                    write!(f, ": {status}")?;
                }
                if let Some(location) = location {
                    write!(f, ", redirects to {location}")?;
                }
            }
        }
        match &self.error {
            Some(error) => write!(f, ": {error}"),
            None => Ok(()),
        }
    }
}

/// Gathers the evidence while an attempt runs. It lies outside of the attempt, so that what was done before a time-out
/// is kept.
#[derive(Debug)]
pub(super) struct Trace {
    started: Instant,
    evidence: Evidence,
    activity: String,
    in_dns: bool,
}

impl Trace {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            evidence: Evidence {
                expected: String::new(),
                read: None,
                steps: Vec::new(),
                elapsed_ms: 0,
                advice: None,
            },
            activity: "starting".to_owned(),
            in_dns: false,
        }
    }

    pub(super) fn expect(&mut self, text: impl Into<String>) {
        self.evidence.expected = text.into();
    }

    pub(super) fn read(&mut self, text: impl Into<String>) {
        self.evidence.read = Some(text.into());
    }

    /// Says what is under way, as in "while …".
    pub(super) fn begin(&mut self, activity: impl Into<String>) -> Instant {
        self.activity = activity.into();
        self.in_dns = false;
        Instant::now()
    }

    /// Like [`Self::begin`], for something that waits for a resolver.
    pub(super) fn begin_lookup(&mut self, name: &str, record_types: &str) -> Instant {
        let since = self.begin(format!("looking up {record_types} of {name}"));
        self.in_dns = true;
        since
    }

    pub(super) fn activity(&self) -> &str {
        &self.activity
    }

    pub(super) fn in_dns(&self) -> bool {
        self.in_dns
    }

    pub(super) fn step(&mut self, took: Duration, action: Action, error: Option<String>) {
        if self.evidence.steps.len() < MAX_STEPS {
            self.evidence.steps.push(Step { action, error, elapsed_ms: milliseconds(took) });
        }
    }

    pub(super) fn finish(mut self, advice: Option<String>) -> Evidence {
        self.evidence.elapsed_ms = milliseconds(self.started.elapsed());
        self.evidence.advice = advice;
        self.evidence
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The first `limit` octets of what somebody else wrote, as ASCII that can stand in any page or log.
pub(super) fn excerpt(octets: &[u8], limit: usize) -> String {
    let cut = &octets[..octets.len().min(limit)];
    let mut text = cut.escape_ascii().to_string();
    if cut.len() < octets.len() {
        text.push_str("...");
    }
    text
}

/// As many of `items` as an administrator will read.
pub(super) fn some(items: Vec<String>) -> Vec<String> {
    let more = items.len().saturating_sub(MAX_ANSWERS);
    let mut some: Vec<String> = items.into_iter().take(MAX_ANSWERS).collect();
    if more > 0 {
        some.push(format!("and {more} more"));
    }
    some
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_harmless() {
        assert_eq!(excerpt(b"abc", 3), "abc");
        assert_eq!(excerpt(b"abcd", 3), "abc...");
        assert_eq!(excerpt(b"a\n\x1b[31m\xff<", 20), "a\\n\\x1b[31m\\xff<");
        let all: Vec<u8> = (0..=255).collect();
        assert!(excerpt(&all, 256).bytes().all(|b| (0x20..0x7f).contains(&b)));
    }

    #[test]
    fn evidence_survives_the_database() {
        let mut trace = Trace::new();
        trace.expect("a");
        trace.read("b");
        let lookup = Action::Lookup {
            name: "a.example".into(),
            record_type: "TXT".into(),
            followed: vec!["b.example".into()],
            answers: some((0..30).map(|n| n.to_string()).collect()),
        };
        trace.step(Duration::from_millis(7), lookup, None);
        let request = Action::Request { url: "http://a.example/".into(), status: Some(404), location: None };
        trace.step(Duration::ZERO, request, Some("no".into()));
        let evidence = trace.finish(Some("Do it.".into()));
        let json = serde_json::to_string(&evidence).unwrap();
        assert!(json.contains(r#""step":"lookup""#) && json.contains("and 10 more"), "{json}");
        assert_eq!(serde_json::from_str::<Evidence>(&json).unwrap(), evidence);
    }
}
