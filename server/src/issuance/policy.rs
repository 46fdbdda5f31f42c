//! What a profile lets through; asked at newOrder and again at finalize.

use acme::{Problem, ProblemType, Subproblem};
use model::{Caller, Identifier, Profile};
use serde_json::{Value, json};

/// A refusal: what the client is told, and what the audit event says.
#[derive(Debug)]
pub struct Refusal {
    pub problem: Problem,
    /// The rule of the profile, by the name of its field.
    pub rule: &'static str,
}

impl Refusal {
    pub fn details(&self, profile: &Profile, identifiers: &[Identifier]) -> Value {
        let subproblems: Vec<_> = self.problem.subproblems.iter().map(|s| s.detail.as_str()).collect();
        json!({
            "rule": self.rule,
            "reason": self.problem.detail,
            "reasons": subproblems,
            "profile_id": profile.id,
            "profile_version": profile.version,
            "identifiers": identifiers,
        })
    }
}

/// Whether `caller` may have a certificate for `identifiers` under `profile`.
pub fn check(profile: &Profile, caller: &Caller, identifiers: &[Identifier]) -> Result<(), Refusal> {
    if !profile.spec.enabled {
        let problem = Problem::unauthorized(format!("the profile {} is disabled", profile.id));
        return Err(Refusal { problem, rule: "enabled" });
    }
    if !profile.spec.accepts_client(caller.client_ip) {
        let problem = Problem::unauthorized(format!(
            "the profile {} does not accept this client's network",
            profile.id
        ));
        return Err(Refusal { problem, rule: "allowed_client_networks" });
    }
    let refused: Vec<_> = identifiers
        .iter()
        .filter_map(|id| {
            let reason = profile.spec.refusal(id)?;
            Some(Subproblem {
                kind: ProblemType::RejectedIdentifier,
                detail: reason,
                identifier: Some(id.into()),
            })
        })
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let names: Vec<_> =
        refused.iter().filter_map(|s| s.identifier.as_ref()).map(|id| id.value.as_str()).collect();
    let problem = Problem::rejected_identifier(format!(
        "the profile {} does not permit {}",
        profile.id,
        names.join(", ")
    ));
    Err(Refusal { problem: problem.with_subproblems(refused), rule: "names" })
}
