use std::time::Duration;

use model::{AttemptOutcome, ChallengeKind, Entropy, Outcome, StoredProblem};
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

#[derive(Debug)]
struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

fn order(status: OrderStatus, error: Option<&str>) -> Order {
    let problem = |detail: &str| StoredProblem {
        r#type: ProblemType::Connection.urn().to_owned(),
        detail: detail.to_owned(),
        status: 400,
    };
    Order {
        id: model::OrderId::generate(NOW, &Zeros),
        account_id: model::AccountId::generate(NOW, &Zeros),
        profile_id: "prof-test".parse().unwrap(),
        status,
        identifiers: vec![model::Identifier::parse_any("a.example").unwrap()],
        not_before: None,
        not_after: None,
        error: error.map(problem),
        csr_sha256: None,
        certificate_id: None,
        replaces: None,
        authorization_ids: Vec::new(),
        created_at: NOW,
        expires_at: NOW + Duration::from_secs(3600),
        updated_at: NOW,
    }
}

fn authorization(status: AuthorizationStatus) -> Authorization {
    Authorization {
        id: model::AuthorizationId::generate(NOW, &Zeros),
        order_id: None,
        account_id: model::AccountId::generate(NOW, &Zeros),
        profile_id: "prof-test".parse().unwrap(),
        identifier: model::Identifier::parse_any("a.example").unwrap(),
        wildcard: false,
        status,
        token: "token".to_owned(),
        offered: Some(vec![ChallengeKind::Http01, ChallengeKind::Dns01]),
        source_id: None,
        created_at: NOW,
        expires_at: NOW + Duration::from_secs(3600),
        validated_at: None,
    }
}

/// A challenge that has failed `attempts` times, two seconds apart.
fn failing(
    of: &Authorization,
    status: ChallengeStatus,
    attempts: u32,
    advice: Option<&str>,
) -> (Challenge, Vec<ValidationAttempt>) {
    let problem = StoredProblem {
        r#type: ProblemType::Connection.urn().to_owned(),
        detail: "192.0.2.7:80 refused the connection.".to_owned(),
        status: 400,
    };
    let challenge = Challenge {
        authorization_id: of.id.clone(),
        kind: ChallengeKind::Http01,
        profile_id: of.profile_id.clone(),
        status,
        error: Some(problem.clone()),
        attempts,
        due_at: NOW + Duration::from_secs(8),
        claim: None,
        validated_at: None,
        created_at: NOW,
        updated_at: NOW,
    };
    let attempt = |number| ValidationAttempt {
        authorization_id: of.id.clone(),
        kind: ChallengeKind::Http01,
        number,
        started_at: NOW + Duration::from_secs(u64::from(number) * 2),
        duration: Duration::from_secs(1),
        outcome: AttemptOutcome::Retried,
        problem: Some(problem.clone()),
        evidence: json!({
            "expected": "token.thumbprint", "elapsed_ms": 1000, "advice": advice,
            "steps": [{
                "step": "connect", "address": "192.0.2.7:80", "error": "connection refused", "elapsed_ms": 3,
            }],
        }),
    };
    (challenge, (1..=attempts).map(attempt).collect())
}

fn explained(order: &Order, authorizations: &[Examined], refusals: &[AuditEvent]) -> Explanation {
    explain(order, Some(AccountStatus::Valid), authorizations, refusals, 4, NOW).unwrap()
}

#[test]
fn a_failed_challenge_is_told_from_the_first_attempt_to_what_to_do() {
    let authorization = authorization(AuthorizationStatus::Invalid);
    let challenges =
        vec![failing(&authorization, ChallengeStatus::Invalid, 4, Some("Open port 80 on a.example."))];
    let order = order(OrderStatus::Invalid, Some("a.example: 192.0.2.7:80 refused the connection."));
    let told = explained(&order, &[Examined { authorization, challenges }], &[]);
    let expected = Explanation {
        summary: "The order failed: a.example: 192.0.2.7:80 refused the connection.".to_owned(),
        findings: vec![
            "http-01 for a.example was tried 4 times within 7 s and failed each time.".to_owned(),
            "The last answer to the client was: 192.0.2.7:80 refused the connection.".to_owned(),
            "The attempt connected to 192.0.2.7:80: connection refused.".to_owned(),
            "It expected `token.thumbprint` and read nothing.".to_owned(),
        ],
        advice: vec!["Open port 80 on a.example.".to_owned()],
    };
    assert_eq!(told, expected);
}

