use std::time::Duration;

use acme::ProblemType;
use model::ChallengeKind;
use rcgen::SanType;

use super::dns::DnsServer;
use super::web::{self, Tls, ok, path, redirect, web};
use super::{Attempt, KEY_AUTHORIZATION, PATH, Setup, dns_name, ip, try_once};

async fn attempt(setup: &Setup, name: &str) -> Attempt {
    try_once(&setup.validator(), ChallengeKind::Http01, &dns_name(name)).await
}

/// `a.test` and `b.test` at 127.0.0.1, where `respond` answers on the http-01 port.
async fn served(
    respond: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> (DnsServer, web::Listener, Setup) {
    let dns = DnsServer::start().await;
    dns.address("a.test", "127.0.0.1");
    dns.address("b.test", "127.0.0.1");
    let server = web("127.0.0.1:0", respond).await;
    let setup = Setup { http01_port: server.port(), ..Setup::new(&dns) };
    (dns, server, setup)
}

#[tokio::test]
async fn the_key_authorization_is_fetched_from_the_well_known_path() {
    let (_dns, server, setup) = served(|_| ok(KEY_AUTHORIZATION)).await;
    let attempt = attempt(&setup, "a.test").await;
    attempt.assert_valid();
    let seen = server.seen.all();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].starts_with(&format!("GET {PATH} HTTP/1.1\r\n")), "{}", seen[0]);
    assert!(seen[0].contains(&format!("\r\nhost: a.test:{}\r\n", server.port())), "{}", seen[0]);
    let shown = attempt.shown();
    assert!(shown.contains("looked up A of a.test: 127.0.0.1"), "{shown}");
    assert!(shown.contains(&format!("connected to {}", server.address)), "{shown}");
    assert!(shown.contains(&format!("GET http://a.test:{}{PATH}: 200", server.port())), "{shown}");
    assert_eq!(attempt.evidence.expected, KEY_AUTHORIZATION);
    assert_eq!(attempt.evidence.read.as_deref(), Some(KEY_AUTHORIZATION));
}

#[tokio::test]
async fn white_space_at_the_end_is_ignored_up_to_a_kibibyte() {
    let padding = 1024 - KEY_AUTHORIZATION.len();
    for (body, valid) in [
        (format!("{KEY_AUTHORIZATION}\r\n \t\n"), true),
        (format!("{KEY_AUTHORIZATION}{}", " ".repeat(padding)), true),
        (format!("{KEY_AUTHORIZATION}{}", " ".repeat(padding + 1)), false),
        (format!("{KEY_AUTHORIZATION}{}", " ".repeat(100_000)), false),
        (format!(" {KEY_AUTHORIZATION}"), false),
        (format!("{KEY_AUTHORIZATION}x"), false),
        (KEY_AUTHORIZATION.to_uppercase(), false),
        (String::new(), false),
    ] {
        let (_dns, _server, setup) = served(move |_| ok(&body)).await;
        let attempt = attempt(&setup, "a.test").await;
        match valid {
            true => attempt.assert_valid(),
            false => {
                attempt.assert_failed(ProblemType::IncorrectResponse, true);
            }
        }
    }
}

#[tokio::test]
async fn an_endless_body_is_not_read_to_its_end() {
    let (_dns, _server, setup) =
        served(|_| Some(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(20_000_000)))).await;
    let attempt = attempt(&setup, "a.test").await;
    let detail = attempt.assert_failed(ProblemType::IncorrectResponse, true);
    assert!(detail.len() < 400 && attempt.evidence.read.as_ref().unwrap().len() < 250, "{attempt:?}");
    assert!(attempt.evidence.advice.as_ref().unwrap().contains("longer than 1 KiB"));
}

#[tokio::test]
async fn a_wrong_body_is_shown_escaped_and_cut() {
    let (_dns, _server, setup) = served(|_| ok(&format!("\x1b[31m\n<b>{}", "y".repeat(300)))).await;
    let attempt = attempt(&setup, "a.test").await;
    let detail = attempt.assert_failed(ProblemType::IncorrectResponse, true);
    assert!(detail.contains(KEY_AUTHORIZATION) && detail.contains("`\\x1b[31m\\n<b>yyy"), "{detail}");
    assert!(!detail.contains(&"y".repeat(65)) && detail.is_ascii(), "{detail}");
}

