use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use model::{KeyType, UnknownWord};

use crate::der::{self, NotDer, Reader, oid};
use crate::rsa_rules::{Weakness, weakness};
use crate::sha256;

/// Keys that can be generated: for a CA, and for what the program itself needs a certificate for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CaKeyAlgorithm {
    #[default]
    EcdsaP256,
    EcdsaP384,
    Rsa3072,
    Rsa4096,
    Ed25519,
}

impl CaKeyAlgorithm {
    pub const ALL: &'static [Self] =
        &[Self::EcdsaP256, Self::EcdsaP384, Self::Rsa3072, Self::Rsa4096, Self::Ed25519];

    /// The word by which a setting names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl fmt::Display for CaKeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CaKeyAlgorithm {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|a| a.as_str() == word).ok_or_else(|| UnknownWord {
            value: word.to_owned(),
            allowed: "`ecdsa-p256` `ecdsa-p384` `rsa-3072` `rsa-4096` `ed25519`",
        })
    }
}

/// What a public key is for and how long it is. Displays as `ecdsa-p256`, `rsa-2048`, `ed25519` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PublicKeyAlgorithm {
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    Ed25519,
    /// The length of the modulus.
    Rsa {
        bits: u16,
    },
}

impl PublicKeyAlgorithm {
    pub fn key_type(self) -> KeyType {
        match self {
            Self::EcdsaP256 => KeyType::EcdsaP256,
            Self::EcdsaP384 => KeyType::EcdsaP384,
            Self::EcdsaP521 => KeyType::EcdsaP521,
            Self::Ed25519 => KeyType::Ed25519,
            Self::Rsa { .. } => KeyType::Rsa,
        }
    }
}

impl fmt::Display for PublicKeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "rsa-{bits}"),
            other => f.write_str(other.key_type().as_str()),
        }
    }
}

/// Why a public key is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the public key is not a DER SubjectPublicKeyInfo")]
    Malformed,
    #[error(
        "the key type is not supported; use RSA (2048 to 8192 bits), ECDSA on P-256, P-384 or P-521, or Ed25519"
    )]
    Unsupported,
    #[error("the elliptic curve point is compressed; use the uncompressed form (RFC 5480 §2.2)")]
    CompressedPoint,
    #[error("the elliptic curve point is not on its curve")]
    NotOnCurve,
    #[error("the RSA modulus has {bits} bits; 2048 to 8192 are accepted, in steps of 8")]
    RsaLength { bits: usize },
    #[error("the RSA public exponent is not 65537")]
    RsaExponent,
    #[error("the RSA modulus has a small prime factor")]
    RsaSmallFactor,
    #[error("the RSA key was made by a faulty generator and can be factored (ROCA, CVE-2017-15361)")]
    RsaRoca,
}

impl From<NotDer> for KeyError {
    fn from(_: NotDer) -> Self {
        Self::Malformed
    }
}

/// A public key that may go into a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectKey {
    spki_der: Vec<u8>,
    algorithm: PublicKeyAlgorithm,
    /// Where in `spki_der` the octets of subjectPublicKey start; they end it.
    public_key_at: usize,
}

impl SubjectKey {
    /// Parses a SubjectPublicKeyInfo and checks that the key is a good one: RSA of 2048 to 8192 bits with the
    /// exponent 65537 and no known weakness, P-256, P-384 or P-521 with an uncompressed point on the curve, or
    /// Ed25519.
    pub fn parse(spki_der: &[u8]) -> Result<Self, KeyError> {
        let mut outer = Reader::new(Reader::only(spki_der, der::SEQUENCE)?);
        let mut identifier = outer.sequence()?;
        let public_key = outer.octet_aligned_bits()?;
        outer.finish()?;

        let algorithm = match identifier.expect(der::OID)? {
            oid::RSA_ENCRYPTION => {
                // RFC 3279 §2.3.1: the parameters MUST be NULL.
                if identifier.element()?.raw != NULL {
                    return Err(KeyError::Malformed);
                }
                check_rsa(public_key)?
            }
            oid::EC_PUBLIC_KEY => {
                let curve = identifier.optional(der::OID)?.ok_or(KeyError::Unsupported)?;
                check_ec(curve, public_key)?
            }
            oid::ED25519 if public_key.len() == 32 => PublicKeyAlgorithm::Ed25519,
            oid::ED25519 => return Err(KeyError::Malformed),
            _ => return Err(KeyError::Unsupported),
        };
        identifier.finish()?;

        Ok(Self {
            spki_der: spki_der.to_owned(),
            algorithm,
            public_key_at: spki_der.len() - public_key.len(),
        })
    }

