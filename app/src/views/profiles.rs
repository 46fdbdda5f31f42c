use super::{ActionLink, Badge, Link, Moment};

/// A line in the list of profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRow {
    /// By its name.
    pub profile: Link,
    pub id: String,
    pub status: Badge,
    /// How orders are authorized, in words.
    pub mode: String,
    pub names: String,
    pub validity: String,
    pub issuer: Link,
    pub changed: Moment,
}

/// Everything about a profile, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileView {
    pub id: String,
    pub name: String,
    pub description: String,
    pub status: Badge,
    pub warnings: Vec<String>,
    /// The URL for ACME clients; `None` where the ACME server is disabled.
    pub directory: Option<String>,
    pub who: WhoMayAsk,
    pub what: WhatIsIssued,
    pub version: i64,
    pub created: Moment,
    pub changed: Moment,
    pub orders: Option<String>,
    pub certificates: Option<String>,
    pub audit: Option<String>,
    pub preview: String,
    pub history: Option<String>,
    /// What the reader may do to it.
    pub actions: Vec<ActionLink>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhoMayAsk {
    pub mode: String,
    /// What the mode means.
    pub mode_help: &'static str,
    pub external_account: &'static str,
    /// Empty: from anywhere.
    pub networks: Vec<String>,
    pub challenges: String,
    pub caa: &'static str,
    pub reuse: String,
    pub selectable: Vec<Link>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIsIssued {
    pub issuer: Link,
    /// Empty: every name.
    pub permitted: Vec<String>,
    pub excluded: Vec<String>,
    pub longest: String,
    pub usual: String,
    pub keys: String,
    pub usages: String,
    pub must_staple: bool,
}

/// Ready texts for the clients of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectView {
    pub id: String,
    pub name: String,
    /// What keeps clients from using the profile, or makes it risky.
    pub warnings: Vec<String>,
    pub directory: String,
    /// How the server's own certificate is trusted.
    pub trust: Vec<Snippet>,
    /// Where keys are made, where the profile needs one.
    pub needs_key: Option<Link>,
    pub clients: Vec<ClientGuide>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientGuide {
    pub client: &'static str,
    pub snippets: Vec<Snippet>,
}

/// A text to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    pub heading: &'static str,
    pub text: String,
    pub hint: &'static str,
    /// The name under which it can be downloaded.
    pub file: &'static str,
}
