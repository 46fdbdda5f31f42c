//! Asks the server that runs with the same settings whether it is ready. For containers: the image has no shell, and
//! no other client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::{Config, Settings, TlsConfig};
use crate::{startup, validation};

/// More than /readyz waits for the database, less than those who run such commands wait: the image's health check, 10 s.
const PATIENCE: Duration = Duration::from_secs(8);
const MAX_ANSWER: usize = 16 * 1024;
/// In every certificate that the server issues to itself, whatever its external URL is.
const NAME: &str = "localhost";

/// 0: ready. 1, with a line that says why: anything else, since Docker knows no other codes.
pub async fn run(settings: &Settings) -> ExitCode {
    match ready(settings).await {
        Ok(()) => {
            println!("ready");
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("not ready: {}", why.trim().replace('\n', "; "));
            ExitCode::from(1)
        }
    }
}

async fn ready(settings: &Settings) -> Result<(), String> {
    let config = Config::from_settings(settings).map_err(|e| e.to_string())?;
    let tls = match config.tls {
        TlsConfig::OwnCertificate => trusting(&startup::server_ca_file(&config.data_dir))?,
        // Which CA it is of, only its clients know. Nothing secret is sent, and to this machine.
        TlsConfig::Files { .. } => validation::trusting_anything(b"http/1.1").map_err(|e| e.to_string())?,
    };
    let address = reachable(config.http.listen);
    match tokio::time::timeout(PATIENCE, ask(address, tls)).await {
        Ok(Ok((StatusCode::OK, _))) => Ok(()),
        Ok(Ok((status, text))) => Err(match text.trim() {
            "" => format!("{address} answers {status}"),
            faults => faults.to_owned(),
        }),
        Ok(Err(fault)) => Err(format!("{address}: {fault}")),
        Err(_) => Err(format!("{address} does not answer within {} s", PATIENCE.as_secs())),
    }
}

/// Where this machine reaches a server that listens on `address`.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}

fn trusting(ca_file: &Path) -> Result<Arc<ClientConfig>, String> {
    let fault = |e: &dyn std::fmt::Display| format!("`{}`: {e}", ca_file.display());
    let pem = std::fs::read_to_string(ca_file).map_err(|e| fault(&e))?;
    let mut roots = RootCertStore::empty();
    for certificate in ca::pem::decode_certificates(&pem).map_err(|e| fault(&e))? {
        roots.add(certificate.into()).map_err(|e| fault(&e))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// What /readyz answers.
async fn ask(
    address: SocketAddr,
    tls: Arc<ClientConfig>,
) -> Result<(StatusCode, String), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    let stream = TlsConnector::from(tls).connect(ServerName::try_from(NAME)?, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with `sender`; what goes wrong in it, the request is told, too.
    tokio::spawn(connection);
    let request = Request::get("/readyz").header(header::HOST, NAME).body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::reachable;

    #[test]
    fn a_server_on_all_addresses_is_asked_at_loopback() {
        for (listen, wanted) in [
            ("0.0.0.0:8443", "127.0.0.1:8443"),
            ("[::]:443", "[::1]:443"),
            ("10.1.2.3:8443", "10.1.2.3:8443"),
            ("[fd00::1]:8443", "[fd00::1]:8443"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), wanted.parse().unwrap());
        }
    }
}
