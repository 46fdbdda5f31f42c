use super::{ActionLink, Alternative, Badge, CertificateRow, Link, ListView, Moment};

/// The list of certificates, and what can be done to several of them at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatesView {
    pub list: ListView<CertificateRow>,
    /// `None` for those who may do nothing to any.
    pub selection: Option<SelectionView>,
}

/// How several certificates are selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectionView {
    /// What can be done; the address of each is the word that the form sends.
    pub changes: Vec<ActionLink>,
    /// Whether all certificates of the page are selected to begin with.
    pub all: bool,
    /// The same page with the opposite of that.
    pub toggle: String,
    /// What can be done to all that the filter finds; empty without a filter.
    pub by_filter: Vec<ActionLink>,
}

/// What somebody must know before many certificates are changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBulkActionView {
    /// Whether they are revoked, or else to be renewed.
    pub revokes: bool,
    /// How many, in words.
    pub count: String,
    /// What the filter demands; empty where they were selected one by one.
    pub filter: Vec<(String, String)>,
    /// Some of them, the newest first.
    pub first: Vec<CertificateRow>,
    /// Whether there are more than those.
    pub more: bool,
    /// What the form sends along.
    pub fields: Vec<(String, String)>,
    /// Why certificates can be revoked.
    pub reasons: Vec<Alternative>,
    pub back: String,
    /// Why there is nothing to ask.
    pub fault: Option<String>,
    /// Whether that is because what was selected cannot be understood.
    pub wrong: bool,
}

/// A line in the list of bulk actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkActionRow {
    pub action: Link,
    pub why: String,
    pub status: Badge,
    pub done: String,
    pub failed: String,
    pub left: String,
    pub by: Link,
    pub started: Moment,
}

/// How far a bulk action is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkActionView {
    pub id: String,
    pub heading: String,
    pub status: Badge,
    pub running: bool,
    pub done: String,
    pub failed: String,
    pub left: String,
    /// Certificates that were dealt with, and all; `None` where nobody knows how many there are.
    pub progress: Option<(u64, u64)>,
    /// How many have been replaced by their clients, and when that was counted.
    pub replaced: Option<(String, Option<Moment>)>,
    /// Why it was stopped.
    pub note: Option<String>,
    pub by: Link,
    pub started: Moment,
    pub ended: Option<Moment>,
    /// What was asked for, in words: names and values.
    pub facts: Vec<(String, String)>,
    /// Certificates that were left as they were, and why.
    pub failures: ListView<(Link, String)>,
    pub actions: Vec<ActionLink>,
    pub audit: Option<String>,
}