#[tokio::test]
async fn only_status_200_is_an_answer() {
    for status in ["404 Not Found", "204 No Content", "500 Oops", "304 Not Modified"] {
        let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
        let (_dns, _server, setup) = served(move |_| Some(answer.clone())).await;
        let attempt = attempt(&setup, "a.test").await;
        let detail = attempt.assert_failed(ProblemType::IncorrectResponse, true);
        assert!(detail.contains(&status[..3]), "{detail}");
    }
}

#[tokio::test]
async fn addresses_are_validated_at_themselves() {
    let (_dns, server, setup) = served(|_| ok(KEY_AUTHORIZATION)).await;
    try_once(&setup.validator(), ChallengeKind::Http01, &ip("127.0.0.1")).await.assert_valid();
    assert!(server.seen.all()[0].contains(&format!("host: 127.0.0.1:{}\r\n", server.port())));

    let server = web("[::1]:0", |_| ok(KEY_AUTHORIZATION)).await;
    let setup = Setup { http01_port: server.port(), ..setup };
    try_once(&setup.validator(), ChallengeKind::Http01, &ip("::1")).await.assert_valid();
    assert!(server.seen.all()[0].contains(&format!("host: [::1]:{}\r\n", server.port())));
}

#[tokio::test]
async fn redirects_are_followed_to_names_paths_and_queries() {
    let (_dns, server, setup) = served(|head| match path(head) {
        PATH => redirect("/one"),
        "/one" => {
            let port = head.split("host: a.test:").nth(1).unwrap().split('\r').next().unwrap();
            redirect(&format!("http://B.test:{port}/two?x=y#z"))
        }
        "/two?x=y" if head.contains("host: b.test") => ok(KEY_AUTHORIZATION),
        _ => ok("no"),
    })
    .await;
    let attempt = attempt(&setup, "a.test").await;
    attempt.assert_valid();
    assert_eq!(server.seen.all().len(), 3);
    let shown = attempt.shown();
    assert!(shown.contains(": 302, redirects to /one"), "{shown}");
    assert!(shown.contains(&format!("GET http://b.test:{}/two?x=y: 200", server.port())), "{shown}");
}

#[tokio::test]
async fn redirects_to_https_do_not_need_a_trusted_certificate() {
    let tls = Tls {
        names: vec![SanType::DnsName("unrelated.test".try_into().unwrap())],
        extensions: Vec::new(),
        alpn: &["h2", "http/1.1"],
        versions: rustls::ALL_VERSIONS,
        key: &rcgen::PKCS_ECDSA_P384_SHA384,
    };
    let secure = web::tls(tls, |_| ok(KEY_AUTHORIZATION)).await;
    let location = format!("https://b.test:{}/x", secure.port());
    let (_dns, _server, setup) = served(move |_| redirect(&location)).await;
    let setup = Setup { tls_alpn01_port: secure.port(), ..setup };
    let attempt = attempt(&setup, "a.test").await;
    attempt.assert_valid();
    assert_eq!(secure.seen.all(), ["b.test"]);
    assert!(attempt.shown().contains("http/1.1, certificate for unrelated.test"), "{}", attempt.shown());
}

#[tokio::test]
async fn ten_redirects_are_followed_and_not_one_more() {
    for (last, valid) in [(10, true), (11, false)] {
        let (_dns, server, setup) =
            served(move |head| match path(head).trim_start_matches('/').parse::<u32>() {
                Ok(n) if n == last => ok(KEY_AUTHORIZATION),
                Ok(n) => redirect(&format!("/{}", n + 1)),
                Err(_) => redirect("/1"),
            })
            .await;
        let attempt = attempt(&setup, "a.test").await;
        assert_eq!(server.seen.all().len(), 11);
        match valid {
            true => attempt.assert_valid(),
            false => {
                let detail = attempt.assert_failed(ProblemType::IncorrectResponse, true);
                assert!(detail.contains("More than 10 redirects"), "{detail}");
            }
        }
    }
}

