use super::{Badge, Link, ListView, Moment};

/// How much is allowed, and who comes near it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimitsView {
    pub allowed: Vec<AllowedRow>,
    /// `/24 of IPv4, /48 of IPv6`.
    pub networks: String,
    /// Of all subjects that are near a limit, or of the one that was asked for.
    pub usage: ListView<UsageRow>,
    pub audit: Option<String>,
}

/// A limit in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedRow {
    /// As the API calls it.
    pub name: &'static str,
    pub what: &'static str,
    /// `None`: no limit.
    pub allowed: Option<String>,
    /// Where that came from.
    pub origin: String,
}

/// What one subject has used of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    pub subject: Link,
    pub what: &'static str,
    pub used: String,
    /// `None`: no limit.
    pub allowed: Option<String>,
    pub status: Badge,
    /// `None`: it goes down as orders end.
    pub resets: Option<Moment>,
    /// Where the subject's counts are set back, for those who may.
    pub reset: Option<String>,
}

/// The limits as they are stored, to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimitsForm {
    pub limits: Vec<LimitField>,
    pub networks: Vec<LimitField>,
    pub version: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitField {
    pub name: &'static str,
    pub label: String,
    /// Empty: no limit.
    pub stored: String,
    pub default: String,
}
