//! A client of one ACME server that can be made to send anything, and that shows every answer to the log.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use serde_json::{Map, Value};
use testkit::acme::{Algorithm, JOSE_JSON, Key, Payload, Signer, jws};
use testkit::http::Client;

use crate::admin::EabKey;
use crate::common::Log;
use crate::exchange::{Answer, Sent};
use crate::finding::{Verdict, broken};
use crate::responder::Responder;

/// How often a request is sent again because its nonce was refused (RFC 8555 §6.5).
const NONCE_TRIES: usize = 5;

/// A client of one directory. Clones share nonces and connections.
#[derive(Clone, Debug)]
pub struct Acme {
    http: Client,
    ca_pem: Arc<str>,
    directory_url: String,
    directory: Arc<Value>,
    nonces: Arc<Mutex<Vec<String>>>,
    log: Arc<Log>,
    may_fail: bool,
    pub(crate) settings: Arc<Settings>,
}

/// What the flows of [`crate::flow`] need to know.
#[derive(Debug)]
pub struct Settings {
    /// The kind of account keys.
    pub algorithm: Algorithm,
    /// Where test names lie.
    pub domain: String,
    /// Answers challenges.
    pub responder: Option<Responder>,
    /// Sent with newAccount where the directory says that it is required.
    pub eab: Option<EabKey>,
    /// Makes names unique in a run, and between runs.
    pub run: String,
    pub counter: Arc<AtomicU32>,
}

/// An account.
#[derive(Clone, Debug)]
pub struct Person {
    pub key: Arc<Key>,
    pub url: String,
}

impl Person {
    pub fn signer(&self) -> Signer<'_> {
        Signer::Kid(&self.key, &self.url)
    }
}

/// A request before its signature.
#[derive(Debug)]
pub struct Draft<'k> {
    pub key: &'k Key,
    pub header: Map<String, Value>,
    pub payload: Vec<u8>,
}

impl Draft<'_> {
    pub fn sign(self) -> Value {
        jws(self.key, &Value::Object(self.header), &self.payload)
    }
}

impl Acme {
    /// Reads the directory at `directory_url`. `ca_pem`: whom to trust.
    pub async fn connect(
        directory_url: &str,
        ca_pem: &str,
        log: Arc<Log>,
        settings: Arc<Settings>,
    ) -> Verdict<Self> {
        let mut acme = Self {
            http: client(ca_pem),
            ca_pem: ca_pem.into(),
            directory_url: directory_url.to_owned(),
            directory: Arc::new(Value::Null),
            nonces: Arc::default(),
            log,
            may_fail: false,
            settings,
        };
        let answer = acme.get(directory_url).await?;
        if answer.status != 200 || !answer.json()["newNonce"].is_string() {
            return broken("a directory", format!("{} from {directory_url}", answer.gist()));
        }
        acme.directory = Arc::new(answer.json());
        Ok(acme)
    }

