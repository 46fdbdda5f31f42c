//! TLS connections on which a test writes what it likes, when it likes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, ServerName};
use testkit::CertctlServer;
use testkit::http::tls_config;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A TCP connection to the server, from the loopback address 127.0.0.`source`: limits by address see another
/// client for each.
///
/// # Errors
/// When the server does not accept.
///
/// # Panics
/// When the system has no socket for us.
pub async fn tcp(server: &CertctlServer, source: u8) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::new(127, 0, 0, source), 0).into()).expect("the loopback network is ours");
    socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()))).await
}

/// A TLS connection to the server that offers HTTP/1.1 only.
///
/// # Errors
/// When the server does not accept.
pub async fn tls(server: &CertctlServer, source: u8) -> std::io::Result<TlsStream<TcpStream>> {
    let mut config = tls_config(&server.ca_pem());
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, tcp(server, source).await?).await
}

/// The certificate that the server shows now.
///
/// # Panics
/// When there is no connection.
pub async fn shown_certificate(server: &CertctlServer) -> CertificateDer<'static> {
    let stream = tls(server, 1).await.expect("a TLS connection");
    let chain = stream.get_ref().1.peer_certificates().expect("a server certificate");
    chain[0].clone().into_owned()
}
