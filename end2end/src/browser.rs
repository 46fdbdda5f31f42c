//! A browser without a screen: it keeps cookies, sends the headers that browsers send, and reads forms.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use serde_json::Value;
use testkit::CertctlServer;
use testkit::http::{Client, Response};

/// The cookie of sessions.
pub const SESSION_COOKIE: &str = "__Host-certctl_session";

/// One browser profile. Clones share its cookies; it can go to several servers, e.g. replicas, under one name.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

/// A request before it is sent, for tests that forge one.
#[derive(Clone, Debug)]
pub struct Visit {
    pub method: Method,
    pub path: String,
    /// With these in place of what the browser would send.
    pub headers: Vec<(&'static str, Option<String>)>,
    pub body: Bytes,
}

impl Browser {
    pub fn new() -> Self {
        Self::default()
    }

    /// Another browser with the same cookies as this one has now.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { cookies: Arc::new(Mutex::new(self.jar().clone())) }
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.jar().insert(name.to_owned(), value.to_owned());
    }

    pub fn remove_cookie(&self, name: &str) {
        self.jar().remove(name);
    }

    fn jar(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().expect("no test panics while it holds the jar")
    }

    pub async fn get(&self, server: &CertctlServer, path: &str) -> Response {
        self.send(server, Visit::get(path)).await
    }

    /// Sends a form of our own pages.
    pub async fn submit(&self, server: &CertctlServer, path: &str, fields: &[(&str, &str)]) -> Response {
        self.send(server, Visit::form(server, path, fields)).await
    }

    /// Calls the API as a script of our own pages would.
    pub async fn call(
        &self,
        server: &CertctlServer,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Response {
        let token = match method.is_safe() {
            true => None,
            false => Some(self.csrf_token(server).await),
        };
        self.send(server, Visit::script(server, method, path, body, token.as_deref())).await
    }

    /// The CSRF token of the session.
    ///
    /// # Panics
    /// When the browser is not signed in.
    pub async fn csrf_token(&self, server: &CertctlServer) -> String {
        let me = self.get(server, "/api/auth/me").await.expect(200);
        me["session"]["csrf_token"].as_str().expect("a session has a CSRF token").to_owned()
    }

    /// Signs in with an API key.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn sign_in_with_key(&self, server: &CertctlServer, key: &str) {
        let answer = self.submit(server, "/auth/api-key", &[("api_key", key)]).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
    }

    /// Sends a request with the cookies, and keeps what the answer sets.
    pub async fn send(&self, server: &CertctlServer, visit: Visit) -> Response {
        self.send_by(&server.client(), visit).await
    }

    pub async fn send_by(&self, client: &Client, visit: Visit) -> Response {
        let mut request = Request::new(visit.body);
        *request.method_mut() = visit.method;
        let headers = request.headers_mut();
        set(headers, "accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        set(headers, "user-agent", "Mozilla/5.0 (a test)");
        let cookies: Vec<_> = self.jar().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            set(headers, "cookie", &cookies.join("; "));
        }
        for (name, value) in visit.headers {
            match value {
                Some(value) => set(headers, name, &value),
                None => drop(headers.remove(name)),
            }
        }
        let answer = client.send(&visit.path, request).await;
        self.keep_cookies(&answer);
        answer
    }

    fn keep_cookies(&self, answer: &Response) {
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().expect("cookies are ASCII");
            let mut parts = line.split(';').map(str::trim);
            let (name, value) =
                parts.next().and_then(|pair| pair.split_once('=')).expect("a name and a value");
            let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
            let has = |attribute: &str| attributes.iter().any(|a| a == attribute);
            // As browsers do, a cookie of this prefix is ignored unless it is safe.
            let safe = has("secure") && has("path=/") && !attributes.iter().any(|a| a.starts_with("domain"));
            if name.starts_with("__Host-") && !safe {
                continue;
            }
            let ended =
                has("max-age=0") || attributes.iter().any(|a| a.starts_with("expires=thu, 01 jan 1970"));
            match ended {
                true => self.remove_cookie(name),
                false => self.set_cookie(name, value),
            }
        }
    }
}

impl Visit {
    pub fn get(path: &str) -> Self {
        let headers = vec![("sec-fetch-site", Some("none".to_owned()))];
        Self { method: Method::GET, path: path.to_owned(), headers, body: Bytes::new() }
    }

    /// A form of a page of `server`.
    pub fn form(server: &CertctlServer, path: &str, fields: &[(&str, &str)]) -> Self {
        let mut headers = own(server);
        headers.push(("content-type", Some("application/x-www-form-urlencoded".to_owned())));
        let encode = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
        let body: Vec<_> = fields.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
        Self { method: Method::POST, path: path.to_owned(), headers, body: body.join("&").into() }
    }

    /// A call of the API by a script of a page of `server`.
    pub fn script(
        server: &CertctlServer,
        method: Method,
        path: &str,
        body: Option<Value>,
        csrf_token: Option<&str>,
    ) -> Self {
        let mut headers = own(server);
        headers.push(("x-csrf-token", csrf_token.map(str::to_owned)));
        headers.push(("content-type", body.as_ref().map(|_| "application/json".to_owned())));
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        Self { method, path: path.to_owned(), headers, body }
    }

    /// With another value of a header, or without it.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.push((name, value.map(str::to_owned)));
        self
    }
}

fn own(server: &CertctlServer) -> Vec<(&'static str, Option<String>)> {
    vec![("sec-fetch-site", Some("same-origin".to_owned())), ("origin", Some(server.external_url()))]
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    headers.insert(name, value.parse().expect("a header value"));
}

/// Where an answer sends the browser.
///
/// # Panics
/// When it does not.
#[track_caller]
pub fn location(answer: &Response) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").expect("a redirection has a target").to_owned()
}
