use std::time::{Duration, Instant};

use acme::ProblemType;
use hickory_resolver::proto::op::ResponseCode;
use model::ChallengeKind;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::dns::{Behaviour, DnsServer};
use super::web::{ok, path, redirect, web};
use super::{Attempt, KEY_AUTHORIZATION, PATH, Setup, dns_name, ip, try_once};

async fn attempt(setup: &Setup) -> Attempt {
    try_once(&setup.validator(), ChallengeKind::Http01, &dns_name("a.test")).await
}

/// A port on which nobody listens, as far as one can know.
async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn forbidden_targets_are_refused_whatever_they_are() {
    let dns = DnsServer::start().await;
    dns.address("a.test", "127.0.0.1");
    dns.address("a.test", "::1");
    let server = web("127.0.0.1:0", |_| ok(KEY_AUTHORIZATION)).await;
    let setup =
        Setup { http01_port: server.port(), tls_alpn01_port: server.port(), allow: "", ..Setup::new(&dns) };
    for identifier in
        [dns_name("a.test"), dns_name("localhost"), ip("127.0.0.1"), ip("169.254.169.254"), ip("::1")]
    {
        for kind in [ChallengeKind::Http01, ChallengeKind::TlsAlpn01] {
            let attempt = try_once(&setup.validator(), kind, &identifier).await;
            attempt.assert_failed(ProblemType::RejectedIdentifier, false);
            assert!(attempt.evidence.advice.unwrap().contains("CERTCTL_ACME_VALIDATION_ALLOW_CIDRS"));
        }
    }
    let denying = Setup { allow: "127.0.0.0/8", deny: "127.0.0.1/32", ..setup };
    let attempt = try_once(&denying.validator(), ChallengeKind::Http01, &ip("127.0.0.1")).await;
    attempt.assert_failed(ProblemType::RejectedIdentifier, false);
    assert!(attempt.evidence.advice.unwrap().contains("CERTCTL_ACME_VALIDATION_DENY_CIDRS"));
    assert!(server.seen.all().is_empty());
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_ones_are_dialled() {
    let dns = DnsServer::start().await;
    let server = web("127.0.0.1:0", |_| ok(KEY_AUTHORIZATION)).await;
    let forbidden = web(&format!("127.0.0.9:{}", server.port()), |_| ok("forbidden")).await;
    dns.address("a.test", "127.0.0.9");
    dns.address("a.test", "127.0.0.1");
    let attempt = attempt(&Setup { http01_port: server.port(), ..Setup::new(&dns) }).await;
    attempt.assert_valid();
    assert!(
        attempt.shown().contains("did not connect to 127.0.0.9: a loopback address"),
        "{}",
        attempt.shown()
    );
    assert!(forbidden.seen.all().is_empty());
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_dialled() {
    let dns = DnsServer::start().await;
    let server = web("127.0.0.1:0", |head| match path(head) {
        PATH => redirect("/second"),
        _ => ok(KEY_AUTHORIZATION),
    })
    .await;
    let forbidden = web(&format!("127.0.0.9:{}", server.port()), |_| ok(KEY_AUTHORIZATION)).await;
    dns.address("a.test", "127.0.0.1");
    dns.address_later("a.test", "127.0.0.9");
    let attempt = attempt(&Setup { http01_port: server.port(), ..Setup::new(&dns) }).await;
    // The first hop took the answer that was checked; the second asked again and was refused.
    attempt.assert_failed(ProblemType::RejectedIdentifier, false);
    assert_eq!(server.seen.all().len(), 1);
    assert!(forbidden.seen.all().is_empty());
    let questions = dns.asked().iter().filter(|q| *q == "udp a a.test").count();
    assert_eq!(questions, 2, "{:?}", dns.asked());
}

#[tokio::test]
async fn ipv6_comes_first_and_ipv4_helps_out() {
    let dns = DnsServer::start().await;
    dns.address("a.test", "127.0.0.1");
    dns.address("a.test", "::1");
    let v6 = web("[::1]:0", |_| ok(KEY_AUTHORIZATION)).await;
    let setup = Setup { http01_port: v6.port(), ..Setup::new(&dns) };
    let first = attempt(&setup).await;
    first.assert_valid();
    assert!(first.shown().contains("connected to [::1]"), "{}", first.shown());

    let v4 = web("127.0.0.1:0", |_| ok(KEY_AUTHORIZATION)).await;
    let setup = Setup { http01_port: v4.port(), ..setup };
    let second = attempt(&setup).await;
    second.assert_valid();
    let shown = second.shown();
    assert!(shown.contains(&format!("connected to [::1]:{}: connection refused", v4.port())), "{shown}");
    assert!(shown.contains(&format!("connected to {}", v4.address)), "{shown}");
}

#[tokio::test]
async fn an_address_that_does_not_answer_does_not_hold_up_the_next() {
    let dns = DnsServer::start().await;
    dns.address("a.test", "127.0.0.5");
    dns.address("a.test", "127.0.0.1");
    let server = web("127.0.0.1:0", |_| ok(KEY_AUTHORIZATION)).await;
    let hole = BlackHole::at(&format!("127.0.0.5:{}", server.port())).await;
    let setup = Setup { http01_port: server.port(), allow: "127.0.0.0/8", ..Setup::new(&dns) };
    let since = Instant::now();
    let attempt = attempt(&setup).await;
    attempt.assert_valid();
    assert!(since.elapsed() < Duration::from_secs(3), "{}", attempt.shown());
    drop(hole);
}

#[tokio::test]
async fn a_refused_or_unanswered_connection_is_a_connection_problem() {
    let dns = DnsServer::start().await;
    dns.address("a.test", "127.0.0.1");
    let mut setup = Setup { http01_port: closed_port().await, ..Setup::new(&dns) };
    let refused = attempt(&setup).await;
    let detail = refused.assert_failed(ProblemType::Connection, true);
    assert!(detail.contains("connection refused"), "{detail}");

    let hole = BlackHole::at("127.0.0.1:0").await;
    setup.http01_port = hole.port;
    setup.limits.connect = Duration::from_millis(200);
    let unanswered = attempt(&setup).await;
    let detail = unanswered.assert_failed(ProblemType::Connection, true);
    assert!(detail.contains("no answer within 0.2 s"), "{detail}");
}

#[tokio::test]
async fn a_name_without_addresses_is_a_dns_problem() {
    let dns = DnsServer::start().await;
    let none = attempt(&Setup::new(&dns)).await;
    assert!(none.assert_failed(ProblemType::Dns, true).contains("NXDOMAIN"));
    dns.txt("a.test", &["x"]);
    let no_address = attempt(&Setup::new(&dns)).await;
    assert!(no_address.assert_failed(ProblemType::Dns, true).contains("neither an A nor an AAAA"));
    dns.remove("a.test");
    dns.alias("a.test", "host.test");
    let alias = attempt(&Setup::new(&dns)).await;
    assert!(
        alias.assert_failed(ProblemType::Dns, true).contains("a.test (alias of host.test) has no address")
    );
    dns.behave("a.test", Behaviour::Fail(ResponseCode::ServFail));
    let failing = attempt(&Setup::new(&dns)).await;
    assert!(failing.assert_failed(ProblemType::Dns, true).contains("could not be looked up"));
}

/// A listener whose backlog is full: the kernel drops further connections, as a firewall would.
struct BlackHole {
    port: u16,
    _listener: TcpListener,
    _held: Vec<TcpStream>,
}

impl BlackHole {
    async fn at(address: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address.parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut held = Vec::new();
        while let Ok(stream) =
            tokio::time::timeout(Duration::from_millis(150), TcpStream::connect(address)).await
        {
            held.push(stream.unwrap());
        }
        Self { port: address.port(), _listener: listener, _held: held }
    }
}
