use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, CustomExtension, KeyPair, SanType};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a listener saw: the heads of HTTP requests or the server names of TLS handshakes; an empty text for a
/// connection that brought neither.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }
}

pub(super) struct Listener {
    pub(super) address: SocketAddr,
    pub(super) seen: Seen,
}

impl Listener {
    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }
}

/// An HTTP server that sends what `respond` gives for a request's head, then closes. `None`: keeps silent.
pub(super) async fn web<F>(address: &str, respond: F) -> Listener
where
    F: Fn(&str) -> Option<String> + Send + Sync + 'static,
{
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, respond) = (Seen::default(), Arc::new(respond));
    let log = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&respond), log.clone()));
        }
    });
    Listener { address, seen }
}

/// A server that sends `text` after the first octets that it gets, whatever they are, and closes.
pub(super) async fn blurt(address: &str, text: &'static str) -> Listener {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(text.as_bytes()).await;
        }
    });
    Listener { address, seen: Seen::default() }
}

async fn serve<S, F>(mut stream: S, respond: Arc<F>, log: Seen)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Fn(&str) -> Option<String>,
{
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(n) if n > 0 => head.extend_from_slice(&buffer[..n]),
            _ => break,
        }
    }
    let head = String::from_utf8(head).unwrap();
    log.add(&head);
    match respond(&head) {
        Some(answer) => {
            // A client that has read enough may be gone.
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        None => std::future::pending().await,
    }
}

pub(super) fn ok(body: &str) -> Option<String> {
    Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

pub(super) fn redirect(location: &str) -> Option<String> {
    Some(format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"))
}

/// The second word of a request's head.
pub(super) fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

/// What a TLS server presents.
pub(super) struct Tls {
    pub(super) names: Vec<SanType>,
    pub(super) extensions: Vec<CustomExtension>,
    pub(super) alpn: &'static [&'static str],
    pub(super) versions: &'static [&'static rustls::SupportedProtocolVersion],
    pub(super) key: &'static rcgen::SignatureAlgorithm,
}

/// A TLS server that answers requests like [`web`].
pub(super) async fn tls<F>(tls: Tls, respond: F) -> Listener
where
    F: Fn(&str) -> Option<String> + Send + Sync + 'static,
{
    let seen = Seen::default();
    let names = Names { log: seen.clone(), key: Arc::new(tls.certified_key()) };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(tls.versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(names));
    config.alpn_protocols = tls.alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (log, respond) = (Seen::default(), Arc::new(respond));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, respond, log) = (acceptor.clone(), Arc::clone(&respond), log.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, respond, log).await;
                }
            });
        }
    });
    Listener { address, seen }
}

impl Tls {
    fn certified_key(&self) -> CertifiedKey {
        let key = KeyPair::generate_for(self.key).unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = self.names.clone();
        params.custom_extensions = self.extensions.clone();
        let certificate = params.self_signed(&key).unwrap();
        let der = rustls_pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der.into()).unwrap();
        CertifiedKey::new(vec![certificate.der().clone()], key)
    }
}

#[derive(Debug)]
struct Names {
    log: Seen,
    key: Arc<CertifiedKey>,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.log.add(hello.server_name().unwrap_or_default());
        Some(Arc::clone(&self.key))
    }
}
