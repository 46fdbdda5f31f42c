use std::time::Duration;

use crate::{AuthorizationId, ProfileId, StoredProblem, Timestamp};

words! {
    /// RFC 8555 §8, RFC 8737.
    pub enum ChallengeKind {
        Http01 = "http-01",
        Dns01 = "dns-01",
        TlsAlpn01 = "tls-alpn-01",
    }
}

words! {
    /// RFC 8555 §7.1.6.
    pub enum ChallengeStatus {
        Pending = "pending",
        Processing = "processing",
        Valid = "valid",
        Invalid = "invalid",
    }
}

/// A challenge that a client has answered. One that nobody has answered is `pending` and is not stored: the
/// authorization says what is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub authorization_id: AuthorizationId,
    pub kind: ChallengeKind,
    /// The profile of the authorization; every profile has its own share of the validations under way.
    pub profile_id: ProfileId,
    /// Never `pending`.
    pub status: ChallengeStatus,
    /// Why the last attempt failed; also while more attempts follow (RFC 8555 §8.2).
    pub error: Option<StoredProblem>,
    /// How many attempts have ended.
    pub attempts: u32,
    /// While `processing`: when the next attempt may start. While one is under way: when its lease ends, after which
    /// another process may start it anew.
    pub due_at: Timestamp,
    /// Who is at work on an attempt.
    pub claim: Option<String>,
    pub validated_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

words! {
    /// How an attempt to validate a challenge ended.
    pub enum AttemptOutcome {
        /// The challenge is valid.
        Passed = "passed",
        /// It failed, and another attempt follows.
        Retried = "retried",
        /// It failed, and with it the challenge.
        Failed = "failed",
    }
}

/// One attempt to validate a challenge, kept as long as its authorization.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationAttempt {
    pub authorization_id: AuthorizationId,
    pub kind: ChallengeKind,
    /// From 1.
    pub number: u32,
    pub started_at: Timestamp,
    /// In whole microseconds.
    pub duration: Duration,
    pub outcome: AttemptOutcome,
    pub problem: Option<StoredProblem>,
    /// What was asked and what came back, as a JSON object.
    pub evidence: serde_json::Value,
}
