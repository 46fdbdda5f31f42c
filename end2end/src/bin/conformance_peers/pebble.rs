//! Pebble, Let's Encrypt's small ACME server for tests.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conformance::{Act, Admin, EabKey, EabState, Granted, Missing, Place, PlaceKind, Ports, Report};
use end2end::authority::{authority_params, localhost_identity, root};
use serde_json::json;
use tempfile::TempDir;
use testkit::http::Client;
use testkit::process::free_port;

use super::{Peer, options, responder_ports, suite};

const BLOCKED: &str = "blocked.example.com";

pub async fn test(program: &Path) -> Report {
    let ports = responder_ports();
    let main = Instance::start(program, ports, false).await;
    let with_eab = Instance::start(program, ports, true).await;
    let mut options = options(&main.place, ports);
    options.denied_name = Some(BLOCKED.to_owned());
    suite(options, Arc::new(Administrator { main, with_eab })).await
}

/// A running Pebble.
#[derive(Debug)]
struct Instance {
    place: Place,
    management: String,
    eab: EabKey,
    _process: Peer,
    _files: TempDir,
}

impl Instance {
    async fn start(program: &Path, ports: Ports, eab_required: bool) -> Self {
        let files = TempDir::new().expect("the temporary directory is writable");
        let authority = root(authority_params("Test TLS CA"));
        let (certificate, key) = localhost_identity(&authority);
        let file = |name: &str, text: &str| {
            let path = files.path().join(name);
            fs::write(&path, text).expect("our own directory is writable");
            path
        };
        let (port, management) = (free_port(), free_port());
        let secret = testkit::server::random_secret();
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": file("tls.crt", &certificate),
            "privateKey": file("tls.key", &key),
            "httpPort": ports.http01,
            "tlsPort": ports.tls_alpn01,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": eab_required,
            "externalAccountMACKeys": { "kid-1": secret },
            "domainBlocklist": [BLOCKED],
            "keyAlgorithm": "ecdsa",
            "profiles": {
                "default": { "description": "Ninety days", "validityPeriod": 7_776_000 },
                "short": { "description": "Six days", "validityPeriod": 518_400 },
            },
        } });
        let config = file("pebble.json", &config.to_string());
        let mut command = Command::new(program);
        command.arg("-config").arg(config);
        command.args(["-dnsserver", &format!("127.0.0.1:{}", ports.dns.unwrap_or_default())]);
        // Without these it validates nothing, refuses nonces at random, waits at random, and uses authorizations
        // again at random.
        command.env("PEBBLE_VA_ALWAYS_VALID", "0").env("PEBBLE_WFE_NONCEREJECT", "0");
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0");
        command.env("PEBBLE_ALTERNATE_ROOTS", "1").env("PEBBLE_CHAIN_LENGTH", "2");
        let place = Place { directory: format!("https://localhost:{port}/dir"), ca_pem: authority.pem() };
        let process = Peer::start(command, &files.path().join("log"), &place).await;
        let hmac = URL_SAFE_NO_PAD.decode(&secret).expect("a random secret is base64url");
        Self {
            place,
            management: format!("https://localhost:{management}"),
            eab: EabKey { kid: "kid-1".to_owned(), hmac },
            _process: process,
            _files: files,
        }
    }
}

#[derive(Debug)]
struct Administrator {
    main: Instance,
    with_eab: Instance,
}

#[async_trait]
impl Admin for Administrator {
    async fn place(&self, kind: PlaceKind) -> Granted<Place> {
        match kind {
            PlaceKind::Eab => Ok(self.with_eab.place.clone()),
            other => Err(Missing(format!("Pebble has nothing of the kind `{other}`"))),
        }
    }

    async fn act(&self, act: Act<'_>) -> Granted {
        match act {
            // Pebble takes the whole answer of renewalInfo from its management interface.
            Act::Incident(certificate, explanation) => {
                let answer = json!({
                    "suggestedWindow": { "start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z" },
                    "explanationURL": explanation,
                });
                let pem = pem_of(certificate);
                let body = json!({ "Certificate": pem, "ARIResponse": answer.to_string() });
                let client = Client::https(&self.main.management, &self.main.place.ca_pem);
                let client = client.with_header("user-agent", "acme-conformance");
                let done = client.post("/set-renewal-info/", body).await;
                assert!(done.status.is_success(), "set-renewal-info: {}", done.text());
                Ok(())
            }
            other => Err(Missing(format!("Pebble's administrator cannot do `{}`", other.name()))),
        }
    }

    async fn eab_key(&self, state: EabState) -> Granted<EabKey> {
        match state {
            EabState::Good => Ok(self.with_eab.eab.clone()),
            other => Err(Missing(format!("Pebble has no binding keys that are {}", other.name()))),
        }
    }
}

fn pem_of(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
