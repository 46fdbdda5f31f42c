use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use crate::{AccountId, ApiKeyId, Rights, SessionId, UserId};

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    AcmeAccount(AccountId),
    ApiKey(ApiKeyId),
    /// Somebody who has not shown who they are.
    Anonymous,
    /// The program itself, by the name of the job or command.
    System(&'static str),
    /// Somebody who is signed in.
    User(UserId),
}

/// As audit events name actors: `acme:<account>`, `key:<id>`, `user:<id>`, `system:<job>`,
/// `anonymous`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AcmeAccount(id) => write!(f, "acme:{id}"),
            Self::ApiKey(id) => write!(f, "key:{id}"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::System(job) => write!(f, "system:{job}"),
            Self::User(id) => write!(f, "user:{id}"),
        }
    }
}

/// The text names nobody who can come again: neither an account, a key nor a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an account, a key nor a user")]
pub struct UnknownActor(String);

/// The opposite of how it displays itself, for those who have an id.
impl FromStr for Actor {
    type Err = UnknownActor;

    fn from_str(text: &str) -> Result<Self, UnknownActor> {
        let (kind, id) = text.split_once(':').unwrap_or_default();
        let actor = match kind {
            "acme" => id.parse().ok().map(Self::AcmeAccount),
            "key" => id.parse().ok().map(Self::ApiKey),
            "user" => id.parse().ok().map(Self::User),
            _ => None,
        };
        actor.ok_or_else(|| UnknownActor(text.to_owned()))
    }
}

/// An actor together with what it may do and where the request came from.
#[derive(Clone, Debug)]
pub struct Caller {
    pub actor: Actor,
    pub rights: Arc<Rights>,
    /// The session through which it is asked, where there is one.
    pub session: Option<SessionId>,
    pub client_ip: Option<IpAddr>,
    pub request_id: Option<String>,
}

impl Caller {
    /// The program itself may do everything.
    pub fn system(job: &'static str) -> Self {
        Self {
            actor: Actor::System(job),
            rights: Arc::new(Rights::all()),
            session: None,
            client_ip: None,
            request_id: None,
        }
    }

    /// The same request, now known to come from `actor`, which has no rights by this.
    #[must_use]
    pub fn with_actor(&self, actor: Actor) -> Self {
        Self { actor, rights: Arc::default(), session: None, ..self.clone() }
    }
}
