//! The certificate authority without input or output: which keys are good, what a CSR may say, how a leaf is built
//! and signed, and how secrets are sealed for the database.
//!
//! Leaves are encoded here, not by `rcgen`: its names are maps from attribute type to value, so an issuer such as
//! `DC=corp, DC=example` would lose an attribute, and RFC 5280 §4.1.2.4 wants the issuer of a leaf to be what the
//! CA's certificate has as its subject. `rcgen` makes what has only names of our own choice: root certificates and
//! the CSRs of the built-in client.

mod blocklist;
mod chain;
mod challenge_certificate;
mod csr;
mod der;
mod extension_request;
mod fields;
mod inspect;
mod key;
mod leaf;
mod name_constraints;
pub mod pem;
mod private_key;
mod request;
mod rsa_rules;
mod seal;
mod serial;
mod signature;
mod signer;
mod validity;

pub use blocklist::{BlocklistError, KeyBlocklist};
pub use challenge_certificate::{AcmeIdentifier, AltName, ChallengeCertificate};
pub use csr::{Csr, CsrError, common_name_of};
pub use fields::{CertificateField, fields};
pub use inspect::{
    CertificateInfo, MalformedCertificate, Usages, authority_key_identifier, certificate_serial_hex,
    certificate_spki, describe, not_after, usages,
};
pub use key::{CaKeyAlgorithm, KeyError, PublicKeyAlgorithm, SubjectKey};
pub use leaf::{Leaf, LeafRequest, UnsignedLeaf};
pub use private_key::{example_key, generate_key};
pub use request::create_csr;
pub use seal::{SealError, Sealer};
pub use serial::Serial;
pub use signer::{CaError, CaSigner};
pub use validity::Validity;

/// SHA-256 in lower-case hexadecimal, as certificates, chains and CSRs are named by it.
pub fn sha256_hex(data: &[u8]) -> String {
    hex::encode(sha256(data))
}

/// SHA-256 in the form in which fingerprints are compared.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, data);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}
