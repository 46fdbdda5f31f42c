//! An HTTP client for tests: whole bodies in, whole bodies out, over HTTPS with one trusted CA or in-process.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;

/// Why there is no answer. Tests that break connections on purpose look at it; others let [`Client::send`] panic.
pub type TransportError = Box<dyn std::error::Error + Send + Sync>;

type Exchange =
    dyn Fn(Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> + Send + Sync;

/// Sends requests to one origin. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    exchange: Arc<Exchange>,
    base: String,
    headers: HeaderMap,
}

/// An answer with its whole body.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Client {
    /// A client of `base` (e.g. `https://localhost:8443`) over HTTP/1.1 with keep-alive. It trusts the
    /// certificates in `ca_pem` and nothing else.
    pub fn https(base: &str, ca_pem: &str) -> Self {
        Self::over_pool(base, connector(ca_pem).enable_http1().build())
    }

    /// As [`Self::https`], but over HTTP/2.
    pub fn http2(base: &str, ca_pem: &str) -> Self {
        Self::over_pool(base, connector(ca_pem).enable_http2().build())
    }

    /// A client of a function, e.g. of a router that is called in this process. Requests have the full URL.
    pub fn in_process<F, A>(base: &str, service: F) -> Self
    where
        F: Fn(Request<Bytes>) -> A + Send + Sync + 'static,
        A: Future<Output = http::Response<Bytes>> + Send + 'static,
    {
        let exchange = move |request| -> BoxFuture<'static, _> {
            let answer = service(request);
            Box::pin(async move { Ok(answer.await) })
        };
        Self::over(base, Arc::new(exchange))
    }

    fn over_pool(base: &str, connector: hyper_rustls::HttpsConnector<HttpConnector>) -> Self {
        let pool: Pool<_, Full<Bytes>> =
            Pool::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        let exchange = move |request: Request<Bytes>| -> BoxFuture<'static, _> {
            let pool = pool.clone();
            Box::pin(async move {
                let (head, body) = pool.request(request.map(Full::new)).await?.into_parts();
                Ok(http::Response::from_parts(head, body.collect().await?.to_bytes()))
            })
        };
        Self::over(base, Arc::new(exchange))
    }

    fn over(base: &str, exchange: Arc<Exchange>) -> Self {
        Self { exchange, base: base.trim_end_matches('/').to_owned(), headers: HeaderMap::new() }
    }

    /// The same client with `name: value` on every request.
    ///
    /// # Panics
    /// When `name` or `value` cannot be in a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.insert(name, value.parse().expect("a header value"));
        self
    }

    /// The same client with `Authorization: Bearer <key>` on every request.
    #[must_use]
    pub fn with_bearer(self, key: &str) -> Self {
        self.with_header(AUTHORIZATION.as_str(), &format!("Bearer {key}"))
    }

    /// `path` under the origin; a full URL stays as it is.
    pub fn url(&self, path: &str) -> String {
        match path.starts_with('/') {
            true => format!("{}{path}", self.base),
            false => path.to_owned(),
        }
    }

    pub async fn get(&self, path: &str) -> Response {
        self.call(Method::GET, path, None).await
    }

    pub async fn delete(&self, path: &str) -> Response {
        self.call(Method::DELETE, path, None).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Value>) -> Response {
        self.call(Method::POST, path, Some(body.into())).await
    }

    pub async fn put(&self, path: &str, body: impl Into<Value>) -> Response {
        self.call(Method::PUT, path, Some(body.into())).await
    }

    pub async fn patch(&self, path: &str, body: impl Into<Value>) -> Response {
        self.call(Method::PATCH, path, Some(body.into())).await
    }

    /// Sends any method with a JSON body or none.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        if let Some(body) = body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = body.to_string().into();
        }
        self.send(path, request).await
    }

    /// Sends `request` to `path`; its own URL is ignored.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(&self, path: &str, request: Request<Bytes>) -> Response {
        let what = format!("{} {}", request.method(), self.url(path));
        self.try_send(path, request).await.unwrap_or_else(|error| panic!("{what}: {}", causes(&*error)))
    }

    /// As [`Self::send`].
    ///
    /// # Errors
    /// When there is no answer.
    ///
    /// # Panics
    /// When `path` does not make a URL.
    pub async fn try_send(
        &self,
        path: &str,
        mut request: Request<Bytes>,
    ) -> Result<Response, TransportError> {
        *request.uri_mut() = self.url(path).parse().expect("a URL");
        for (name, value) in &self.headers {
            if !request.headers().contains_key(name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        let (head, body) = (self.exchange)(request).await?.into_parts();
        Ok(Response { status: head.status, headers: head.headers, body })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Response {
    /// # Panics
    /// When the body is not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("not JSON ({error}): {} {}", self.status, self.text()),
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header `name`; `None` also when it is not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer's JSON, if it has this status; `Null` for an empty body.
    ///
    /// # Panics
    /// When the status is another one.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert!(self.status.as_u16() == status, "{status} expected: {} {}", self.status, self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// Checks a problem document (RFC 9457) of this status and type (RFC 8555 §6.7 types without their prefix),
    /// and returns it.
    ///
    /// # Panics
    /// When it is anything else.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, kind: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{problem}");
        let full = problem["type"].as_str().unwrap_or_default();
        assert_eq!(full.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(full), kind, "{problem}");
        problem
    }
}

/// A TLS client that trusts the certificates in `ca_pem` and nothing else.
///
/// # Panics
/// When `ca_pem` is no list of certificates.
pub fn tls_config(ca_pem: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.expect("PEM")).expect("a CA certificate");
    }
    assert!(!roots.is_empty(), "no certificate in {ca_pem:?}");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    versions.expect("aws-lc-rs has TLS 1.2 and 1.3").with_root_certificates(roots).with_no_client_auth()
}

fn connector(
    ca_pem: &str,
) -> hyper_rustls::HttpsConnectorBuilder<hyper_rustls::builderstates::WantsProtocols1> {
    hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls_config(ca_pem)).https_only()
}

/// An error with its sources; hyper's own message alone says little.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
