use std::time::Duration;

use acme::ProblemType;
use hickory_resolver::proto::op::ResponseCode;
use model::ChallengeKind;

use super::dns::{Behaviour, DnsServer};
use super::{KEY_AUTHORIZATION, Setup, TOKEN, dns_name, try_once};
use crate::validation::Target;

const NAME: &str = "_acme-challenge.a.test";

fn value() -> String {
    acme::base64url::encode(ca::sha256(KEY_AUTHORIZATION.as_bytes()))
}

async fn attempt(setup: &Setup) -> super::Attempt {
    try_once(&setup.validator(), ChallengeKind::Dns01, &dns_name("a.test")).await
}

#[tokio::test]
async fn any_one_record_that_matches_suffices() {
    let dns = DnsServer::start().await;
    dns.txt(NAME, &["another order's value"]);
    dns.txt(NAME, &[&value()]);
    dns.txt(NAME, &["v=spf1 -all"]);
    let attempt = attempt(&Setup::new(&dns)).await;
    attempt.assert_valid();
    assert!(
        attempt.shown().contains("looked up TXT of _acme-challenge.a.test: another order"),
        "{}",
        attempt.shown()
    );
    assert_eq!(dns.asked(), ["udp txt _acme-challenge.a.test"]);
}

#[tokio::test]
async fn the_strings_of_a_record_are_one_value() {
    let dns = DnsServer::start().await;
    let value = value();
    let (start, end) = value.split_at(20);
    dns.txt(NAME, &[start, end]);
    attempt(&Setup::new(&dns)).await.assert_valid();
}

#[tokio::test]
async fn a_wildcard_is_validated_at_its_base_name() {
    let dns = DnsServer::start().await;
    dns.txt(NAME, &[&value()]);
    for name in ["a.test", "*.a.test"] {
        let target = Target {
            identifier: &dns_name(name),
            wildcard: true,
            kind: ChallengeKind::Dns01,
            token: TOKEN,
            key_authorization: KEY_AUTHORIZATION,
        };
        Setup::new(&dns).validator().validate(&target).await.assert_valid();
    }
}

#[tokio::test]
async fn aliases_are_followed_and_shown() {
    let dns = DnsServer::start().await;
    dns.alias(NAME, "b.test");
    dns.alias("b.test", "c.test");
    dns.txt("c.test", &[&value()]);
    let attempt = attempt(&Setup::new(&dns)).await;
    attempt.assert_valid();
    assert!(
        attempt.shown().contains("which is an alias of b.test, which is an alias of c.test"),
        "{}",
        attempt.shown()
    );
}

#[tokio::test]
async fn other_values_are_an_incorrect_response() {
    let dns = DnsServer::start().await;
    dns.txt(NAME, &["wrong\x1b[31m"]);
    dns.txt(NAME, &[&value()[1..]]);
    let attempt = attempt(&Setup::new(&dns)).await;
    let detail = attempt.assert_failed(ProblemType::IncorrectResponse, true);
    assert!(detail.contains(&value()) && detail.contains("`wrong\\x1b[31m`"), "{detail}");
    assert_eq!(attempt.evidence.expected, value());
    assert!(attempt.evidence.read.as_ref().unwrap().contains("wrong\\x1b"));
}

#[tokio::test]
async fn no_record_is_an_incorrect_response_that_says_what_to_add() {
    let dns = DnsServer::start().await;
    let nothing = attempt(&Setup::new(&dns)).await;
    let detail = nothing.assert_failed(ProblemType::IncorrectResponse, true);
    assert!(detail.contains("NXDOMAIN"), "{detail}");
    let advice = nothing.evidence.advice.unwrap();
    assert!(advice.contains(NAME) && advice.contains(&value()), "{advice}");

    dns.address(NAME, "127.0.0.1");
    let other = attempt(&Setup::new(&dns)).await;
    let detail = other.assert_failed(ProblemType::IncorrectResponse, true);
    assert!(detail.contains("no such record"), "{detail}");
}

#[tokio::test]
async fn where_an_alias_ends_is_where_the_record_must_be_added() {
    let dns = DnsServer::start().await;
    dns.alias(NAME, "challenges.test");
    for alone in [false, true] {
        if alone {
            dns.answer_aliases_alone();
        }
        let attempt = attempt(&Setup::new(&dns)).await;
        let detail = attempt.assert_failed(ProblemType::IncorrectResponse, true);
        assert!(detail.contains("it is an alias of challenges.test, where nothing exists"), "{detail}");
        let advice = attempt.evidence.advice.unwrap();
        assert!(advice.contains("a TXT record at challenges.test"), "{advice}");
    }
}

#[tokio::test]
async fn a_retry_sees_new_records() {
    let dns = DnsServer::start().await;
    let validator = Setup::new(&dns).validator();
    let name = dns_name("a.test");
    try_once(&validator, ChallengeKind::Dns01, &name)
        .await
        .assert_failed(ProblemType::IncorrectResponse, true);
    dns.txt(NAME, &["old"]);
    try_once(&validator, ChallengeKind::Dns01, &name)
        .await
        .assert_failed(ProblemType::IncorrectResponse, true);
    dns.remove(NAME);
    dns.txt(NAME, &[&value()]);
    try_once(&validator, ChallengeKind::Dns01, &name).await.assert_valid();
}

#[tokio::test]
async fn a_resolver_that_fails_is_a_dns_problem() {
    for code in [ResponseCode::ServFail, ResponseCode::Refused] {
        let dns = DnsServer::start().await;
        dns.behave(NAME, Behaviour::Fail(code));
        let attempt = attempt(&Setup::new(&dns)).await;
        attempt.assert_failed(ProblemType::Dns, true);
        assert!(attempt.evidence.steps[0].error.is_some());
    }
}

#[tokio::test]
async fn a_silent_resolver_is_a_dns_problem() {
    let dns = DnsServer::start().await;
    dns.behave(NAME, Behaviour::Silent);
    let attempt = attempt(&Setup::new(&dns).limit(Duration::from_millis(200))).await;
    let detail = attempt.assert_failed(ProblemType::Dns, true);
    assert!(detail.contains("0.2 s while looking up TXT of _acme-challenge.a.test"), "{detail}");
}

#[tokio::test]
async fn what_does_not_fit_into_a_packet_is_asked_for_over_tcp() {
    let dns = DnsServer::start().await;
    dns.behave(NAME, Behaviour::TcpOnly);
    for n in 0..40 {
        dns.txt(NAME, &[&format!("{n:0>200}")]);
    }
    dns.txt(NAME, &[&value()]);
    let attempt = attempt(&Setup::new(&dns)).await;
    attempt.assert_valid();
    let asked = dns.asked();
    assert!(asked.contains(&format!("tcp txt {NAME}")), "{asked:?}");
    assert!(attempt.shown().contains("and 21 more"), "{}", attempt.shown());
}

#[tokio::test]
async fn a_name_too_long_for_its_record_fails() {
    let dns = DnsServer::start().await;
    let label = "a".repeat(60);
    let name = dns_name(&format!("{label}.{label}.{label}.{label}.test"));
    try_once(&Setup::new(&dns).validator(), ChallengeKind::Dns01, &name)
        .await
        .assert_failed(ProblemType::Dns, true);
}
