//! What a CSR asks to have in the certificate (RFC 2985 §5.4.2), of which nothing is copied.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::Identifier;

use crate::csr::CsrError;
use crate::der::{self, NotDer, Reader, oid};

/// The subjectAltName of the extensionRequest (RFC 2985 §5.4.2). Other attributes, such as challengePassword, ask for
/// nothing in the certificate.
pub(crate) fn requested_names(attributes: &[u8]) -> Result<BTreeSet<Identifier>, CsrError> {
    let malformed = |NotDer| CsrError::Malformed("its attributes are not as RFC 2986 has them");
    let mut requested = None;
    let mut attributes = Reader::new(attributes);
    while !attributes.is_empty() {
        let mut attribute = attributes.sequence().map_err(malformed)?;
        let kind = attribute.expect(der::OID).map_err(malformed)?;
        let values = attribute.expect(der::SET).map_err(malformed)?;
        attribute.finish().map_err(malformed)?;
        if kind == oid::EXTENSION_REQUEST {
            let extensions = Reader::only(values, der::SEQUENCE).map_err(malformed)?;
            if requested.replace(extensions).is_some() {
                return Err(CsrError::Malformed("it has two extension requests"));
            }
        }
    }
    match requested {
        Some(extensions) => check_extensions(extensions),
        None => Ok(BTreeSet::new()),
    }
}

fn check_extensions(extensions: &[u8]) -> Result<BTreeSet<Identifier>, CsrError> {
    let malformed = |NotDer| CsrError::Malformed("its requested extensions are not as RFC 5280 has them");
    let mut names = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut extensions = Reader::new(extensions);
    while !extensions.is_empty() {
        let mut extension = extensions.sequence().map_err(malformed)?;
        let id = extension.expect(der::OID).map_err(malformed)?;
        // Whether the client thinks it critical does not matter: nothing is copied. Some write DEFAULT FALSE out.
        extension.optional(der::BOOLEAN).map_err(malformed)?;
        let value = extension.expect(der::OCTET_STRING).map_err(malformed)?;
        extension.finish().map_err(malformed)?;

        let (name, check): (_, Check) = match id {
            oid::SUBJECT_ALT_NAME => ("subjectAltName", |_| Ok(())),
            oid::BASIC_CONSTRAINTS => ("basicConstraints", check_basic_constraints),
            oid::KEY_USAGE => ("keyUsage", check_key_usage),
            oid::EXTENDED_KEY_USAGE => ("extendedKeyUsage", check_extended_key_usage),
            oid::SUBJECT_KEY_IDENTIFIER => ("subjectKeyIdentifier", check_key_identifier),
            oid::TLS_FEATURE => ("TLS feature", check_tls_feature),
            other => return Err(CsrError::Extension(describe_oid(other))),
        };
        if !seen.insert(name) {
            return Err(CsrError::DuplicateExtension(name));
        }
        check(value).map_err(|refusal| match refusal {
            Refusal::Malformed => CsrError::Extension(format!("{name} with a value that is not its own")),
            Refusal::Ca(why) => CsrError::Ca(why),
        })?;
        if id == oid::SUBJECT_ALT_NAME {
            names = general_names(value)?;
        }
    }
    Ok(names)
}

/// Judges the value of an extension.
type Check = fn(&[u8]) -> Result<(), Refusal>;