#[tokio::test]
async fn a_loop_is_noticed() {
    let (_dns, server, setup) = served(|head| redirect(if path(head) == PATH { "/a" } else { PATH })).await;
    let attempt = attempt(&setup, "a.test").await;
    let detail = attempt.assert_failed(ProblemType::IncorrectResponse, true);
    assert!(detail.contains("redirects back"), "{detail}");
    assert_eq!(server.seen.all().len(), 2);
}

#[tokio::test]
async fn redirects_elsewhere_are_not_followed() {
    for (location, retryable) in [
        ("http://a.test:22/", false),
        ("http://a.test:8443/", false),
        ("ftp://a.test/", false),
        ("gopher://a.test:80/_x", false),
        ("file:///etc/passwd", false),
        ("http://user:secret@a.test/", false),
        ("http://[::", true),
        ("http://", true),
    ] {
        let (_dns, server, setup) = served(move |_| redirect(location)).await;
        let attempt = attempt(&setup, "a.test").await;
        attempt.assert_failed(ProblemType::IncorrectResponse, retryable);
        assert_eq!(server.seen.all().len(), 1);
    }
}

#[tokio::test]
async fn redirects_to_forbidden_addresses_are_refused_unread() {
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.2/",
        "http://2130706434/",
        "http://0x7f.2/",
        "http://[::ffff:127.0.0.2]/",
        "http://meta.test/",
    ] {
        let (dns, _server, setup) = served(move |_| redirect(location)).await;
        dns.address("meta.test", "169.254.169.254");
        let attempt = attempt(&setup, "a.test").await;
        let detail = attempt.assert_failed(ProblemType::RejectedIdentifier, false);
        assert!(detail.contains("policy"), "{detail}");
        assert_eq!(attempt.evidence.read, None);
        assert!(attempt.shown().contains("did not connect to"), "{}", attempt.shown());
    }
}

#[tokio::test]
async fn what_lies_behind_a_redirect_is_not_told_to_the_client() {
    let dns = DnsServer::start().await;
    dns.address("a.test", "127.0.0.1");
    dns.address("internal.test", "127.0.0.1");
    let server = web("127.0.0.1:0", |head| match head.contains("host: a.test") {
        true => {
            let port = head.split("host: a.test:").nth(1).unwrap().split('\r').next().unwrap();
            redirect(&format!("http://internal.test:{port}/secret"))
        }
        false => ok("password=hunter2"),
    })
    .await;
    let setup = Setup { http01_port: server.port(), ..Setup::new(&dns) };
    let attempt = attempt(&setup, "a.test").await;
    let detail = attempt.assert_failed(ProblemType::IncorrectResponse, true);
    assert!(!detail.contains("hunter2"), "{detail}");
    assert_eq!(attempt.evidence.read.as_deref(), Some("password=hunter2"));
}

#[tokio::test]
async fn a_name_that_urls_take_for_an_address_is_refused() {
    let (_dns, server, setup) = served(|_| ok(KEY_AUTHORIZATION)).await;
    for name in ["127.0.0.0x1", "a.0x1", "0x7f000001"] {
        attempt(&setup, name).await.assert_failed(ProblemType::RejectedIdentifier, false);
    }
    assert!(server.seen.all().is_empty());
}

#[tokio::test]
async fn a_server_that_keeps_silent_is_given_up() {
    let (_dns, _server, setup) = served(|_| None).await;
    let attempt = attempt(&setup.limit(Duration::from_secs(1)), "a.test").await;
    let detail = attempt.assert_failed(ProblemType::Connection, true);
    assert!(detail.contains("1 s while waiting for the answer of http://a.test"), "{detail}");
    // What was done until then is kept.
    assert!(attempt.shown().contains("connected to 127.0.0.1"), "{}", attempt.shown());
    assert!(attempt.evidence.elapsed_ms >= 1_000);
}

#[tokio::test]
async fn what_is_not_http_is_a_connection_problem() {
    for answer in ["", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nshort"] {
        let (_dns, _server, setup) = served(move |_| Some(answer.to_owned())).await;
        attempt(&setup, "a.test").await.assert_failed(ProblemType::Connection, true);
    }
    let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let (_dns, _server, setup) = served(move |_| Some(head.clone())).await;
    attempt(&setup, "a.test").await.assert_failed(ProblemType::Connection, true);
}
