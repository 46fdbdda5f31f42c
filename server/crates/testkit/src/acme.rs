//! An ACME client (RFC 8555) that does what a test tells it, right or wrong.

mod csr;
mod external_account;
mod key;

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use crate::http::{Client, Response, TransportError};

pub use csr::{Csr, LeafKey};
pub use external_account::ExternalKey;
pub use key::{Algorithm, Key};

/// The media type of every ACME request (RFC 8555 §6.2).
pub const JOSE_JSON: &str = "application/jose+json";

/// A client of one directory. It keeps the nonces that it is given; clones share them.
#[derive(Clone, Debug)]
pub struct RawAcme {
    http: Client,
    directory: Arc<Value>,
    nonces: Arc<Mutex<Vec<String>>>,
}

/// Who signs, and how the server is to find the key.
#[derive(Clone, Copy, Debug)]
pub enum Signer<'a> {
    /// `jwk`: the key itself is in the protected header.
    Jwk(&'a Key),
    /// `kid`: the key, and its account's URL.
    Kid(&'a Key, &'a str),
}

impl<'a> Signer<'a> {
    pub fn key(&self) -> &'a Key {
        match self {
            Self::Jwk(key) | Self::Kid(key, _) => key,
        }
    }

    /// The protected header (RFC 8555 §6.2) for this signer.
    pub fn header(&self, nonce: &str, url: &str) -> Map<String, Value> {
        let mut header = Map::new();
        header.insert("alg".into(), self.key().algorithm().jws_name().into());
        header.insert("nonce".into(), nonce.into());
        header.insert("url".into(), url.into());
        match self {
            Self::Jwk(key) => header.insert("jwk".into(), key.jwk()),
            Self::Kid(_, account) => header.insert("kid".into(), (*account).into()),
        };
        header
    }
}

/// What the JWS carries.
#[derive(Clone, Debug)]
pub enum Payload {
    Json(Value),
    /// The empty payload of POST-as-GET (RFC 8555 §6.3).
    Empty,
    Raw(Vec<u8>),
}

impl Payload {
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Json(value) => value.to_string().into_bytes(),
            Self::Empty => Vec::new(),
            Self::Raw(bytes) => bytes.clone(),
        }
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

/// A flattened JWS (RFC 7515 §7.2.2) of `payload` under exactly this protected header.
pub fn jws(key: &Key, header: &Value, payload: &[u8]) -> Value {
    let protected = URL_SAFE_NO_PAD.encode(header.to_string());
    let payload = URL_SAFE_NO_PAD.encode(payload);
    let signature = key.sign(format!("{protected}.{payload}").as_bytes());
    json!({ "protected": protected, "payload": payload, "signature": URL_SAFE_NO_PAD.encode(signature) })
}

impl RawAcme {
    /// A client of the directory at `directory` (a URL, or a path of the client's origin), which is fetched.
    ///
    /// # Panics
    /// When there is no directory.
    pub async fn new(http: Client, directory: &str) -> Self {
        let directory = http.get(directory).await.expect(200);
        Self { http, directory: Arc::new(directory), nonces: Arc::default() }
    }

    pub fn http(&self) -> &Client {
        &self.http
    }

    pub fn directory(&self) -> &Value {
        &self.directory
    }

    /// The URL of a directory entry such as `newOrder`.
    ///
    /// # Panics
    /// When the directory has no such entry.
    pub fn url(&self, entry: &str) -> &str {
        self.directory[entry].as_str().unwrap_or_else(|| panic!("no {entry} in {}", self.directory))
    }

    /// A nonce that was not used yet: one that an answer brought, or a new one.
    ///
    /// # Panics
    /// When the server gives none.
    pub async fn nonce(&self) -> String {
        let kept = self.nonces().pop();
        match kept {
            Some(nonce) => nonce,
            None => self.fresh_nonce().await,
        }
    }

    /// A nonce straight from newNonce.
    ///
    /// # Panics
    /// When the server gives none.
    pub async fn fresh_nonce(&self) -> String {
        self.try_fresh_nonce().await.unwrap_or_else(|error| panic!("newNonce: {error}"))
    }

    async fn try_fresh_nonce(&self) -> Result<String, TransportError> {
        let request = Request::head("/").body(Bytes::new())?;
        let answer = self.http.try_send(self.url("newNonce"), request).await?;
        let nonce = answer.header("replay-nonce").ok_or("newNonce answered without Replay-Nonce")?;
        Ok(nonce.to_owned())
    }

