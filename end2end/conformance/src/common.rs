//! Rows 1, 2, 3 and 7: what every answer is held against, whichever row asked for it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;

use crate::exchange::{Answer, URN};
use crate::finding::{Finding, Weight};

/// The problem types of the IANA registry (RFC 8555 §6.7, 8738 to 9773), and `invalidProfile` of
/// draft-ietf-acme-profiles.
const REGISTERED: &[&str] = &[
    "accountDoesNotExist",
    "alreadyReplaced",
    "alreadyRevoked",
    "autoRenewalCanceled",
    "autoRenewalCancellationInvalid",
    "autoRenewalExpired",
    "autoRenewalRevocationNotSupported",
    "badCSR",
    "badNonce",
    "badPublicKey",
    "badRevocationReason",
    "badSignatureAlgorithm",
    "caa",
    "compound",
    "connection",
    "dns",
    "externalAccountRequired",
    "incorrectResponse",
    "invalidContact",
    "invalidProfile",
    "malformed",
    "onionCAARequired",
    "orderNotReady",
    "rateLimited",
    "rejectedIdentifier",
    "serverInternal",
    "tls",
    "unauthorized",
    "unknownDelegation",
    "unsupportedContact",
    "unsupportedIdentifier",
    "userActionRequired",
];

/// Collects what is wrong with answers, once per row, kind of request and fault.
#[derive(Debug, Default)]
pub struct Log {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    answers: u64,
    problems: u64,
    findings: BTreeMap<(u16, String), Finding>,
    nonces: HashSet<String>,
    /// Where the `index` links of each directory's resources lead.
    indexes: BTreeSet<(String, String)>,
}

impl Log {
    /// How many answers were looked at, and how many of them were problems.
    pub fn counts(&self) -> (u64, u64) {
        let seen = self.seen();
        (seen.answers, seen.problems)
    }

    pub fn findings(&self, row: u16) -> Vec<Finding> {
        self.seen().findings.iter().filter(|((r, _), _)| *r == row).map(|(_, f)| f.clone()).collect()
    }

    /// The targets of the `index` links that clients of this directory got.
    pub fn indexes(&self, directory: &str) -> Vec<String> {
        let seen = self.seen();
        let own = seen.indexes.iter().filter(|(of, _)| of == directory);
        own.map(|(_, index)| index.clone()).collect()
    }

