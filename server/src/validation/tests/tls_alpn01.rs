use std::time::Duration;

use acme::ProblemType;
use model::{ChallengeKind, Identifier};
use rcgen::{CustomExtension, SanType};

use super::dns::DnsServer;
use super::web::{self, Listener, Tls, ok, web};
use super::{Attempt, KEY_AUTHORIZATION, Setup, dns_name, ip, try_once};

const TLS12: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];
const TLS13: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];

fn name(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn acme_identifier(key_authorization: &str) -> CustomExtension {
    CustomExtension::new_acme_identifier(&ca::sha256(key_authorization.as_bytes()))
}

/// What answers the challenge for `a.test`.
fn good() -> Tls {
    Tls {
        names: vec![name("a.test")],
        extensions: vec![acme_identifier(KEY_AUTHORIZATION)],
        alpn: &["acme-tls/1"],
        versions: rustls::ALL_VERSIONS,
        key: &rcgen::PKCS_ECDSA_P256_SHA256,
    }
}

async fn attempt_at(server: &Listener, identifier: &Identifier) -> Attempt {
    let dns = DnsServer::start().await;
    dns.address("a.test", "127.0.0.1");
    let setup = Setup { tls_alpn01_port: server.port(), ..Setup::new(&dns) };
    try_once(&setup.validator(), ChallengeKind::TlsAlpn01, identifier).await
}

async fn attempt(tls: Tls) -> Attempt {
    let server = web::tls(tls, |_| None).await;
    attempt_at(&server, &dns_name("a.test")).await
}

#[tokio::test]
async fn the_right_certificate_is_accepted() {
    let server = web::tls(good(), |_| None).await;
    let attempt = attempt_at(&server, &dns_name("a.test")).await;
    attempt.assert_valid();
    assert_eq!(server.seen.all(), ["a.test"]);
    let shown = attempt.shown();
    assert!(
        shown.contains("TLS handshake as a.test, TLSv1_3, acme-tls/1, certificate for a.test"),
        "{shown}"
    );
    assert_eq!(attempt.evidence.read.as_ref(), Some(&attempt.evidence.expected));
}

#[tokio::test]
async fn every_version_and_kind_of_key_is_accepted() {
    for key in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        for versions in [TLS12, TLS13] {
            attempt(Tls { key, versions, ..good() }).await.assert_valid();
        }
    }
}

#[tokio::test]
async fn addresses_are_asked_for_by_their_reverse_name() {
    let address = SanType::IpAddress("127.0.0.1".parse().unwrap());
    let server = web::tls(Tls { names: vec![address], ..good() }, |_| None).await;
    attempt_at(&server, &ip("127.0.0.1")).await.assert_valid();
    assert_eq!(server.seen.all(), ["1.0.0.127.in-addr.arpa"]);
}

#[tokio::test]
async fn a_certificate_that_differs_is_an_incorrect_response() {
    let mut not_critical = acme_identifier(KEY_AUTHORIZATION);
    not_critical.set_criticality(false);
    let short = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 31], vec![4, 2, 1, 2]);
    for (tls, reason) in [
        (Tls { names: vec![name("b.test")], ..good() }, "it has b.test"),
        (Tls { names: vec![name("*.test")], ..good() }, "it has *.test"),
        (Tls { names: vec![name("a.test"), name("b.test")], ..good() }, "it has a.test, b.test"),
        (Tls { names: vec![name("a.test"), name("a.test")], ..good() }, "it has a.test, a.test"),
        (Tls { names: Vec::new(), ..good() }, "it has none"),
        (
            Tls { names: vec![name("a.test"), SanType::IpAddress([127, 0, 0, 1].into())], ..good() },
            "it has a.test, 127.0.0.1",
        ),
        (Tls { extensions: Vec::new(), ..good() }, "no acmeIdentifier"),
        (Tls { extensions: vec![not_critical], ..good() }, "not critical"),
        (Tls { extensions: vec![short], ..good() }, "cannot be understood"),
        (
            Tls { extensions: vec![acme_identifier("other.key")], ..good() },
            "not that of the key authorization",
        ),
        // Shakes hands without choosing a protocol.
        (Tls { alpn: &[], ..good() }, "acme-tls/1"),
    ] {
        let attempt = attempt(tls).await;
        let detail = attempt.assert_failed(ProblemType::IncorrectResponse, true);
        assert!(detail.contains(reason), "{detail}");
    }
    // A name is no address.
    let server = web::tls(Tls { names: vec![name("127.0.0.1")], ..good() }, |_| None).await;
    attempt_at(&server, &ip("127.0.0.1")).await.assert_failed(ProblemType::IncorrectResponse, true);
}

#[tokio::test]
async fn a_failed_handshake_is_a_tls_problem() {
    let attempt = attempt(Tls { alpn: &["h2", "http/1.1"], ..good() }).await;
    let detail = attempt.assert_failed(ProblemType::Tls, true);
    assert!(detail.contains("NoApplicationProtocol"), "{detail}");

    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
        let plain = web::blurt("127.0.0.1:0", answer).await;
        attempt_at(&plain, &dns_name("a.test")).await.assert_failed(ProblemType::Tls, true);
    }
}

#[tokio::test]
async fn a_handshake_without_end_is_given_up() {
    let dns = DnsServer::start().await;
    dns.address("a.test", "127.0.0.1");
    let silent = web("127.0.0.1:0", |_| ok("")).await;
    let setup = Setup { tls_alpn01_port: silent.port(), ..Setup::new(&dns) }.limit(Duration::from_secs(1));
    let attempt = try_once(&setup.validator(), ChallengeKind::TlsAlpn01, &dns_name("a.test")).await;
    let detail = attempt.assert_failed(ProblemType::Connection, true);
    assert!(detail.contains("while shaking hands"), "{detail}");
}
