//! What the services work with: the store, the signers, time and randomness. Knows nothing of HTTP.

use std::sync::Arc;
use std::time::Duration;

use ca::{KeyBlocklist, Sealer};
use model::{AccountId, AuditEvent, AuditEventId, Caller, Clock, Entropy, Outcome, ProfileId, Timestamp};
use serde_json::Value;
use store::Store;
use tokio::sync::Notify;

use crate::auth::{AccountUse, BootstrapToken, KeyUse, Seldom, Throttle};
use crate::config::TermsOfService;
use crate::config::ValidationConfig;
use crate::http::links::Links;
use crate::jobs::Jobs;
use crate::limits::RateLimiter;
use crate::metrics::Metrics;
use crate::oidc::Remotes;
use crate::services::break_glass::BreakGlass;
use crate::services::overview::FiguresCache;
use crate::services::sessions::Sessions;
use crate::signers::Signers;
use crate::validation::Validator;

#[derive(Debug)]
pub struct Core {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub signers: Signers,
    pub sealer: Sealer,
    pub key_blocklist: KeyBlocklist,
    pub default_profile_id: Option<ProfileId>,
    pub terms_of_service: Option<TermsOfService>,
    pub metrics: Metrics,
    pub rate_limiter: RateLimiter,
    pub sessions: Sessions,
    pub key_use: KeyUse,
    pub account_refusals: Seldom<AccountId>,
    pub account_use: AccountUse,
    pub figures: FiguresCache,
    pub bootstrap_token: Option<BootstrapToken>,
    pub break_glass: BreakGlass,
    pub attempts: Throttle,
    pub jobs: Jobs,
    pub validation: Validation,
    pub oidc: Oidc,
}

/// What sign-in through OpenID providers works with.
#[derive(Debug)]
pub struct Oidc {
    pub remotes: Remotes,
    /// The redirect URIs that providers know.
    pub links: Links,
    /// Their members become administrators while there is none.
    pub bootstrap_admin_groups: Vec<String>,
}

/// What the validation of challenges works with.
#[derive(Debug)]
pub struct Validation {
    pub validator: Validator,
    /// How often a challenge is tried before it is invalid.
    pub attempts: u32,
    /// The pause after the first attempt; it doubles with each further one.
    pub retry_interval: Duration,
    /// Attempts under way at once for one profile.
    pub concurrency: u32,
    /// The issuer domain names that stand for this CA in CAA records.
    pub caa_identities: Vec<String>,
    /// CAA records name accounts by their URLs (RFC 8657 §3).
    pub links: Links,
    due: Notify,
}

impl Validation {
    pub fn new(
        validator: Validator,
        config: &ValidationConfig,
        caa_identities: Vec<String>,
        links: Links,
    ) -> Self {
        Self {
            validator,
            attempts: config.attempts,
            retry_interval: config.retry_interval,
            concurrency: config.concurrency,
            caa_identities,
            links,
            due: Notify::new(),
        }
    }

    /// Tells the job that a challenge is due.
    pub fn wake(&self) {
        self.due.notify_one();
    }

    /// Waits for [`Self::wake`].
    pub async fn woken(&self) {
        self.due.notified().await;
    }
}

impl Core {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An audit event of `caller`; the caller of this method stores it in the transaction of the change.
    pub fn event(&self, caller: &Caller, action: &str, resource: Resource<'_>, details: Value) -> AuditEvent {
        let now = self.now();
        AuditEvent {
            id: AuditEventId::generate(now, self.entropy.as_ref()),
            created_at: now,
            actor: caller.actor.to_string(),
            action: action.to_owned(),
            resource_type: resource.0.to_owned(),
            resource_id: resource.1.to_owned(),
            outcome: Outcome::Success,
            client_ip: caller.client_ip,
            request_id: caller.request_id.clone(),
            details,
        }
    }

    /// Like [`Self::event`], for something that a rule refused. `details` name the rule.
    pub fn refusal(
        &self,
        caller: &Caller,
        action: &str,
        resource: Resource<'_>,
        details: Value,
    ) -> AuditEvent {
        AuditEvent { outcome: Outcome::Refused, ..self.event(caller, action, resource, details) }
    }
}

/// The type and the id of what an audit event is about.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a>(pub &'static str, pub &'a str);
