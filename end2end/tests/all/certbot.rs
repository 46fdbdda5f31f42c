//! Debian's certbot 2.1.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use end2end::api::{
    PROFILE, certificate_by_serial, list, must_have_bound_one_account, new_eab_key, with_bound_profile,
    with_open_profile,
};
use end2end::certificate::{Chain, internal_ca};
use end2end::program::{openssl_verify, program, run, succeed};
use end2end::{Engine, on_each_engine};
use serde_json::json;
use tempfile::TempDir;
use testkit::{CertctlServer, process};

on_each_engine!(register_issue_renew_revoke_and_leave, an_external_account);

async fn register_issue_renew_revoke_and_leave(engine: Engine) {
    let server = engine.server().start().await;
    let certbot = Certbot::new(&server, with_open_profile(&server).await);
    let api = server.api();

    let person = ["--agree-tos", "--no-eff-email", "--email", "ops@example.com"];
    succeed(certbot.command("register", &person)).await;
    succeed(certbot.command("update_account", &["--no-eff-email", "--email", "team@example.com"])).await;
    let accounts = list(&api, "/api/acme/accounts").await;
    assert_eq!(accounts[0]["contacts"], serde_json::json!(["mailto:team@example.com"]));

    let names = ["--cert-name", "shop", "-d", "shop.internal", "-d", "www.shop.internal"];
    succeed(certbot.command("certonly", &names)).await;
    let first = certbot.chain("shop");
    assert_eq!(first.names(), ["shop.internal", "www.shop.internal"]);
    let ca_file = certbot.file("ca.crt");
    fs::write(&ca_file, internal_ca(&api).await).unwrap();
    openssl_verify(&ca_file, &certbot.file("live/shop/fullchain.pem")).await;

    succeed(
        certbot.command("renew", &["--cert-name", "shop", "--force-renewal", "--no-random-sleep-on-renew"]),
    )
    .await;
    let second = certbot.chain("shop");
    assert_ne!(first.serial(), second.serial());

    let reason = ["--cert-name", "shop", "--reason", "superseded", "--no-delete-after-revoke"];
    succeed(certbot.command("revoke", &reason)).await;
    let revoked = certificate_by_serial(&api, &second.serial()).await;
    assert_eq!(
        (&revoked["status"], &revoked["revocation_reason"]),
        (&"revoked".into(), &"superseded".into())
    );

    // With the certificate's key instead of the account's (RFC 8555 §7.6).
    let rsa = ["--cert-name", "rsa", "-d", "rsa.internal", "--key-type", "rsa"];
    succeed(certbot.command("certonly", &rsa)).await;
    let third = certbot.chain("rsa");
    let mut revoke = certbot.command("revoke", &["--no-delete-after-revoke"]);
    revoke.arg("--cert-path").arg(certbot.file("live/rsa/cert.pem"));
    revoke.arg("--key-path").arg(certbot.file("live/rsa/privkey.pem"));
    succeed(revoke).await;
    assert_eq!(certificate_by_serial(&api, &third.serial()).await["status"], "revoked");

    succeed(certbot.command("unregister", &[])).await;
    let accounts = list(&api, "/api/acme/accounts").await;
    assert_eq!((accounts.len(), &accounts[0]["status"]), (1, &"deactivated".into()));
}

async fn an_external_account(engine: Engine) {
    let server = engine.server().start().await;
    let certbot = Certbot::new(&server, with_bound_profile(&server).await);
    let key = new_eab_key(&server, json!({ "profiles": [PROFILE] })).await;

    let person = ["--agree-tos", "--no-eff-email", "--email", "ops@example.com"];
    let refused = run(certbot.command("register", &person)).await;
    assert_ne!(refused.code, Some(0), "{}", refused.text());

    let kid = ["--eab-kid", key["id"].as_str().unwrap()];
    let hmac_key = ["--eab-hmac-key", key["mac_key"].as_str().unwrap()];
    succeed(certbot.command("register", &[&person[..], &kid, &hmac_key].concat())).await;
    succeed(certbot.command("certonly", &["--cert-name", "shop", "-d", "shop.internal"])).await;
    assert_eq!(certbot.chain("shop").names(), ["shop.internal"]);
    must_have_bound_one_account(&server, &key).await;
}

/// certbot's files, and how it is to reach a server.
struct Certbot {
    home: TempDir,
    server_ca: PathBuf,
    directory: String,
}

impl Certbot {
    fn new(server: &CertctlServer, directory: String) -> Self {
        Self { home: TempDir::new().unwrap(), server_ca: server.ca_file(), directory }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.home.path().join("config").join(path)
    }

    fn command(&self, action: &str, arguments: &[&str]) -> Command {
        let mut certbot = program("certbot");
        certbot.env("REQUESTS_CA_BUNDLE", &self.server_ca).current_dir(self.home.path());
        certbot.args([action, "--non-interactive", "--server", &self.directory]);
        for directory in ["config", "work", "logs"] {
            certbot.arg(format!("--{directory}-dir")).arg(self.home.path().join(directory));
        }
        if matches!(action, "certonly" | "renew") {
            // An authenticator must be named although no authorization will need one.
            let port = process::free_port().to_string();
            certbot.args(["--standalone", "--http-01-address", "127.0.0.1", "--http-01-port", &port]);
        }
        certbot.args(arguments);
        certbot
    }

    fn chain(&self, name: &str) -> Chain {
        Chain::from_pem(&fs::read_to_string(self.file(&format!("live/{name}/fullchain.pem"))).unwrap())
    }
}
