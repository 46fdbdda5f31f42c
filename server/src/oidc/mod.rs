//! The client's side of OpenID Connect: what providers say, and whether it is to be believed. Knows neither the store
//! nor the listener; `services` decide what follows.

mod cache;
mod examine;
mod groups;
mod http;
mod id_token;
mod keys;
mod logout_token;
mod metadata;
mod remote;
mod state;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::{Provider, ProviderId};

pub use examine::{Check, Environment, examine};
pub use groups::{Claims, Groups, MAX_GROUPS};
pub use http::parse_certificates;
pub use id_token::{Expected, Identity};
pub use logout_token::Ended;
pub use metadata::{Metadata, is_https};
pub use remote::{Remote, Tokens};
pub use state::LoginState;

/// Why a provider could not be used. In words for the log and the audit trail; browsers are told a fixed code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It did not answer; it may do so later.
    #[error("the provider: {0}")]
    Unavailable(String),
    /// What it says of itself, or how it answers, cannot be used.
    #[error("the provider: {0}")]
    Unusable(String),
    /// It refused, or what it sent is refused.
    #[error("{0}")]
    Refused(String),
}

impl Fault {
    fn about(self, what: &str) -> Self {
        match self {
            Self::Refused(why) => Self::Refused(format!("{what}: {why}")),
            other => other,
        }
    }
}

impl From<http::HttpFault> for Fault {
    fn from(fault: http::HttpFault) -> Self {
        Self::Unavailable(fault.to_string())
    }
}

/// The providers that were spoken to. Each replica has its own; nothing in it must be shared.
#[derive(Debug, Default)]
pub struct Remotes(Mutex<HashMap<ProviderId, Arc<Remote>>>);

impl Remotes {
    /// With what is cached of it, unless its address changed.
    pub fn of(&self, provider: &Provider) -> Result<Arc<Remote>, Fault> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(remote) = known.get(&provider.id)
            && remote.is_of(provider)
        {
            return Ok(Arc::clone(remote));
        }
        let remote = Arc::new(Remote::new(provider)?);
        known.insert(provider.id.clone(), Arc::clone(&remote));
        Ok(remote)
    }

    /// For a provider that is gone.
    pub fn forget(&self, id: &ProviderId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}