#[test]
fn an_attempt_without_advice_gets_that_of_its_problem() {
    let authorization = authorization(AuthorizationStatus::Invalid);
    let challenges = vec![failing(&authorization, ChallengeStatus::Invalid, 1, None)];
    let told = explained(&order(OrderStatus::Invalid, None), &[Examined { authorization, challenges }], &[]);
    assert_eq!(told.findings[0], "http-01 for a.example was tried once and failed.");
    assert_eq!(told.advice, [advice_for(ProblemType::Connection.urn())]);
}

#[test]
fn a_pending_order_says_whom_it_waits_for() {
    let order = order(OrderStatus::Pending, None);
    let idle =
        Examined { authorization: authorization(AuthorizationStatus::Pending), challenges: Vec::new() };
    let told = explained(&order, std::slice::from_ref(&idle), &[]);
    assert_eq!(told.summary, "The order waits until control is shown of a.example.");
    assert_eq!(
        told.findings,
        [
            "The client has not said that it is ready for a challenge for a.example; it may use http-01 or dns-01."
        ]
    );
    let challenges = vec![failing(&idle.authorization, ChallengeStatus::Processing, 2, None)];
    let told = explained(&order, &[Examined { challenges, ..idle }], &[]);
    assert_eq!(told.findings[0], "http-01 for a.example has failed 2 of 4 times; it is tried again in 8 s.");
}

#[test]
fn a_refused_finalization_names_the_rule() {
    let refusal = AuditEvent {
        id: model::AuditEventId::generate(NOW, &Zeros),
        created_at: NOW,
        actor: "acme:x".to_owned(),
        action: "order.refused".to_owned(),
        resource_type: "order".to_owned(),
        resource_id: "x".to_owned(),
        outcome: Outcome::Refused,
        client_ip: None,
        request_id: None,
        details: json!({ "rule": "csr", "reason": "the CSR lacks a.example" }),
    };
    let told = explained(&order(OrderStatus::Ready, None), &[], &[refusal]);
    assert!(told.findings[0].contains("the rule `csr` refused it: the CSR lacks a.example."), "{told:?}");
    assert!(told.advice[0].starts_with("Make the client's certificate request fit"), "{told:?}");
}

#[test]
fn what_goes_well_needs_no_words() {
    for status in [OrderStatus::Valid, OrderStatus::Processing] {
        assert_eq!(explain(&order(status, None), None, &[], &[], 4, NOW), None);
    }
}

#[test]
fn other_ends_are_told_too() {
    let ended = |status, challenges| Examined { authorization: authorization(status), challenges };
    let order = order(OrderStatus::Invalid, Some("it ended"));
    let told = explained(&order, &[ended(AuthorizationStatus::Deactivated, Vec::new())], &[]);
    assert_eq!(told.findings, ["The client deactivated the authorization for a.example."]);
    let told = explained(&order, &[ended(AuthorizationStatus::Expired, Vec::new())], &[]);
    assert!(told.findings[0].starts_with("The client never said that it was ready"), "{told:?}");
}

#[test]
fn a_suspended_account_comes_first() {
    let ready = order(OrderStatus::Ready, None);
    let explained = explain(&ready, Some(AccountStatus::Suspended), &[], &[], 4, NOW).unwrap();
    assert_eq!(explained.summary, "The order waits because its account is suspended.");
    assert!(explained.findings[0].contains("a new order too") && explained.findings[1].contains("is ready"));
    assert!(explained.advice[0].starts_with("Resume the account"), "{explained:?}");
    let failed = order(OrderStatus::Invalid, Some("it took too long"));
    let explained = explain(&failed, Some(AccountStatus::Suspended), &[], &[], 4, NOW).unwrap();
    assert!(explained.summary.contains("it took too long"), "what has ended has its own reason");
}
