//! Every route × everybody who may ask: what the server answers is a table in `matrix.txt`. A route that is not in the
//! table, or that answers otherwise, fails; whoever adds one looks at its line and commits it
//! (`CERTCTL_WRITE_MATRIX=1 cargo test --workspace --test all matrix`).

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use end2end::Engine;
use end2end::api::open_profile;
use end2end::browser::Browser;
use http::{Method, Request};
use serde_json::{Value, json};
use testkit::acme::{Csr, Key, LeafKey, RawAcme, Signer};
use testkit::http::Client;

use super::{World, from_now, text};
use crate::sessions::sign_in_by_link;

/// What everybody asks for belongs to this profile.
const OWN: &str = "prof-own";
/// Those who hold a role within this one only are strangers there.
const FOREIGN: &str = "prof-foreign";
/// With the beginnings of their columns, so that the table fits a screen.
const ROLES: [(&str, &str); 5] =
    [("admin", "admin"), ("operator", "oper"), ("auditor", "audit"), ("viewer", "view"), ("agent", "agent")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_has_decided_who_may_use_it() {
    let world = World::new(Engine::Sqlite).await;
    let askers = askers(&world).await;
    let fixtures = Fixtures::new(&world).await;
    let mut table = format!("{:<6} {:<36}", "", "");
    for (name, _) in &askers {
        let _ = write!(table, " {name:>9}");
    }
    table.push('\n');
    for (method, path) in routes(&world).await {
        let _ = write!(table, "{:<6} {path:<36}", method.as_str());
        for (name, client) in &askers {
            let (target, body) = fixtures.request(&method, &path).await;
            let answer = match path.starts_with("/auth/") {
                true => client.send(&target, form(&method)).await,
                false => client.call(method.clone(), &target, body).await,
            };
            // Else a fault of the request would hide whether it was allowed. Forms have secrets in them.
            assert!(
                name != "admin"
                    || path.starts_with("/auth/")
                    || matches!(answer.status.as_u16(), 200..400 | 404),
                "{method} {path}: send what an administrator may do; this was answered {}",
                answer.text()
            );
            let cell = match answer.status.as_u16() {
                200..400 => "ok".to_owned(),
                status @ 400..500 => status.to_string(),
                status => panic!("{method} {target} by {name}: {status} {}", answer.text()),
            };
            let _ = write!(table, " {cell:>9}");
        }
        table.push('\n');
    }
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/all/access/matrix.txt");
    if std::env::var_os("CERTCTL_WRITE_MATRIX").is_some() {
        std::fs::write(&file, &table).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    let differing: Vec<_> = table
        .lines()
        .filter(|line| !expected.lines().any(|known| known == *line))
        .map(|line| format!("now  {line}"))
        .chain(
            expected
                .lines()
                .filter(|known| !table.lines().any(|line| line == *known))
                .map(|known| format!("then {known}")),
        )
        .collect();
    assert!(differing.is_empty(), "{} is not what is served:\n{}", file.display(), differing.join("\n"));
}

/// Everything that is documented but ACME, which knows accounts and no roles; a test of the server compares the document
/// with the route table.
async fn routes(world: &World) -> Vec<(Method, String)> {
    let document = world.admin.get("/api/openapi.json").await.expect(200);
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            if !path.starts_with("/acme/") {
                routes.push((path.clone(), method.to_uppercase().parse::<Method>().unwrap()));
            }
        }
    }
    routes.sort_by(|a, b| (&a.0, a.1.as_str()).cmp(&(&b.0, b.1.as_str())));
    assert!(routes.len() > 40, "only {} routes are documented", routes.len());
    routes.into_iter().map(|(path, method)| (method, path)).collect()
}

