//! Keycloak as a process, set up by its admin API as the runbook sets it up by clicks.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::http::{Client, Response};
use testkit::server::random_secret;
use testkit::{CertctlServer, process};

use super::{CLIENT_ID, Identity, Pages, provider};

const REALM: &str = "company";
/// A Java program and a database of its own take a while to start.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running Keycloak with the realm `company`, which knows one server. It ends when this is dropped.
#[derive(Debug)]
pub struct Keycloak {
    origin: String,
    ca_pem: String,
    id: String,
    client_secret: String,
    passwords: String,
    admin_password: String,
    process: Child,
    _files: TempDir,
}

impl Keycloak {
    /// Starts the Keycloak in `folder`, and sets it up for `server`, which is to know it as `id`.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(folder: &Path, server: &CertctlServer, id: &str) -> Self {
        let (identity, files, port) =
            (Identity::new(), TempDir::new().expect("a folder"), process::free_port());
        let write = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::write(&path, text).expect("the temporary directory is writable");
            path.display().to_string()
        };
        let (certificate, key) =
            (write("tls.pem", &identity.certificate_pem), write("tls.key", &identity.key.serialize_pem()));
        let trusted = write("server-ca.pem", &server.ca_pem());
        let (origin, admin_password) = (format!("https://localhost:{port}"), random_secret());
        let process = Command::new(folder.join("bin/kc.sh"))
            .args(["start", "--optimized", "--cache=local", "--http-enabled=false", "--http-host=127.0.0.1"])
            .arg(format!("--hostname={origin}"))
            .arg(format!("--https-port={port}"))
            .arg(format!("--https-certificate-file={certificate}"))
            .arg(format!("--https-certificate-key-file={key}"))
            // It calls the server for back-channel logout.
            .arg(format!("--truststore-paths={trusted}"))
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", &admin_password)
            .env("JAVA_OPTS_KC_HEAP", "-Xms64m -Xmx512m")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // The script starts Java as another process.
            .process_group(0)
            .spawn()
            .expect("Keycloak is in its folder; `make test-keycloak` puts it there");
        let keycloak = Self {
            origin,
            ca_pem: identity.ca_pem,
            id: id.to_owned(),
            client_secret: random_secret(),
            passwords: random_secret(),
            admin_password,
            process,
            _files: files,
        };
        keycloak.wait_until_ready().await;
        keycloak.admin(Method::POST, "", Some(keycloak.realm(server))).await;
        keycloak
    }

    pub fn issuer(&self) -> String {
        format!("{}/realms/{REALM}", self.origin)
    }

    /// Tells `server` of it, as the runbook says.
    pub async fn register(&self, server: &CertctlServer) -> Value {
        let mut written = provider(&self.id, &self.issuer(), Some(&self.ca_pem), &json!({}));
        written["client_secret"] = self.client_secret.as_str().into();
        written["scopes"] = json!(["profile", "email"]);
        server.api().post("/api/oidc/providers", written).await.expect(201)
    }

    /// Ends all sessions of somebody, as an administrator does it: Users, the user, Sessions, Sign out.
    pub async fn end_sessions_of(&self, user: &str) {
        let found =
            self.admin(Method::GET, &format!("/{REALM}/users?exact=true&username={user}"), None).await;
        let id = found.json()[0]["id"].as_str().expect("the user is there").to_owned();
        self.admin(Method::POST, &format!("/{REALM}/users/{id}/logout"), None).await;
    }

    /// A new signing key before the others: Realm settings, Keys, Add providers.
    pub async fn rotate(&self) {
        let realm = self.admin(Method::GET, &format!("/{REALM}"), None).await.json();
        let key = json!({
            "name": "rsa-new", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm["id"],
            "config": { "priority": ["200"], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"] },
        });
        self.admin(Method::POST, &format!("/{REALM}/components"), Some(key)).await;
    }

    /// Takes the signing keys from before [`Self::rotate`] away.
    pub async fn retire(&self) {
        let path = format!("/{REALM}/components?type=org.keycloak.keys.KeyProvider");
        let keys = self.admin(Method::GET, &path, None).await.json();
        for key in keys.as_array().expect("a list") {
            if key["providerId"] == "rsa-generated" && key["name"] != "rsa-new" {
                let id = key["id"].as_str().expect("an id");
                self.admin(Method::DELETE, &format!("/{REALM}/components/{id}"), None).await;
            }
        }
    }

    async fn wait_until_ready(&self) {
        let client = self.client();
        let ready = async {
            loop {
                let request = Request::new(Bytes::new());
                match client.try_send("/realms/master/.well-known/openid-configuration", request).await {
                    Ok(answer) if answer.status == 200 => return,
                    _ => tokio::time::sleep(Duration::from_millis(500)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("Keycloak starts");
    }

    /// Calls the admin API, below `/admin/realms`.
    async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("grant_type", "password"), ("client_id", "admin-cli"), ("username", "admin")])
            .append_pair("password", &self.admin_password)
            .finish();
        let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(form.into()).expect("a request");
        let answer = self.client().send("/realms/master/protocol/openid-connect/token", request).await;
        let token = answer.expect(200)["access_token"].as_str().expect("a token").to_owned();
        let client = self.client().with_bearer(&token);
        let answer = client.call(method, &format!("/admin/realms{path}"), body).await;
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.text());
        answer
    }

    /// What the runbook's clicks make.
    fn realm(&self, server: &CertctlServer) -> Value {
        let origin = server.external_url();
        let at = |path: &str| format!("{origin}/auth/oidc/{}/{path}", self.id);
        let user = |name: &str, groups: &[&str]| {
            json!({
                "username": name, "enabled": true, "emailVerified": true, "email": format!("{name}@example.test"),
                "firstName": name, "lastName": "Test", "groups": groups,
                "credentials": [{ "type": "password", "value": self.password(name) }],
            })
        };
        json!({
            "realm": REALM,
            "enabled": true,
            "groups": [{ "name": "platform-admins" }, { "name": "auditors" }],
            "users": [
                user("alice", &["/platform-admins"]), user("bob", &["/auditors"]), user("mallory", &[]),
            ],
            "clients": [{
                "clientId": CLIENT_ID,
                "secret": self.client_secret,
                "publicClient": false,
                "standardFlowEnabled": true,
                "directAccessGrantsEnabled": false,
                "frontchannelLogout": false,
                "redirectUris": [at("callback")],
                "attributes": {
                    "pkce.code.challenge.method": "S256",
                    "post.logout.redirect.uris": format!("{origin}/sign-in"),
                    "backchannel.logout.url": at("backchannel-logout"),
                    "backchannel.logout.session.required": "true",
                },
                "protocolMappers": [{
                    "name": "groups",
                    "protocol": "openid-connect",
                    "protocolMapper": "oidc-group-membership-mapper",
                    "config": {
                        "claim.name": "groups", "full.path": "false", "id.token.claim": "true",
                        "access.token.claim": "false", "userinfo.token.claim": "true",
                    },
                }],
            }],
        })
    }
}

impl Pages for Keycloak {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn provider(&self) -> &str {
        &self.id
    }

    fn client(&self) -> Client {
        Client::https(&self.origin, &self.ca_pem)
    }

    fn password(&self, user: &str) -> String {
        format!("{user}-{}", self.passwords)
    }
}

impl Drop for Keycloak {
    fn drop(&mut self) {
        let group = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            // It may have ended by itself.
            let _gone = kill_process_group(group, Signal::KILL);
        }
        drop(self.process.wait());
    }
}
