//! An existing CA in files: used with its chain, or refused with the reason.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use end2end::api::with_open_profile;
use end2end::authority::{AuthorityFiles, authority_params, root, subordinate};
use end2end::certificate::Chain;
use end2end::program::{openssl_verify, run};
use end2end::{Engine, on_each_engine};
use rcgen::{IsCa, date_time_ymd};
use tempfile::TempDir;
use testkit::acme::{Key, RawAcme, Signer};
use testkit::server;

use super::startup::assert_refused;

on_each_engine!(a_subordinate_ca_signs_with_its_chain);

async fn a_subordinate_ca_signs_with_its_chain(engine: Engine) {
    let root = root(authority_params("Example root"));
    let files = AuthorityFiles::new(&subordinate(authority_params("Example issuing CA"), &root));
    fs::write(&files.certificate, fs::read_to_string(&files.certificate).unwrap() + &root.pem()).unwrap();
    let mut server = files.settings(engine.server()).start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;

    for round in 0..2 {
        let name = format!("n{round}.example.internal");
        let (pem, _) = acme.issue(Signer::Kid(&key, &account), &[&format!("dns:{name}")]).await;
        let chain = Chain::from_pem(&pem);
        chain.verify_with_webpki(&root.pem(), &name);
        let (root_file, chain_file) =
            (files.directory.path().join("root"), files.directory.path().join("chain"));
        fs::write(&root_file, root.pem()).unwrap();
        fs::write(&chain_file, &pem).unwrap();
        openssl_verify(&root_file, &chain_file).await;
        let issuer = server.api().get("/api/issuers/iss-internal-ca").await.expect(200);
        assert_eq!(
            (&issuer["name"], &issuer["key_location"]),
            (&"Example issuing CA".into(), &"file".into())
        );
        server.restart().await;
    }
}

#[tokio::test]
async fn files_that_make_no_ca_are_refused() {
    let good = root(authority_params("A root"));
    let other = root(authority_params("Another root"));
    let mut no_ca = authority_params("No CA");
    no_ca.is_ca = IsCa::ExplicitNoCa;
    let mut expired = authority_params("Expired");
    (expired.not_before, expired.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));

    let mismatch = AuthorityFiles::new(&good);
    fs::write(&mismatch.key, other.key().serialize_pem()).unwrap();
    let readable = AuthorityFiles::new(&good);
    fs::set_permissions(&readable.key, fs::Permissions::from_mode(0o644)).unwrap();
    let garbage = AuthorityFiles::new(&good);
    fs::write(&garbage.certificate, "no PEM at all\n").unwrap();
    let missing = AuthorityFiles::new(&good);
    fs::remove_file(&missing.key).unwrap();
    let cases = [
        (mismatch, "match"),
        (AuthorityFiles::new(&root(no_ca)), "CA"),
        (AuthorityFiles::new(&root(expired)), "expired"),
        (readable, "chmod"),
        (garbage, "CERTCTL_CA_CERT_FILE"),
        (missing, "CERTCTL_CA_KEY_FILE"),
    ];
    for (files, word) in cases {
        let directory = TempDir::new().unwrap();
        let mut command = server::command(["serve"]);
        command
            .current_dir(directory.path())
            .env("CERTCTL_LISTEN", "127.0.0.1:0")
            .env("CERTCTL_LOG", "error");
        command.env("CERTCTL_CA_CERT_FILE", &files.certificate).env("CERTCTL_CA_KEY_FILE", &files.key);
        let finished = run(command).await;
        assert_refused(&finished, "CERTCTL_CA_");
        assert!(finished.stderr.contains(word), "{word} is not in: {}", finished.stderr);
    }
}
