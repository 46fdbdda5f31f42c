//! HTTPS to a provider: its own trust anchors beside the system's, limits on time and size, no redirects.

use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the first octet sent to the last one received.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Metadata, keys and tokens have some kilobytes.
const MAX_BODY: usize = 1024 * 1024;

/// Why a provider gave no answer that could be used. Says so in words; holds nothing that the provider sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpFault {
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("its TLS certificate is not trusted: {0}")]
    Untrusted(String),
    #[error("it did not answer within {} seconds", TOTAL_TIMEOUT.as_secs())]
    TooSlow,
    #[error("its answer is larger than {} KiB", MAX_BODY / 1024)]
    TooLarge,
    #[error("it answered with the status {0}")]
    Status(StatusCode),
    #[error("its answer is not JSON")]
    NotJson,
    #[error("the request cannot be made: {0}")]
    Request(String),
}

/// Certificates in PEM, as administrators paste them. The error says what is wrong.
pub fn parse_certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut roots = RootCertStore::empty();
    let mut certificates = Vec::new();
    for (i, certificate) in CertificateDer::pem_slice_iter(pem.as_bytes()).enumerate() {
        let certificate = certificate.map_err(|e| format!("number {} is not PEM: {e}", i + 1))?;
        roots.add(certificate.clone()).map_err(|e| format!("number {} is no certificate: {e}", i + 1))?;
        certificates.push(certificate);
    }
    match certificates.is_empty() {
        true => Err("there is no certificate in it".to_owned()),
        false => Ok(certificates),
    }
}

/// Read once: it takes milliseconds, and changes with the installation only.
static SYSTEM_ROOTS: LazyLock<RootCertStore> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for fault in &found.errors {
        tracing::warn!(error = %fault, "a trust anchor of the system cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    roots
});

pub struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpClient {
    /// Trusts `own_anchors` (PEM) beside the anchors of the system.
    pub fn new(own_anchors: Option<&str>) -> Result<Self, String> {
        let mut roots = SYSTEM_ROOTS.clone();
        if let Some(pem) = own_anchors {
            roots.add_parsable_certificates(parse_certificates(pem)?);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .enable_http2()
            .wrap_connector(tcp);
        let mut pool = Client::builder(TokioExecutor::new());
        Ok(Self(pool.pool_timer(TokioTimer::new()).pool_max_idle_per_host(4).build(connector)))
    }

    /// Any answer, whatever its status.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpFault> {
        match tokio::time::timeout(TOTAL_TIMEOUT, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(HttpFault::TooSlow),
        }
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpFault> {
        let answer = self.0.request(request.map(Full::new)).await.map_err(|e| connect_fault(&e))?;
        let (head, body) = answer.into_parts();
        match Limited::new(body, MAX_BODY).collect().await {
            Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
            Err(e) if e.is::<http_body_util::LengthLimitError>() => Err(HttpFault::TooLarge),
            Err(e) => Err(HttpFault::Unreachable(e.to_string())),
        }
    }

    /// The JSON at `url`. `bearer`: the access token to show.
    pub async fn get_json<T: serde::de::DeserializeOwned>(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<T, HttpFault> {
        let mut request = Request::get(url).header(header::ACCEPT, "application/json");
        if let Some(token) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Bytes::new()).map_err(|e| HttpFault::Request(e.to_string()))?;
        let answer = self.send(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(HttpFault::Status(answer.status()));
        }
        if !is_json(answer.headers()) {
            return Err(HttpFault::NotJson);
        }
        serde_json::from_slice(answer.body()).map_err(|_| HttpFault::NotJson)
    }
}

/// For the requests that the library makes.
impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpFault;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpFault>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.send(request.map(Bytes::from)).await?;
            Ok(answer.map(|body| body.to_vec()))
        })
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

/// `application/json` and its relatives, e.g. `application/jwk-set+json`; also no type at all.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = kind.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// hyper's own message says little; the causes below it say what happened.
fn connect_fault(error: &hyper_util::client::legacy::Error) -> HttpFault {
    let mut innermost = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(rustls::Error::InvalidCertificate(why)) = tls_error(found) {
            return HttpFault::Untrusted(why.to_string());
        }
        innermost = found.to_string();
        cause = found.source();
    }
    HttpFault::Unreachable(innermost)
}

/// The error of TLS in `error`. An I/O error is not the source of the one around it, but its content.
fn tls_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    let mut error = error;
    loop {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        error = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_json() {
        let with = |kind: &'static str| {
            is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, http::HeaderValue::from_static(kind))]))
        };
        assert!(is_json(&HeaderMap::new()));
        assert!(with("application/json") && with("Application/JSON; charset=utf-8"));
        assert!(with("application/jwk-set+json"));
        assert!(!with("text/html") && !with("application/jwt") && !with("text/json+json"));
    }

    #[test]
    fn certificates_are_told_from_other_text() {
        assert_eq!(parse_certificates("").unwrap_err(), "there is no certificate in it");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(parse_certificates(broken).unwrap_err().starts_with("number 1 is no certificate"));
        assert!(HttpClient::new(Some("nonsense")).is_err());
    }

    #[tokio::test]
    async fn only_https_is_spoken_and_nobody_at_home_is_said() {
        let client = HttpClient::new(None).unwrap();
        let plain = client.get_json::<serde_json::Value>("http://127.0.0.1:1/", None).await;
        assert!(matches!(plain, Err(HttpFault::Unreachable(_))), "{plain:?}");
        let closed = client.get_json::<serde_json::Value>("https://127.0.0.1:1/", None).await;
        assert!(matches!(&closed, Err(HttpFault::Unreachable(why)) if why.contains("refused")), "{closed:?}");
        let impossible = client.get_json::<serde_json::Value>("https://127.0.0.1:1/", Some("a\nb")).await;
        assert!(matches!(impossible, Err(HttpFault::Request(_))), "{impossible:?}");
    }
}
