//! Why an order is not (yet) valid, in words: what was tried, what came back, which rule refused, what to do.
//!
//! A function of what is stored, so that every face says the same.

#[cfg(test)]
mod tests;

use acme::ProblemType;
use model::{
    AccountStatus, AuditEvent, Authorization, AuthorizationStatus, Challenge, ChallengeStatus, Order,
    OrderStatus, Timestamp, ValidationAttempt,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::validation::Evidence;

/// What is the matter with an order, for the person who looks after it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Explanation {
    /// One sentence that says where the order stands.
    pub summary: String,
    /// What was tried and what came back, a sentence each.
    pub findings: Vec<String>,
    /// What to do, a sentence each, the most useful first.
    pub advice: Vec<String>,
}

/// An authorization of an order with everything that happened to it.
#[derive(Debug, Clone)]
pub struct Examined {
    pub authorization: Authorization,
    /// Those that were answered, with their attempts, the first one first.
    pub challenges: Vec<(Challenge, Vec<ValidationAttempt>)>,
}

/// Explains an order that failed or waits; `None` for one that is valid or about to be. `account`: how it stands with the
/// order's account. `refusals`: events of finalizations that were refused, newest first. `attempts_allowed`: how often a
/// challenge is tried.
pub fn explain(
    order: &Order,
    account: Option<AccountStatus>,
    authorizations: &[Examined],
    refusals: &[AuditEvent],
    attempts_allowed: u32,
    now: Timestamp,
) -> Option<Explanation> {
    let mut out = Explanation::default();
    match order.status {
        OrderStatus::Valid | OrderStatus::Processing => return None,
        OrderStatus::Pending => pending(&mut out, authorizations, attempts_allowed, now),
        OrderStatus::Ready => ready(&mut out, refusals),
        OrderStatus::Invalid => invalid(&mut out, order, authorizations, refusals),
    }
    let waits = matches!(order.status, OrderStatus::Pending | OrderStatus::Ready);
    if waits && account == Some(AccountStatus::Suspended) {
        suspended(&mut out);
    }
    let mut seen = Vec::new();
    out.advice.retain(|advice| {
        !seen.contains(advice) && {
            seen.push(advice.clone());
            true
        }
    });
    Some(out)
}

fn pending(out: &mut Explanation, authorizations: &[Examined], attempts_allowed: u32, now: Timestamp) {
    let open: Vec<_> =
        authorizations.iter().filter(|e| e.authorization.status == AuthorizationStatus::Pending).collect();
    let names: Vec<_> = open.iter().map(|e| name(&e.authorization)).collect();
    out.summary = format!("The order waits until control is shown of {}.", list(&names, "and"));
    for examined in open {
        let name = name(&examined.authorization);
        let processing: Vec<_> = examined
            .challenges
            .iter()
            .filter(|(challenge, _)| challenge.status == ChallengeStatus::Processing)
            .collect();
        if processing.is_empty() {
            out.findings.push(format!(
                "The client has not said that it is ready for a challenge for {name}; it may use {}.",
                offered(&examined.authorization)
            ));
            out.advice.push(
                "Look into the log of the ACME client: it decides when a challenge is ready to be validated."
                    .to_owned(),
            );
        }
        for (challenge, attempts) in processing {
            let kind = challenge.kind;
            match attempts.last() {
                None => {
                    out.findings.push(format!("{kind} for {name} is being validated for the first time."));
                }
                Some(last) => {
                    out.findings.push(format!(
                        "{kind} for {name} has failed {} of {attempts_allowed} times; it is tried again{}.",
                        attempts.len(),
                        in_seconds(challenge, now)
                    ));
                    attempt(out, last);
                }
            }
        }
    }
}

/// Nothing else that is said of the order matters before this.
fn suspended(out: &mut Explanation) {
    let waited_for =
        std::mem::replace(&mut out.summary, "The order waits because its account is suspended.".to_owned());
    let told =
        "Every request of the account is refused, a new order too, and its challenges rest.".to_owned();
    out.findings.splice(0..0, [told, waited_for]);
    out.advice
        .insert(0, "Resume the account if its client may go on; else the order ends by itself.".to_owned());
}

fn ready(out: &mut Explanation, refusals: &[AuditEvent]) {
    let Some(last) = refusals.first() else {
        out.summary =
            "The order is ready: every name is authorized, and the client has not sent a certificate request yet."
                .to_owned();
        return;
    };
    out.summary = "The order is ready, but the last certificate request for it was refused.".to_owned();
    refusal(out, last);
}

fn invalid(out: &mut Explanation, order: &Order, authorizations: &[Examined], refusals: &[AuditEvent]) {
    for Examined { authorization, challenges } in authorizations {
        let name = name(authorization);
        match authorization.status {
            AuthorizationStatus::Invalid => {
                for (challenge, attempts) in challenges {
                    let (Some(last), Some(_)) = (attempts.last(), &challenge.error) else { continue };
                    let first = attempts.first().unwrap_or(last);
                    let span = (last.started_at + last.duration).since(first.started_at);
                    out.findings.push(match attempts.len() {
                        1 => format!("{} for {name} was tried once and failed.", challenge.kind),
                        n => format!(
                            "{} for {name} was tried {n} times within {} s and failed each time.",
                            challenge.kind,
                            span.as_secs().max(1)
                        ),
                    });
                    attempt(out, last);
                }
            }
            AuthorizationStatus::Deactivated => {
                out.findings.push(format!("The client deactivated the authorization for {name}."));
                out.advice.push("Order again; a deactivated authorization is never used again.".to_owned());
            }
            AuthorizationStatus::Expired if challenges.is_empty() && authorization.offered.is_some() => {
                out.findings.push(format!(
                    "The client never said that it was ready for a challenge for {name}; it could have used {}.",
                    offered(authorization)
                ));
                out.advice.push(
                    "Look into the log of the ACME client: it gave up, or could not set up a challenge."
                        .to_owned(),
                );
            }
            _ => {}
        }
    }
    out.summary = match &order.error {
        Some(error) => format!("The order failed: {}.", error.detail.trim_end_matches('.')),
        None => format!("The order ended at {} without a certificate.", order.updated_at),
    };
    if out.findings.is_empty()
        && let Some(last) = refusals.first()
    {
        refusal(out, last);
    }
    if out.advice.is_empty() {
        out.advice.push("Let the ACME client order again.".to_owned());
    }
}

