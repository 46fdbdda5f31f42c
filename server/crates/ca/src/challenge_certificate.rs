//! The certificates that answer tls-alpn-01 (RFC 8737 §3). They come from clients and are signed by themselves; what
//! counts is what they say.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};

use crate::der::{self, Reader};
use crate::inspect::{MalformedCertificate, parse};

/// id-pe-acmeIdentifier (RFC 8737 §6.1).
const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeCertificate {
    /// All entries of subjectAltName.
    pub names: Vec<AltName>,
    pub acme_identifier: Option<AcmeIdentifier>,
}

/// An entry of subjectAltName (RFC 5280 §4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AltName {
    /// In lower case.
    Dns(String),
    Ip(IpAddr),
    /// Another kind, which no identifier has.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeIdentifier {
    pub critical: bool,
    /// Of the key authorization, by SHA-256.
    pub digest: [u8; 32],
}

impl fmt::Display for AltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
            Self::Other => f.write_str("a name of another kind"),
        }
    }
}

impl ChallengeCertificate {
    /// # Errors
    /// When `certificate` is no certificate, has one of the extensions twice, or one with a value that is not its own.
    pub fn parse(certificate: &[u8]) -> Result<Self, MalformedCertificate> {
        let certificate = parse(certificate)?;
        Ok(Self { names: alt_names(&certificate)?, acme_identifier: acme_identifier(&certificate)? })
    }
}

fn alt_names(certificate: &X509Certificate<'_>) -> Result<Vec<AltName>, MalformedCertificate> {
    let mut names = None;
    for extension in certificate.extensions() {
        if let ParsedExtension::SubjectAlternativeName(alt) = extension.parsed_extension() {
            let entries = alt.general_names.iter().map(alt_name).collect::<Result<_, _>>()?;
            if names.replace(entries).is_some() {
                return Err(MalformedCertificate);
            }
        }
    }
    Ok(names.unwrap_or_default())
}

fn alt_name(name: &GeneralName<'_>) -> Result<AltName, MalformedCertificate> {
    match name {
        GeneralName::DNSName(name) => Ok(AltName::Dns(name.to_ascii_lowercase())),
        GeneralName::IPAddress(octets) => {
            if let Ok(octets) = <[u8; 4]>::try_from(*octets) {
                return Ok(AltName::Ip(IpAddr::V4(Ipv4Addr::from(octets))));
            }
            let octets = <[u8; 16]>::try_from(*octets).map_err(|_| MalformedCertificate)?;
            Ok(AltName::Ip(IpAddr::V6(Ipv6Addr::from(octets))))
        }
        _ => Ok(AltName::Other),
    }
}

fn acme_identifier(
    certificate: &X509Certificate<'_>,
) -> Result<Option<AcmeIdentifier>, MalformedCertificate> {
    let mut found = None;
    for extension in certificate.extensions().iter().filter(|e| e.oid.to_id_string() == ACME_IDENTIFIER) {
        // RFC 8737 §3: an OCTET STRING of exactly the digest.
        let digest = Reader::only(extension.value, der::OCTET_STRING).map_err(|_| MalformedCertificate)?;
        let digest = digest.try_into().map_err(|_| MalformedCertificate)?;
        if found.replace(AcmeIdentifier { critical: extension.critical, digest }).is_some() {
            return Err(MalformedCertificate);
        }
    }
    Ok(found)
}
