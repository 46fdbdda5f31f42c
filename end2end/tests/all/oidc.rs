//! Signing in through OpenID providers: real ones, and one that lies.

mod attacks;
mod chromium;
mod faults;
mod keycloak;
mod logout;
pub mod person;
mod real;
mod setup;

use end2end::Engine;
use end2end::browser::{Browser, location};
use end2end::idp::HostileIdp;
use serde_json::{Value, json};
use testkit::CertctlServer;
use testkit::http::Response;

/// The cookie of a sign-in that has begun.
const LOGIN_COOKIE: &str = "__Host-certctl_login";

/// A server that knows one provider, which can be told to lie, as `idp`.
struct World {
    server: CertctlServer,
    idp: HostileIdp,
    browser: Browser,
}

impl World {
    async fn new() -> Self {
        Self::with(Engine::Sqlite, &json!({})).await
    }

    async fn with(engine: Engine, provider: &Value) -> Self {
        let (server, idp) = (engine.server().start().await, HostileIdp::start().await);
        idp.register(&server, "idp", provider).await;
        Self { server, idp, browser: Browser::new() }
    }

    /// Signs in with everything as the provider does it; what the callback answers.
    async fn sign_in(&self) -> Response {
        sign_in(&self.browser, &self.server, &self.idp, "idp").await
    }

    /// Signs in, which must fail with this code and leave this in the audit trail.
    async fn must_refuse(&self, code: &str, why: &str) {
        let answer = self.sign_in().await;
        self.was_refused(&answer, code).await;
        let event = &events(&self.server, "session.refused").await[0];
        assert_eq!((&event["outcome"], &event["details"]["reason"]), (&json!("refused"), &json!(code)));
        assert!(event["details"].to_string().contains(why), "`{why}` in {event}");
    }

    /// That the answer says no more than the code, and that nobody is signed in.
    async fn was_refused(&self, answer: &Response, code: &str) {
        assert_eq!(location(answer), format!("/sign-in?refused={code}"));
        assert_eq!(who(&self.browser, &self.server).await, None);
        assert_eq!(self.browser.cookie(LOGIN_COOKIE), None, "one try per sign-in");
    }

    /// Where the provider sends a browser that has begun here.
    async fn go_there_and_back(&self, browser: &Browser) -> String {
        back(&self.idp.authorize(&begin(browser, &self.server, "idp", "/").await))
    }
}

/// Begins to sign in; where the server sends the browser.
async fn begin(browser: &Browser, server: &CertctlServer, id: &str, return_to: &str) -> String {
    let path = format!("/auth/oidc/{id}/login?return_to={}", end2end::idp::hostile::encode(return_to));
    location(&browser.get(server, &path).await)
}

async fn sign_in(browser: &Browser, server: &CertctlServer, idp: &HostileIdp, id: &str) -> Response {
    let callback = idp.authorize(&begin(browser, server, id, "/account").await);
    browser.get(server, &back(&callback)).await
}

/// Path and query of a URL of the server: replicas have one name and different ports.
fn back(url: &str) -> String {
    let url = url.splitn(4, '/').nth(3).expect("a URL has a path");
    format!("/{url}")
}

/// Who is signed in in this browser.
async fn who(browser: &Browser, server: &CertctlServer) -> Option<Value> {
    let answer = browser.get(server, "/api/auth/me").await;
    match answer.status.as_u16() {
        200 => Some(answer.json()),
        401 => None,
        _ => panic!("{} {}", answer.status, answer.text()),
    }
}

/// The roles of whoever is signed in.
async fn roles(browser: &Browser, server: &CertctlServer) -> Vec<String> {
    let me = who(browser, server).await.expect("somebody is signed in");
    let roles = me["roles"].as_array().expect("a list").iter();
    roles.map(|role| role["role"].as_str().expect("a name").to_owned()).collect()
}

/// Audit events of this action, newest first.
async fn events(server: &CertctlServer, action: &str) -> Vec<Value> {
    end2end::api::list(&server.api(), &format!("/api/audit-events?action={action}")).await
}
