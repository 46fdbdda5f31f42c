use std::net::IpAddr;

use crate::{AuditEventId, PageRequest, Timestamp};

words! {
    /// How an audited action ended.
    pub enum Outcome {
        Success = "success",
        /// Something broke; nobody refused.
        Failure = "failure",
        /// A rule refused it; the details name the rule.
        Refused = "refused",
    }
}

/// One row of `audit_events`, written in the transaction of the change that it records.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEvent {
    pub id: AuditEventId,
    pub created_at: Timestamp,
    /// As [`crate::Actor`] displays itself.
    pub actor: String,
    /// `<resource>.<what happened>`, e.g. `certificate.issued`.
    pub action: String,
    pub resource_type: String,
    pub resource_id: String,
    pub outcome: Outcome,
    pub client_ip: Option<IpAddr>,
    pub request_id: Option<String>,
    /// A JSON object; no secrets.
    pub details: serde_json::Value,
}

/// Which audit events to list, newest first. Empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// An actor, or a prefix of one when it ends with `:` or `*`.
    pub actor: Option<String>,
    pub action: Option<String>,
    pub resource_type: Option<String>,
    pub resource_id: Option<String>,
    pub outcome: Option<Outcome>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    pub page: PageRequest,
}
