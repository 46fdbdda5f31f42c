//! Signatures by keys whose certificate or CSR is at hand.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use crate::der::{self, Reader, oid};
use crate::key::{PublicKeyAlgorithm, SubjectKey};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadSignature {
    /// The algorithm is not accepted, or does not go with the key.
    Unsupported,
    /// It is not a signature by that key over those bytes.
    Wrong,
}

/// Verifies `signature` over `message`. `algorithm` is the contents of the AlgorithmIdentifier beside the signature.
pub(crate) fn verify(
    key: &SubjectKey,
    algorithm: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    let algorithm = verification_algorithm(key, algorithm).ok_or(BadSignature::Unsupported)?;
    UnparsedPublicKey::new(algorithm, key.public_key())
        .verify(message, signature)
        .map_err(|_| BadSignature::Wrong)
}

/// SHA-1 is left out on purpose, RSA-PSS because no ACME client signs CSRs with it.
fn verification_algorithm(key: &SubjectKey, identifier: &[u8]) -> Option<&'static dyn VerificationAlgorithm> {
    let mut identifier = Reader::new(identifier);
    let algorithm = identifier.expect(der::OID).ok()?;
    let rsa = matches!(key.algorithm(), PublicKeyAlgorithm::Rsa { .. });
    // RFC 4055 §5: NULL, and absent parameters must be accepted too. The others have none (RFC 5758 §3.2, RFC 8410 §3).
    if rsa && !identifier.is_empty() {
        identifier.expect(NULL).ok().filter(|content| content.is_empty())?;
    }
    identifier.finish().ok()?;

    use PublicKeyAlgorithm::{EcdsaP256, EcdsaP384, EcdsaP521, Ed25519, Rsa};
    Some(match (key.algorithm(), algorithm) {
        (Rsa { .. }, oid::SHA256_WITH_RSA) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (Rsa { .. }, oid::SHA384_WITH_RSA) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (Rsa { .. }, oid::SHA512_WITH_RSA) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (EcdsaP256, oid::ECDSA_WITH_SHA256) => &signature::ECDSA_P256_SHA256_ASN1,
        (EcdsaP256, oid::ECDSA_WITH_SHA384) => &signature::ECDSA_P256_SHA384_ASN1,
        (EcdsaP256, oid::ECDSA_WITH_SHA512) => &signature::ECDSA_P256_SHA512_ASN1,
        (EcdsaP384, oid::ECDSA_WITH_SHA256) => &signature::ECDSA_P384_SHA256_ASN1,
        (EcdsaP384, oid::ECDSA_WITH_SHA384) => &signature::ECDSA_P384_SHA384_ASN1,
        (EcdsaP384, oid::ECDSA_WITH_SHA512) => &signature::ECDSA_P384_SHA512_ASN1,
        (EcdsaP521, oid::ECDSA_WITH_SHA256) => &signature::ECDSA_P521_SHA256_ASN1,
        (EcdsaP521, oid::ECDSA_WITH_SHA384) => &signature::ECDSA_P521_SHA384_ASN1,
        (EcdsaP521, oid::ECDSA_WITH_SHA512) => &signature::ECDSA_P521_SHA512_ASN1,
        (Ed25519, oid::ED25519) => &signature::ED25519,
        _ => return None,
    })
}

const NULL: u8 = 0x05;
