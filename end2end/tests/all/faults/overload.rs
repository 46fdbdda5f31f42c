//! More requests than the server wants in work: it says so at once, and does not fall silent.

use std::time::Duration;

use end2end::api::with_open_profile;
use end2end::socket;
use testkit::CertctlServer;
use testkit::acme::{JOSE_JSON, Key, RawAcme, Signer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A request that stays in work: it waits for the rest of its body.
async fn half_a_request(server: &CertctlServer) -> TlsStream<TcpStream> {
    let mut slow = socket::tls(server, 2).await.unwrap();
    let head = "POST /acme/profile/prof-test/new-account HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/jose+json\r\nContent-Length: 1000\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.flush().await.unwrap();
    slow
}

#[tokio::test(flavor = "multi_thread")]
async fn overload_is_shed_and_health_is_not() {
    let server = CertctlServer::builder().env("CERTCTL_MAX_REQUESTS_IN_FLIGHT", "1").start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;

    let client = server.client();
    let mut slow = half_a_request(&server).await;
    let shed = loop {
        let answer = client.get(&directory).await;
        if answer.status != 200 {
            break answer;
        }
        // It may have met one of our own requests, and been turned away itself.
        let mut buffer = [0; 16];
        let answered = slow.read(&mut buffer);
        if tokio::time::timeout(Duration::from_millis(5), answered).await.is_ok() {
            slow = half_a_request(&server).await;
        }
    };
    shed.expect_problem(503, "serverInternal");
    assert_eq!(shed.header("retry-after"), Some("5"));

    let shed = acme.post_raw(acme.url("newAccount"), JOSE_JSON, "x".repeat(20_000)).await;
    let problem = shed.expect_problem(503, "serverInternal");
    assert_eq!(problem["status"], 503);
    assert_eq!(shed.header("retry-after"), Some("5"));
    assert!(shed.header("replay-nonce").is_some(), "{:?}", shed.headers);
    assert!(shed.header("link").is_some_and(|link| link.ends_with("rel=\"index\"")), "{:?}", shed.headers);
    let shed = server.api().get("/api/profiles").await;
    shed.expect_problem(503, "urn:certctl:error:overloaded");
    assert_eq!(shed.header("retry-after"), Some("5"));

    let browser = client.clone().with_header("accept", "text/html");
    let shed = browser.get("/").await;
    assert_eq!((shed.status.as_u16(), shed.header("retry-after")), (503, Some("5")));
    assert!(shed.text().contains("The server is busy"), "{}", shed.text());
    let style = shed.text().split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(client.get(&style).await.status, 200, "what belongs to the page is not shed");

    for path in ["/healthz", "/readyz", "/pki/iss-internal-ca.pem"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    let metrics = client.get("/metrics").await.text();
    assert!(metrics.contains("certctl_requests_shed_total{reason=\"in_flight\"}"), "{metrics}");

    // Its connection ends, and its place is free again.
    drop(slow);
    while client.get(&directory).await.status != 200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let key = Key::new();
    let account = acme.register(&key).await;
    acme.issue(Signer::Kid(&key, &account), &["dns:afterwards.internal"]).await;
}
