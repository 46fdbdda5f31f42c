use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaKeyPair};
use model::KeyType;
use zeroize::Zeroizing;

use crate::der::{self, oid};
use crate::key::{CaKeyAlgorithm, PublicKeyAlgorithm, SubjectKey};
use crate::signer::CaError;

/// Makes a key pair: the private key as PKCS#8 DER, and the public key. Key material comes from the generator of
/// aws-lc itself, which takes no other.
pub fn generate_key(algorithm: CaKeyAlgorithm) -> Result<(Zeroizing<Vec<u8>>, SubjectKey), CaError> {
    let pkcs8 = generate_pkcs8(algorithm).map_err(|Unspecified| CaError::Crypto("generating a key"))?;
    let key = PrivateKey::from_der(&pkcs8).ok_or(CaError::Crypto("reading the generated key"))?;
    let spki = key.spki_der();
    let public = SubjectKey::parse(&spki).map_err(|_| CaError::Crypto("checking the generated key"))?;
    Ok((pkcs8, public))
}

fn generate_pkcs8(algorithm: CaKeyAlgorithm) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let random = SystemRandom::new();
    let ecdsa = |algorithm| EcdsaKeyPair::generate_pkcs8(algorithm, &random);
    let document = match algorithm {
        CaKeyAlgorithm::EcdsaP256 => ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING)?,
        CaKeyAlgorithm::EcdsaP384 => ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING)?,
        // Version 1, since OpenSSL 3.0 does not read the public key that version 2 (RFC 5958) adds.
        CaKeyAlgorithm::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&random)?,
        CaKeyAlgorithm::Rsa3072 => return generate_rsa(KeySize::Rsa3072),
        CaKeyAlgorithm::Rsa4096 => return generate_rsa(KeySize::Rsa4096),
    };
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}

/// A key as a client might have it, to show what a leaf for it looks like. It is made once in a process, because RSA
/// takes its time; nobody keeps the private key. RSA: 2048 bits.
pub fn example_key(kind: KeyType) -> Result<SubjectKey, CaError> {
    static MADE: Mutex<Vec<SubjectKey>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(key) = made.iter().find(|key| key.key_type() == kind) {
        return Ok(key.clone());
    }
    let random = SystemRandom::new();
    let pkcs8 = match kind {
        KeyType::EcdsaP256 => generate_pkcs8(CaKeyAlgorithm::EcdsaP256),
        KeyType::EcdsaP384 => generate_pkcs8(CaKeyAlgorithm::EcdsaP384),
        KeyType::EcdsaP521 => {
            EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P521_SHA512_ASN1_SIGNING, &random)
                .map(|document| Zeroizing::new(document.as_ref().to_vec()))
        }
        KeyType::Ed25519 => generate_pkcs8(CaKeyAlgorithm::Ed25519),
        KeyType::Rsa => generate_rsa(KeySize::Rsa2048),
    };
    let pkcs8 = pkcs8.map_err(|Unspecified| CaError::Crypto("generating a key"))?;
    let key = PrivateKey::from_der(&pkcs8).ok_or(CaError::Crypto("reading the generated key"))?;
    let key =
        SubjectKey::parse(&key.spki_der()).map_err(|_| CaError::Crypto("checking the generated key"))?;
    made.push(key.clone());
    Ok(key)
}

fn generate_rsa(size: KeySize) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    Ok(Zeroizing::new(RsaKeyPair::generate(size)?.as_der()?.as_ref().to_vec()))
}

/// A key that signs.
pub(crate) struct PrivateKey {
    kind: Kind,
    algorithm: PublicKeyAlgorithm,
}

enum Kind {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    /// Reads PKCS#8 (RFC 5958), SEC1 (RFC 5915) or PKCS#1 (RFC 8017 §A.1.2), whichever fits: each names its
    /// algorithm, so at most one attempt can succeed. `None` when none does.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        let curves: [(&'static EcdsaSigningAlgorithm, _); 3] = [
            (&signature::ECDSA_P256_SHA256_ASN1_SIGNING, PublicKeyAlgorithm::EcdsaP256),
            (&signature::ECDSA_P384_SHA384_ASN1_SIGNING, PublicKeyAlgorithm::EcdsaP384),
            (&signature::ECDSA_P521_SHA512_ASN1_SIGNING, PublicKeyAlgorithm::EcdsaP521),
        ];
        for (curve, algorithm) in curves {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(curve, der) {
                return Some(Self { kind: Kind::Ecdsa(pair), algorithm });
            }
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Some(Self { kind: Kind::Ed25519(pair), algorithm: PublicKeyAlgorithm::Ed25519 });
        }
        let pair = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)).ok()?;
        let bits = u16::try_from(pair.public_modulus_len() * 8).ok()?;
        Some(Self { kind: Kind::Rsa(pair), algorithm: PublicKeyAlgorithm::Rsa { bits } })
    }

    pub(crate) fn algorithm(&self) -> PublicKeyAlgorithm {
        self.algorithm
    }

    /// The octets that the subjectPublicKey of this key's certificate has.
    pub(crate) fn public_key(&self) -> &[u8] {
        match &self.kind {
            Kind::Ecdsa(pair) => pair.public_key().as_ref(),
            Kind::Ed25519(pair) => pair.public_key().as_ref(),
            Kind::Rsa(pair) => pair.public_key().as_ref(),
        }
    }

    pub(crate) fn spki_der(&self) -> Vec<u8> {
        rcgen::PublicKeyData::subject_public_key_info(self)
    }

    /// Signs with the hash of [`Self::signature_algorithm`].
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match &self.kind {
            Kind::Ecdsa(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Kind::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
            Kind::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
        }
    }

    /// The AlgorithmIdentifier of what [`Self::sign`] makes. ECDSA takes the hash as long as its curve; SHA-256 does
    /// for RSA of every length (RFC 4055 §5, RFC 5758 §3.2, RFC 8410 §3).
    pub(crate) fn signature_algorithm(&self) -> Vec<u8> {
        let (algorithm, parameters): (_, &[u8]) = match self.algorithm {
            PublicKeyAlgorithm::EcdsaP256 => (oid::ECDSA_WITH_SHA256, &[]),
            PublicKeyAlgorithm::EcdsaP384 => (oid::ECDSA_WITH_SHA384, &[]),
            PublicKeyAlgorithm::EcdsaP521 => (oid::ECDSA_WITH_SHA512, &[]),
            PublicKeyAlgorithm::Ed25519 => (oid::ED25519, &[]),
            PublicKeyAlgorithm::Rsa { .. } => (oid::SHA256_WITH_RSA, &[0x05, 0x00]),
        };
        let mut out = Vec::new();
        der::write(&mut out, der::SEQUENCE, |out| {
            der::write_bytes(out, der::OID, algorithm);
            out.extend_from_slice(parameters);
        });
        out
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.algorithm)
    }
}

impl rcgen::PublicKeyData for PrivateKey {
    fn der_bytes(&self) -> &[u8] {
        self.public_key()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.algorithm {
            PublicKeyAlgorithm::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            PublicKeyAlgorithm::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            PublicKeyAlgorithm::EcdsaP521 => &rcgen::PKCS_ECDSA_P521_SHA512,
            PublicKeyAlgorithm::Ed25519 => &rcgen::PKCS_ED25519,
            PublicKeyAlgorithm::Rsa { .. } => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

impl rcgen::SigningKey for PrivateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Self::sign(self, message).map_err(|Unspecified| rcgen::Error::RemoteKeyError)
    }
}
