use super::{AcmeAccountRow, ActionLink, Alternative, Badge, Link, Moment, Revoked};

/// A line in the list of EAB keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EabKeyRow {
    /// By its note, or its id.
    pub key: Link,
    pub id: String,
    pub status: Badge,
    /// `1 of 3 accounts`.
    pub uses: String,
    /// Empty: all.
    pub profiles: Vec<Link>,
    pub expires: Option<Moment>,
    pub created: Moment,
}

/// What there is to choose for a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEabKeyView {
    /// Empty where the reader may not see profiles.
    pub profiles: Vec<Alternative>,
    /// Whether the key may be good for all.
    pub everywhere: bool,
}

/// Everything about an EAB key but the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EabKeyView {
    pub actions: Vec<ActionLink>,
    pub id: String,
    pub note: String,
    pub status: Badge,
    pub uses: String,
    /// Empty: all.
    pub profiles: Vec<Link>,
    /// Empty: what the profile permits.
    pub names: Vec<String>,
    pub preauthorized: bool,
    pub created: Moment,
    pub created_by: String,
    pub expires: Option<Moment>,
    pub rotated: Option<Moment>,
    pub revoked: Option<Revoked>,
    /// The newest that it has bound, and where all are; `None` where the reader may not see them.
    pub accounts: Option<(Vec<AcmeAccountRow>, String)>,
    pub audit: Option<String>,
}
