//! step-ca, Smallstep's private CA.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use conformance::{Act, Admin, EabKey, EabState, Granted, Missing, Place, PlaceKind, Report};
use end2end::authority::{authority_params, root, subordinate};
use serde_json::json;
use tempfile::TempDir;
use testkit::process::free_port;

use super::{Peer, options, responder_ports, suite};

const DENIED: &str = "denied.example.com";
const TERMS: &str = "https://ca.example.com/terms";

pub async fn test(program: &Path) -> Report {
    let ports = responder_ports();
    let files = TempDir::new().expect("the temporary directory is writable");
    let root = root(authority_params("Test root CA"));
    let intermediate = subordinate(authority_params("Test intermediate CA"), &root);
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        fs::write(&path, text).expect("our own directory is writable");
        path
    };
    let port = free_port();
    let provisioner = |name: &str| {
        json!({
            "type": "ACME",
            "name": name,
            "challenges": ["http-01", "dns-01", "tls-alpn-01"],
            "website": "https://ca.example.com/",
        })
    };
    let mut with_terms = provisioner("terms");
    with_terms["termsOfService"] = TERMS.into();
    let config = json!({
        "root": file("root.crt", &root.pem()),
        "crt": file("intermediate.crt", &intermediate.pem()),
        "key": file("intermediate.key", &intermediate.key().serialize_pem()),
        "address": format!("127.0.0.1:{port}"),
        "dnsNames": ["localhost", "127.0.0.1"],
        "logger": { "format": "text" },
        "db": { "type": "badgerv2", "dataSource": files.path().join("db") },
        "authority": {
            "provisioners": [provisioner("acme"), with_terms],
            "policy": { "x509": {
                "deny": { "dns": [DENIED] },
                "allowWildcardNames": true,
            } },
        },
    });
    let config = file("ca.json", &config.to_string());
    let mut command = Command::new(program);
    command
        .arg(config)
        .arg("--insecure")
        .args(["--resolver", &format!("127.0.0.1:{}", ports.dns.unwrap_or_default())]);
    command.args(["--acme-http-port", &ports.http01.unwrap_or_default().to_string()]);
    command.args(["--acme-tls-port", &ports.tls_alpn01.unwrap_or_default().to_string()]);
    // It keeps its own settings there.
    command.env("STEPPATH", files.path()).current_dir(files.path());
    let at = |provisioner: &str| Place {
        directory: format!("https://localhost:{port}/acme/{provisioner}/directory"),
        ca_pem: root.pem(),
    };
    let main = at("acme");
    let _process = Peer::start(command, &files.path().join("log"), &main).await;
    let mut options = options(&main, ports);
    options.denied_name = Some(DENIED.to_owned());
    suite(options, Arc::new(Administrator { terms: at("terms") })).await
}

#[derive(Debug)]
struct Administrator {
    terms: Place,
}

#[async_trait]
impl Admin for Administrator {
    async fn place(&self, kind: PlaceKind) -> Granted<Place> {
        match kind {
            PlaceKind::Terms => Ok(self.terms.clone()),
            // Its open version can require EAB, and has no way to make the keys.
            other => Err(Missing(format!("step-ca has nothing of the kind `{other}`"))),
        }
    }

    async fn act(&self, act: Act<'_>) -> Granted {
        Err(Missing(format!("step-ca's administrator cannot do `{}`", act.name())))
    }

    async fn eab_key(&self, _: EabState) -> Granted<EabKey> {
        Err(Missing("the open version of step-ca makes no binding keys".to_owned()))
    }
}
