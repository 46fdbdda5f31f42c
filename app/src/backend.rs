//! What pages show, and who gives it to them.

use std::fmt;

use async_trait::async_trait;

/// The services as the pages see them: each method gives exactly what its page shows.
#[async_trait]
pub trait Backend: Send + Sync + fmt::Debug {
    async fn start(&self) -> Result<StartView, PageError>;
    async fn trust(&self) -> Result<TrustView, PageError>;
    /// `return_to`: where the visitor wants to go, as the query says it.
    async fn sign_in(&self, return_to: Option<String>) -> Result<SignInView, PageError>;
    /// Whether the one-time link with this token would sign somebody in.
    async fn link(&self, token: &str) -> Result<bool, PageError>;
    async fn account(&self) -> Result<AccountView, PageError>;
}

/// Why a page cannot be shown. The text is for the reader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Something broke; the log has the cause.
    #[error("The server could not put this page together. The request id leads to the cause in its log.")]
    Internal,
    /// Whoever is not signed in is led to the sign-in page instead.
    #[error("Sign in to see this page.")]
    SignIn,
    /// It may work in a moment.
    #[error("The server cannot do this right now. Try again in a few seconds.")]
    Unavailable,
}

impl PageError {
    pub fn status(&self) -> u16 {
        match self {
            Self::Internal => 500,
            Self::SignIn => 401,
            Self::Unavailable => 503,
        }
    }
}

/// Somebody who is signed in, as every page shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct VisitorView {
    pub name: String,
    /// For the forms of the pages.
    pub csrf_token: String,
    /// What every administrator must know at once.
    pub warning: Option<String>,
}

/// Without the token.
impl fmt::Debug for VisitorView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VisitorView").field("name", &self.name).finish_non_exhaustive()
    }
}

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

/// A session of the visitor. Times are in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    pub id: String,
    pub way: String,
    pub began: String,
    pub last_seen: String,
    pub ends: String,
    pub client_ip: Option<String>,
    pub user_agent: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// The first page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartView {
    pub version: &'static str,
    /// `None` where the ACME server is disabled.
    pub acme: Option<AcmeView>,
    pub issuers: Vec<Anchor>,
    /// What keeps the server from working, in words; empty when it is ready.
    pub faults: Vec<String>,
}

/// How ACME clients reach the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeView {
    /// The directory of a profile, with a placeholder for its id.
    pub directory_form: String,
    /// The directory of the default profile, where one is set and exists.
    pub default_directory: Option<String>,
    /// The URL of the CA of the server's own certificate, where it has one of its own.
    pub server_ca_url: Option<String>,
}

/// The trust anchors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustView {
    /// The https origin of the server.
    pub origin: String,
    /// The CAs that sign certificates.
    pub issuers: Vec<Anchor>,
    /// The CA of the server's own TLS certificate; `None` when that comes from the operator's files.
    pub server_ca: Option<Anchor>,
}

/// A CA certificate to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// `/pki/{name}.pem` and its siblings.
    pub name: String,
    pub subject: String,
    /// SHA-256 of the DER encoding, upper-case hexadecimal octets with colons, as openssl prints it.
    pub fingerprint: String,
    /// The last day, `YYYY-MM-DD` in UTC.
    pub not_after: String,
    /// Whole days until then; negative afterwards.
    pub days_left: i64,
}
