//! The TLS server of tls-alpn-01 (RFC 8737): it shows whatever certificate a row tells it.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, SanType};
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::server_name_of;

/// RFC 8737 §6.2.
const PROTOCOL: &[u8] = b"acme-tls/1";
/// id-pe-acmeIdentifier (RFC 8737 §6.1).
const ACME_IDENTIFIER: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 31];

/// What is right or wrong about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Right,
    /// A second name beside the one that is validated (RFC 8737 §3: exactly one).
    TwoNames,
    /// The extension is there, but not critical (RFC 8737 §3).
    NotCritical,
    /// The certificate is for another name.
    OtherName,
}

/// A handshake that began.
#[derive(Clone, Debug)]
pub struct Hello {
    pub server_name: String,
    pub protocols: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
struct State {
    certificates: HashMap<String, Arc<CertifiedKey>>,
    hellos: Vec<Hello>,
}

/// The server. Clones are the same one.
#[derive(Clone, Debug)]
pub struct TlsAlpn01 {
    state: Arc<Mutex<State>>,
}

impl TlsAlpn01 {
    pub(super) async fn start(port: u16) -> io::Result<Self> {
        let server = Self { state: Arc::default() };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::new(server.clone()));
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // The handshake is all; a name without a certificate ends it with an alert.
                    let _ = acceptor.accept(stream).await;
                });
            }
        });
        Ok(server)
    }

    /// Shows a self-signed certificate with the digest of a key authorization for `name`.
    pub fn serve(&self, name: &str, digest: &[u8], shape: Shape) {
        if let Some(certified) = certificate(name, digest, shape) {
            self.state().certificates.insert(server_name_of(name), Arc::new(certified));
        }
    }

    /// The handshakes for a name or address.
    pub fn hellos(&self, name: &str) -> Vec<Hello> {
        let name = server_name_of(name);
        self.state().hellos.iter().filter(|hello| hello.server_name == name).cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for TlsAlpn01 {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let server_name = hello.server_name().unwrap_or_default().to_owned();
        let protocols = hello.alpn().map(|names| names.map(<[u8]>::to_vec).collect()).unwrap_or_default();
        let mut state = self.state();
        let found = state.certificates.get(&server_name).cloned();
        state.hellos.push(Hello { server_name, protocols });
        found
    }
}

/// `None` when `name` cannot be in a certificate.
fn certificate(name: &str, digest: &[u8], shape: Shape) -> Option<CertifiedKey> {
    let san = |name: &str| match name.parse::<IpAddr>() {
        Ok(ip) => Some(SanType::IpAddress(ip)),
        Err(_) => Some(SanType::DnsName(name.try_into().ok()?)),
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = match shape {
        Shape::TwoNames => vec![san(name)?, san("second.example")?],
        Shape::OtherName => vec![san("other.example")?],
        Shape::Right | Shape::NotCritical => vec![san(name)?],
    };
    // An OCTET STRING of 32 octets.
    let mut extension = CustomExtension::from_oid_content(ACME_IDENTIFIER, [&[4, 32], digest].concat());
    extension.set_criticality(shape != Shape::NotCritical);
    params.custom_extensions = vec![extension];
    let key = KeyPair::generate().ok()?;
    let certificate = params.self_signed(&key).ok()?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signer = aws_lc_rs::sign::any_supported_type(&private).ok()?;
    Some(CertifiedKey::new(vec![certificate.der().clone()], signer))
}
