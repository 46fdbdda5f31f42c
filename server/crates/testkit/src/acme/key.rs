//! Account keys and their signatures (RFC 7518 §3, RFC 8037 §3).

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};

/// How an account key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Es256,
    Es384,
    Es512,
    EdDsa,
    /// With a key of 2048 bits.
    Rs256,
}

impl Algorithm {
    pub const ALL: [Self; 5] = [Self::Es256, Self::Es384, Self::Es512, Self::EdDsa, Self::Rs256];

    /// The `alg` of a JWS.
    pub const fn jws_name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

/// An account key.
pub struct Key {
    algorithm: Algorithm,
    pair: Pair,
    pkcs8: Vec<u8>,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Key {
    /// A new P-256 key.
    pub fn new() -> Self {
        Self::generate(Algorithm::Es256)
    }

    /// # Panics
    /// When the key cannot be made.
    pub fn generate(algorithm: Algorithm) -> Self {
        let (pair, pkcs8) = match algorithm {
            Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 => {
                let signing = match algorithm {
                    Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
                    Algorithm::Es512 => &ECDSA_P521_SHA512_FIXED_SIGNING,
                    _ => &ECDSA_P256_SHA256_FIXED_SIGNING,
                };
                let pair = EcdsaKeyPair::generate(signing).expect("an EC key can be made");
                let pkcs8 = pair.to_pkcs8v1().expect("an EC key has PKCS #8").as_ref().to_vec();
                (Pair::Ecdsa(pair), pkcs8)
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::generate().expect("an Ed25519 key can be made");
                let pkcs8 = pair.to_pkcs8v1().expect("an Ed25519 key has PKCS #8").as_ref().to_vec();
                (Pair::Ed25519(pair), pkcs8)
            }
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key can be made");
                let pkcs8 = AsDer::as_der(&pair).expect("an RSA key has PKCS #8").as_ref().to_vec();
                (Pair::Rsa(Box::new(pair)), pkcs8)
            }
        };
        Self { algorithm, pair, pkcs8 }
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The private key in PKCS #8, for other clients that shall be the same account, or for a certificate request
    /// with the account's key.
    pub fn pkcs8(&self) -> PrivatePkcs8KeyDer<'static> {
        self.pkcs8.clone().into()
    }

    /// The same key for certificate requests.
    ///
    /// # Panics
    /// When rcgen does not take the key.
    pub fn to_leaf_key(&self) -> rcgen::KeyPair {
        let algorithm = match self.algorithm {
            Algorithm::Es256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Algorithm::Es384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Algorithm::Es512 => &rcgen::PKCS_ECDSA_P521_SHA512,
            Algorithm::EdDsa => &rcgen::PKCS_ED25519,
            Algorithm::Rs256 => &rcgen::PKCS_RSA_SHA256,
        };
        rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&self.pkcs8(), algorithm).expect("rcgen takes the key")
    }

    /// The public key as JWK, its members in the order of RFC 7638 §3.
    pub fn jwk(&self) -> Value {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let curve = match self.algorithm {
                    Algorithm::Es384 => "P-384",
                    Algorithm::Es512 => "P-521",
                    _ => "P-256",
                };
                // An uncompressed point (SEC 1 §2.3.3): 4, x, y.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
                json!({ "crv": curve, "kty": "EC", "x": b64(x), "y": b64(y) })
            }
            Pair::Ed25519(pair) => {
                json!({ "crv": "Ed25519", "kty": "OKP", "x": b64(pair.public_key().as_ref()) })
            }
            Pair::Rsa(pair) => {
                let (n, e) = rsa_public_numbers(pair.public_key().as_ref());
                json!({ "e": b64(e), "kty": "RSA", "n": b64(n) })
            }
        }
    }

    /// The JWK thumbprint (RFC 7638) in unpadded base64url.
    pub fn thumbprint(&self) -> String {
        // serde_json keeps its maps sorted, as RFC 7638 §3.3 wants the members.
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, self.jwk().to_string().as_bytes()))
    }

    /// A signature in the form of JWS: for ECDSA the two numbers side by side (RFC 7518 §3.4).
    ///
    /// # Panics
    /// When the provider fails.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Ecdsa(pair) => {
                pair.sign(&SystemRandom::new(), message).expect("ECDSA signs").as_ref().to_vec()
            }
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .expect("RSA signs");
                signature
            }
        }
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 §A.1.1): a SEQUENCE of two INTEGERs.
fn rsa_public_numbers(der: &[u8]) -> (&[u8], &[u8]) {
    let (sequence, _) = der_value(der);
    let (modulus, rest) = der_value(sequence);
    let (exponent, _) = der_value(rest);
    // A leading zero only keeps the number positive; JWK has none (RFC 7518 §6.3.1.1).
    (modulus.strip_prefix(&[0]).unwrap_or(modulus), exponent)
}

/// The value of the first DER element, and what follows it.
fn der_value(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, header) = match der[1] {
        short @ 0..=0x7f => (usize::from(short), 2),
        long => {
            let octets = usize::from(long & 0x7f);
            let length = der[2..2 + octets].iter().fold(0, |sum, &octet| sum << 8 | usize::from(octet));
            (length, 2 + octets)
        }
    };
    der[header..].split_at(length)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
        UnparsedPublicKey,
    };

    use super::*;

    fn decoded(value: &Value) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(value.as_str().expect("a string")).expect("base64url")
    }

    #[test]
    fn signatures_verify_under_the_published_key() {
        for algorithm in Algorithm::ALL {
            let key = Key::generate(algorithm);
            let (jwk, signature) = (key.jwk(), key.sign(b"text"));
            match algorithm {
                Algorithm::Es256 => {
                    let point = [vec![4], decoded(&jwk["x"]), decoded(&jwk["y"])].concat();
                    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                    public.verify(b"text", &signature).expect("ES256");
                }
                Algorithm::Es384 => assert_eq!((signature.len(), decoded(&jwk["y"]).len()), (96, 48)),
                Algorithm::Es512 => assert_eq!((signature.len(), decoded(&jwk["y"]).len()), (132, 66)),
                Algorithm::EdDsa => {
                    let public = UnparsedPublicKey::new(&ED25519, decoded(&jwk["x"]));
                    public.verify(b"text", &signature).expect("EdDSA");
                }
                Algorithm::Rs256 => {
                    let public = RsaPublicKeyComponents { n: decoded(&jwk["n"]), e: decoded(&jwk["e"]) };
                    public.verify(&RSA_PKCS1_2048_8192_SHA256, b"text", &signature).expect("RS256");
                }
            }
            key.to_leaf_key();
        }
    }
}
