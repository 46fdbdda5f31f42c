use super::{ActionLink, Badge, CertificateRow, Link, Moment, OrderRow};

/// A line in a list of ACME accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeAccountRow {
    pub account: Link,
    pub contacts: String,
    pub status: Badge,
    pub eab_key: Option<Link>,
    pub registered: Moment,
    pub registered_from: Option<String>,
    /// When a request of it was last accepted.
    pub seen: Moment,
}

/// Everything about an ACME account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeAccountView {
    pub id: String,
    /// Its first contact, or its id in short.
    pub name: String,
    pub status: Badge,
    pub contacts: Vec<String>,
    pub thumbprint: String,
    /// The kind of its key.
    pub key: String,
    pub eab_key: Option<Link>,
    /// The version of the terms of service that it agreed to.
    pub terms: Option<String>,
    pub registered: Moment,
    pub registered_from: Option<String>,
    /// When a request of it was last accepted.
    pub seen: Moment,
    /// The newest, and where all are; `None` where the reader may not see them.
    pub orders: Option<(Vec<OrderRow>, String)>,
    pub certificates: Option<(Vec<CertificateRow>, String)>,
    /// Why it may do nothing.
    pub standstill: Option<StandstillView>,
    pub limits: Option<Vec<LimitRow>>,
    pub audit: Option<String>,
    pub actions: Vec<ActionLink>,
}

/// Why an account may do nothing, and what it has asked for in vain since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandstillView {
    /// Whether it can be taken back.
    pub suspended: bool,
    pub at: Moment,
    pub by: Link,
    pub reason: String,
    /// The newest first.
    pub refused: Vec<RefusedRequest>,
}

/// What it has asked for in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRequest {
    pub at: Moment,
    pub path: String,
    /// Its audit event, for those who may see it.
    pub event: Option<String>,
}

/// How much of a rate limit is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRow {
    pub what: String,
    pub used: String,
    /// `None`: no limit.
    pub allowed: Option<String>,
    pub status: Badge,
    /// `None`: it goes down as orders end.
    pub resets: Option<Moment>,
}