    /// `may_fail`: the row has the server in a state in which 5xx is right.
    pub fn observe(&self, answer: &Answer, directory: &str, may_fail: bool) {
        let mut seen = self.seen();
        seen.answers += 1;
        seen.nonce(answer);
        seen.index(answer, directory);
        seen.problem(answer);
        if answer.status >= 500 && !may_fail {
            seen.note(7, Weight::Must, answer, "no 5xx");
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn note(&mut self, row: u16, weight: Weight, answer: &Answer, expected: &str) {
        let case = format!("{} {}", answer.sent.method, shape(&answer.sent.url));
        let key = (row, format!("{case} {} {expected}", answer.status));
        self.findings.entry(key).or_insert_with(|| Finding::of(weight, &case, answer, expected));
    }

    /// Row 1. RFC 8555 §6.5: in every successful answer to a POST; SHOULD in errors, MUST in badNonce.
    fn nonce(&mut self, answer: &Answer) {
        match answer.nonce() {
            Some(nonce) => {
                if URL_SAFE_NO_PAD.decode(nonce).is_err() || nonce.is_empty() {
                    self.note(1, Weight::Must, answer, "a Replay-Nonce in unpadded base64url");
                }
                if !self.nonces.insert(nonce.to_owned()) {
                    self.note(1, Weight::Must, answer, "a nonce that was not given before");
                }
            }
            None if answer.sent.method == Method::POST => {
                let weight = match answer.is_success() || answer.problem() == "badNonce" {
                    true => Weight::Must,
                    false => Weight::Policy,
                };
                self.note(1, weight, answer, "a Replay-Nonce");
            }
            None => {}
        }
    }

    /// Row 2. RFC 8555 §7.1.
    fn index(&mut self, answer: &Answer, directory: &str) {
        // A server may have several directories.
        let is_directory = answer.sent.url == directory || answer.json()["newNonce"].is_string();
        if is_directory || answer.sent.method == Method::OPTIONS {
            return;
        }
        let weight = if answer.is_success() { Weight::Must } else { Weight::Policy };
        match answer.link("index") {
            Some(url) if url.starts_with("https://") => {
                self.indexes.insert((directory.to_owned(), url));
            }
            Some(_) => self.note(2, weight, answer, "an absolute URL in the Link to the directory"),
            None => self.note(2, weight, answer, "a Link to the directory with rel=\"index\""),
        }
        if answer.lines("link").any(|line| line.matches("rel=").count() > 1) {
            self.note(2, Weight::Policy, answer, "each Link on a line of its own");
        }
    }

    /// Row 3. RFC 8555 §6.7, RFC 9457 §3.1.2.
    fn problem(&mut self, answer: &Answer) {
        if answer.status < 400 || answer.sent.method == Method::HEAD {
            return;
        }
        self.problems += 1;
        let document = answer.json();
        if answer.content_type() != "application/problem+json" || !document.is_object() {
            self.note(3, Weight::Policy, answer, "a problem document (application/problem+json)");
            return;
        }
        let kind = document["type"].as_str().unwrap_or("");
        match kind.strip_prefix(URN) {
            Some(name) if REGISTERED.contains(&name) => {}
            Some(_) => self.note(3, Weight::Must, answer, "a registered type under the ACME URN"),
            None => self.note(3, Weight::Policy, answer, "a type under the ACME URN"),
        }
        match document["status"].as_u64() {
            Some(status) if status == u64::from(answer.status) => {}
            Some(_) => self.note(3, Weight::Must, answer, "`status` equal to the HTTP status"),
            None => self.note(3, Weight::Policy, answer, "the member `status`"),
        }
    }
}

/// A URL without what differs from one resource to the next.
fn shape(url: &str) -> String {
    let path = url.splitn(4, '/').nth(3).unwrap_or("").split('?').next().unwrap_or("");
    let segment = |part: &str| match part.len() > 7 && part.contains(|c: char| c.is_ascii_digit()) {
        true => "…".to_owned(),
        false => part.to_owned(),
    };
    format!("/{}", path.split('/').map(segment).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;
    use crate::exchange::Sent;

    const DIRECTORY: &str = "https://ca.example/directory";

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let sent = Sent {
            method: Method::POST,
            url: "https://ca.example/order/ord-0123456789".to_owned(),
            content_type: None,
            body: Bytes::new(),
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a header value"));
        }
        Answer { sent: Arc::new(sent), status, headers: map, body: body.to_owned().into() }
    }

    fn found(answer: &Answer) -> Vec<(u16, Weight)> {
        let log = Log::default();
        log.observe(answer, DIRECTORY, false);
        [1, 2, 3, 7].iter().flat_map(|row| log.findings(*row).into_iter().map(|f| (*row, f.weight))).collect()
    }

    #[test]
    fn a_right_answer_has_no_findings() {
        let headers = [("replay-nonce", "YWJj"), ("link", "<https://ca.example/directory>;rel=\"index\"")];
        assert_eq!(found(&answer(200, &headers, "{}")), []);
        let problem = r#"{"type":"urn:ietf:params:acme:error:malformed","status":400}"#;
        let headers = [headers[0], headers[1], ("content-type", "application/problem+json")];
        assert_eq!(found(&answer(400, &headers, problem)), []);
    }

    #[test]
    fn what_is_missing_is_found() {
        assert_eq!(found(&answer(200, &[], "{}")), [(1, Weight::Must), (2, Weight::Must)]);
        let with_all = [
            ("replay-nonce", "YWJj"),
            ("link", "<https://ca.example/directory>;rel=\"index\""),
            ("content-type", "application/problem+json"),
        ];
        let unregistered = r#"{"type":"urn:ietf:params:acme:error:strange","status":400}"#;
        assert_eq!(found(&answer(400, &with_all, unregistered)), [(3, Weight::Must)]);
        let other_status = r#"{"type":"urn:ietf:params:acme:error:malformed","status":401}"#;
        assert_eq!(found(&answer(400, &with_all, other_status)), [(3, Weight::Must)]);
        let fault = r#"{"type":"urn:ietf:params:acme:error:serverInternal","status":500}"#;
        assert_eq!(found(&answer(500, &with_all, fault)), [(7, Weight::Must)]);
        let padded = [("replay-nonce", "YQ=="), with_all[1]];
        assert_eq!(found(&answer(200, &padded, "{}")), [(1, Weight::Must)]);
        let shared =
            [with_all[0], ("link", "<https://ca.example/directory>;rel=\"index\", <https://a/>;rel=\"up\"")];
        assert_eq!(found(&answer(200, &shared, "{}")), [(2, Weight::Policy)]);
    }

    #[test]
    fn a_nonce_may_come_once() {
        let log = Log::default();
        let headers = [("replay-nonce", "YWJj"), ("link", "<https://ca.example/directory>;rel=\"index\"")];
        log.observe(&answer(200, &headers, "{}"), DIRECTORY, false);
        log.observe(&answer(200, &headers, "{}"), DIRECTORY, false);
        assert_eq!(log.findings(1).len(), 1);
    }
}
