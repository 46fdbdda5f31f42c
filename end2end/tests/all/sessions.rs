//! People who are signed in, and those who try to be.

mod break_glass;
mod cookies;
mod csrf;
mod links;
mod pages;
mod people;
mod rights;

use end2end::Engine;
use end2end::browser::Browser;
use serde_json::{Value, json};
use testkit::CertctlServer;
use testkit::http::Client;

/// A server, and a browser that is signed in as its administrator.
struct Setup {
    server: CertctlServer,
    api: Client,
    browser: Browser,
}

impl Setup {
    async fn new(engine: Engine) -> Self {
        let server = engine.server().start().await;
        let browser = Browser::new();
        browser.sign_in_with_key(&server, server.api_key()).await;
        Self { api: server.api(), server, browser }
    }

    /// A new API key: its id and its text.
    async fn new_key(&self, name: &str) -> (String, String) {
        let key = self.api.post("/api/api-keys", json!({ "name": name, "role": "admin" })).await.expect(201);
        (text(&key, "id"), text(&key, "api_key"))
    }

    /// Events of this action, newest first.
    async fn events(&self, action: &str) -> Vec<Value> {
        let page = self.api.get(&format!("/api/audit-events?action={action}")).await.expect(200);
        page["items"].as_array().expect("a list has items").clone()
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}")).to_owned()
}

/// A new one-time link, as the command line prints it: its path.
fn login_link(server: &CertctlServer) -> String {
    let output = server.command(["login-link"]).output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let url = String::from_utf8(output.stdout).expect("a URL").trim().to_owned();
    url.strip_prefix(&server.external_url()).unwrap_or_else(|| panic!("{url}")).to_owned()
}

/// Signs in as the local administrator, and returns their id.
pub async fn sign_in_by_link(browser: &Browser, server: &CertctlServer) -> String {
    let path = login_link(server);
    let token = path.rsplit('/').next().expect("a token");
    let answer = browser.submit(server, "/auth/link", &[("token", token)]).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let me = browser.get(server, "/api/auth/me").await.expect(200);
    text(&me["user"], "id")
}

/// Whether the browser is signed in.
async fn is_signed_in(browser: &Browser, server: &CertctlServer) -> bool {
    let answer = browser.get(server, "/api/auth/me").await;
    match answer.status.as_u16() {
        200 => true,
        401 => false,
        _ => panic!("{} {}", answer.status, answer.text()),
    }
}
