//! What a profile lets through; asked at newOrder and again at finalize.

use std::net::IpAddr;

use acme::{Problem, ProblemType, Subproblem};
use model::{Caller, ChallengeKind, Identifier, Profile};
use serde_json::{Value, json};

use crate::core::Core;

/// A refusal: what the client is told, and what the audit event says.
#[derive(Debug)]
pub struct Refusal {
    pub problem: Problem,
    /// The rule of the profile, by the name of its field; `issuer` for what the CA itself cannot certify.
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
pub fn check(
    core: &Core,
    profile: &Profile,
    caller: &Caller,
    identifiers: &[Identifier],
) -> Result<(), Refusal> {
    check_enabled(profile)?;
    check_client(profile, caller.client_ip)?;
    check_identifiers(core, profile, identifiers)
}

pub fn check_enabled(profile: &Profile) -> Result<(), Refusal> {
    if !profile.spec.enabled {
        let problem = Problem::unauthorized(format!("the profile {} is disabled", profile.id));
        return Err(Refusal { problem, rule: "enabled" });
    }
    Ok(())
}

fn check_client(profile: &Profile, client: Option<IpAddr>) -> Result<(), Refusal> {
    if !profile.spec.accepts_client(client) {
        let problem = Problem::unauthorized(format!(
            "the profile {} does not accept this client's network",
            profile.id
        ));
        return Err(Refusal { problem, rule: "allowed_client_networks" });
    }
    Ok(())
}

/// Whether a certificate for `identifiers` may be had under `profile` at all.
pub fn check_identifiers(core: &Core, profile: &Profile, identifiers: &[Identifier]) -> Result<(), Refusal> {
    let by_profile = format!("the profile {}", profile.id);
    check_names(&by_profile, "names", identifiers, |id| profile.spec.refusal(id))?;
    match core.signers.signer(&profile.spec.issuer_id) {
        Some(signer) => check_names("the issuing CA", "issuer", identifiers, |id| signer.refusal(id)),
        // A CA that cannot sign now has its say at finalize.
        None => Ok(()),
    }
}

fn check_names(
    who: &str,
    rule: &'static str,
    identifiers: &[Identifier],
    refusal: impl Fn(&Identifier) -> Option<String>,
) -> Result<(), Refusal> {
    let refused: Vec<_> = identifiers
        .iter()
        .filter_map(|id| {
            let reason = refusal(id)?;
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
    let problem = Problem::rejected_identifier(format!("{who} does not permit {}", names.join(", ")));
    Err(Refusal { problem: problem.with_subproblems(refused), rule })
}

/// The challenges by which control of `identifier` may be shown under `profile`.
pub fn challenges(profile: &Profile, identifier: &Identifier) -> Vec<ChallengeKind> {
    let possible = acme::offered(identifier, identifier.is_wildcard()).iter().copied();
    possible.filter(|kind| profile.spec.allows_challenge(*kind)).collect()
}

/// The refusal of identifiers for which the profile allows no challenge; `None` when there are none.
pub fn no_challenge_left(profile: &Profile, stranded: &[&Identifier]) -> Option<Refusal> {
    if stranded.is_empty() {
        return None;
    }
    let names =
        |kinds: &[ChallengeKind]| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ");
    let subproblems = stranded.iter().map(|id| Subproblem {
        kind: ProblemType::RejectedIdentifier,
        detail: format!(
            "control of {id} can be shown by {} only; the profile {} allows {}",
            names(acme::offered(id, id.is_wildcard())),
            profile.id,
            names(&profile.spec.allowed_challenge_types)
        ),
        identifier: Some((*id).into()),
    });
    let detail = format!("the profile {} allows no challenge that could show control", profile.id);
    let problem = Problem::rejected_identifier(detail).with_subproblems(subproblems.collect());
    Some(Refusal { problem, rule: "allowed_challenge_types" })
}
