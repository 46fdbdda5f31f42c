//! Keys made for one test run, and requests signed with them.

use acme::{Algorithm, base64url};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

pub enum TestKey {
    Ec(Algorithm, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<rsa::KeyPair>),
}

impl TestKey {
    pub fn generate(algorithm: Algorithm) -> Self {
        let ec =
            |alg: &'static EcdsaSigningAlgorithm| Self::Ec(algorithm, EcdsaKeyPair::generate(alg).unwrap());
        match algorithm {
            Algorithm::RS256 => Self::Rsa(Box::new(rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap())),
            Algorithm::ES256 => ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::ES512 => ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::EdDSA => Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
        }
    }

    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ec(algorithm, _) => *algorithm,
            Self::Ed25519(_) => Algorithm::EdDSA,
            Self::Rsa(_) => Algorithm::RS256,
        }
    }

    pub fn jwk(&self) -> Value {
        match self {
            Self::Ec(algorithm, pair) => {
                let crv = match algorithm {
                    Algorithm::ES256 => "P-256",
                    Algorithm::ES384 => "P-384",
                    _ => "P-521",
                };
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": crv, "x": base64url::encode(x), "y": base64url::encode(y)})
            }
            Self::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(pair.public_key())})
            }
            Self::Rsa(pair) => {
                json!({"kty": "RSA", "n": base64url::encode(modulus(pair)), "e": "AQAB"})
            }
        }
    }

    /// The key as `aws-lc` itself writes it into certificates.
    pub fn spki_der(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Ec(_, pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
            Self::Rsa(pair) => pair.public_key().as_der(),
        }
        .unwrap();
        der.as_ref().to_vec()
    }

    pub fn sign(&self, input: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(_, pair) => pair.sign(&random, input).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(input).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, input, &mut out).unwrap();
                out
            }
        }
    }

    /// A flattened JWS with exactly this header.
    pub fn jws(&self, header: &Value, payload: &[u8]) -> Value {
        let protected = base64url::encode(header.to_string());
        let payload = base64url::encode(payload);
        let signature = base64url::encode(self.sign(format!("{protected}.{payload}").as_bytes()));
        json!({"protected": protected, "payload": payload, "signature": signature})
    }

    /// A request of an account that is not yet known.
    pub fn request(&self, payload: &[u8]) -> Vec<u8> {
        self.jws(&self.header(), payload).to_string().into_bytes()
    }

    /// The header of such a request.
    pub fn header(&self) -> Value {
        json!({
            "alg": self.algorithm().as_str(),
            "jwk": self.jwk(),
            "nonce": "bm9uY2U",
            "url": "https://ca.example/acme/new-account",
        })
    }
}

/// The key is PKCS#1 in DER and ends with the modulus and the five octets of the integer 65537.
fn modulus(pair: &rsa::KeyPair) -> &[u8] {
    let der = pair.public_key().as_ref();
    let end = der.len() - 5;
    &der[end - pair.public_modulus_len()..end]
}
