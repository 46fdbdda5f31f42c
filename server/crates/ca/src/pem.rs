//! Certificates in PEM (RFC 7468): what ACME clients download and what operators keep in files.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer};

/// The label of certificates.
pub const CERTIFICATE: &str = "CERTIFICATE";
/// The label of PKCS#8 private keys.
pub const PRIVATE_KEY: &str = "PRIVATE KEY";

/// One PEM block with lines of 64 characters, ended by one newline; no text around it.
pub fn encode(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut out = String::with_capacity(base64.len() + base64.len() / 64 + 2 * label.len() + 40);
    // Writing into a String cannot fail.
    let _ = writeln!(out, "-----BEGIN {label}-----");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    let _ = writeln!(out, "-----END {label}-----");
    out
}

/// Certificates one after the other, as RFC 8555 §9.1 has a chain.
pub fn encode_certificates<T: AsRef<[u8]>>(certificates: impl IntoIterator<Item = T>) -> String {
    certificates.into_iter().map(|der| encode(CERTIFICATE, der.as_ref())).collect()
}

/// The text is no PEM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not readable as PEM: {0}")]
pub struct PemError(String);

/// The certificates in `text` in their order. Other blocks and text between blocks are skipped.
pub fn decode_certificates(text: &str) -> Result<Vec<Vec<u8>>, PemError> {
    CertificateDer::pem_slice_iter(text.as_bytes())
        .map(|der| der.map(|der| der.to_vec()).map_err(|e| PemError(format!("{e:?}"))))
        .collect()
}

/// The first certification request in `text`, in DER. Text around it is skipped. Some programs still label it as RFC 7468
/// §7 has it for old ones.
pub fn decode_request(text: &str) -> Result<Vec<u8>, PemError> {
    let text = text.replace("NEW CERTIFICATE REQUEST-----", "CERTIFICATE REQUEST-----");
    match CertificateSigningRequestDer::from_pem_slice(text.as_bytes()) {
        Ok(der) => Ok(der.to_vec()),
        Err(e) => Err(PemError(format!("{e:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_64_columns_and_one_newline_at_the_end() {
        for length in [0, 1, 47, 48, 49, 96, 1000] {
            let der = vec![0xa5; length];
            let pem = encode(CERTIFICATE, &der);
            let lines: Vec<&str> = pem.lines().collect();
            let (first, body) = lines.split_first().unwrap();
            let (last, body) = body.split_last().unwrap();
            assert_eq!((*first, *last), ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"));
            if let Some((short, full)) = body.split_last() {
                assert!(full.iter().all(|line| line.len() == 64) && (1..=64).contains(&short.len()));
            }
            assert!(pem.ends_with("-----\n") && !pem.contains("\n\n"));
            assert_eq!(decode_certificates(&pem).unwrap(), [der]);
        }
    }

    #[test]
    fn a_request_is_found_under_both_of_its_labels() {
        for label in ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"] {
            let text = format!("Subject: x\n{}", encode(label, &[1, 2, 3]));
            assert_eq!(decode_request(&text).unwrap(), [1, 2, 3], "{label}");
        }
        for other in ["", "AQID", &encode(CERTIFICATE, &[1]), "-----BEGIN CERTIFICATE REQUEST-----\nAA"] {
            assert!(decode_request(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_chain_keeps_its_order() {
        let pem = encode_certificates([&[1u8][..], &[2], &[3]]);
        assert_eq!(decode_certificates(&format!("subject=x\n{pem}")).unwrap(), [vec![1], vec![2], vec![3]]);
        assert!(decode_certificates("-----BEGIN CERTIFICATE-----\nAA").is_err());
        assert!(decode_certificates("").unwrap().is_empty());
    }
}