enum Refusal {
    Malformed,
    Ca(&'static str),
}

impl From<NotDer> for Refusal {
    fn from(_: NotDer) -> Self {
        Self::Malformed
    }
}

/// RFC 5280 §4.2.1.9.
fn check_basic_constraints(value: &[u8]) -> Result<(), Refusal> {
    let mut fields = Reader::new(Reader::only(value, der::SEQUENCE)?);
    if fields.optional(der::BOOLEAN)?.is_some_and(|ca| ca != [0]) {
        return Err(Refusal::Ca("basicConstraints with cA true"));
    }
    if fields.optional(der::INTEGER)?.is_some() {
        return Err(Refusal::Ca("basicConstraints with a path length"));
    }
    Ok(fields.finish()?)
}

/// RFC 5280 §4.2.1.3.
fn check_key_usage(value: &[u8]) -> Result<(), Refusal> {
    const KEY_CERT_SIGN_OR_CRL_SIGN: u8 = 0b0000_0110;
    let Some((unused, bits)) = Reader::only(value, der::BIT_STRING)?.split_first() else {
        return Err(Refusal::Malformed);
    };
    if *unused > 7 || bits.len() > 2 {
        return Err(Refusal::Malformed);
    }
    match bits.first() {
        Some(bits) if bits & KEY_CERT_SIGN_OR_CRL_SIGN != 0 => {
            Err(Refusal::Ca("keyUsage with keyCertSign or cRLSign"))
        }
        _ => Ok(()),
    }
}

/// RFC 5280 §4.2.1.12.
fn check_extended_key_usage(value: &[u8]) -> Result<(), Refusal> {
    let mut purposes = Reader::new(Reader::only(value, der::SEQUENCE)?);
    while !purposes.is_empty() {
        purposes.expect(der::OID)?;
    }
    Ok(())
}

/// RFC 5280 §4.2.1.2.
fn check_key_identifier(value: &[u8]) -> Result<(), Refusal> {
    Reader::only(value, der::OCTET_STRING)?;
    Ok(())
}

/// RFC 7633 §4; `status_request` (5) is the one feature that means anything in a certificate.
fn check_tls_feature(value: &[u8]) -> Result<(), Refusal> {
    if value == crate::leaf::MUST_STAPLE { Ok(()) } else { Err(Refusal::Malformed) }
}

/// RFC 5280 §4.2.1.6.
fn general_names(value: &[u8]) -> Result<BTreeSet<Identifier>, CsrError> {
    let malformed = |NotDer| CsrError::Malformed("its subjectAltName is not a list of names");
    let mut names = BTreeSet::new();
    let mut reader = Reader::new(Reader::only(value, der::SEQUENCE).map_err(malformed)?);
    while !reader.is_empty() {
        let name = reader.element().map_err(malformed)?;
        names.insert(match name.tag & 0x1f {
            2 if name.tag == der::context(2) => dns_name(name.content)?,
            7 if name.tag == der::context(7) => Identifier::Ip(ip_address(name.content)?),
            0 => return Err(CsrError::NameType("otherName")),
            1 => return Err(CsrError::NameType("rfc822Name")),
            3 => return Err(CsrError::NameType("x400Address")),
            4 => return Err(CsrError::NameType("directoryName")),
            5 => return Err(CsrError::NameType("ediPartyName")),
            6 => return Err(CsrError::NameType("uniformResourceIdentifier")),
            8 => return Err(CsrError::NameType("registeredID")),
            _ => return Err(malformed(NotDer)),
        });
    }
    Ok(names)
}

fn dns_name(content: &[u8]) -> Result<Identifier, CsrError> {
    let shown = || String::from_utf8_lossy(content).chars().take(280).collect::<String>();
    let text = std::str::from_utf8(content)
        .map_err(|_| CsrError::Name { name: shown(), reason: "a dNSName is plain ASCII" })?;
    let name = model::DnsName::parse(text).map_err(|reason| CsrError::Name { name: shown(), reason })?;
    Ok(Identifier::Dns(name))
}

fn ip_address(content: &[u8]) -> Result<IpAddr, CsrError> {
    if let Ok(octets) = <[u8; 4]>::try_from(content) {
        return Ok(IpAddr::V4(Ipv4Addr::from(octets)));
    }
    match <[u8; 16]>::try_from(content) {
        Ok(octets) => Ok(IpAddr::V6(Ipv6Addr::from(octets))),
        Err(_) => Err(CsrError::Malformed("an iPAddress in it has neither 4 nor 16 octets")),
    }
}

/// Dotted decimal, with the name of the extensions that people do ask for.
fn describe_oid(content: &[u8]) -> String {
    let Some(id) = dotted(content) else {
        return "with an unreadable object identifier".to_owned();
    };
    let name = match id.as_str() {
        "2.5.29.18" => "issuerAltName",
        "2.5.29.30" => "nameConstraints",
        "2.5.29.31" => "cRLDistributionPoints",
        "2.5.29.32" => "certificatePolicies",
        "2.5.29.33" => "policyMappings",
        "2.5.29.35" => "authorityKeyIdentifier",
        "2.5.29.36" => "policyConstraints",
        "2.5.29.54" => "inhibitAnyPolicy",
        "1.3.6.1.5.5.7.1.1" => "authorityInfoAccess",
        _ => return id,
    };
    format!("{name} ({id})")
}

/// X.690 §8.19. `None` for what nobody would want to read: cut off, or longer than any identifier in use.
fn dotted(content: &[u8]) -> Option<String> {
    const LONGEST: usize = 40;
    if content.is_empty() || content.len() > LONGEST || content.last().is_some_and(|b| b & 0x80 != 0) {
        return None;
    }
    let mut arcs = Vec::new();
    let mut arc = 0u64;
    for octet in content {
        arc = arc.checked_mul(0x80)? | u64::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            if arcs.is_empty() {
                // The first two arcs share a number; the first is 0, 1 or 2.
                let first = (arc / 40).min(2);
                arcs.push(first.to_string());
                arc -= first * 40;
            }
            arcs.push(arc.to_string());
            arc = 0;
        }
    }
    Some(arcs.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_identifiers_are_spelt_out() {
        assert_eq!(describe_oid(&[0x55, 0x1d, 0x1e]), "nameConstraints (2.5.29.30)");
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]).as_deref(), Some("1.2.840.113549"));
        assert_eq!(dotted(&[0x88, 0x37, 0x03]).as_deref(), Some("2.999.3"));
        for bad in [&[][..], &[0x80], &[0x2a, 0x86], &[0xff; 41], &[&[0xff; 20][..], &[1]].concat()] {
            assert_eq!(dotted(bad), None, "{bad:02x?}");
        }
    }
}
