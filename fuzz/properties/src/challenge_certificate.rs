//! Others' certificates: [`ca::ChallengeCertificate`] and what else is read of them. An input is taken for a whole
//! certificate and for the extensions of one.

use ca::{AltName, ChallengeCertificate, MalformedCertificate};

use crate::{der, keys};

pub fn check(octets: &[u8]) {
    certificate(octets);
    certificate(&with_extensions(octets));
}

/// A certificate whose extensions are `extensions`, the contents of their SEQUENCE. Nobody looks at its signature.
fn with_extensions(extensions: &[u8]) -> Vec<u8> {
    let time = der::value(0x17, &[b"260101000000Z"]);
    let extensions = der::value(0xa3, &[&der::value(0x30, &[extensions])]);
    let info = der::value(
        0x30,
        &[
            b"\xa0\x03\x02\x01\x02\x02\x01\x01",
            keys::ED25519,
            b"\x30\x00",
            &der::value(0x30, &[&time, &time]),
            b"\x30\x00",
            &keys::spki(),
            &extensions,
        ],
    );
    der::value(0x30, &[&info, keys::ED25519, b"\x03\x01\x00"])
}

fn certificate(octets: &[u8]) {
    let challenge = ChallengeCertificate::parse(octets);
    let described = ca::describe(octets);
    let Ok(described) = described else {
        assert_eq!(challenge, Err(MalformedCertificate));
        assert_eq!(ca::certificate_spki(octets), Err(MalformedCertificate));
        assert_eq!(ca::certificate_serial_hex(octets), Err(MalformedCertificate));
        assert_eq!(ca::authority_key_identifier(octets), Err(MalformedCertificate));
        assert_eq!(ca::not_after(octets), Err(MalformedCertificate));
        return;
    };
    let contains = |part: &[u8]| part.is_empty() || octets.windows(part.len()).any(|window| window == part);
    assert_eq!(described.sha256_hex, ca::sha256_hex(octets));
    assert_eq!(ca::certificate_serial_hex(octets).as_ref(), Ok(&described.serial_hex));
    assert_eq!(ca::not_after(octets), Ok(described.not_after));
    assert!(contains(&ca::certificate_spki(octets).unwrap()));
    if let Some(key_identifier) = ca::authority_key_identifier(octets).unwrap() {
        assert!(contains(&key_identifier));
    }

    let Ok(challenge) = challenge else { return };
    for name in &challenge.names {
        match name {
            AltName::Dns(name) => assert_eq!(*name, name.to_ascii_lowercase()),
            AltName::Ip(std::net::IpAddr::V4(address)) => assert!(contains(&address.octets())),
            AltName::Ip(std::net::IpAddr::V6(address)) => assert!(contains(&address.octets())),
            AltName::Other => {}
        }
    }
    if let Some(acme_identifier) = challenge.acme_identifier {
        // RFC 8737 §3: an OCTET STRING of 32 octets. How the extension around it may be written is x509-parser's affair.
        assert!(contains(&[b"\x04\x20", &acme_identifier.digest[..]].concat()));
    }
}
