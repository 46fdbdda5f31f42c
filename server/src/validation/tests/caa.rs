use std::time::Duration;

use acme::ProblemType;
use hickory_resolver::proto::op::ResponseCode;
use model::ChallengeKind;

use super::dns::{Behaviour, DnsServer};
use super::{Setup, dns_name, ip};
use crate::validation::{CaaQuery, CaaResult};

const ACCOUNT: &str = "https://ca.test/acme/account/acc-1";

async fn ask(dns: &DnsServer, name: &str) -> CaaResult {
    ask_with(&Setup::new(dns), name, false).await
}

async fn ask_with(setup: &Setup, name: &str, wildcard: bool) -> CaaResult {
    let query = CaaQuery {
        identifier: &dns_name(name),
        wildcard,
        kind: Some(ChallengeKind::Dns01),
        account_uri: Some(ACCOUNT),
        identities: &["ca.test".to_owned()],
    };
    setup.validator().check_caa(&query).await
}

#[tokio::test]
async fn without_records_up_to_the_top_everything_is_allowed() {
    let dns = DnsServer::start().await;
    let result = ask(&dns, "www.a.test").await;
    result.assert_valid();
    assert_eq!(dns.asked(), ["udp caa www.a.test", "udp caa a.test", "udp caa test"]);
}

#[tokio::test]
async fn the_nearest_records_count() {
    let dns = DnsServer::start().await;
    dns.caa("test", 0, "issue", "other.test");
    let refused = ask(&dns, "www.a.test").await;
    let detail = refused.assert_failed(ProblemType::Caa, false);
    assert!(detail.contains("The CAA records of test do not allow a certificate for www.a.test"), "{detail}");
    assert!(refused.evidence.advice.as_ref().unwrap().contains("the value ca.test"), "{refused:?}");
    assert_eq!(refused.evidence.read.as_deref(), Some("0 issue \"other.test\""));

    dns.caa("a.test", 0, "issue", "ca.test");
    ask(&dns, "www.a.test").await.assert_valid();
    dns.caa("www.a.test", 0, "issue", ";");
    ask(&dns, "www.a.test").await.assert_failed(ProblemType::Caa, false);
}

#[tokio::test]
async fn aliases_lead_to_records_but_do_not_bend_the_climb() {
    let dns = DnsServer::start().await;
    dns.alias("www.a.test", "host.b.example");
    dns.caa("b.example", 0, "issue", "other.test");
    // The parent of the alias's target has no say.
    ask(&dns, "www.a.test").await.assert_valid();
    dns.caa("host.b.example", 0, "issue", "other.test");
    let refused = ask(&dns, "www.a.test").await;
    refused.assert_failed(ProblemType::Caa, false);
    assert!(refused.shown().contains("alias of host.b.example"), "{}", refused.shown());
}

#[tokio::test]
async fn wildcards_have_records_of_their_own() {
    let dns = DnsServer::start().await;
    dns.caa("a.test", 0, "issue", "ca.test");
    dns.caa("a.test", 0, "issuewild", ";");
    ask(&dns, "a.test").await.assert_valid();
    for name in ["a.test", "*.a.test"] {
        ask_with(&Setup::new(&dns), name, true).await.assert_failed(ProblemType::Caa, false);
    }
}

#[tokio::test]
async fn critical_properties_accounts_and_methods_count() {
    let dns = DnsServer::start().await;
    for (name, flags, tag, value, reason) in [
        ("a.test", 128, "future", "x", Some("critical")),
        ("b.test", 0, "future", "x", None),
        ("c.test", 0, "issue", "ca.test; accounturi=https://ca.test/acme/account/acc-1", None),
        ("d.test", 0, "issue", "ca.test; accounturi=https://ca.test/acme/account/acc-2", Some("accounts")),
        ("e.test", 0, "issue", "ca.test; validationmethods=dns-01", None),
        ("f.test", 0, "issue", "ca.test; validationmethods=http-01", Some("challenge type")),
    ] {
        dns.caa(name, flags, tag, value);
        let result = ask(&dns, name).await;
        match reason {
            None => result.assert_valid(),
            Some(reason) => {
                let detail = result.assert_failed(ProblemType::Caa, false);
                assert!(detail.contains(reason), "{detail}");
            }
        }
    }
}

#[tokio::test]
async fn a_lookup_that_fails_is_no_permission() {
    let dns = DnsServer::start().await;
    dns.caa("www.a.test", 0, "iodef", "mailto:a@a.test");
    dns.behave("a.test", Behaviour::Fail(ResponseCode::ServFail));
    ask(&dns, "www.a.test").await.assert_valid();
    ask(&dns, "ftp.a.test").await.assert_failed(ProblemType::Dns, true);

    dns.behave("test", Behaviour::Silent);
    let result = ask_with(&Setup::new(&dns).limit(Duration::from_secs(1)), "b.test", false).await;
    let detail = result.assert_failed(ProblemType::Dns, true);
    assert!(detail.contains("looking up CAA of test"), "{detail}");
}

#[tokio::test]
async fn a_chain_of_aliases_without_end_is_no_permission() {
    let dns = DnsServer::start().await;
    dns.answer_aliases_alone();
    for n in 0..15 {
        dns.alias(&format!("{n}.test"), &format!("{}.test", n + 1));
    }
    dns.caa("15.test", 0, "issue", "other.test");
    ask(&dns, "12.test").await.assert_failed(ProblemType::Caa, false);
    let result = ask(&dns, "0.test").await;
    let detail = result.assert_failed(ProblemType::Dns, true);
    assert!(detail.contains("chain of aliases"), "{detail}");
}

#[tokio::test]
async fn addresses_have_no_caa_records() {
    let dns = DnsServer::start().await;
    let identifier = ip("127.0.0.1");
    let query = CaaQuery {
        identifier: &identifier,
        wildcard: false,
        kind: Some(ChallengeKind::Http01),
        account_uri: Some(ACCOUNT),
        identities: &[],
    };
    Setup::new(&dns).validator().check_caa(&query).await.assert_valid();
    assert!(dns.asked().is_empty());
}