    /// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). DER in its one accepted form, so equal keys have equal bytes.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    pub fn algorithm(&self) -> PublicKeyAlgorithm {
        self.algorithm
    }

    pub fn key_type(&self) -> KeyType {
        self.algorithm.key_type()
    }

    /// SHA-256 of the SubjectPublicKeyInfo, by which keys are compared and blocked.
    pub fn spki_sha256(&self) -> [u8; 32] {
        sha256(&self.spki_der)
    }

    /// The octets of subjectPublicKey: an RSAPublicKey, a curve point or 32 octets of Ed25519.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.spki_der.get(self.public_key_at..).unwrap_or_default()
    }

    /// RFC 7093 §2 method 1: the leftmost 160 bits of the SHA-256 of the subjectPublicKey octets.
    pub(crate) fn key_identifier(&self) -> [u8; 20] {
        key_identifier(self.public_key())
    }
}

/// See [`SubjectKey::key_identifier`].
pub(crate) fn key_identifier(public_key: &[u8]) -> [u8; 20] {
    let mut identifier = [0; 20];
    identifier.copy_from_slice(&sha256(public_key)[..20]);
    identifier
}

const NULL: &[u8] = &[0x05, 0x00];

/// `public_key`: RSAPublicKey (RFC 8017 §A.1.1).
fn check_rsa(public_key: &[u8]) -> Result<PublicKeyAlgorithm, KeyError> {
    let mut key = Reader::new(Reader::only(public_key, der::SEQUENCE)?);
    let modulus = key.positive_integer()?;
    let exponent = key.positive_integer()?;
    key.finish()?;
    let unused = modulus.first().map_or(0, |b| b.leading_zeros() as usize);
    let bits = modulus.len() * 8 - unused;
    let short = u16::try_from(bits).ok().filter(|b| (2048..=8192).contains(b) && b % 8 == 0);
    let bits = short.ok_or(KeyError::RsaLength { bits })?;
    if exponent != [1, 0, 1] {
        return Err(KeyError::RsaExponent);
    }
    match weakness(modulus) {
        Some(Weakness::SmallFactor) => Err(KeyError::RsaSmallFactor),
        Some(Weakness::Roca) => Err(KeyError::RsaRoca),
        None => Ok(PublicKeyAlgorithm::Rsa { bits }),
    }
}

