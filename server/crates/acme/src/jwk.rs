//! Public keys as JWK (RFC 7517, RFC 7518 §6, RFC 8037): the keys of accounts, and of certificates when those revoke
//! themselves.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaPublicKeyComponents, VerificationAlgorithm};

use crate::json::Object;
use crate::{Algorithm, Problem, base64url};

/// The kinds of key that are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// 2048 to 8192 bits, e = 65537.
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

/// A public key that passed every check and is ready to verify. Parsing costs a few
/// microseconds, so a key that signs many requests is worth keeping; a clone shares it.
#[derive(Debug, Clone)]
pub struct Jwk {
    kind: KeyKind,
    key: ParsedPublicKey,
    canonical: String,
}

impl Jwk {
    /// Parses a public key and checks it: RSA has 2048 to 8192 bits and e = 65537, a point lies on its curve.
    ///
    /// An Ed25519 key is 32 octets of any value; one that encodes no point never verifies anything.
    ///
    /// # Errors
    /// `malformed` when the text is not one JSON object with unique members or a value is not unpadded base64url,
    /// `badPublicKey` when the key is of an unknown kind, private, weak or wrong.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let object = Object::parse(text.as_bytes(), "the JWK")?;
        let kty = required(&object, "kty")?;
        if kty == "oct" {
            return Err(Problem::bad_public_key("A symmetric key (`kty` `oct`) cannot be an account key."));
        }
        if let Some(name) = PRIVATE_MEMBERS.iter().find(|name| object.has(name)) {
            return Err(Problem::bad_public_key(format!(
                "The JWK has the private member `{name}`. That key is no longer secret; make another one and send \
                 only its public part."
            )));
        }
        match &*kty {
            "RSA" => Self::rsa(&object),
            "EC" => Self::ec(&object),
            "OKP" => Self::okp(&object),
            _ => Err(Problem::bad_public_key("The `kty` of the JWK is none of `RSA`, `EC` and `OKP`.")),
        }
    }

    fn rsa(object: &Object<'_>) -> Result<Self, Problem> {
        let (n_text, n) = integer(object, "n")?;
        let (e_text, e) = integer(object, "e")?;
        let bits = 8 * n.len() - n.first().map_or(0, |first| first.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(Problem::bad_public_key(format!(
                "The RSA key has {bits} bits; 2048 to 8192 are accepted."
            )));
        }
        if e != [1, 0, 1] {
            return Err(Problem::bad_public_key("The public exponent of the RSA key is not 65537."));
        }
        if n.last().is_none_or(|last| last % 2 == 0) {
            return Err(Problem::bad_public_key("The modulus of the RSA key is even."));
        }
        let key = RsaPublicKeyComponents { n: &n, e: &e }
            .to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| Problem::bad_public_key("The RSA key is not valid."))?;
        let canonical = format!(r#"{{"e":"{e_text}","kty":"RSA","n":"{n_text}"}}"#);
        Ok(Self { kind: KeyKind::Rsa, key, canonical })
    }

    fn ec(object: &Object<'_>) -> Result<Self, Problem> {
        let crv = required(object, "crv")?;
        let Some(curve) = CURVES.iter().find(|curve| curve.name == crv) else {
            return Err(Problem::bad_public_key(
                "The `crv` of the EC key is none of `P-256`, `P-384` and `P-521`.",
            ));
        };
        let (x_text, x) = octets(object, "x", curve.coordinate_len)?;
        let (y_text, y) = octets(object, "y", curve.coordinate_len)?;
        let spki = [curve.spki_prefix, &x, &y].concat();
        let key = ParsedPublicKey::new(curve.algorithm, spki).map_err(|_| {
            Problem::bad_public_key(format!("`x` and `y` of the EC key are no point of {}.", curve.name))
        })?;
        let canonical = format!(r#"{{"crv":"{}","kty":"EC","x":"{x_text}","y":"{y_text}"}}"#, curve.name);
        Ok(Self { kind: curve.kind, key, canonical })
    }

    fn okp(object: &Object<'_>) -> Result<Self, Problem> {
        if required(object, "crv")? != "Ed25519" {
            return Err(Problem::bad_public_key("The `crv` of the OKP key is not `Ed25519`."));
        }
        let (x_text, x) = octets(object, "x", 32)?;
        let key = ParsedPublicKey::new(&signature::ED25519, [ED25519_SPKI_PREFIX, &x].concat())
            .map_err(|_| Problem::bad_public_key("The Ed25519 key is not valid."))?;
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x_text}"}}"#);
        Ok(Self { kind: KeyKind::Ed25519, key, canonical })
    }

    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The required members only, in lexicographic order and without white space (RFC 7638 §3). Equal keys have equal
    /// texts, since each value has one encoding; [`Jwk::parse`] takes it back.
    pub fn canonical_json(&self) -> &str {
        &self.canonical
    }

    /// The SHA-256 thumbprint (RFC 7638) in unpadded base64url.
    pub fn thumbprint(&self) -> String {
        base64url::encode(digest::digest(&digest::SHA256, self.canonical.as_bytes()))
    }

    /// The key's `SubjectPublicKeyInfo` in DER, octet for octet as certificates and CSRs have it.
    pub fn spki_der(&self) -> &[u8] {
        self.key.as_ref()
    }

    /// Whether `signature` over `input` is this key's. False also when the algorithm does not fit the key.
    pub fn verify(&self, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> bool {
        algorithm.key_kind() == self.kind && self.key.verify_sig(input, signature).is_ok()
    }
}