/// With the names of their columns: nobody, keys that are not good any more, each role everywhere, within the profile
/// that is asked about (`@own`), and within another one (`@far`).
async fn askers(world: &World) -> Vec<(String, Client)> {
    let mut askers = vec![("nobody".to_owned(), world.server.client())];
    let key = |extra: Value| {
        let mut key = json!({ "name": "asker", "role": "admin" });
        key.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        world.key(key)
    };
    let (expired, _) = key(json!({ "expires_at": from_now(1) })).await;
    let (revoked, created) = key(json!({})).await;
    world.admin.delete(&format!("/api/api-keys/{}", text(&created["id"]))).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    askers.push(("expired".to_owned(), expired));
    askers.push(("revoked".to_owned(), revoked));
    for (mark, profiles) in [("", &[][..]), ("@own", &[OWN][..]), ("@far", &[FOREIGN][..])] {
        for (role, short) in ROLES {
            askers.push((format!("{short}{mark}"), world.holder(role, profiles).await));
        }
    }
    askers
}

/// Makes requests that only a lack of rights keeps from being done.
struct Fixtures<'w> {
    world: &'w World,
    acme: RawAcme,
    order: String,
    /// A local user's id.
    user: String,
}

impl<'w> Fixtures<'w> {
    async fn new(world: &'w World) -> Self {
        for profile in [OWN, FOREIGN] {
            world.admin.post("/api/profiles", open_profile(profile)).await.expect(201);
        }
        let acme = RawAcme::new(world.server.client(), &world.server.directory_url(OWN)).await;
        let key = Key::new();
        let account = acme.register(&key).await;
        acme.issue(Signer::Kid(&key, &account), &["dns:a.example"]).await;
        let orders = end2end::api::list(&world.admin, "/api/acme/orders").await;
        let order = text(&orders[0]["id"]).to_owned();
        Self { world, acme, order, user: sign_in_by_link(&Browser::new(), &world.server).await }
    }

    /// The path with an id that exists, and the body.
    async fn request(&self, method: &Method, path: &str) -> (String, Option<Value>) {
        let body = match (method.as_str(), path) {
            ("GET" | "DELETE", _) => None,
            ("POST", "/api/profiles") => Some(self.profile_to_create().await),
            ("PUT", "/api/profiles/{id}") => {
                let mut profile = open_profile(OWN);
                profile.as_object_mut().unwrap().remove("id");
                Some(profile)
            }
            ("PATCH", "/api/profiles/{id}") => Some(json!({ "description": "x" })),
            ("POST", "/api/profiles/{id}/preview") => {
                Some(json!({ "names": ["a.example"], "key_type": "ecdsa-p256" }))
            }
            ("POST", "/api/certificates") => Some(csr()),
            ("POST", "/api/certificates/renew-now" | "/api/certificates/renew-now/cancel") => {
                let mut body = json!({ "selection": { "ids": [self.certificate().await] } });
                if path.ends_with("now") {
                    body["reason"] = json!("a test");
                }
                Some(body)
            }
            ("POST", "/api/bulk-actions") => Some(self.bulk_action().await),
            ("POST", "/api/certificates/{id}/revoke") => Some(json!({ "reason": "superseded" })),
            ("POST", _) if path.starts_with("/api/acme/accounts/") => Some(json!({ "reason": "a test" })),
            ("POST", "/api/acme/eab-keys") => Some(json!({ "profiles": [OWN] })),
            ("PUT", "/api/acme/rate-limits") => {
                Some(self.world.admin.get("/api/acme/rate-limits").await.expect(200))
            }
            ("POST", "/api/acme/rate-limits/reset") => {
                Some(json!({ "subject": "name:x.example", "reason": "a test" }))
            }
            ("POST", "/api/api-keys") => Some(json!({ "name": "made", "role": "agent", "profiles": [OWN] })),
            ("POST", "/api/api-keys/{id}/rotate") => Some(json!({ "overlap_seconds": 0 })),
            ("POST", "/api/auth/bootstrap") => Some(json!({ "token": "x", "name": "x" })),
            ("POST", "/api/sessions/revoke") => Some(json!({ "user_id": self.user, "reason": "a test" })),
            ("PUT", "/api/users/{id}/grants") => Some(json!({ "grants": [] })),
            ("POST", _) if path.starts_with("/api/users/") => Some(json!({ "reason": "a test" })),
            ("POST" | "PUT", "/api/oidc/providers" | "/api/oidc/providers/{id}") => Some(provider()),
            ("POST" | "PUT", "/api/roles" | "/api/roles/{id}") => Some(json!({ "permissions": [] })),
            _ => Some(json!({})),
        };
        let path = match path {
            "/api/audit-events/export" => "/api/audit-events/export?format=csv".to_owned(),
            "/auth/link/{token}" => "/auth/link/none".to_owned(),
            "/pki/{file}" => "/pki/server-ca.pem".to_owned(),
            _ if path.contains("{provider}") => path.replace("{provider}", "nobody"),
            _ if path.contains("{id}") => path.replace("{id}", &self.id(path).await),
            _ => path.to_owned(),
        };
        (path, body)
    }

