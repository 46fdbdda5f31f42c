//! Keys made anew by each process, so that none stands in the repository.

use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use crate::der;

/// AlgorithmIdentifier of Ed25519 (RFC 8410 §3).
pub const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";

/// Signs what an input is put into, where its parser looks at nothing that is not signed.
static KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::generate().expect("an Ed25519 key can be made"));

/// SubjectPublicKeyInfo.
pub fn spki() -> Vec<u8> {
    der::value(0x30, &[ED25519, &der::value(0x03, &[&[0], KEY.public_key().as_ref()])])
}

pub fn pkcs8() -> Vec<u8> {
    KEY.to_pkcs8v1().expect("an Ed25519 key has PKCS #8").as_ref().to_vec()
}

/// `info` with its signature: a CertificationRequest or a Certificate.
pub fn signed(info: &[u8]) -> Vec<u8> {
    let signature = der::value(0x03, &[&[0], KEY.sign(info).as_ref()]);
    der::value(0x30, &[info, ED25519, &signature])
}

/// The public key as JWK (RFC 8037 §2).
pub fn jwk() -> acme::Jwk {
    let x = acme::base64url::encode(KEY.public_key());
    acme::Jwk::parse(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)).expect("a good key")
}
