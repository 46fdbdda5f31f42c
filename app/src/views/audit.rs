use super::{Badge, Link, Moment};

/// A line of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    pub id: String,
    pub at: Moment,
    pub actor: Link,
    pub action: String,
    pub resource: Link,
    pub resource_type: String,
    pub outcome: Badge,
    pub from: Option<String>,
}

/// Everything about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEventView {
    pub id: String,
    pub at: Moment,
    pub actor: Link,
    /// What else the same actor did.
    pub by_actor: String,
    pub action: String,
    pub resource: Link,
    pub resource_type: String,
    /// What else happened to it.
    pub of_resource: String,
    pub outcome: Badge,
    pub from: Option<String>,
    pub request_id: Option<String>,
    pub changes: Vec<Change>,
    /// The rest of the details.
    pub facts: Vec<(String, String)>,
    /// All details as they are stored: JSON, indented.
    pub details: String,
}

/// A field before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub field: String,
    /// `None`: it was not there.
    pub before: Option<String>,
    pub after: Option<String>,
}
