//! The encoding of an end-entity certificate (RFC 5280 §4.1, §4.2).

use std::net::IpAddr;

use model::{ExtendedKeyUsage, Identifier, KeyType, Timestamp};

use crate::der::{self, oid};
use crate::key::SubjectKey;
use crate::serial::Serial;
use crate::validity::Validity;

/// What goes into a leaf. All of it comes from the order and the profile, only the key from the CSR.
#[derive(Clone, Copy, Debug)]
pub struct LeafRequest<'a> {
    pub serial: Serial,
    pub subject_key: &'a SubjectKey,
    /// The names, in the order in which the subjectAltName lists them.
    pub identifiers: &'a [Identifier],
    /// One of `identifiers`, of at most 64 characters. Without it the subject is empty and the subjectAltName
    /// critical.
    pub common_name: Option<&'a str>,
    /// Cut to the whole second, as `not_after` is.
    pub not_before: Timestamp,
    /// The last second in which the leaf is valid.
    pub not_after: Timestamp,
    pub extended_key_usages: &'a [ExtendedKeyUsage],
    /// Adds the TLS feature `status_request` (RFC 7633).
    pub must_staple: bool,
}

/// A leaf that is ready to be signed.
#[derive(Clone, Debug)]
pub struct UnsignedLeaf {
    /// The TBSCertificate.
    pub(crate) to_be_signed: Vec<u8>,
    pub(crate) serial: Serial,
    pub(crate) validity: Validity,
}

/// A signed leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub der: Vec<u8>,
    /// The serial number's 20 octets in lower-case hexadecimal.
    pub serial_hex: String,
    /// SHA-256 of `der` in lower-case hexadecimal.
    pub sha256_hex: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

/// The parts of a leaf that are its issuer's.
#[derive(Clone, Debug)]
pub(crate) struct IssuerPart {
    /// The Name, byte for byte as it is the subject of the issuer's certificate: RFC 5280 §7.1 lets implementations
    /// compare the encodings, and many do.
    pub(crate) name: Vec<u8>,
    pub(crate) key_identifier: Vec<u8>,
    /// AlgorithmIdentifier.
    pub(crate) signature_algorithm: Vec<u8>,
}

/// The value of the TLS feature extension with `status_request` (5) alone.
pub(crate) const MUST_STAPLE: &[u8] = &[0x30, 0x03, 0x02, 0x01, 0x05];

/// Encodes the TBSCertificate.
pub(crate) fn to_be_signed(request: &LeafRequest<'_>, issuer: &IssuerPart) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    der::write(&mut out, der::SEQUENCE, |out| {
        der::write(out, der::context_constructed(0), |out| der::write_bytes(out, der::INTEGER, &[V3]));
        der::write_bytes(out, der::INTEGER, request.serial.as_bytes());
        out.extend_from_slice(&issuer.signature_algorithm);
        out.extend_from_slice(&issuer.name);
        der::write(out, der::SEQUENCE, |out| {
            write_time(out, request.not_before);
            write_time(out, request.not_after);
        });
        write_subject(out, request.common_name);
        out.extend_from_slice(request.subject_key.spki_der());
        der::write(out, der::context_constructed(3), |out| {
            der::write(out, der::SEQUENCE, |out| write_extensions(out, request, issuer));
        });
    });
    out
}

/// Joins a TBSCertificate and its signature to a Certificate.
pub(crate) fn assemble(to_be_signed: &[u8], signature_algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(to_be_signed.len() + signature.len() + 32);
    der::write(&mut out, der::SEQUENCE, |out| {
        out.extend_from_slice(to_be_signed);
        out.extend_from_slice(signature_algorithm);
        der::write_bits(out, signature);
    });
    out
}

/// Version ::= INTEGER { v1(0), v2(1), v3(2) }
const V3: u8 = 2;

/// RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050, both in seconds and `Z`.
fn write_time(out: &mut Vec<u8>, at: Timestamp) {
    let t = at.to_offset_date_time();
    let (year, month, day) = (t.year(), u8::from(t.month()), t.day());
    let (hour, minute, second) = (t.hour(), t.minute(), t.second());
    let (tag, text) = if (1950..2050).contains(&year) {
        let year = year % 100;
        (der::UTC_TIME, format!("{year:02}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z"))
    } else {
        (der::GENERALIZED_TIME, format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z"))
    };
    der::write_bytes(out, tag, text.as_bytes());
}

fn write_subject(out: &mut Vec<u8>, common_name: Option<&str>) {
    der::write(out, der::SEQUENCE, |out| {
        let Some(common_name) = common_name else { return };
        der::write(out, der::SET, |out| {
            der::write(out, der::SEQUENCE, |out| {
                der::write_bytes(out, der::OID, oid::COMMON_NAME);
                // PrintableString has no `*`.
                der::write_bytes(out, der::UTF8_STRING, common_name.as_bytes());
            });
        });
    });
}

fn write_extensions(out: &mut Vec<u8>, request: &LeafRequest<'_>, issuer: &IssuerPart) {
    // §4.2.1.1
    write_extension(out, oid::AUTHORITY_KEY_IDENTIFIER, NOT_CRITICAL, |out| {
        der::write(out, der::SEQUENCE, |out| der::write_bytes(out, der::context(0), &issuer.key_identifier));
    });
    // §4.2.1.2
    write_extension(out, oid::SUBJECT_KEY_IDENTIFIER, NOT_CRITICAL, |out| {
        der::write_bytes(out, der::OCTET_STRING, &request.subject_key.key_identifier());
    });
    // §4.2.1.3. Bits count from the left; the first octet tells how many at the end are unused.
    write_extension(out, oid::KEY_USAGE, CRITICAL, |out| {
        // digitalSignature, and keyEncipherment for a server with RSA key exchange. §4.2.1.12 has the latter go with
        // serverAuth but not with clientAuth; RFC 8813 §3 and RFC 8410 §5 forbid it for the other key types.
        let enciphers = request.subject_key.key_type() == KeyType::Rsa
            && request.extended_key_usages.contains(&ExtendedKeyUsage::ServerAuth);
        let usage: &[u8] = if enciphers { &[5, 0b1010_0000] } else { &[7, 0b1000_0000] };
        der::write_bytes(out, der::BIT_STRING, usage);
    });
    // §4.2.1.9: an empty SEQUENCE is cA FALSE, its default.
    write_extension(out, oid::BASIC_CONSTRAINTS, CRITICAL, |out| der::write_bytes(out, der::SEQUENCE, &[]));
    // §4.2.1.12
    if !request.extended_key_usages.is_empty() {
        write_extension(out, oid::EXTENDED_KEY_USAGE, NOT_CRITICAL, |out| {
            der::write(out, der::SEQUENCE, |out| {
                for usage in request.extended_key_usages {
                    let purpose = match usage {
                        ExtendedKeyUsage::ServerAuth => oid::SERVER_AUTH,
                        ExtendedKeyUsage::ClientAuth => oid::CLIENT_AUTH,
                    };
                    der::write_bytes(out, der::OID, purpose);
                }
            });
        });
    }
    // §4.2.1.6: critical when the subject is empty.
    write_extension(out, oid::SUBJECT_ALT_NAME, request.common_name.is_none(), |out| {
        der::write(out, der::SEQUENCE, |out| {
            for identifier in request.identifiers {
                match identifier {
                    Identifier::Dns(name) => {
                        der::write_bytes(out, der::context(2), name.as_str().as_bytes());
                    }
                    Identifier::Ip(IpAddr::V4(ip)) => der::write_bytes(out, der::context(7), &ip.octets()),
                    Identifier::Ip(IpAddr::V6(ip)) => der::write_bytes(out, der::context(7), &ip.octets()),
                }
            }
        });
    });
    // RFC 7633 §4
    if request.must_staple {
        write_extension(out, oid::TLS_FEATURE, NOT_CRITICAL, |out| out.extend_from_slice(MUST_STAPLE));
    }
}

const CRITICAL: bool = true;
const NOT_CRITICAL: bool = false;

fn write_extension(out: &mut Vec<u8>, id: &[u8], critical: bool, value: impl FnOnce(&mut Vec<u8>)) {
    der::write(out, der::SEQUENCE, |out| {
        der::write_bytes(out, der::OID, id);
        if critical {
            der::write_bytes(out, der::BOOLEAN, &[0xff]);
        }
        der::write(out, der::OCTET_STRING, value);
    });
}
