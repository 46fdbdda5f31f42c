//! What the services work with: the store, the signers, time and randomness. Knows nothing of HTTP.

use std::sync::Arc;

use ca::{KeyBlocklist, Sealer};
use model::{AuditEvent, AuditEventId, Caller, Clock, Entropy, Outcome, ProfileId, Timestamp};
use serde_json::Value;
use store::Store;

use crate::metrics::Metrics;
use crate::signers::Signers;

#[derive(Debug)]
pub struct Core {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub signers: Signers,
    pub sealer: Sealer,
    pub key_blocklist: KeyBlocklist,
    pub default_profile_id: Option<ProfileId>,
    pub metrics: Metrics,
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
