//! What answers challenges: a DNS server and an http-01 listener, and a server under test that can reach them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::acme::{RawAcme, Signer};
use testkit::server::ServerBuilder;
use testkit::{CertctlServer, process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::Engine;
use crate::dns::DnsServer;

/// The profile that these tests use unless they need another.
pub const PROFILE: &str = "prof-challenge";

/// The world that a server validates in: every name is this machine.
#[derive(Debug)]
pub struct World {
    pub dns: DnsServer,
    pub http: HttpResponder,
    pub tls_port: u16,
}

impl World {
    pub async fn new() -> Self {
        Self {
            dns: DnsServer::start().await,
            http: HttpResponder::start().await,
            tls_port: process::free_port(),
        }
    }

    /// A server on this engine that validates in this world, and is quick to try again.
    pub fn server(&self, engine: Engine) -> ServerBuilder {
        self.settings(engine.server(), self.http.port)
    }

    /// `http_port`: where http-01 is asked.
    pub fn settings(&self, builder: ServerBuilder, http_port: u16) -> ServerBuilder {
        builder
            .env("CERTCTL_ACME_DNS_RESOLVERS", self.dns.address().to_string())
            .env("CERTCTL_ACME_HTTP01_PORT", http_port.to_string())
            .env("CERTCTL_ACME_TLSALPN01_PORT", self.tls_port.to_string())
            .env("CERTCTL_ACME_VALIDATION_ALLOW_CIDRS", "127.0.0.0/8")
            .env("CERTCTL_ACME_VALIDATION_RETRY_INTERVAL", "200ms")
    }
}

/// Creates [`PROFILE`] in the mode `challenge`, with these fields besides, and returns the URL of its directory.
///
/// # Panics
/// When the server refuses it.
pub async fn with_challenge_profile(server: &CertctlServer, fields: Value) -> String {
    let mut profile = json!({
        "id": PROFILE,
        "name": "Challenges",
        "issuer_id": "iss-internal-ca",
        "max_ttl_seconds": 86_400,
        "acme_auth_mode": "challenge",
    });
    let all = profile.as_object_mut().expect("an object");
    all.extend(fields.as_object().expect("an object").clone());
    server.api().post("/api/profiles", profile).await.expect(201);
    server.directory_url(PROFILE)
}

/// What the listener does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Gives what was put there.
    Right,
    /// Gives something else.
    Wrong,
    /// Says nothing until [`HttpResponder::release`].
    Hold,
}

/// Listens for http-01 on a loopback port. It ends when this is dropped.
#[derive(Debug)]
pub struct HttpResponder {
    pub port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    answers: Mutex<HashMap<String, String>>,
    manner: Mutex<Manner>,
    requests: AtomicUsize,
    released: Semaphore,
}

impl HttpResponder {
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared {
            answers: Mutex::default(),
            manner: Mutex::new(Manner::Right),
            requests: AtomicUsize::new(0),
            released: Semaphore::new(0),
        });
        let task = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(stream, Arc::clone(&shared)));
                }
            }
        });
        Self { port, shared, task }
    }

    /// # Panics
    /// Never: no holder of the lock panics.
    pub fn put(&self, token: &str, key_authorization: &str) {
        let mut answers = self.shared.answers.lock().expect("no holder of this lock panics");
        answers.insert(token.to_owned(), key_authorization.to_owned());
    }

    /// # Panics
    /// Never: no holder of the lock panics.
    pub fn set_manner(&self, manner: Manner) {
        *self.shared.manner.lock().expect("no holder of this lock panics") = manner;
    }

    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Waits until there were `count` requests.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn wait_for_requests(&self, count: usize) {
        let start = Instant::now();
        while self.requests() < count {
            assert!(start.elapsed() < Duration::from_secs(30), "{} requests", self.requests());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for HttpResponder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(length @ 1..) => request.extend(&buffer[..length]),
            _ => return,
        }
    }
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or_default();
    let token = path.strip_prefix("/.well-known/acme-challenge/").unwrap_or_default().to_owned();
    let manner = *shared.manner.lock().expect("no holder of this lock panics");
    let found = shared.answers.lock().expect("no holder of this lock panics").get(&token).cloned();
    let (status, body) = match (manner, found) {
        (Manner::Hold, _) => {
            let _ = shared.released.acquire().await;
            return;
        }
        (Manner::Wrong, _) => ("200 OK", "something else".to_owned()),
        (Manner::Right, Some(body)) => ("200 OK", body),
        (Manner::Right, None) => ("404 Not Found", "nothing".to_owned()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

/// An account at a directory in the mode `challenge`.
#[derive(Debug)]
pub struct Challenged<'a> {
    pub acme: &'a RawAcme,
    pub signer: Signer<'a>,
}

impl Challenged<'_> {
    /// Orders and returns the order and its URL.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn order(&self, identifiers: &[&str]) -> (Value, String) {
        let answer = self.acme.order(self.signer, identifiers).await;
        let url = answer.header("location").expect("newOrder answers with a Location").to_owned();
        (answer.expect(201), url)
    }

    /// # Panics
    /// When the resource cannot be read.
    pub async fn read(&self, url: &str) -> Value {
        self.acme.read(self.signer, url).await.expect(200)
    }

    /// The challenge `kind` of an authorization.
    ///
    /// # Panics
    /// When it has none.
    pub async fn challenge(&self, authorization: &str, kind: &str) -> Value {
        let found = self.read(authorization).await;
        let challenges = found["challenges"].as_array().expect("an authorization has challenges");
        let challenge = challenges.iter().find(|challenge| challenge["type"] == kind);
        challenge.unwrap_or_else(|| panic!("no {kind} in {found}")).clone()
    }

    /// RFC 8555 §8.1.
    ///
    /// # Panics
    /// When the challenge has no token.
    pub fn key_authorization(&self, challenge: &Value) -> String {
        let token = challenge["token"].as_str().expect("a challenge has a token");
        format!("{token}.{}", self.signer.key().thumbprint())
    }

    /// Puts the answer of the authorization's http-01 challenge in place, says so, and returns the challenge's URL.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn answer_http(&self, world: &World, authorization: &str) -> String {
        let challenge = self.challenge(authorization, "http-01").await;
        let token = challenge["token"].as_str().expect("a challenge has a token");
        world.http.put(token, &self.key_authorization(&challenge));
        let url = challenge["url"].as_str().expect("a challenge has a URL").to_owned();
        self.acme.post(self.signer, &url, json!({})).await.expect(200);
        url
    }

    /// Reads until the status is one of `wanted`.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn wait_for(&self, url: &str, wanted: &[&str]) -> Value {
        let start = Instant::now();
        loop {
            let found = self.read(url).await;
            if wanted.iter().any(|status| found["status"] == *status) {
                return found;
            }
            assert!(start.elapsed() < Duration::from_secs(40), "{url} does not become {wanted:?}: {found}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The `index`th authorization of an order.
///
/// # Panics
/// When there is none.
pub fn authorization(order: &Value, index: usize) -> &str {
    order["authorizations"][index].as_str().unwrap_or_else(|| panic!("no authorization {index} in {order}"))
}
