//! Against real servers on loopback: DNS by hickory-server, the web and TLS by plain listeners that can misbehave.

mod caa;
mod dial;
mod dns;
mod dns01;
mod http01;
mod tls_alpn01;
mod web;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use acme::ProblemType;
use model::{ChallengeKind, DnsName, Identifier};

use super::{Attempt, Limits, Target, Validator};
use crate::config::ValidationConfig;

const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
const KEY_AUTHORIZATION: &str =
    "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI";
const PATH: &str = "/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

/// A validator's settings in a test: loopback is allowed, as far as `allow` says.
struct Setup {
    http01_port: u16,
    tls_alpn01_port: u16,
    resolver: SocketAddr,
    allow: &'static str,
    deny: &'static str,
    limits: Limits,
}

impl Setup {
    fn new(dns: &dns::DnsServer) -> Self {
        Self {
            http01_port: 80,
            tls_alpn01_port: 443,
            resolver: dns.address,
            allow: "127.0.0.1/32,::1/128",
            deny: "",
            limits: Limits::default(),
        }
    }

    fn limit(self, attempt: Duration) -> Self {
        Self { limits: Limits { attempt, ..self.limits }, ..self }
    }

    fn validator(&self) -> Validator {
        let nets =
            |text: &str| text.split(',').filter(|t| !t.is_empty()).map(|t| t.parse().unwrap()).collect();
        let config = ValidationConfig {
            http01_port: self.http01_port,
            tls_alpn01_port: self.tls_alpn01_port,
            dns_resolvers: vec![self.resolver],
            allow: nets(self.allow),
            deny: nets(self.deny),
            attempts: 1,
            retry_interval: Duration::from_secs(1),
            concurrency: 1,
        };
        Validator::with_limits(&config, self.limits).unwrap()
    }
}

fn dns_name(name: &str) -> Identifier {
    Identifier::Dns(DnsName::parse(name).unwrap())
}

fn ip(address: &str) -> Identifier {
    Identifier::Ip(address.parse::<IpAddr>().unwrap())
}

async fn try_once(validator: &Validator, kind: ChallengeKind, identifier: &Identifier) -> Attempt {
    let target =
        Target { identifier, wildcard: false, kind, token: TOKEN, key_authorization: KEY_AUTHORIZATION };
    validator.validate(&target).await
}

impl Attempt {
    #[track_caller]
    fn assert_valid(&self) {
        assert_eq!(self.outcome, Ok(()), "{:#?}", self.evidence);
        assert_eq!(self.evidence.advice, None);
    }

    /// The detail, after checking type and whether another attempt makes sense.
    #[track_caller]
    fn assert_failed(&self, kind: ProblemType, retryable: bool) -> &str {
        let failure = self.outcome.as_ref().expect_err("the attempt should fail");
        assert_eq!((failure.problem.kind, failure.retryable), (kind, retryable), "{self:#?}");
        assert_eq!(failure.problem.status, kind.default_status());
        assert!(
            self.evidence.advice.as_ref().is_some_and(|advice| advice.ends_with('.')),
            "{:#?}",
            self.evidence
        );
        assert!(failure.problem.detail.ends_with('.'), "{}", failure.problem.detail);
        &failure.problem.detail
    }

    fn shown(&self) -> String {
        self.evidence.steps.iter().map(|step| format!("{step}\n")).collect()
    }
}

#[tokio::test]
async fn without_settings_the_resolvers_are_those_of_the_system() {
    let settings = crate::config::Settings::from_pairs([("CERTCTL_DATA_DIR", "unused")]);
    let config = crate::config::Config::from_settings(&settings).unwrap().validation;
    assert!(config.dns_resolvers.is_empty());
    Validator::new(&config).unwrap();
}

#[tokio::test]
async fn a_challenge_that_is_not_offered_is_refused() {
    let dns = dns::DnsServer::start().await;
    let validator = Setup::new(&dns).validator();
    let address = ip("127.0.0.1");
    try_once(&validator, ChallengeKind::Dns01, &address).await.assert_failed(ProblemType::Malformed, false);
    let name = dns_name("a.test");
    for kind in [ChallengeKind::Http01, ChallengeKind::TlsAlpn01] {
        let target = Target {
            identifier: &name,
            wildcard: true,
            kind,
            token: TOKEN,
            key_authorization: KEY_AUTHORIZATION,
        };
        validator.validate(&target).await.assert_failed(ProblemType::Malformed, false);
    }
    assert!(dns.asked().is_empty());
}
