//! `certctl healthcheck`, as a container's health check runs it.

use std::fs;
use std::time::{Duration, Instant};

use end2end::authority::{authority_params, root, server_identity, write_private};
use end2end::program::run;
use tempfile::TempDir;
use testkit::{CertctlServer, Postgres};

#[tokio::test(flavor = "multi_thread")]
async fn it_fails_without_the_database_and_without_the_server() {
    let cluster = Postgres::builder().fsync(false).start();
    let database = cluster.create_database("health");
    let listen = |port| format!("0.0.0.0:{port}");
    let port = testkit::process::free_port();
    let mut server = CertctlServer::builder()
        .database_url(&database)
        .port(port)
        .env("CERTCTL_LISTEN", listen(port))
        .env("CERTCTL_EXTERNAL_URL", "https://certctl.example.com")
        .start()
        .await;
    assert_eq!(check(&server).await, (Some(0), "ready\n".to_owned()));

    cluster.stop();
    assert_eq!(check(&server).await, (Some(1), "not ready: the database does not answer\n".to_owned()));
    cluster.start_again();
    server.wait_until_ready().await;
    assert_eq!(check(&server).await.0, Some(0));

    server.kill9();
    let (code, said) = check(&server).await;
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.starts_with(&format!("not ready: 127.0.0.1:{port}: ")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_on_its_port_does_not_count() {
    let (own, other) = (CertctlServer::start().await, CertctlServer::start().await);
    let mut command = own.command(["healthcheck"]);
    command.env("CERTCTL_LISTEN", format!("127.0.0.1:{}", other.port()));
    let finished = run(command).await;
    assert_eq!(finished.code, Some(1));
    assert!(finished.stdout.contains("certificate"), "{}", finished.text());
}

/// A certificate for clients elsewhere has no name of this machine.
#[tokio::test(flavor = "multi_thread")]
async fn it_takes_the_certificate_that_comes_from_files() {
    let directory = TempDir::new().unwrap();
    let (certificate, key) = (directory.path().join("tls.crt"), directory.path().join("tls.key"));
    let identity = server_identity(&root(authority_params("Corporate TLS root")), "certctl.example.com");
    fs::write(&certificate, identity.0).unwrap();
    write_private(&key, &identity.1);
    let server = CertctlServer::builder()
        .env("CERTCTL_TLS_CERT_FILE", &certificate)
        .env("CERTCTL_TLS_KEY_FILE", &key)
        .spawn();
    let start = Instant::now();
    while check(&server).await != (Some(0), "ready\n".to_owned()) {
        assert!(start.elapsed() < Duration::from_secs(30), "it never gets ready");
    }
}

async fn check(server: &CertctlServer) -> (Option<i32>, String) {
    let finished = run(server.command(["healthcheck"])).await;
    assert_eq!(finished.stderr, "");
    (finished.code, finished.stdout)
}
