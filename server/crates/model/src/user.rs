use serde::{Deserialize, Serialize};

use crate::{ApiKey, ApiKeyId, Grant, PageRequest, Provider, ProviderId, SessionId, Timestamp, UserId};

/// A person, as an identity provider or this machine knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// Who vouches for them; [`ProviderId::local`] for the users of the machine's own command line.
    pub provider_id: ProviderId,
    /// How the provider calls them; the two together are unique.
    pub subject: String,
    pub name: String,
    pub email: Option<String>,
    /// As the provider said at the last sign-in.
    pub groups: Vec<String>,
    /// Given here, beside what the groups bring.
    pub grants: Vec<Grant>,
    pub version: i64,
    pub created_at: Timestamp,
    pub last_sign_in_at: Option<Timestamp>,
    pub deactivated_at: Option<Timestamp>,
}

/// Which users to list. Empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    pub provider_id: Option<ProviderId>,
    pub page: PageRequest,
}

words! {
    /// How somebody signed in.
    pub enum SignInMethod {
        ApiKey = "api_key",
        BreakGlass = "break_glass",
        LoginLink = "login_link",
        Oidc = "oidc",
    }
}

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    User(UserId),
    ApiKey(ApiKeyId),
}

/// A browser that is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names the session to people; the cookie's secret id is another.
    pub id: SessionId,
    /// SHA-256 of the id in the cookie.
    pub id_sha256: [u8; 32],
    pub principal: Principal,
    pub method: SignInMethod,
    pub provider_id: Option<ProviderId>,
    /// The provider's name for its own session (`sid`).
    pub provider_session: Option<String>,
    pub client_ip: Option<std::net::IpAddr>,
    pub user_agent: Option<String>,
    pub created_at: Timestamp,
    /// Written at most once a minute.
    pub last_seen_at: Timestamp,
    /// When it ends, however much it is used.
    pub expires_at: Timestamp,
    pub data: SessionData,
}

/// A session with whose it is, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    pub session: Session,
    pub owner: Owner,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// With the provider that vouches for them; local users have none.
    User(Box<User>, Option<Box<Provider>>),
    ApiKey(Box<ApiKey>),
    /// Whose it was is not stored any more.
    Nobody,
}

/// Which sessions to list. Empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    pub user_id: Option<UserId>,
    pub api_key_id: Option<ApiKeyId>,
    pub page: PageRequest,
}

/// What only the session itself needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionData {
    pub csrf_token: String,
    /// Of the rights when the cookie's id was made; another one makes a new id.
    pub rights_digest: String,
    /// The ID token, sealed, in base64: providers want it back at logout (RP-Initiated Logout 1.0 §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_id_token: Option<String>,
}

/// A local user's password and who has tried it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    pub user_id: UserId,
    /// PHC string of Argon2id.
    pub hash: String,
    /// Wrong ones since the last right one.
    pub failures: i64,
    pub locked_until: Option<Timestamp>,
    pub changed_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}
