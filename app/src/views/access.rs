use super::SessionRow;

/// The ways in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInView {
    pub providers: Vec<ProviderLink>,
    /// Whether local administrators may sign in with a password.
    pub break_glass: bool,
    /// A path of this server.
    pub return_to: String,
}

/// An identity provider to sign in through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLink {
    pub name: String,
    pub url: String,
}

/// What people see of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    pub name: String,
    pub email: Option<String>,
    /// As audit events name them.
    pub actor: String,
    /// Through what they are signed in.
    pub way: String,
    pub groups: Vec<String>,
    pub roles: Vec<Held>,
    pub permissions: Vec<Held>,
    pub sessions: Vec<SessionRow>,
}

/// A role or a permission, and how far it reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub name: String,
    /// Ids of profiles; empty: everywhere.
    pub profiles: Vec<String>,
}
