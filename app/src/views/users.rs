use super::{ActionLink, Badge, Choice, Link, Moment, SessionRow};

/// A line in the list of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// By their name.
    pub user: Link,
    pub email: Option<String>,
    /// Who vouches for them.
    pub provider: Link,
    pub roles: Vec<HeldRole>,
    /// Whether these roles are in force.
    pub in_force: bool,
    pub last_sign_in: Option<Moment>,
    pub status: Badge,
}

/// A role as somebody holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRole {
    pub role: Link,
    /// Within these profiles only; empty: everywhere.
    pub profiles: Vec<Link>,
    /// The group whose mapping brings it; `None`: it was granted here.
    pub group: Option<String>,
}

/// Everything about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserView {
    pub id: String,
    pub name: String,
    pub status: Badge,
    /// Why nothing that they hold is in force.
    pub out: Option<&'static str>,
    pub email: Option<String>,
    pub provider: Link,
    /// How the provider calls them.
    pub subject: String,
    /// As the provider said at the last sign-in.
    pub groups: Vec<String>,
    pub roles: Vec<HeldRole>,
    pub created: Moment,
    pub last_sign_in: Option<Moment>,
    pub deactivated: Option<Moment>,
    /// `None` where the reader may not see them.
    pub sessions: Option<Vec<SessionRow>>,
    /// What happened to them, and what they did.
    pub audit: Option<(String, String)>,
    pub actions: Vec<ActionLink>,
}

/// What a user is granted here, to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantsView {
    pub id: String,
    pub name: String,
    pub version: i64,
    pub grants: Vec<GrantLine>,
    pub choices: GrantChoices,
}

/// A grant as a form has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantLine {
    pub role: String,
    /// Ids with spaces between them; empty: everywhere.
    pub profiles: String,
}

/// What can be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantChoices {
    pub roles: Vec<Choice>,
    /// Ids and names of profiles, as many as a help has room for.
    pub profiles: Vec<Choice>,
}