/// `point`: the ECPoint (RFC 5480 §2.2).
fn check_ec(curve: &[u8], point: &[u8]) -> Result<PublicKeyAlgorithm, KeyError> {
    let (algorithm, octets, verification): (_, usize, &'static dyn VerificationAlgorithm) = match curve {
        oid::P256 => (PublicKeyAlgorithm::EcdsaP256, 32, &signature::ECDSA_P256_SHA256_ASN1),
        oid::P384 => (PublicKeyAlgorithm::EcdsaP384, 48, &signature::ECDSA_P384_SHA384_ASN1),
        oid::P521 => (PublicKeyAlgorithm::EcdsaP521, 66, &signature::ECDSA_P521_SHA512_ASN1),
        _ => return Err(KeyError::Unsupported),
    };
    match point.first() {
        Some(4) if point.len() == 1 + 2 * octets => {}
        Some(2 | 3) if point.len() == 1 + octets => return Err(KeyError::CompressedPoint),
        _ => return Err(KeyError::Malformed),
    }
    ParsedPublicKey::new(verification, point).map_err(|_| KeyError::NotOnCurve)?;
    Ok(algorithm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate_key;

    fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        der::write(&mut out, der::SEQUENCE, |out| {
            der::write(out, der::SEQUENCE, |out| {
                der::write_bytes(out, der::OID, oid::RSA_ENCRYPTION);
                out.extend_from_slice(NULL);
            });
            let mut key = Vec::new();
            der::write(&mut key, der::SEQUENCE, |out| {
                for n in [modulus, exponent] {
                    der::write(out, der::INTEGER, |out| {
                        if n.first().is_some_and(|b| b & 0x80 != 0) {
                            out.push(0);
                        }
                        out.extend_from_slice(n);
                    });
                }
            });
            der::write_bits(out, &key);
        });
        out
    }

    /// An odd number of `octets` octets that the rules let through.
    fn modulus(octets: usize) -> Vec<u8> {
        let mut n = vec![0xc5; octets];
        while weakness(&n).is_some() {
            n[octets - 2] += 1;
            n[octets - 1] = n[octets - 1].wrapping_add(2);
        }
        n
    }

    #[test]
    fn algorithm_words_parse_back() {
        for algorithm in CaKeyAlgorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(*algorithm));
        }
        let error = "rsa-1024".parse::<CaKeyAlgorithm>().unwrap_err().to_string();
        assert!(error.contains("rsa-1024") && CaKeyAlgorithm::ALL.iter().all(|a| error.contains(a.as_str())));
    }

    #[test]
    fn rsa_keys_need_a_good_length_and_exponent() {
        for octets in [256, 257, 384, 512, 1024] {
            let key = SubjectKey::parse(&rsa_spki(&modulus(octets), &[1, 0, 1])).unwrap();
            assert_eq!(key.algorithm().to_string(), format!("rsa-{}", octets * 8));
            assert_eq!(key.key_type(), KeyType::Rsa);
        }
        for octets in [128, 255, 1025, 2048] {
            let refused = SubjectKey::parse(&rsa_spki(&modulus(octets), &[1, 0, 1]));
            assert_eq!(refused, Err(KeyError::RsaLength { bits: octets * 8 }));
        }
        let mut odd_length = modulus(257);
        odd_length[0] = 1;
        let refused = SubjectKey::parse(&rsa_spki(&odd_length, &[1, 0, 1]));
        assert_eq!(refused, Err(KeyError::RsaLength { bits: 2049 }));
        for exponent in [&[1][..], &[3], &[1, 0, 3], &[1, 0, 0, 0, 1]] {
            let refused = SubjectKey::parse(&rsa_spki(&modulus(256), exponent));
            assert_eq!(refused, Err(KeyError::RsaExponent), "{exponent:?}");
        }
        assert_eq!(SubjectKey::parse(&rsa_spki(&[0xff; 256], &[1, 0, 1])), Err(KeyError::RsaSmallFactor));
        let mut roca = vec![0; 256];
        roca[0] = 0xff;
        assert!(SubjectKey::parse(&rsa_spki(&roca, &[1, 0, 1])).is_err());
    }

    #[test]
    fn a_point_off_its_curve_is_refused() {
        let (_, key) = generate_key(CaKeyAlgorithm::EcdsaP256).unwrap();
        let mut spki = key.spki_der;
        *spki.last_mut().unwrap() ^= 1;
        assert_eq!(SubjectKey::parse(&spki), Err(KeyError::NotOnCurve));
    }

    #[test]
    fn a_compressed_point_and_an_odd_form_are_refused() {
        let (_, key) = generate_key(CaKeyAlgorithm::EcdsaP256).unwrap();
        let point = key.public_key();
        let spki = |point: &[u8], parameters: &[u8]| {
            let mut out = Vec::new();
            der::write(&mut out, der::SEQUENCE, |out| {
                der::write(out, der::SEQUENCE, |out| {
                    der::write_bytes(out, der::OID, oid::EC_PUBLIC_KEY);
                    out.extend_from_slice(parameters);
                });
                der::write_bits(out, point);
            });
            out
        };
        let mut p256 = Vec::new();
        der::write_bytes(&mut p256, der::OID, oid::P256);
        assert_eq!(spki(point, &p256), key.spki_der);

        let mut compressed = point[..33].to_vec();
        compressed[0] = 2 + (point[64] & 1);
        assert_eq!(SubjectKey::parse(&spki(&compressed, &p256)), Err(KeyError::CompressedPoint));
        assert_eq!(SubjectKey::parse(&spki(point, NULL)), Err(KeyError::Unsupported));
        let extra = [&p256[..], NULL].concat();
        assert_eq!(SubjectKey::parse(&spki(point, &extra)), Err(KeyError::Malformed));
        let secp256k1 = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a];
        assert_eq!(SubjectKey::parse(&spki(point, &secp256k1)), Err(KeyError::Unsupported));
        let mut trailing = key.spki_der.clone();
        trailing.push(0);
        assert_eq!(SubjectKey::parse(&trailing), Err(KeyError::Malformed));
    }

    #[test]
    fn the_key_identifier_covers_the_key_bits_only() {
        let (_, key) = generate_key(CaKeyAlgorithm::Ed25519).unwrap();
        assert_eq!(key.public_key(), &key.spki_der[12..]);
        assert_eq!(key.key_identifier(), sha256(&key.spki_der[12..])[..20]);
    }
}
