//! The server's own TLS certificate: from the operator's files, or from a bootstrap CA of its own.

mod bootstrap;
mod files;

use std::sync::Arc;

use arc_swap::ArcSwap;
use model::Timestamp;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

pub use bootstrap::BootstrapCa;
pub use files::{FileIdentity, TlsFilesError};

/// A certificate that can be exchanged while the server runs.
#[derive(Debug)]
pub struct ServerIdentity {
    current: ArcSwap<CertifiedKey>,
}

impl ServerIdentity {
    pub fn new(key: CertifiedKey) -> Arc<Self> {
        Arc::new(Self { current: ArcSwap::from_pointee(key) })
    }

    /// Later handshakes use `key`; connections that are open stay as they are.
    pub fn exchange(&self, key: CertifiedKey) {
        self.current.store(Arc::new(key));
    }

    /// The end of the certificate in use.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.current.load().cert.first().and_then(|der| ca::not_after(der).ok())
    }
}

impl ResolvesServerCert for ServerIdentity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, no client certificates.
pub fn server_config(identity: Arc<ServerIdentity>) -> Result<rustls::ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(identity);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// A certificate chain (DER) and its PKCS#8 key as rustls takes them; fails when they do not belong together.
fn certified_key(chain: Vec<Vec<u8>>, pkcs8: &[u8]) -> Result<CertifiedKey, rustls::Error> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let chain = chain.into_iter().map(Into::into).collect();
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(pkcs8.to_vec());
    CertifiedKey::from_der(chain, key.into(), &provider)
}
