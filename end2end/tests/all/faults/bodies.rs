//! Bodies that are too large, and requests that make no sense: each gets its answer, and the server goes on.

use end2end::api::with_open_profile;
use http::Request;
use testkit::CertctlServer;
use testkit::acme::{JOSE_JSON, Key, RawAcme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use end2end::socket;

#[tokio::test(flavor = "multi_thread")]
async fn bodies_over_the_limit_are_refused() {
    let server = CertctlServer::start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;

    for (size, status) in [(64 * 1024, 400), (64 * 1024 + 1, 413), (300_000, 413)] {
        let answer = acme.post_raw(acme.url("newAccount"), JOSE_JSON, " ".repeat(size)).await;
        answer.expect_problem(status, "malformed");
        assert!(answer.header("replay-nonce").is_some());
    }
    let api = server.api();
    for (size, status) in [(1024 * 1024, 400), (1024 * 1024 + 1, 413), (3_000_000, 413)] {
        let request = Request::post("/").header("content-type", "application/json");
        let answer = api.send("/api/profiles", request.body(" ".repeat(size).into()).unwrap()).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    acme.register(&Key::new()).await;
}

/// A body without Content-Length is counted as it comes.
#[tokio::test(flavor = "multi_thread")]
async fn endless_bodies_are_refused() {
    let server = CertctlServer::start().await;
    with_open_profile(&server).await;
    let mut stream = socket::tls(&server, 1).await.unwrap();
    let head = "POST /acme/profile/prof-test/new-account HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/jose+json\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    for _ in 0..64 {
        // The server may answer and close before we are through.
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let _ = stream.flush().await;
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(server.client().get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_answered_and_the_server_goes_on() {
    let server = CertctlServer::start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let deep = "[".repeat(60_000);
    let bodies =
        ["", "{}", "[]", "null", "\"", "{\"protected\":1}", "\u{0}", deep.as_str(), "{\"a\":{\"a\":{}}}"];
    for entry in ["newAccount", "newOrder", "revokeCert", "keyChange"] {
        for body in bodies {
            let answer = acme.post_raw(acme.url(entry), JOSE_JSON, body.to_owned()).await;
            answer.expect_problem(400, "malformed");
        }
    }
    let raw: [&[u8]; 5] = [
        b"\x16\x03\x01",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\0",
        b"GET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
    ];
    for bytes in raw {
        let mut stream = socket::tls(&server, 1).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
        let mut plain = socket::tcp(&server, 1).await.unwrap();
        plain.write_all(bytes).await.unwrap();
        let _ = plain.shutdown().await;
        let _ = plain.read_to_end(&mut Vec::new()).await;
    }
    acme.register(&Key::new()).await;
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
