//! A provider that does everything right, unless it is told to do one thing wrong.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use testkit::CertctlServer;
use testkit::acme::{Algorithm, Key};
use testkit::server::random_secret;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{CLIENT_ID, Identity, provider};

/// Changes what would be right.
pub type Change = Arc<dyn Fn(&mut Value) + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    Right,
    /// `alg: none`
    None,
    /// HS256 with the published key as its secret.
    MacWithPublicKey,
    /// By a key that is not published, under the name of the one that is.
    Stranger,
}

/// How an endpoint fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Status(u16),
    Garbage,
    /// 10 MB
    Huge,
    /// Never answers.
    Slow,
}

/// The switches.
#[derive(Clone)]
pub struct Behaviour {
    pub subject: String,
    pub metadata: Change,
    pub jwks: Change,
    pub header: Change,
    /// Of ID tokens.
    pub claims: Change,
    pub userinfo: Change,
    pub signature: Signature,
    /// `iss` in the response (RFC 9207); `None`: its own.
    pub response_issuer: Option<Option<String>>,
    /// Whether a code needs the verifier of its challenge.
    pub pkce: bool,
    /// Seconds by which its clock is ahead.
    pub clock: i64,
    pub failures: BTreeMap<&'static str, Failure>,
}

impl Default for Behaviour {
    fn default() -> Self {
        let right: Change = Arc::new(|_| ());
        Self {
            subject: "alice".to_owned(),
            metadata: Arc::clone(&right),
            jwks: Arc::clone(&right),
            header: Arc::clone(&right),
            claims: Arc::clone(&right),
            userinfo: right,
            signature: Signature::Right,
            response_issuer: None,
            pkce: true,
            clock: 0,
            failures: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behaviour").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// One provider on a loopback port; it stops with the test's runtime.
#[derive(Clone)]
pub struct HostileIdp(Arc<Shared>);

struct Shared {
    issuer: String,
    ca_pem: String,
    client_secret: String,
    key: Key,
    stranger: Key,
    behaviour: Mutex<Behaviour>,
    codes: Mutex<HashMap<String, Query>>,
    asked: Mutex<BTreeMap<String, usize>>,
}

type Query = HashMap<String, String>;

impl HostileIdp {
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let identity = Identity::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let issuer = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::try_from(identity.key.serialize_der()).expect("a key");
        let tls = rustls::ServerConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![identity.certificate.clone()], key)
            .expect("a certificate and its key");
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let idp = Self(Arc::new(Shared {
            issuer,
            ca_pem: identity.ca_pem,
            client_secret: random_secret(),
            key: Key::generate(Algorithm::Es256),
            stranger: Key::generate(Algorithm::Es256),
            behaviour: Mutex::default(),
            codes: Mutex::default(),
            asked: Mutex::default(),
        }));
        let served = idp.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, idp) = (acceptor.clone(), served.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let idp = idp.clone();
                        async move { Ok::<_, std::convert::Infallible>(idp.answer(request).await) }
                    });
                    let connection = hyper::server::conn::http1::Builder::new();
                    drop(connection.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        idp
    }

    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    pub fn ca_pem(&self) -> &str {
        &self.0.ca_pem
    }