impl PartialEq for Jwk {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for Jwk {}

/// RFC 7518 §6.2.2, §6.3.2 and §6.4, RFC 8037 §2.
const PRIVATE_MEMBERS: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

struct Curve {
    name: &'static str,
    kind: KeyKind,
    coordinate_len: usize,
    /// Everything of the `SubjectPublicKeyInfo` before the coordinates, the 4 of the uncompressed point included
    /// (RFC 5480).
    spki_prefix: &'static [u8],
    algorithm: &'static dyn VerificationAlgorithm,
}

const CURVES: &[Curve] = &[
    Curve {
        name: "P-256",
        kind: KeyKind::P256,
        coordinate_len: 32,
        spki_prefix:
            b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\
            \x03\x42\x00\x04",
        algorithm: &signature::ECDSA_P256_SHA256_FIXED,
    },
    Curve {
        name: "P-384",
        kind: KeyKind::P384,
        coordinate_len: 48,
        spki_prefix: b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\
            \x03\x62\x00\x04",
        algorithm: &signature::ECDSA_P384_SHA384_FIXED,
    },
    Curve {
        name: "P-521",
        kind: KeyKind::P521,
        coordinate_len: 66,
        spki_prefix: b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\
            \x03\x81\x86\x00\x04",
        algorithm: &signature::ECDSA_P521_SHA512_FIXED,
    },
];

/// RFC 8410 §4.
const ED25519_SPKI_PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

fn required<'a>(object: &Object<'a>, name: &str) -> Result<std::borrow::Cow<'a, str>, Problem> {
    object.text(name)?.ok_or_else(|| Problem::bad_public_key(format!("The JWK has no `{name}`.")))
}

/// The member's text and octets.
fn member(object: &Object<'_>, name: &str) -> Result<(String, Vec<u8>), Problem> {
    let text = required(object, name)?;
    let octets = base64url::decode(&text, &format!("`{name}` in the JWK"))?;
    Ok((text.into_owned(), octets))
}

/// A positive integer in its fewest octets (RFC 7518 §2, `Base64urlUInt`).
fn integer(object: &Object<'_>, name: &str) -> Result<(String, Vec<u8>), Problem> {
    let (text, octets) = member(object, name)?;
    match octets.first() {
        None => Err(Problem::bad_public_key(format!("`{name}` in the JWK is empty."))),
        Some(0) => Err(Problem::bad_public_key(format!("`{name}` in the JWK starts with a zero octet."))),
        Some(_) => Ok((text, octets)),
    }
}

/// Exactly `len` octets: coordinates keep their leading zeros (RFC 7518 §6.2.1.2).
fn octets(object: &Object<'_>, name: &str, len: usize) -> Result<(String, Vec<u8>), Problem> {
    let (text, octets) = member(object, name)?;
    if octets.len() != len {
        return Err(Problem::bad_public_key(format!(
            "`{name}` in the JWK has {} octets instead of {len}.",
            octets.len()
        )));
    }
    Ok((text, octets))
}
