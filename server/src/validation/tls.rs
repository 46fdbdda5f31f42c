use std::sync::Arc;

use acme::ProblemType;
use ca::ChallengeCertificate;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::dial::words;
use super::evidence::{Action, EXCERPT, Trace, excerpt, some};
use super::fault::Fault;

/// Shakes hands, believing any certificate. `name` is sent as SNI (RFC 6066 §3), unless it is an address.
///
/// Neither user of this may check the certificate against trust anchors. The one of tls-alpn-01 is made for the
/// challenge and signed by itself (RFC 8737 §3). With http-01, control is shown by answering at the address that the
/// name has; a redirect to https was received over plain HTTP, where whoever could forge the https server could as
/// well have forged the redirect. Servers that wait for their first certificate redirect there, too.
pub(super) async fn handshake(
    stream: TcpStream,
    name: ServerName<'static>,
    config: &Arc<ClientConfig>,
    trace: &mut Trace,
) -> Result<TlsStream<TcpStream>, Fault> {
    let shown = name.to_str().into_owned();
    let since = trace.begin(format!("shaking hands with the TLS server as {shown}"));
    let connector = TlsConnector::from(Arc::clone(config));
    let result = connector.connect(name, stream).await;
    let took = since.elapsed();
    match result {
        Ok(stream) => {
            trace.step(took, facts(shown, &stream), None);
            Ok(stream)
        }
        Err(error) => {
            let why = match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(error) => excerpt(error.to_string().as_bytes(), EXCERPT),
                None => words(&error),
            };
            let action =
                Action::Tls { server_name: shown.clone(), version: None, alpn: None, names: Vec::new() };
            trace.step(took, action, Some(why.clone()));
            Err(Fault::retryable(
                ProblemType::Tls,
                format!("The TLS handshake with {shown} failed: {why}."),
                "Have a TLS 1.2 or 1.3 server answer there that knows the protocol asked for.",
            ))
        }
    }
}

/// The server's own certificate.
pub(super) fn certificate(stream: &TlsStream<TcpStream>) -> Option<&CertificateDer<'static>> {
    stream.get_ref().1.peer_certificates()?.first()
}

fn facts(server_name: String, stream: &TlsStream<TcpStream>) -> Action {
    let (_, connection) = stream.get_ref();
    let names = certificate(stream).and_then(|c| ChallengeCertificate::parse(c).ok()).map(|c| c.names);
    let names =
        names.unwrap_or_default().iter().map(|n| excerpt(n.to_string().as_bytes(), EXCERPT)).collect();
    Action::Tls {
        server_name,
        version: connection.protocol_version().and_then(|v| v.as_str()).map(str::to_owned),
        alpn: connection.alpn_protocol().map(|alpn| excerpt(alpn, EXCERPT)),
        names: some(names),
    }
}

/// A client that believes any certificate and offers `alpn`. Without resumption: a resumed session shows the certificate of an earlier one.
///
/// # Errors
/// When the provider of cryptography cannot do TLS 1.2 and 1.3.
pub fn trusting_anything(alpn: &[u8]) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = AnyCertificate(provider.signature_verification_algorithms);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Believes any certificate, but has the server prove that it holds its key.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let spki = public_key(certificate)?;
        let key = webpki::RawPublicKeyEntity::try_from(&spki).map_err(|_| CertificateError::BadEncoding)?;
        // In TLS 1.2, a scheme leaves the curve open.
        let fits = |algorithm| key.verify_signature(algorithm, message, signed.signature()).is_ok();
        let of_scheme = self.0.mapping.iter().filter(|(scheme, _)| *scheme == signed.scheme);
        match of_scheme.flat_map(|(_, algorithms)| algorithms.iter()).any(|algorithm| fits(*algorithm)) {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(CertificateError::BadSignature.into()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature_with_raw_key(message, &public_key(certificate)?, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// The key by itself: webpki refuses certificates with a critical extension that it does not know, such as the one
/// that RFC 8737 §3 requires.
fn public_key(certificate: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, rustls::Error> {
    let spki = ca::certificate_spki(certificate).map_err(|_| CertificateError::BadEncoding)?;
    Ok(SubjectPublicKeyInfoDer::from(spki))
}
