//! More requests than the server wants in work: it says so at once, and does not fall silent.

use end2end::api::with_open_profile;
use end2end::socket;
use testkit::CertctlServer;
use testkit::acme::{JOSE_JSON, Key, RawAcme, Signer};
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread")]
async fn overload_is_shed_and_health_is_not() {
    let server = CertctlServer::builder().env("CERTCTL_MAX_REQUESTS_IN_FLIGHT", "1").start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;

    // The one request that may be in work waits for the rest of its body.
    let mut slow = socket::tls(&server, 2).await.unwrap();
    let head = "POST /acme/profile/prof-test/new-account HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/jose+json\r\nContent-Length: 1000\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.flush().await.unwrap();
    let client = server.client();
    let shed = loop {
        let answer = client.get(&directory).await;
        if answer.status != 200 {
            break answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
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

    for path in ["/healthz", "/readyz", "/pki/iss-internal-ca.pem"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    let metrics = client.get("/metrics").await.text();
    assert!(metrics.contains("certctl_requests_shed_total{reason=\"in_flight\"}"), "{metrics}");

    // Its connection ends, and its place is free again.
    drop(slow);
    while client.get(&directory).await.status != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let key = Key::new();
    let account = acme.register(&key).await;
    acme.issue(Signer::Kid(&key, &account), &["dns:afterwards.internal"]).await;
}
