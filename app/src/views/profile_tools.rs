use super::{Badge, Choice, FieldChange, Link, Moment};
use crate::{Fault, Query};

/// What a profile would issue for what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewView {
    pub id: String,
    pub name: String,
    /// What was asked, as the URL has it, and what is wrong with it.
    pub asked: Query,
    pub faults: Vec<Fault>,
    pub key_types: Vec<Choice>,
    /// `None` before anything was asked.
    pub answer: Option<PreviewAnswer>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewAnswer {
    pub names: Vec<PreviewName>,
    /// Rules that refuse the whole, each with what it says.
    pub refusals: Vec<(String, String)>,
    /// `None` where it would be refused.
    pub leaf: Option<Vec<LeafField>>,
    /// What a client must fulfil besides.
    pub besides: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewName {
    pub name: String,
    pub verdict: Badge,
    /// The rule that refuses it, or how control of it is shown.
    pub reason: String,
}

/// A field of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafField {
    pub name: String,
    pub critical: bool,
    pub values: Vec<String>,
}

/// How a profile came to be as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryView {
    pub id: String,
    /// The profile's page, while there is one.
    pub profile: Option<Link>,
    pub versions: Vec<VersionRow>,
    /// `None` on the first page.
    pub first: Option<String>,
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// `Version 3`, with the way to its audit event.
    pub event: Link,
    pub what: Badge,
    pub at: Moment,
    pub by: Link,
    pub changes: Vec<FieldChange>,
}

/// What hangs on a profile, for those who are about to take it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileUseView {
    pub id: String,
    pub name: String,
    pub version: i64,
    /// What keeps it from being deleted.
    pub holding: Vec<String>,
    /// What happens to whom when it is disabled, enabled or deleted.
    pub disabling: Vec<String>,
    pub enabling: Vec<String>,
    pub deleting: Vec<String>,
    /// What else names it: what it is, and the things.
    pub referring: Vec<(&'static str, Vec<Link>)>,
}
