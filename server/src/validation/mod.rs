//! Whether a client controls what it wants a certificate for: the challenges of RFC 8555 §8 and RFC 8737, and CAA
//! (RFC 8659). Network only: nothing here knows the store, or how often one tries.
//!
//! An attempt gives its outcome, for the client, and its [`Evidence`], for the administrator. Every connection goes
//! through [`dial`], which connects to no address but those that [`AddressPolicy`] let through.

mod addresses;
mod caa;
mod dial;
mod dns;
mod dns01;
mod evidence;
mod fault;
mod http01;
#[cfg(test)]
mod tests;
mod tls;
mod tls_alpn01;

use std::sync::Arc;
use std::time::Duration;

use acme::{Problem, ProblemType};
use model::{ChallengeKind, Identifier};
use rustls::ClientConfig;
use tokio::time::timeout;

use crate::config::ValidationConfig;

pub use addresses::{AddressPolicy, Refusal};
pub use evidence::{Action, Evidence, Step};
pub use tls::trusting_anything;

use dial::Dialler;
use dns::Dns;
use evidence::Trace;
use fault::Fault;

/// Validates challenges. Built once; attempts run side by side.
#[derive(Debug)]
pub struct Validator {
    dialler: Dialler,
    http01_port: u16,
    tls_alpn01_port: u16,
    /// For redirects to https, and for tls-alpn-01.
    http_tls: Arc<ClientConfig>,
    alpn_tls: Arc<ClientConfig>,
    limits: Limits,
}

/// What is validated, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub identifier: &'a Identifier,
    /// Whether the name stands for all below it. Dns-01 alone can show that; the name that it looks at is the same.
    pub wildcard: bool,
    pub kind: ChallengeKind,
    pub token: &'a str,
    /// RFC 8555 §8.1.
    pub key_authorization: &'a str,
}

/// For which certificate CAA is asked.
#[derive(Debug, Clone, Copy)]
pub struct CaaQuery<'a> {
    pub identifier: &'a Identifier,
    pub wildcard: bool,
    /// How control was shown (RFC 8657 §4); `None` when the profile asked for no challenge.
    pub kind: Option<ChallengeKind>,
    /// RFC 8657 §3; `None` when no ACME account asks, which no `accounturi` allows.
    pub account_uri: Option<&'a str>,
    /// The issuer domain names that stand for us (`caaIdentities`, RFC 8555 §9.7.6).
    pub identities: &'a [String],
}

/// What came of one attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub outcome: Result<(), Failure>,
    pub evidence: Evidence,
}

/// What came of asking CAA: allowed, or `caa` or `dns` (RFC 8555 §6.7).
pub type CaaResult = Attempt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For the client.
    pub problem: Problem,
    /// Whether the same attempt may succeed later. What policy refused, it will refuse again.
    pub retryable: bool,
}

/// Why there is no [`Validator`].
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("the DNS resolvers cannot be used: {0}")]
    Dns(#[from] hickory_resolver::net::NetError),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// A whole attempt, or a whole CAA check.
    attempt: Duration,
    /// One TCP connection.
    connect: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { attempt: Duration::from_secs(10), connect: Duration::from_secs(4) }
    }
}

impl Validator {
    /// Reads the system's resolvers unless `config` names some; needs a tokio runtime only when used.
    ///
    /// # Errors
    /// When the resolvers or TLS cannot be set up.
    pub fn new(config: &ValidationConfig) -> Result<Self, BuildError> {
        Self::with_limits(config, Limits::default())
    }

    fn with_limits(config: &ValidationConfig, limits: Limits) -> Result<Self, BuildError> {
        let dns = Dns::new(&config.dns_resolvers)?;
        let policy = AddressPolicy::new(config.allow.clone(), config.deny.clone());
        Ok(Self {
            dialler: Dialler::new(dns, policy, limits.connect),
            http01_port: config.http01_port,
            tls_alpn01_port: config.tls_alpn01_port,
            http_tls: tls::trusting_anything(b"http/1.1")?,
            alpn_tls: tls::trusting_anything(tls_alpn01::PROTOCOL)?,
            limits,
        })
    }

    /// One attempt, of at most ten seconds.
    pub async fn validate(&self, target: &Target<'_>) -> Attempt {
        let mut trace = Trace::new();
        let work = async {
            if !acme::offered(target.identifier, target.wildcard).contains(&target.kind) {
                return Err(Fault::refused(
                    ProblemType::Malformed,
                    format!(
                        "{} cannot show control of {}.",
                        target.kind,
                        shown(target.identifier, target.wildcard)
                    ),
                    "Use another challenge.",
                ));
            }
            match target.kind {
                ChallengeKind::Http01 => http01::validate(self, target, &mut trace).await,
                ChallengeKind::Dns01 => dns01::validate(&self.dialler.dns, target, &mut trace).await,
                ChallengeKind::TlsAlpn01 => tls_alpn01::validate(self, target, &mut trace).await,
            }
        };
        let outcome = timeout(self.limits.attempt, work).await;
        self.conclude(outcome, trace, ProblemType::Connection)
    }

    /// Whether CAA lets us issue (RFC 8659 §3). Addresses have no CAA records: they are always allowed.
    pub async fn check_caa(&self, query: &CaaQuery<'_>) -> CaaResult {
        let mut trace = Trace::new();
        let outcome = timeout(self.limits.attempt, caa::check(&self.dialler.dns, query, &mut trace)).await;
        self.conclude(outcome, trace, ProblemType::Dns)
    }

    fn conclude(
        &self,
        outcome: Result<Result<(), Fault>, tokio::time::error::Elapsed>,
        trace: Trace,
        timed_out: ProblemType,
    ) -> Attempt {
        let outcome = outcome.unwrap_or_else(|_| {
            let detail =
                format!("Gave up after {} s while {}.", self.limits.attempt.as_secs_f32(), trace.activity());
            Err(Fault::retryable(
                if trace.in_dns() { ProblemType::Dns } else { timed_out },
                detail,
                "Find out why the answer takes so long; a firewall that drops packets is a common cause.",
            ))
        });
        match outcome {
            Ok(()) => Attempt { outcome: Ok(()), evidence: trace.finish(None) },
            Err(Fault { failure, advice }) => {
                Attempt { outcome: Err(*failure), evidence: trace.finish(Some(advice)) }
            }
        }
    }
}

fn shown(identifier: &Identifier, wildcard: bool) -> String {
    match identifier {
        Identifier::Dns(name) if wildcard => format!("*.{}", name.base()),
        other => other.value(),
    }
}
