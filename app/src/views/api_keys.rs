use super::{ActionLink, Alternative, Badge, Choice, Link, Moment, Revoked};

/// A line in the list of API keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    pub key: Link,
    pub id: String,
    pub status: Badge,
    pub role: String,
    /// Empty: everywhere.
    pub profiles: Vec<Link>,
    /// Empty: anywhere.
    pub networks: Vec<String>,
    pub expires: Option<Moment>,
    pub used: Option<Moment>,
}

/// Everything about an API key but the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyView {
    pub id: String,
    pub name: String,
    pub status: Badge,
    pub warnings: Vec<String>,
    pub role: String,
    /// Empty: everywhere.
    pub profiles: Vec<Link>,
    /// Empty: anywhere.
    pub networks: Vec<String>,
    pub created: Moment,
    pub created_by: String,
    pub expires: Option<Moment>,
    pub revoked: Option<Revoked>,
    pub replaced_by: Option<Link>,
    pub used: Option<Moment>,
    pub used_from: Option<String>,
    /// The server as clients reach it.
    pub origin: String,
    pub actions: Vec<ActionLink>,
    pub audit: Option<String>,
}

/// What there is to choose for a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKeyView {
    pub roles: Vec<Choice>,
    /// Empty where the reader may not see profiles.
    pub profiles: Vec<Alternative>,
    /// A day on which it might end.
    pub end: String,
    pub origin: String,
}
