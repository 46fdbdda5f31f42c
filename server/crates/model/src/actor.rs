use std::fmt;
use std::net::IpAddr;

use crate::{AccountId, ApiKeyId};

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    AcmeAccount(AccountId),
    /// An administrator's API key.
    ApiKey(ApiKeyId),
    /// Somebody who has not shown who they are.
    Anonymous,
    /// The program itself, by the name of the job or command.
    System(&'static str),
}

/// As audit events name actors: `acme:<account>`, `key:<id>`, `system:<job>`, `anonymous`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AcmeAccount(id) => write!(f, "acme:{id}"),
            Self::ApiKey(id) => write!(f, "key:{id}"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::System(job) => write!(f, "system:{job}"),
        }
    }
}

/// An actor together with where the request came from.
#[derive(Clone, Debug)]
pub struct Caller {
    pub actor: Actor,
    pub client_ip: Option<IpAddr>,
    pub request_id: Option<String>,
}

impl Caller {
    pub fn system(job: &'static str) -> Self {
        Self { actor: Actor::System(job), client_ip: None, request_id: None }
    }

    /// The same request, now known to come from `actor`.
    #[must_use]
    pub fn with_actor(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }
}