    /// A signed request as it should be. A `badNonce` is answered by one more try (RFC 8555 §6.5), since nonces
    /// that lie here long expire.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn post(&self, signer: Signer<'_>, url: &str, payload: impl Into<Payload>) -> Response {
        let answer = self.try_post(signer, url, payload).await;
        answer.unwrap_or_else(|error| panic!("POST {url}: {error}"))
    }

    /// As [`Self::post`].
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_post(
        &self,
        signer: Signer<'_>,
        url: &str,
        payload: impl Into<Payload>,
    ) -> Result<Response, TransportError> {
        let payload = payload.into().bytes();
        let attempt = async || {
            let kept = self.nonces().pop();
            let nonce = match kept {
                Some(nonce) => nonce,
                None => self.try_fresh_nonce().await?,
            };
            let body = jws(signer.key(), &Value::Object(signer.header(&nonce, url)), &payload);
            self.try_post_raw(url, JOSE_JSON, body.to_string()).await
        };
        let answer = attempt().await?;
        if answer.status == 400 && answer.json()["type"] == "urn:ietf:params:acme:error:badNonce" {
            self.nonces().clear();
            return attempt().await;
        }
        Ok(answer)
    }

    /// POST-as-GET (RFC 8555 §6.3).
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn read(&self, signer: Signer<'_>, url: &str) -> Response {
        self.post(signer, url, Payload::Empty).await
    }

    /// Sends any JSON as a request's body.
    pub async fn post_jws(&self, url: &str, body: &Value) -> Response {
        self.post_raw(url, JOSE_JSON, body.to_string()).await
    }

    /// Sends any bytes under any media type, and keeps the nonce of the answer.
    ///
    /// # Panics
    /// When `content_type` cannot be in a header, or there is no answer.
    pub async fn post_raw(&self, url: &str, content_type: &str, body: impl Into<Bytes>) -> Response {
        let answer = self.try_post_raw(url, content_type, body).await;
        answer.unwrap_or_else(|error| panic!("POST {url}: {error}"))
    }

    async fn try_post_raw(
        &self,
        url: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<Response, TransportError> {
        let request = Request::post("/").header(CONTENT_TYPE, content_type).body(body.into())?;
        let answer = self.http.try_send(url, request).await?;
        if let Some(nonce) = answer.header("replay-nonce") {
            self.nonces().push(nonce.to_owned());
        }
        Ok(answer)
    }

    /// Registers `key` and returns the account's URL.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn register(&self, key: &Key) -> String {
        let payload = json!({ "termsOfServiceAgreed": true, "contact": ["mailto:test@example.com"] });
        let answer = self.post(Signer::Jwk(key), self.url("newAccount"), payload).await;
        assert!(answer.status.is_success(), "newAccount: {} {}", answer.status, answer.text());
        answer.header("location").expect("newAccount answers with a Location").to_owned()
    }

    /// Orders `identifiers`, written as `dns:…` or `ip:…`.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn order(&self, signer: Signer<'_>, identifiers: &[&str]) -> Response {
        self.post(signer, self.url("newOrder"), order_payload(identifiers)).await
    }

    /// Sends a certificate request (DER) to an order's finalize URL.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn finalize(&self, signer: Signer<'_>, url: &str, csr: &[u8]) -> Response {
        self.post(signer, url, finalize_payload(csr)).await
    }

    /// The whole way in trust_authenticated mode: orders, finalizes with a new P-256 key, downloads. Returns the
    /// chain in PEM and the order.
    ///
    /// # Panics
    /// When any step fails.
    pub async fn issue(&self, signer: Signer<'_>, identifiers: &[&str]) -> (String, Value) {
        let order = self.order(signer, identifiers).await.expect(201);
        let finalize = order["finalize"].as_str().expect("an order has a finalize URL");
        let names: Vec<&str> = identifiers.iter().map(|id| bare_name(id)).collect();
        let csr = Csr::new(&names).sign(&LeafKey::P256.generate());
        let order = self.finalize(signer, finalize, &csr).await.expect(200);
        let certificate = order["certificate"].as_str().expect("a valid order has a certificate URL");
        let chain = self.read(signer, certificate).await;
        assert_eq!(chain.status, 200, "{}", chain.text());
        (chain.text(), order)
    }

    fn nonces(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.nonces.lock().expect("no holder of this lock panics")
    }
}

/// What newOrder takes (RFC 8555 §7.4), from texts such as `dns:a.example` and `ip:10.0.0.1`.
///
/// # Panics
/// When one has no prefix.
pub fn order_payload(identifiers: &[&str]) -> Value {
    let one = |text: &&str| {
        let (kind, value) = text.split_once(':').unwrap_or_else(|| panic!("{text} starts with dns: or ip:"));
        json!({ "type": kind, "value": value })
    };
    json!({ "identifiers": identifiers.iter().map(one).collect::<Vec<_>>() })
}

/// What an order's finalize URL takes.
pub fn finalize_payload(csr: &[u8]) -> Value {
    json!({ "csr": URL_SAFE_NO_PAD.encode(csr) })
}

fn bare_name(identifier: &str) -> &str {
    identifier.split_once(':').map_or(identifier, |(_, name)| name)
}