    /// Sets the switches.
    pub fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut lock(&self.0.behaviour));
    }

    /// Lets `path` fail, and only that.
    pub fn fail(&self, path: &'static str, failure: Failure) {
        self.set(|b| b.failures = BTreeMap::from([(path, failure)]));
    }

    /// How often `path` was asked for.
    pub fn asked(&self, path: &str) -> usize {
        lock(&self.0.asked).get(path).copied().unwrap_or(0)
    }

    /// Tells `server` of it, as `id`.
    pub async fn register(&self, server: &CertctlServer, id: &str, more: &Value) {
        let mut written = provider(id, self.issuer(), Some(self.ca_pem()), &json!({}));
        written["client_secret"] = self.0.client_secret.as_str().into();
        for (field, value) in more.as_object().expect("an object") {
            written[field] = value.clone();
        }
        server.api().post("/api/oidc/providers", written).await.expect(201);
    }

    /// The person signs in: where the provider sends the browser that came to its authorization endpoint by `location`.
    ///
    /// # Panics
    /// When the request is not one for a code with PKCE.
    pub fn authorize(&self, location: &str) -> String {
        let query = query_of(location);
        assert!(location.starts_with(&format!("{}/authorize?", self.issuer())), "{location}");
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], CLIENT_ID);
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["code_challenge"].len(), 43);
        let code = random_secret();
        let (redirect_uri, state) = (query["redirect_uri"].clone(), query["state"].clone());
        lock(&self.0.codes).insert(code.clone(), query);
        let issuer = match &lock(&self.0.behaviour).response_issuer {
            None => Some(self.issuer().to_owned()),
            Some(other) => other.clone(),
        };
        let issuer = issuer.map(|issuer| format!("&iss={}", encode(&issuer))).unwrap_or_default();
        format!("{redirect_uri}?code={code}&state={state}{issuer}")
    }

    /// A logout token for the session of `subject`, changed as told.
    pub fn logout_token(&self, change: impl FnOnce(&mut Value)) -> String {
        let now = self.now();
        let mut claims = json!({
            "iss": self.issuer(),
            "aud": CLIENT_ID,
            "sub": lock(&self.0.behaviour).subject,
            "sid": self.session(),
            "jti": random_secret(),
            "iat": now,
            "exp": now + 120,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        change(&mut claims);
        self.sign("logout+jwt", &claims)
    }

    /// Its name for the session of the present subject.
    pub fn session(&self) -> String {
        format!("session of {}", lock(&self.0.behaviour).subject)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        *lock(&self.0.asked).entry(path.clone()).or_default() += 1;
        let failure = lock(&self.0.behaviour).failures.get(path.as_str()).copied();
        match failure {
            None => {}
            Some(Failure::Status(status)) => return answer(status, &json!({ "error": "told_so" })),
            Some(Failure::Garbage) => {
                let page = "<html>\u{1F4A9} {\"issuer\":</html>";
                return Response::new(Full::new(page.into()));
            }
            Some(Failure::Huge) => {
                let body = format!("{{\"x\":\"{}\"}}", "x".repeat(10_000_000));
                let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
                return response.body(Full::new(body.into())).expect("a response");
            }
            Some(Failure::Slow) => std::future::pending::<()>().await,
        }
        match path.as_str() {
            "/.well-known/openid-configuration" => answer(200, &self.metadata()),
            "/jwks" => answer(200, &self.jwks()),
            "/token" => self.token(request).await,
            "/userinfo" => answer(200, &self.userinfo()),
            _ => answer(404, &json!({})),
        }
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer());
        let mut metadata = json!({
            "issuer": self.issuer(),
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"),
            "userinfo_endpoint": at("/userinfo"),
            "end_session_endpoint": at("/logout"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "none", "HS256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
            "scopes_supported": ["openid", "profile", "email", "groups"],
            "claims_supported": ["sub", "groups"],
        });
        self.change(|b| &b.metadata)(&mut metadata);
        metadata
    }

    fn jwks(&self) -> Value {
        let mut key = self.0.key.jwk();
        key["kid"] = "the key".into();
        let mut encryption = Key::generate(Algorithm::Es256).jwk();
        encryption["use"] = "enc".into();
        let mut set = json!({ "keys": [key, encryption, { "kty": "from the future" }] });
        self.change(|b| &b.jwks)(&mut set);
        set
    }

    fn userinfo(&self) -> Value {
        let mut claims = json!({ "sub": lock(&self.0.behaviour).subject });
        self.change(|b| &b.userinfo)(&mut claims);
        claims
    }

    async fn token(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let basic = STANDARD.encode(format!("{CLIENT_ID}:{}", self.0.client_secret));
        let expected = format!("Basic {basic}");
        let shown = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        if shown != Some(expected.as_str()) {
            return answer(401, &json!({ "error": "invalid_client" }));
        }
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        let form: Query = url::form_urlencoded::parse(&body).into_owned().collect();
        let code = form.get("code").and_then(|code| lock(&self.0.codes).remove(code));
        let Some(asked) = code else { return answer(400, &json!({ "error": "invalid_grant" })) };
        let verifier = form.get("code_verifier").map_or("", String::as_str);
        let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
        let pkce = lock(&self.0.behaviour).pkce;
        if (pkce && challenge != asked["code_challenge"]) || form["redirect_uri"] != asked["redirect_uri"] {
            return answer(400, &json!({ "error": "invalid_grant" }));
        }
        let access_token = random_secret();
        let half = &digest::digest(&digest::SHA256, access_token.as_bytes()).as_ref()[..16].to_vec();
        let now = self.now();
        let mut claims = json!({
            "iss": self.issuer(),
            "aud": CLIENT_ID,
            "sub": lock(&self.0.behaviour).subject,
            "sid": self.session(),
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            "at_hash": URL_SAFE_NO_PAD.encode(half),
            "name": "Alice",
            "groups": ["platform-admins"],
        });
        self.change(|b| &b.claims)(&mut claims);
        answer(
            200,
            &json!({
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": 300,
                "id_token": self.sign("JWT", &claims),
            }),
        )
    }

    fn sign(&self, kind: &str, claims: &Value) -> String {
        let mut head = json!({ "alg": "ES256", "kid": "the key", "typ": kind });
        self.change(|b| &b.header)(&mut head);
        let signature = lock(&self.0.behaviour).signature;
        match signature {
            Signature::None => head = json!({ "alg": "none" }),
            Signature::MacWithPublicKey => head["alg"] = "HS256".into(),
            Signature::Right | Signature::Stranger => {}
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(claims));
        let octets = match signature {
            Signature::Right => self.0.key.sign(signed.as_bytes()),
            Signature::Stranger => self.0.stranger.sign(signed.as_bytes()),
            Signature::None => Vec::new(),
            Signature::MacWithPublicKey => {
                let secret = self.0.key.jwk().to_string();
                let mac =
                    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
                mac.as_ref().to_vec()
            }
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(octets))
    }

    fn change(&self, which: impl FnOnce(&Behaviour) -> &Change) -> Change {
        Arc::clone(which(&lock(&self.0.behaviour)))
    }

    fn now(&self) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "as the server's own clock, by which it is judged")]
        let now = time::OffsetDateTime::now_utc();
        now.unix_timestamp() + lock(&self.0.behaviour).clock
    }
}

impl fmt::Debug for HostileIdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostileIdp").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding it")
}

fn answer(status: u16, body: &Value) -> Response<Full<Bytes>> {
    Response::builder()
        .status(StatusCode::from_u16(status).expect("a status"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body.to_string().into()))
        .expect("a response")
}

/// The parameters in a URL.
///
/// # Panics
/// When it is none.
pub fn query_of(location: &str) -> HashMap<String, String> {
    url::Url::parse(location).expect("a URL").query_pairs().into_owned().collect()
}

/// For a value in a query.
pub fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
