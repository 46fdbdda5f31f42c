//! Who may do what, through the listener of the shipped binary: API keys, roles, scopes, the first administrator.

mod bootstrap;
mod export;
mod issue;
mod keys;
mod last_admin;
mod matrix;
mod replicas;
mod roles;
mod scopes;

use end2end::Engine;
use serde_json::{Value, json};
use testkit::CertctlServer;
use testkit::http::{Client, Response};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

const FORBIDDEN: &str = "urn:certctl:error:forbidden";
const UNAUTHENTICATED: &str = "urn:certctl:error:unauthenticated";
const NOT_FOUND: &str = "urn:certctl:error:not-found";
const CONFLICT: &str = "urn:certctl:error:conflict";

/// A server with its first administrator.
struct World {
    server: CertctlServer,
    admin: Client,
}

impl World {
    async fn new(engine: Engine) -> Self {
        Self::of(engine.server().start().await)
    }

    fn of(server: CertctlServer) -> Self {
        Self { admin: server.api(), server }
    }

    /// A client with a new key, and what was answered when it was made.
    async fn key(&self, key: Value) -> (Client, Value) {
        let created = self.admin.post("/api/api-keys", key).await.expect(201);
        (self.with(&created), created)
    }

    fn with(&self, key: &Value) -> Client {
        self.server.client().with_bearer(key["api_key"].as_str().expect("a new key is shown"))
    }

    /// A client whose key has a role, within profiles unless there are none.
    async fn holder(&self, role: &str, profiles: &[&str]) -> Client {
        self.key(json!({ "name": role, "role": role, "profiles": profiles })).await.0
    }

    /// The ids of a list, over all its pages of two.
    async fn ids(client: &Client, path: &str) -> Vec<String> {
        let (mut ids, mut next) = (Vec::new(), String::new());
        let separator = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = client.get(&format!("{path}{separator}limit=2{next}")).await.expect(200);
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 2);
            ids.extend(items.iter().map(|item| text(&item["id"]).to_owned()));
            match page["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => return ids,
            }
        }
    }

    async fn events(&self, query: &str) -> Vec<Value> {
        end2end::api::list(&self.admin, &format!("/api/audit-events?{query}")).await
    }
}

/// A time of RFC 3339.
#[expect(clippy::disallowed_methods, reason = "the server under test has the system's clock")]
fn from_now(seconds: i64) -> String {
    let time = OffsetDateTime::now_utc() + Duration::seconds(seconds);
    time.truncate_to_millisecond().format(&Rfc3339).expect("a time has a text")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The detail of a refusal.
fn detail(answer: &Response, status: u16, kind: &str) -> String {
    text(&answer.expect_problem(status, kind)["detail"]).to_owned()
}