    async fn id(&self, path: &str) -> String {
        let admin = &self.world.admin;
        let make =
            async |list: &str, body: Value| text(&admin.post(list, body).await.expect(201)["id"]).to_owned();
        match path.split('/').take_while(|part| *part != "{id}").last().unwrap_or_default() {
            "profiles" => {
                self.keep_profile().await;
                OWN.to_owned()
            }
            "issuers" => "iss-internal-ca".to_owned(),
            "certificates" => self.certificate().await,
            // One that ran would end by itself, sooner or later than somebody stops it.
            "bulk-actions" if !path.ends_with("stop") => {
                make("/api/bulk-actions", self.bulk_action().await).await
            }
            "accounts" => {
                let url = self.acme.register(&Key::new()).await;
                let id = url.rsplit('/').next().unwrap().to_owned();
                if path.ends_with("resume") {
                    let path = format!("/api/acme/accounts/{id}/suspend");
                    admin.post(&path, json!({ "reason": "a test" })).await.expect(200);
                }
                id
            }
            "orders" => self.order.clone(),
            "eab-keys" => make("/api/acme/eab-keys", json!({ "profiles": [OWN] })).await,
            "api-keys" => make("/api/api-keys", json!({ "name": "target", "role": "agent" })).await,
            "users" => self.user.clone(),
            "sessions" => {
                let browser = Browser::new();
                browser.sign_in_with_key(&self.world.server, self.world.server.api_key()).await;
                let me = browser.get(&self.world.server, "/api/auth/me").await.expect(200);
                text(&me["session"]["id"]).to_owned()
            }
            "providers" => make("/api/oidc/providers", provider()).await,
            "roles" => make("/api/roles", json!({ "permissions": [] })).await,
            // There is none of these: who may ask is told so, who may not is not.
            _ => "none".to_owned(),
        }
    }

    /// Makes the profile again if somebody was allowed to delete it.
    async fn keep_profile(&self) {
        let made = self.world.admin.post("/api/profiles", open_profile(OWN)).await.status;
        assert!(matches!(made.as_u16(), 201 | 409));
    }

    async fn profile_to_create(&self) -> Value {
        self.world.admin.delete(&format!("/api/profiles/{OWN}")).await;
        open_profile(OWN)
    }

    async fn bulk_action(&self) -> Value {
        let change = json!({ "kind": "renew", "reason": "a test" });
        json!({ "change": change, "selection": { "ids": [self.certificate().await] } })
    }

    async fn certificate(&self) -> String {
        self.keep_profile().await;
        text(&self.world.admin.post("/api/certificates", csr()).await.expect(201)["id"]).to_owned()
    }
}

/// What a page of ours would send, with nothing in it.
fn form(method: &Method) -> Request<Bytes> {
    Request::builder()
        .method(method)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(Bytes::new())
        .unwrap()
}

/// Where nobody is at home.
fn provider() -> Value {
    json!({ "name": "x", "issuer": "https://127.0.0.1:1", "client_id": "x" })
}

fn csr() -> Value {
    use base64::Engine as _;
    let der = Csr::new(&["a.example"]).sign(&LeafKey::P256.generate());
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    json!({ "profile_id": OWN,
        "csr": format!("-----BEGIN CERTIFICATE REQUEST-----\n{base64}\n-----END CERTIFICATE REQUEST-----\n") })
}
