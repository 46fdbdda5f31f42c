use super::{Badge, Link, Moment, Tone};

/// A line in a list of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// The first name, which leads to the order.
    pub order: Link,
    pub more_names: Option<String>,
    pub status: Badge,
    /// Why it failed, as its owner was told.
    pub problem: Option<String>,
    pub profile: Link,
    pub account: Link,
    pub certificate: Option<Link>,
    pub placed: Moment,
}

/// What a client wanted to order and was refused, so that there is no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedOrderRow {
    /// The first name, which leads to the audit event for those who may read it.
    pub name: Link,
    pub more_names: Option<String>,
    pub reasons: Vec<String>,
    pub advice: &'static str,
    pub profile: Link,
    pub account: Option<Link>,
    pub asked: Moment,
}

/// Everything about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    pub id: String,
    /// The first name.
    pub name: String,
    pub status: Badge,
    pub placed: Moment,
    /// When it ends if nothing happens; `None` once it has ended.
    pub expires: Option<Moment>,
    pub names: Vec<String>,
    /// The validity that the client has asked for.
    pub wanted: Option<String>,
    pub profile: Link,
    pub account: Link,
    /// The EAB key that bound the account.
    pub eab_key: Option<Link>,
    pub replaces: Option<Link>,
    pub certificate: Option<Link>,
    pub explanation: Option<ExplanationView>,
    /// In the order of time.
    pub events: Vec<Event>,
    pub authorizations: Vec<AuthorizationRow>,
    pub problem: Option<ProblemView>,
    pub audit: Option<String>,
}

/// Why an order failed, or what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplanationView {
    /// Whether it failed, so that somebody must do something.
    pub failed: bool,
    pub summary: String,
    pub findings: Vec<String>,
    pub advice: Vec<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: Moment,
    pub tone: Tone,
    pub what: String,
    pub link: Option<Link>,
    /// What more there is to say, a line each.
    pub notes: Vec<String>,
}

/// What an authorization came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRow {
    pub name: String,
    pub status: Badge,
    /// How it came to be valid, or may.
    pub how: String,
    pub expires: Moment,
}

/// A problem document as the client got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemView {
    pub kind: String,
    pub detail: String,
    pub status: u16,
}