/// The last attempt: what it did, what it wanted, what it got, and what its problem type asks for.
fn attempt(out: &mut Explanation, attempt: &ValidationAttempt) {
    if let Some(problem) = &attempt.problem {
        out.findings.push(format!("The last answer to the client was: {}", problem.detail));
    }
    let evidence = serde_json::from_value::<Evidence>(attempt.evidence.clone()).ok();
    let mut advised = false;
    if let Some(evidence) = evidence {
        if !evidence.steps.is_empty() {
            let steps: Vec<_> = evidence.steps.iter().map(ToString::to_string).collect();
            out.findings.push(format!("The attempt {}.", steps.join("; then ")));
        }
        match (&evidence.read, evidence.expected.as_str()) {
            (_, "") => {}
            (Some(read), expected) => {
                out.findings.push(format!("It expected `{expected}` and read `{read}`."));
            }
            (None, expected) => out.findings.push(format!("It expected `{expected}` and read nothing.")),
        }
        if let Some(advice) = evidence.advice {
            out.advice.push(advice);
            advised = true;
        }
    }
    if let (false, Some(problem)) = (advised, &attempt.problem) {
        out.advice.push(advice_for(&problem.r#type).to_owned());
    }
}

fn refusal(out: &mut Explanation, event: &AuditEvent) {
    let text = |field: &str| event.details[field].as_str();
    let rule = text("rule").unwrap_or("unknown");
    let reason = text("reason").unwrap_or("no reason was recorded");
    out.findings.push(format!("At {} the rule `{rule}` refused it: {reason}.", event.created_at));
    for reason in reasons(event) {
        out.findings.push(format!("In detail: {reason}."));
    }
    out.advice.push(advice_for_rule(rule).to_owned());
}

/// The single reasons of a refusal, where it has several or one for each name.
pub fn reasons(event: &AuditEvent) -> impl Iterator<Item = &str> {
    event.details["reasons"].as_array().into_iter().flatten().filter_map(|reason| reason.as_str())
}

/// What to do when a rule has refused: of the profile, by the name of its field, or of the CA.
pub fn advice_for_rule(rule: &str) -> &'static str {
    match rule {
        "csr" => {
            "Make the client's certificate request fit the order: the same names, a key of its own that the profile allows."
        }
        "names" => "Order other names, or change permitted_names and excluded_names of the profile.",
        "issuer" => {
            "Order other names, or choose an issuer for the profile whose name constraints permit these."
        }
        "allowed_client_networks" => {
            "Ask from an allowed network, or change allowed_client_networks of the profile."
        }
        "allowed_challenge_types" => {
            "Allow a challenge that fits the name in allowed_challenge_types of the profile; a wildcard needs dns-01."
        }
        "enabled" => "Enable the profile again, or order under another one.",
        "caa" => "Change the CAA records of the name, or order from the CA that they name.",
        "eab_required" => "Create an EAB key and let the client register a new account key with it.",
        "eab_scope" => "Give the client an EAB key for this profile and these names, and a new account key.",
        "eab_revoked" => "Create another EAB key and let the client register a new account key with it.",
        "terms_of_service" => "Let the client agree to the current terms of service.",
        _ => "The audit event of the refusal has the details.",
    }
}

/// What to do about a problem for which the attempt itself knows nothing better.
fn advice_for(problem: &str) -> &'static str {
    let kind = ProblemType::ALL.iter().find(|kind| kind.urn() == problem);
    match kind {
        Some(ProblemType::Connection) => {
            "Make the host reachable from this server on the challenge's port, and look at firewalls on the way."
        }
        Some(ProblemType::Dns) => {
            "Make the name resolvable by the DNS servers that this server asks (CERTCTL_ACME_DNS_RESOLVERS)."
        }
        Some(ProblemType::Tls) => {
            "Let the ACME client answer TLS connections itself, without a proxy before it."
        }
        Some(ProblemType::IncorrectResponse) => {
            "Make the challenge's answer come from the ACME client that ordered: something else answered."
        }
        Some(ProblemType::Caa) => "Change the CAA records of the name, or order from the CA that they name.",
        _ => "Let the ACME client order again.",
    }
}

fn in_seconds(challenge: &Challenge, now: Timestamp) -> String {
    match (&challenge.claim, challenge.due_at.since(now).as_secs()) {
        (Some(_), _) => " right now".to_owned(),
        (None, 0) => " at once".to_owned(),
        (None, seconds) => format!(" in {seconds} s"),
    }
}

fn name(authorization: &Authorization) -> String {
    match authorization.wildcard {
        true => format!("*.{}", authorization.identifier),
        false => authorization.identifier.to_string(),
    }
}

fn offered(authorization: &Authorization) -> String {
    let kinds = authorization.offered.iter().flatten().map(ToString::to_string).collect::<Vec<_>>();
    list(&kinds, "or")
}

fn list(items: &[String], word: &str) -> String {
    match items {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}
