//! The public keys of CSRs and certificates: [`ca::SubjectKey`].

use acme::Jwk;
use acme::base64url::encode;
use ca::{PublicKeyAlgorithm, SubjectKey};

pub fn check(octets: &[u8]) {
    let Ok(key) = SubjectKey::parse(octets) else { return };
    assert_eq!(key.spki_der(), octets);
    assert_eq!(key.spki_sha256(), ca::sha256(octets));
    assert_eq!(SubjectKey::parse(key.spki_der()).as_ref(), Ok(&key));
    assert_eq!(key.algorithm().key_type(), key.key_type());

    // The same key as JWK is accepted by other code, and has the same encoding.
    let point = |curve: &str, length: usize| {
        let coordinates = &octets[octets.len() - 2 * length..];
        let (x, y) = coordinates.split_at(length);
        format!(r#"{{"kty":"EC","crv":"{curve}","x":"{}","y":"{}"}}"#, encode(x), encode(y))
    };
    let jwk = match key.algorithm() {
        PublicKeyAlgorithm::EcdsaP256 => point("P-256", 32),
        PublicKeyAlgorithm::EcdsaP384 => point("P-384", 48),
        PublicKeyAlgorithm::EcdsaP521 => point("P-521", 66),
        PublicKeyAlgorithm::Ed25519 => {
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, encode(&octets[octets.len() - 32..]))
        }
        PublicKeyAlgorithm::Rsa { bits } => {
            assert!((2048..=8192).contains(&bits) && bits % 8 == 0, "{bits} bits");
            // The modulus is followed by the exponent 65537 with its header of two octets.
            let end = octets.len() - 5;
            let modulus = &octets[end - usize::from(bits / 8)..end];
            format!(r#"{{"kty":"RSA","e":"AQAB","n":"{}"}}"#, encode(modulus))
        }
    };
    let jwk = Jwk::parse(&jwk).unwrap_or_else(|problem| panic!("refused as JWK: {}", problem.detail));
    assert_eq!(jwk.spki_der(), octets);
}
