//! The server's TLS certificate from files, which are read again when they change.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use end2end::authority::{authority_params, localhost_identity, root};
use end2end::certificate::Chain;
use end2end::program::run;
use end2end::socket::shown_certificate;
use rustls_pki_types::CertificateDer;
use tempfile::TempDir;
use testkit::{CertctlServer, server};

use super::startup::assert_refused;
use end2end::authority::write_private;

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_up_without_restart() {
    let ca = root(authority_params("Corporate TLS root"));
    let directory = TempDir::new().unwrap();
    let (certificate, key) = (directory.path().join("tls.crt"), directory.path().join("tls.key"));
    let (first, first_key) = localhost_identity(&ca);
    install(&certificate, &key, &first, &first_key);
    let server = CertctlServer::builder()
        .env("CERTCTL_TLS_CERT_FILE", &certificate)
        .env("CERTCTL_TLS_KEY_FILE", &key)
        .trust(&ca.pem())
        .start()
        .await;
    let pid = server.pid();
    assert_eq!(shown_certificate(&server).await, der(&first));
    let old_client = server.client();
    assert_eq!(old_client.get("/healthz").await.status, 200);

    // A certificate whose key is not there yet changes nothing.
    let (second, second_key) = localhost_identity(&ca);
    fs::write(&certificate, &second).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(shown_certificate(&server).await, der(&first));

    install(&certificate, &key, &second, &second_key);
    wait_until_shown(&server, &der(&second)).await;
    assert_eq!(old_client.get("/healthz").await.status, 200, "connections live on");

    // As Kubernetes replaces mounted secrets: by a rename.
    let (third, third_key) = localhost_identity(&ca);
    let (new_certificate, new_key) = (directory.path().join("new.crt"), directory.path().join("new.key"));
    install(&new_certificate, &new_key, &third, &third_key);
    fs::rename(&new_key, &key).unwrap();
    fs::rename(&new_certificate, &certificate).unwrap();
    wait_until_shown(&server, &der(&third)).await;
    assert_eq!(server.pid(), pid);
}

#[tokio::test]
async fn files_that_do_not_fit_stop_the_start() {
    let ca = root(authority_params("Corporate TLS root"));
    let directory = TempDir::new().unwrap();
    let (certificate, key) = (directory.path().join("tls.crt"), directory.path().join("tls.key"));
    let (first, _) = localhost_identity(&ca);
    let (_, second_key) = localhost_identity(&ca);
    install(&certificate, &key, &first, &second_key);
    let mut command = server::command(["serve"]);
    command.current_dir(directory.path()).env("CERTCTL_LISTEN", "127.0.0.1:0").env("CERTCTL_LOG", "error");
    command.env("CERTCTL_TLS_CERT_FILE", &certificate).env("CERTCTL_TLS_KEY_FILE", &key);
    assert_refused(&run(command).await, "CERTCTL_TLS_");
}

/// A second start keeps the server's own certificate and CA; a client that trusts tls/ca.crt goes on.
#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_ca_survives_restarts() {
    let mut server = CertctlServer::start().await;
    let (ca, client) = (server.ca_pem(), server.client());
    server.restart().await;
    assert_eq!(server.ca_pem(), ca);
    assert_eq!(client.get("/healthz").await.status, 200);
    fs::remove_file(server.ca_file()).unwrap();
    server.restart().await;
    assert_eq!(server.ca_pem(), ca, "it is written again from the store");
}

fn install(certificate_file: &Path, key_file: &Path, certificate: &str, key: &str) {
    write_private(key_file, key);
    fs::write(certificate_file, certificate).unwrap();
}

fn der(pem: &str) -> CertificateDer<'static> {
    Chain::from_pem(pem).leaf().clone()
}

async fn wait_until_shown(server: &CertctlServer, wanted: &CertificateDer<'_>) {
    let start = Instant::now();
    while shown_certificate(server).await != *wanted {
        assert!(start.elapsed() < Duration::from_secs(30), "the new certificate is not taken up");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
