//! Every field of a certificate in words, whether it is signed already or not.

use x509_parser::certificate::TbsCertificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer;

use crate::inspect::{MalformedCertificate, extended_key_usages, key_description, key_usages, parse};
use crate::leaf::{MUST_STAPLE, UnsignedLeaf};

/// A field of a certificate, or one of its extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateField {
    pub name: String,
    /// Of an extension: whether who does not know it must refuse the certificate (RFC 5280 §4.2).
    pub critical: bool,
    pub values: Vec<String>,
}

impl CertificateField {
    pub const SERIAL_NUMBER: &'static str = "Serial number";
    pub const SUBJECT_KEY_IDENTIFIER: &'static str = "Subject key identifier";
    pub const PUBLIC_KEY: &'static str = "Public key";

    fn new(name: &str, values: Vec<String>) -> Self {
        Self { name: name.to_owned(), critical: false, values }
    }
}

/// The fields of a certificate in DER, in their order.
pub fn fields(der: &[u8]) -> Result<Vec<CertificateField>, MalformedCertificate> {
    Ok(told(&parse(der)?.tbs_certificate))
}

impl UnsignedLeaf {
    /// The fields that the leaf will have.
    pub fn fields(&self) -> Result<Vec<CertificateField>, MalformedCertificate> {
        match TbsCertificate::from_der(&self.to_be_signed) {
            Ok(([], leaf)) => Ok(told(&leaf)),
            _ => Err(MalformedCertificate),
        }
    }
}

fn told(certificate: &TbsCertificate<'_>) -> Vec<CertificateField> {
    let field = |name, value: String| CertificateField::new(name, vec![value]);
    let subject = match certificate.subject().to_string() {
        text if text.is_empty() => "empty".to_owned(),
        text => text,
    };
    let validity = crate::inspect::validity(certificate);
    let mut all = vec![
        field("Version", format!("{}", certificate.version().0 + 1)),
        field(CertificateField::SERIAL_NUMBER, hex::encode(certificate.raw_serial())),
        field("Signature algorithm", algorithm(&certificate.signature.algorithm.to_id_string())),
        field("Issuer", certificate.issuer().to_string()),
        field("Not before", validity.not_before.to_rfc3339()),
        field("Not after", validity.not_after.to_rfc3339()),
        field("Subject", subject),
        field(CertificateField::PUBLIC_KEY, key_description(certificate.public_key())),
    ];
    all.extend(certificate.iter_extensions().map(extension));
    all
}

/// By its name; one without a name by its number.
fn algorithm(oid: &str) -> String {
    let name = match oid {
        "1.2.840.10045.4.3.2" => "ECDSA with SHA-256",
        "1.2.840.10045.4.3.3" => "ECDSA with SHA-384",
        "1.2.840.10045.4.3.4" => "ECDSA with SHA-512",
        "1.2.840.113549.1.1.11" => "RSA (PKCS #1 v1.5) with SHA-256",
        "1.2.840.113549.1.1.12" => "RSA (PKCS #1 v1.5) with SHA-384",
        "1.2.840.113549.1.1.13" => "RSA (PKCS #1 v1.5) with SHA-512",
        "1.3.101.112" => "Ed25519",
        other => other,
    };
    name.to_owned()
}

fn extension(extension: &X509Extension<'_>) -> CertificateField {
    let (name, values) = match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(authority) => {
            let id = authority.key_identifier.as_ref().map(|id| hex::encode(id.0));
            ("Authority key identifier", id.into_iter().collect())
        }
        ParsedExtension::SubjectKeyIdentifier(id) => {
            (CertificateField::SUBJECT_KEY_IDENTIFIER, vec![hex::encode(id.0)])
        }
        ParsedExtension::KeyUsage(usage) => {
            ("Key usage", key_usages(usage).into_iter().map(str::to_owned).collect())
        }
        ParsedExtension::ExtendedKeyUsage(usage) => ("Extended key usage", extended_key_usages(usage)),
        ParsedExtension::BasicConstraints(basic) => {
            ("Basic constraints", vec![if basic.ca { "a CA" } else { "not a CA" }.to_owned()])
        }
        ParsedExtension::SubjectAlternativeName(names) => {
            ("Subject alternative name", names.general_names.iter().map(general_name).collect())
        }
        ParsedExtension::AuthorityInfoAccess(access) => {
            let places = access.accessdescs.iter();
            let places =
                places.map(|at| format!("{} {}", at.access_method, general_name(&at.access_location)));
            ("Authority information access", places.collect())
        }
        ParsedExtension::CRLDistributionPoints(points) => {
            let names = points.points.iter().filter_map(|point| point.distribution_point.as_ref());
            let names = names.flat_map(|name| match name {
                DistributionPointName::FullName(names) => names.iter().map(general_name).collect(),
                DistributionPointName::NameRelativeToCRLIssuer(_) => {
                    vec!["relative to its issuer".to_owned()]
                }
            });
            ("CRL distribution points", names.collect())
        }
        _ if extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.24" && extension.value == MUST_STAPLE => {
            ("TLS feature", vec!["status_request (must staple)".to_owned()])
        }
        _ => ("", vec![hex::encode(extension.value)]),
    };
    let name = match name {
        "" => format!("Extension {}", extension.oid.to_id_string()),
        name => name.to_owned(),
    };
    CertificateField { name, critical: extension.critical, values }
}

fn general_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => format!("DNS {name}"),
        GeneralName::URI(uri) => format!("URI {uri}"),
        GeneralName::IPAddress(octets) => {
            let v4 = <[u8; 4]>::try_from(*octets).map(std::net::IpAddr::from);
            let ip = v4.or_else(|_| <[u8; 16]>::try_from(*octets).map(std::net::IpAddr::from));
            ip.map_or_else(|_| format!("IP {}", hex::encode(octets)), |ip| format!("IP {ip}"))
        }
        other => other.to_string(),
    }
}