    /// The same client with connections of its own, for requests upon which the server may close them.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { http: client(&self.ca_pem), ..self.clone() }
    }

    /// The same client, for a server from which 5xx is expected.
    #[must_use]
    pub fn expecting_failure(&self) -> Self {
        Self { may_fail: true, nonces: Arc::default(), ..self.clone() }
    }

    /// The same client, with this binding for new accounts.
    #[must_use]
    pub fn with_eab(&self, eab: EabKey) -> Self {
        let settings = &self.settings;
        let settings = Settings {
            algorithm: settings.algorithm,
            domain: settings.domain.clone(),
            responder: settings.responder.clone(),
            eab: Some(eab),
            run: settings.run.clone(),
            counter: Arc::clone(&settings.counter),
        };
        Self { settings: Arc::new(settings), ..self.clone() }
    }

    pub fn directory_url(&self) -> &str {
        &self.directory_url
    }

    pub fn directory(&self) -> &Value {
        &self.directory
    }

    pub fn meta(&self) -> &Value {
        &self.directory["meta"]
    }

    /// The URL of a directory entry, if the server has it.
    pub fn entry(&self, name: &str) -> Option<&str> {
        self.directory[name].as_str()
    }

    /// The URL of a directory entry that every server has (RFC 8555 §7.1.1).
    pub fn url(&self, name: &str) -> &str {
        self.entry(name).unwrap_or_default()
    }

    /// Scheme, host and port of the directory.
    pub fn origin(&self) -> String {
        self.directory_url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
    }

    /// A new account key.
    pub fn new_key(&self) -> Arc<Key> {
        Arc::new(Key::generate(self.settings.algorithm))
    }

    /// A name that no other order has.
    pub fn new_name(&self, label: &str) -> String {
        let number = self.settings.counter.fetch_add(1, Ordering::Relaxed);
        format!("{label}-{number}-{}.{}", self.settings.run, self.settings.domain)
    }

    /// Sends a request as it is.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        content_type: Option<&str>,
        body: impl Into<Bytes>,
    ) -> Verdict<Answer> {
        self.send_with(method, url, content_type, body, &[]).await
    }

    /// As [`Self::send`], with other headers.
    pub async fn send_with(
        &self,
        method: Method,
        url: &str,
        content_type: Option<&str>,
        body: impl Into<Bytes>,
        headers: &[(&str, &str)],
    ) -> Verdict<Answer> {
        let body = body.into();
        let mut request = Request::builder().method(method.clone()).uri(url);
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match request.body(body.clone()) {
            Ok(request) => request,
            Err(error) => return broken("a request that can be sent", format!("{url}: {error}")),
        };
        let mut response = self.http.try_send(url, request.clone()).await;
        // A server may close an idle connection just when it is used again (RFC 9110 §9.2.2).
        if response.is_err() && method.is_idempotent() {
            response = self.http.try_send(url, request).await;
        }
        let response = match response {
            Ok(response) => response,
            Err(error) => return broken("an answer", format!("{method} {url}: {error}")),
        };
        let sent = Sent { method, url: url.to_owned(), content_type: content_type.map(str::to_owned), body };
        let answer = Answer {
            sent: Arc::new(sent),
            status: response.status.as_u16(),
            headers: response.headers,
            body: response.body,
        };
        self.log.observe(&answer, &self.directory_url, self.may_fail);
        Ok(answer)
    }

    pub async fn get(&self, url: &str) -> Verdict<Answer> {
        self.send(Method::GET, url, None, Bytes::new()).await
    }

    /// A nonce that was not used yet: one that an answer brought, or a new one.
    pub async fn nonce(&self) -> Verdict<String> {
        let kept = self.nonces.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match kept {
            Some(nonce) => Ok(nonce),
            None => self.fresh_nonce().await,
        }
    }

    /// Keeps the nonce of an answer for a later request.
    pub fn keep_nonce(&self, answer: &Answer) {
        if let Some(nonce) = answer.nonce() {
            self.nonces.lock().unwrap_or_else(PoisonError::into_inner).push(nonce.to_owned());
        }
    }

    /// A nonce straight from newNonce.
    pub async fn fresh_nonce(&self) -> Verdict<String> {
        let answer = self.send(Method::HEAD, self.url("newNonce"), None, Bytes::new()).await?;
        match answer.nonce() {
            Some(nonce) => Ok(nonce.to_owned()),
            None => broken("a nonce from newNonce", answer.gist()),
        }
    }

    /// A request as it should be, not yet signed.
    pub async fn draft<'k>(
        &self,
        signer: Signer<'k>,
        url: &str,
        payload: impl Into<Payload>,
    ) -> Verdict<Draft<'k>> {
        let nonce = self.nonce().await?;
        Ok(Draft { key: signer.key(), header: signer.header(&nonce, url), payload: payload.into().bytes() })
    }

    /// Sends a JWS, right or wrong.
    pub async fn post_jws(&self, url: &str, body: &Value) -> Verdict<Answer> {
        self.send(Method::POST, url, Some(JOSE_JSON), body.to_string()).await
    }

    /// A signed request as it should be; a refused nonce is answered by another try.
    pub async fn post(&self, signer: Signer<'_>, url: &str, payload: impl Into<Payload>) -> Verdict<Answer> {
        let payload = payload.into();
        let mut tries = 0;
        loop {
            let body = self.draft(signer, url, payload.clone()).await?.sign();
            let answer = self.post_jws(url, &body).await?;
            tries += 1;
            if answer.problem() != "badNonce" || tries == NONCE_TRIES {
                self.keep_nonce(&answer);
                return Ok(answer);
            }
        }
    }

    /// POST-as-GET (RFC 8555 §6.3).
    pub async fn read(&self, person: &Person, url: &str) -> Verdict<Answer> {
        self.post(person.signer(), url, Payload::Empty).await
    }
}

/// RFC 8555 §6.1 wants every client to say what it is.
fn client(ca_pem: &str) -> Client {
    let name = concat!("acme-conformance/", env!("CARGO_PKG_VERSION"));
    Client::https("", ca_pem).with_header("user-agent", name).with_header("accept-language", "en")
}

/// base64url without padding (RFC 8555 §6.1).
pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
