use super::{Badge, ChainLink, Link, Moment};

/// A line in the list of issuers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerRow {
    pub issuer: Link,
    pub subject: String,
    pub status: Badge,
    pub key: String,
    pub expires: Moment,
}

/// Everything about a CA that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerView {
    pub id: String,
    pub subject: String,
    pub status: Badge,
    pub issued_by: String,
    pub serial: String,
    pub fingerprint: String,
    pub key: String,
    pub key_usages: String,
    pub kept: &'static str,
    pub not_before: Moment,
    pub not_after: Moment,
    /// From the one that signs to the last one known.
    pub chain: Vec<ChainLink>,
    pub certificates: Option<String>,
    pub audit: Option<String>,
}
