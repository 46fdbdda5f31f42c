//! Account keys: [`acme::Jwk`].

use acme::{Jwk, KeyKind, ProblemType};
use ca::{PublicKeyAlgorithm, SubjectKey};
use serde_json::Value;

use crate::assert_problem;

pub fn check(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let jwk = match Jwk::parse(text) {
        Ok(jwk) => jwk,
        Err(problem) => {
            return assert_problem(&problem, &[ProblemType::Malformed, ProblemType::BadPublicKey]);
        }
    };
    accepted(&jwk);
    if let Ok(Value::Object(members)) = serde_json::from_str(text) {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(!members.contains_key(private), "the private member `{private}` was accepted");
        }
        let Ok(Value::Object(canonical)) = serde_json::from_str(jwk.canonical_json()) else {
            panic!("{} is no object", jwk.canonical_json());
        };
        for (name, value) in canonical {
            assert_eq!(members.get(&name), Some(&value), "{name}");
        }
    }
}

pub(crate) fn accepted(jwk: &Jwk) {
    let again = Jwk::parse(jwk.canonical_json()).expect("the canonical text is accepted");
    assert_eq!(&again, jwk);
    assert_eq!(again.canonical_json(), jwk.canonical_json());
    assert_eq!(again.spki_der(), jwk.spki_der());
    assert_eq!(again.thumbprint(), jwk.thumbprint());
    assert_eq!(jwk.thumbprint().len(), 43);

    // `ca` reads the same key from the encoding that certificates have, by other code. It has more rules for RSA.
    let kind = match SubjectKey::parse(jwk.spki_der()) {
        Ok(key) => match key.algorithm() {
            PublicKeyAlgorithm::EcdsaP256 => KeyKind::P256,
            PublicKeyAlgorithm::EcdsaP384 => KeyKind::P384,
            PublicKeyAlgorithm::EcdsaP521 => KeyKind::P521,
            PublicKeyAlgorithm::Ed25519 => KeyKind::Ed25519,
            PublicKeyAlgorithm::Rsa { .. } => KeyKind::Rsa,
        },
        Err(refusal) if jwk.kind() != KeyKind::Rsa => panic!("refused in a certificate: {refusal}"),
        Err(_) => KeyKind::Rsa,
    };
    assert_eq!(kind, jwk.kind());
}
