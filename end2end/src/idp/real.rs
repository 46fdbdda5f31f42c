//! npm oidc-provider as a process.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::{Value, json};
use testkit::CertctlServer;
use testkit::http::Client;
use testkit::server::random_secret;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::{CLIENT_ID, Identity, Pages, provider};

/// How it is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// With which ID tokens and logout tokens are signed.
    pub algorithm: &'static str,
    /// Whether claims of scopes stand in the ID token; otherwise only in userinfo.
    pub id_token_claims: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { algorithm: "RS256", id_token_claims: true }
    }
}

/// A running provider that knows one server. It ends when this is dropped.
#[derive(Debug)]
pub struct RealIdp {
    pub issuer: String,
    pub ca_pem: String,
    /// Its id at the server.
    pub id: String,
    client_secret: String,
    control: Arc<Mutex<Control>>,
}

#[derive(Debug)]
struct Control {
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl RealIdp {
    /// Starts a provider for `server`, which is to know it as `id`.
    ///
    /// # Panics
    /// When node or the provider is not installed.
    pub async fn start(server: &CertctlServer, id: &str, options: &Options) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("idp");
        assert!(
            folder.join("node_modules/oidc-provider").is_dir(),
            "the provider is not installed; `make test` does it (end2end/scripts/install-node-parts)"
        );
        let identity = Identity::new();
        let client_secret = random_secret();
        let config = json!({
            "cert": identity.certificate_pem,
            "key": identity.key.serialize_pem(),
            "origin": server.external_url(),
            "provider": id,
            "clientId": CLIENT_ID,
            "clientSecret": client_secret,
            "alg": options.algorithm,
            "idTokenClaims": options.id_token_claims,
            "users": users(),
        });
        let mut process = Command::new("node")
            .arg(folder.join("server.mjs"))
            // It calls the server for back-channel logout.
            .env("NODE_EXTRA_CA_CERTS", server.ca_file())
            .env("NODE_NO_WARNINGS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node is installed; `make test` does it");
        let stdin = process.stdin.take().expect("it was piped");
        let stdout = BufReader::new(process.stdout.take().expect("it was piped")).lines();
        let mut control = Control { stdin, stdout, _process: process };
        let started = control.command(&config.to_string()).await;
        let issuer = started["issuer"].as_str().expect("it says its issuer").to_owned();
        Self {
            issuer,
            ca_pem: identity.ca_pem,
            id: id.to_owned(),
            client_secret,
            control: Arc::new(Mutex::new(control)),
        }
    }

    /// As the server is to know it.
    pub fn as_provider(&self, more: &Value) -> Value {
        let mut provider = provider(&self.id, &self.issuer, Some(&self.ca_pem), more);
        provider["client_secret"] = self.client_secret.as_str().into();
        provider
    }

    /// Tells `server` of it.
    pub async fn register(&self, server: &CertctlServer, more: &Value) -> Value {
        server.api().post("/api/oidc/providers", self.as_provider(more)).await.expect(201)
    }

    /// A new signing key; the old ones are published still.
    pub async fn rotate(&self) {
        self.control.lock().await.command("rotate").await;
    }

    /// No key but the newest.
    pub async fn retire(&self) {
        self.control.lock().await.command("retire").await;
    }
}

impl Pages for RealIdp {
    fn origin(&self) -> &str {
        &self.issuer
    }

    fn provider(&self) -> &str {
        &self.id
    }

    fn client(&self) -> Client {
        Client::https(&self.issuer, &self.ca_pem)
    }

    /// Any is right.
    fn password(&self, user: &str) -> String {
        user.to_owned()
    }
}

impl Control {
    async fn command(&mut self, line: &str) -> Value {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.expect("the provider reads");
        let answer = self.stdout.next_line().await.expect("the provider's words are text");
        serde_json::from_str(&answer.expect("the provider runs")).expect("the provider answers with JSON")
    }
}

/// Whom it knows; any password is right.
fn users() -> Value {
    let user = |name: &str, email: &str, verified: bool, groups: Value| {
        let mut claims = json!({ "name": name, "email": email, "email_verified": verified });
        if !groups.is_null() {
            claims["groups"] = groups;
        }
        claims
    };
    json!({
        "alice": user("Alice Admin", "alice@example.test", true, json!(["platform-admins", "everybody"])),
        "bob": user("Bob Auditor", "bob@other.test", true, json!(["auditors"])),
        "eve": user("Eve Unverified", "eve@example.test", false, json!(["auditors"])),
        "mallory": user("Mallory Nobody", "mallory@example.test", true, json!([])),
        "nemo": user("Nemo Nothing", "nemo@example.test", true, Value::Null),
    })
}
