//! How clients name certificates (RFC 9773 §4.1): [`acme::renewal::CertificateRef`]. An input is taken for the text,
//! and for the two values in it, the first octet telling where the second one begins.

use acme::ProblemType;
use acme::base64url::encode;
use acme::renewal::CertificateRef;

use crate::assert_problem;

pub fn check(octets: &[u8]) {
    if let Ok(text) = std::str::from_utf8(octets) {
        parse(text);
    }
    let Some((at, values)) = octets.split_first() else { return };
    let (issuer, serial) = values.split_at(usize::from(*at).min(values.len()));
    let text = format!("{}.{}", encode(issuer), encode(serial));
    let acceptable =
        text.len() <= 120 && !issuer.is_empty() && !serial.is_empty() && serial.len() == shortest(serial);
    match parse(&text) {
        Some(parsed) => {
            assert!(acceptable, "{text}");
            assert_eq!((&*parsed.authority_key_identifier, &*parsed.serial), (issuer, serial));
        }
        None => assert!(!acceptable, "{text}"),
    }
}

fn parse(text: &str) -> Option<CertificateRef> {
    match CertificateRef::parse(text, "it") {
        Ok(parsed) => {
            let again = format!("{}.{}", encode(&parsed.authority_key_identifier), encode(&parsed.serial));
            assert_eq!(again, text, "a certificate has one text");
            Some(parsed)
        }
        Err(problem) => {
            assert_problem(&problem, &[ProblemType::Malformed]);
            None
        }
    }
}

/// How many octets the number in two's complement takes at least.
fn shortest(integer: &[u8]) -> usize {
    let Some(first) = integer.first() else { return 0 };
    let sign = if first & 0x80 == 0 { 0 } else { 0xff };
    let significant = integer.iter().position(|octet| *octet != sign).map_or(0, |at| integer.len() - at);
    let needs_sign = integer.get(integer.len() - significant).is_none_or(|octet| (octet ^ sign) & 0x80 != 0);
    significant + usize::from(needs_sign)
}
