//! Clients that take their time cannot hold the server, nor keep others from it.

use std::time::{Duration, Instant};

use end2end::api::with_open_profile;
use end2end::socket;
use futures::future::join_all;
use testkit::CertctlServer;
use testkit::acme::{Key, RawAcme, Signer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

/// Longer than any of the server's time-outs for a request's beginning, its headers and its body.
const LONGEST_TIME_OUT: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_do_not_keep_others_out_and_are_cut_off() {
    let server = CertctlServer::start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;

    let mut stalled: Vec<Box<dyn AsyncRead + Unpin + Send>> = Vec::new();
    for number in 0..120 {
        match number % 4 {
            // Nothing at all, not even a TLS ClientHello.
            0 => stalled.push(Box::new(socket::tcp(&server, 2).await.unwrap())),
            // Half a ClientHello.
            1 => {
                let mut stream = socket::tcp(&server, 2).await.unwrap();
                stream.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
                stalled.push(Box::new(stream));
            }
            // Half a header.
            2 => {
                let mut stream = socket::tls(&server, 2).await.unwrap();
                stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: local").await.unwrap();
                stalled.push(Box::new(stream));
            }
            // Half a body.
            _ => {
                let mut stream = socket::tls(&server, 2).await.unwrap();
                let head = "POST /acme/profile/prof-test/new-account HTTP/1.1\r\nHost: localhost\r\n\
                            Content-Type: application/jose+json\r\nContent-Length: 1000\r\n\r\n{\"protected\":";
                stream.write_all(head.as_bytes()).await.unwrap();
                stalled.push(Box::new(stream));
            }
        }
    }
    for number in 0..10 {
        let start = Instant::now();
        acme.issue(Signer::Kid(&key, &account), &[&format!("dns:quick-{number}.internal")]).await;
        assert!(start.elapsed() < Duration::from_secs(5), "slow clients slow others down");
    }

    let closed = stalled.into_iter().map(|mut stream| async move {
        let mut answer = Vec::new();
        // An error is an end too; what counts is that it comes.
        let end = tokio::time::timeout(LONGEST_TIME_OUT, stream.read_to_end(&mut answer)).await;
        assert!(end.is_ok(), "a stalled connection stays open after {LONGEST_TIME_OUT:?}");
    });
    join_all(closed).await;
    acme.issue(Signer::Kid(&key, &account), &["dns:afterwards.internal"]).await;
}

/// With every connection in use, a newcomer waits; it is served when one ends.
#[tokio::test(flavor = "multi_thread")]
async fn at_the_connection_limit_newcomers_get_their_turn() {
    let server = CertctlServer::builder().env("CERTCTL_MAX_CONNECTIONS", "16").start().await;
    let ca_pem = server.ca_pem();
    // From many addresses, because one address may not hold them all.
    let mut idle = Vec::new();
    for number in 0..24 {
        idle.push(socket::tcp(&server, 10 + number).await);
    }
    let start = Instant::now();
    let served = async {
        loop {
            let client = testkit::http::Client::https(&server.base_url(), &ca_pem);
            let request = http::Request::default();
            let attempt = tokio::time::timeout(Duration::from_secs(5), client.try_send("/healthz", request));
            if let Ok(Ok(answer)) = attempt.await {
                assert_eq!(answer.status, 200);
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LONGEST_TIME_OUT, served)
        .await
        .expect("a turn within the time-out of idle connections");
    drop(idle);
    assert!(start.elapsed() < LONGEST_TIME_OUT);
}
