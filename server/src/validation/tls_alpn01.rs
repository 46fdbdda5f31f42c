//! RFC 8737, for addresses with RFC 8738 §6.

use std::net::IpAddr;

use acme::ProblemType;
use ca::{AltName, ChallengeCertificate};
use model::Identifier;
use rustls_pki_types::ServerName;

use super::dial::Host;
use super::evidence::{EXCERPT, Trace, excerpt};
use super::fault::Fault;
use super::{Target, Validator, tls};

/// RFC 8737 §6.2.
pub(super) const PROTOCOL: &[u8] = b"acme-tls/1";

const ADVICE: &str = "Have the client itself, or a proxy that passes the protocol acme-tls/1 on to it, answer TLS on that port while it waits.";

pub(super) async fn validate(
    validator: &Validator,
    target: &Target<'_>,
    trace: &mut Trace,
) -> Result<(), Fault> {
    let digest = ca::sha256(target.key_authorization.as_bytes());
    let wanted = match target.identifier {
        Identifier::Dns(name) => AltName::Dns(name.base().to_owned()),
        Identifier::Ip(address) => AltName::Ip(*address),
    };
    trace.expect(format!("subjectAltName {wanted}, acmeIdentifier {}", hex::encode(digest)));

    let sni = match target.identifier {
        Identifier::Dns(name) => name.base().to_owned(),
        Identifier::Ip(address) => reverse_name(*address),
    };
    let sni = ServerName::try_from(sni).map_err(|_| {
        Fault::refused(
            ProblemType::RejectedIdentifier,
            format!("{} cannot be asked for in a TLS handshake.", target.identifier),
            "Use another challenge.",
        )
    })?;
    let stream =
        validator.dialler.dial(&Host::from(target.identifier), validator.tls_alpn01_port, trace).await?;
    let stream = tls::handshake(stream, sni, &validator.alpn_tls, trace).await?;
    if stream.get_ref().1.alpn_protocol() != Some(PROTOCOL) {
        return Err(wrong("The TLS server did not choose the protocol acme-tls/1"));
    }
    let Some(certificate) = tls::certificate(&stream) else {
        return Err(wrong("The TLS server has no certificate"));
    };
    let Ok(certificate) = ChallengeCertificate::parse(certificate) else {
        return Err(wrong("The certificate, or its acmeIdentifier extension, cannot be understood"));
    };
    trace.read(read(&certificate));
    check(&certificate, &wanted, &digest)
}

/// RFC 8737 §3.
fn check(certificate: &ChallengeCertificate, wanted: &AltName, digest: &[u8; 32]) -> Result<(), Fault> {
    if certificate.names != [wanted.clone()] {
        return Err(wrong(&format!(
            "The certificate must have {wanted} as its only subjectAltName; it has {}",
            names(certificate)
        )));
    }
    let Some(identifier) = &certificate.acme_identifier else {
        return Err(wrong("The certificate has no acmeIdentifier extension"));
    };
    if !identifier.critical {
        return Err(wrong("The acmeIdentifier extension of the certificate is not critical"));
    }
    if identifier.digest != *digest {
        return Err(wrong(&format!(
            "The acmeIdentifier extension of the certificate is not that of the key authorization: expected {}, read {}",
            hex::encode(digest),
            hex::encode(identifier.digest)
        )));
    }
    Ok(())
}

fn wrong(what: &str) -> Fault {
    Fault::retryable(ProblemType::IncorrectResponse, format!("{what}."), ADVICE)
}

fn read(certificate: &ChallengeCertificate) -> String {
    let identifier = match &certificate.acme_identifier {
        None => "none".to_owned(),
        Some(i) if i.critical => hex::encode(i.digest),
        Some(i) => format!("{} (not critical)", hex::encode(i.digest)),
    };
    format!("subjectAltName {}, acmeIdentifier {identifier}", names(certificate))
}

fn names(certificate: &ChallengeCertificate) -> String {
    const SHOWN: usize = 3;
    let shown = certificate.names.iter().take(SHOWN).map(|n| excerpt(n.to_string().as_bytes(), EXCERPT));
    match certificate.names.len() {
        0 => "none".to_owned(),
        n if n > SHOWN => format!("{n}, among them {}", shown.collect::<Vec<_>>().join(", ")),
        _ => shown.collect::<Vec<_>>().join(", "),
    }
}

/// RFC 8738 §6: SNI has no addresses, so the name of RFC 1035 §3.5 or RFC 3596 §2.5 stands for one.
fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|octet| [octet & 0xf, octet >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).chain(["ip6.arpa".to_owned()]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_their_reverse_name() {
        assert_eq!(reverse_name("192.0.2.17".parse().unwrap()), "17.2.0.192.in-addr.arpa");
        assert_eq!(
            reverse_name("2001:db8::567:89ab".parse().unwrap()),
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }
}
