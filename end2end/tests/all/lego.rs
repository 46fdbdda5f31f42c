//! Debian's lego 4.9.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use end2end::api::{
    certificate_by_serial, list, must_have_bound_one_account, new_eab_key, with_bound_profile,
    with_open_profile,
};
use end2end::authority::CrossSigned;
use end2end::certificate::{Chain, internal_ca};
use end2end::program::{openssl_verify, program, run, succeed};
use end2end::{Engine, on_each_engine};
use serde_json::json;
use tempfile::TempDir;
use testkit::{CertctlServer, process};

on_each_engine!(
    issue_renew_and_revoke,
    several_names_and_key_types,
    a_preferred_chain_is_taken,
    an_external_account
);

async fn issue_renew_and_revoke(engine: Engine) {
    let server = engine.server().start().await;
    let lego = Lego::new(&server, with_open_profile(&server).await);
    let api = server.api();

    succeed(lego.command(&["app.internal"], &[], &["run"])).await;
    let first = lego.chain("app.internal");
    assert_eq!(first.names(), ["app.internal"]);
    let ca_file = lego.file("ca.crt");
    fs::write(&ca_file, internal_ca(&api).await).unwrap();
    openssl_verify(&ca_file, &lego.file("certificates/app.internal.crt")).await;

    succeed(lego.command(&["app.internal"], &[], &["renew", "--days=9999", "--no-random-sleep"])).await;
    let second = lego.chain("app.internal");
    assert_ne!(first.serial(), second.serial());

    succeed(lego.command(&["app.internal"], &[], &["revoke"])).await;
    assert_eq!(certificate_by_serial(&api, &first.serial()).await["status"], "valid");
    let revoked = certificate_by_serial(&api, &second.serial()).await;
    assert_eq!(revoked["status"], "revoked");

    let account = list(&api, "/api/acme/accounts").await;
    assert_eq!(account.len(), 1, "lego registers once: {account:?}");
    let actor = format!("acme:{}", account[0]["id"].as_str().unwrap());
    let events = list(&api, &format!("/api/audit-events?actor={actor}")).await;
    let mut actions: Vec<&str> = events.iter().map(|event| event["action"].as_str().unwrap()).collect();
    actions.sort_unstable();
    let expected = [
        "account.created",
        "certificate.issued",
        "certificate.issued",
        "certificate.revoked",
        "order.created",
        "order.created",
        "order.finalized",
        "order.finalized",
    ];
    assert_eq!(actions, expected);
}

async fn several_names_and_key_types(engine: Engine) {
    let server = engine.server().start().await;
    let lego = Lego::new(&server, with_open_profile(&server).await);
    for (index, key_type) in ["ec256", "ec384", "rsa2048", "rsa4096"].into_iter().enumerate() {
        let (first, second) = (format!("a{index}.internal"), format!("b{index}.internal"));
        succeed(lego.command(&[&first, &second], &["--key-type", key_type], &["run"])).await;
        let mut names = lego.chain(&first).names();
        names.sort_unstable();
        assert_eq!(names, [first, second]);
    }
}

async fn a_preferred_chain_is_taken(engine: Engine) {
    let ca = CrossSigned::new();
    let server = ca.settings(engine.server()).start().await;
    let lego = Lego::new(&server, with_open_profile(&server).await);
    succeed(lego.command(&["plain.internal"], &[], &["run"])).await;
    lego.chain("plain.internal").verify_with_webpki(&ca.old.pem(), "plain.internal");
    succeed(lego.command(&["new.internal"], &[], &["run", "--preferred-chain", "New root"])).await;
    lego.chain("new.internal").verify_with_webpki(&ca.new.pem(), "new.internal");
}

async fn an_external_account(engine: Engine) {
    let server = engine.server().start().await;
    let lego = Lego::new(&server, with_bound_profile(&server).await);
    let key = new_eab_key(&server, json!({ "permitted_names": ["app.internal"] })).await;

    let refused = run(lego.command(&["app.internal"], &[], &["run"])).await;
    assert_ne!(refused.code, Some(0), "{}", refused.text());

    let (kid, hmac_key) = (key["id"].as_str().unwrap(), key["mac_key"].as_str().unwrap());
    let options = ["--eab", "--kid", kid, "--hmac", hmac_key];
    succeed(lego.command(&["app.internal"], &options, &["run"])).await;
    assert_eq!(lego.chain("app.internal").names(), ["app.internal"]);
    must_have_bound_one_account(&server, &key).await;

    let out_of_scope = run(lego.command(&["other.internal"], &options, &["run"])).await;
    assert_ne!(out_of_scope.code, Some(0));
    assert!(out_of_scope.text().contains("rejectedIdentifier"), "{}", out_of_scope.text());
}

/// lego's files, and how it is to reach a server.
pub struct Lego {
    home: TempDir,
    server_ca: PathBuf,
    directory: String,
}

impl Lego {
    pub fn new(server: &CertctlServer, directory: String) -> Self {
        Self { home: TempDir::new().unwrap(), server_ca: server.ca_file(), directory }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    pub fn command(&self, names: &[&str], options: &[&str], action: &[&str]) -> Command {
        let mut lego = program("lego");
        lego.env("LEGO_CA_CERTIFICATES", &self.server_ca).current_dir(self.home.path());
        lego.arg("--path").arg(self.home.path());
        lego.args(["--server", &self.directory, "--email", "ops@example.com", "--accept-tos"]);
        // lego wants a challenge to be chosen although no authorization will need one.
        lego.args(["--http", "--http.port", &format!("127.0.0.1:{}", process::free_port())]);
        for name in names {
            lego.args(["--domains", name]);
        }
        lego.args(options).args(action);
        lego
    }

    fn chain(&self, name: &str) -> Chain {
        read_chain(&self.file(&format!("certificates/{name}.crt")))
    }
}

fn read_chain(path: &Path) -> Chain {
    let pem = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Chain::from_pem(&pem)
}
