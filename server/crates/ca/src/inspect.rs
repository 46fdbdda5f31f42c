//! What others' certificates say.

use model::Timestamp;
use x509_parser::certificate::{TbsCertificate, X509Certificate};
use x509_parser::extensions::{ExtendedKeyUsage, KeyUsage, ParsedExtension};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::validity::Validity;

/// The bytes are no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a DER certificate")]
pub struct MalformedCertificate;

/// What [`describe`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// RFC 4514-like text, for people.
    pub subject: String,
    pub issuer: String,
    pub serial_hex: String,
    pub not_before: Timestamp,
    /// The last second in which it is valid.
    pub not_after: Timestamp,
    pub sha256_hex: String,
    /// The kind and size of its key, such as `ECDSA P-256`.
    pub key: String,
}

/// The SubjectPublicKeyInfo of a certificate as it stands there, to compare keys by (RFC 8555 §7.6).
pub fn certificate_spki(der: &[u8]) -> Result<Vec<u8>, MalformedCertificate> {
    Ok(parse(der)?.public_key().raw.to_vec())
}

/// The contents octets of the serial number in lower-case hexadecimal.
pub fn certificate_serial_hex(der: &[u8]) -> Result<String, MalformedCertificate> {
    Ok(hex::encode(parse(der)?.raw_serial()))
}

/// The keyIdentifier of the authorityKeyIdentifier extension (RFC 5280 §4.2.1.1), if there is one.
pub fn authority_key_identifier(der: &[u8]) -> Result<Option<Vec<u8>>, MalformedCertificate> {
    let certificate = parse(der)?;
    Ok(certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0.to_vec()),
        _ => None,
    }))
}

/// The last second in which the certificate is valid.
pub fn not_after(der: &[u8]) -> Result<Timestamp, MalformedCertificate> {
    Ok(validity(&parse(der)?.tbs_certificate).not_after)
}

/// What logs and pages show of a certificate.
pub fn describe(der: &[u8]) -> Result<CertificateInfo, MalformedCertificate> {
    let certificate = parse(der)?;
    let Validity { not_before, not_after } = validity(&certificate);
    Ok(CertificateInfo {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        serial_hex: hex::encode(certificate.raw_serial()),
        not_before,
        not_after,
        sha256_hex: crate::sha256_hex(der),
        key: key_description(certificate.public_key()),
    })
}

/// The kind and size of a key.
pub(crate) fn key_description(key: &SubjectPublicKeyInfo<'_>) -> String {
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA, {} bits", rsa.key_size()),
        Ok(PublicKey::EC(point)) => {
            format!("ECDSA P-{}", if point.key_size() == 528 { 521 } else { point.key_size() })
        }
        _ if key.algorithm.algorithm.to_id_string() == "1.3.101.112" => "Ed25519".to_owned(),
        _ => format!("of the algorithm {}", key.algorithm.algorithm),
    }
}

/// What a certificate may be used for, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usages {
    /// Key usage (RFC 5280 §4.2.1.3), such as `digitalSignature`.
    pub key: Vec<&'static str>,
    /// Extended key usage (RFC 5280 §4.2.1.12), such as `serverAuth`; those without a name by their numbers.
    pub extended: Vec<String>,
    /// The TLS feature `status_request` (RFC 7633).
    pub must_staple: bool,
}

/// What a certificate may be used for.
pub fn usages(der: &[u8]) -> Result<Usages, MalformedCertificate> {
    let certificate = parse(der)?;
    let mut usages = Usages::default();
    for extension in certificate.iter_extensions() {
        match extension.parsed_extension() {
            ParsedExtension::KeyUsage(key) => usages.key = key_usages(key),
            ParsedExtension::ExtendedKeyUsage(extended) => usages.extended = extended_key_usages(extended),
            // SEQUENCE OF INTEGER { 5 }, as the one feature that there is.
            _ if extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.24" => {
                usages.must_staple = extension.value == [0x30, 3, 2, 1, 5];
            }
            _ => {}
        }
    }
    Ok(usages)
}

pub(crate) fn key_usages(usage: &KeyUsage) -> Vec<&'static str> {
    let names = [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
    ];
    names.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect()
}

pub(crate) fn extended_key_usages(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let names = [
        (usage.any, "anyExtendedKeyUsage"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let named = names.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_owned());
    named.chain(usage.other.iter().map(ToString::to_string)).collect()
}

/// Parses a certificate that fills `der`.
pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, MalformedCertificate> {
    match x509_parser::parse_x509_certificate(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(MalformedCertificate),
    }
}

pub(crate) fn validity(certificate: &TbsCertificate<'_>) -> Validity {
    let validity = certificate.validity();
    Validity {
        not_before: Timestamp::from_unix_seconds(validity.not_before.timestamp()),
        not_after: Timestamp::from_unix_seconds(validity.not_after.timestamp()),
    }
}
