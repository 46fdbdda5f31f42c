//! The envelope of every ACME request: a JWS in the flattened JSON serialization (RFC 8555 §6.2, RFC 7515 §7.2.2).

use crate::envelope::{self, Envelope};
use crate::{Jwk, KeyKind, Problem, base64url};

/// The signature algorithms that are accepted (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    RS256,
    ES256,
    ES384,
    ES512,
    EdDSA,
}

impl Algorithm {
    pub const ALL: &'static [Self] = &[Self::RS256, Self::ES256, Self::ES384, Self::ES512, Self::EdDSA];

    /// What the `algorithms` member of a `badSignatureAlgorithm` problem lists, in the order of [`Algorithm::ALL`].
    pub const NAMES: &'static [&'static str] = &["RS256", "ES256", "ES384", "ES512", "EdDSA"];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The one kind of key that it is used with. RFC 7518 §3.4 ties each ECDSA algorithm to one curve.
    pub const fn key_kind(self) -> KeyKind {
        match self {
            Self::RS256 => KeyKind::Rsa,
            Self::ES256 => KeyKind::P256,
            Self::ES384 => KeyKind::P384,
            Self::ES512 => KeyKind::P521,
            Self::EdDSA => KeyKind::Ed25519,
        }
    }

    /// # Errors
    /// `badPublicKey` when `key` is of another kind (RFC 8555 §6.2).
    pub fn fits(self, key: &Jwk) -> Result<(), Problem> {
        if self.key_kind() == key.kind() {
            return Ok(());
        }
        let fitting = Self::ALL.iter().find(|a| a.key_kind() == key.kind()).map_or("another", |a| a.as_str());
        Err(Problem::bad_public_key(format!(
            "The algorithm {} does not fit the key, which takes {fitting}.",
            self.as_str()
        )))
    }

    /// Octets of a signature by ECDSA: r and s of equal length, one after the other (RFC 7518 §3.4).
    const fn ecdsa_signature_len(self) -> Option<usize> {
        match self {
            Self::ES256 => Some(64),
            Self::ES384 => Some(96),
            Self::ES512 => Some(132),
            Self::RS256 | Self::EdDSA => None,
        }
    }
}

/// The key that a JWS names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRef {
    /// The key itself: newAccount, and revocation by a certificate's key.
    Jwk(Box<Jwk>),
    /// An account's URL, as the client wrote it: every other request.
    Kid(String),
}

/// A JWS that is well formed. Its signature is not verified before [`Jws::verify`] says so, and until then nothing in
/// it may be acted on.
#[derive(Debug, Clone)]
pub struct Jws {
    pub alg: Algorithm,
    pub key: KeyRef,
    /// Valid base64url; the caller tells whether it is required, and fresh.
    pub nonce: Option<String>,
    pub url: Option<String>,
    /// Decoded; empty in a POST-as-GET.
    pub payload: Vec<u8>,
    signing_input: Vec<u8>,
    signature: Vec<u8>,
}

impl Jws {
    /// Parses the body of a request. Checks go from the shape to the algorithm to the form of the key.
    ///
    /// # Errors
    /// `malformed`, `badSignatureAlgorithm` or `badPublicKey`.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        if body.trim_ascii().is_empty() {
            return Err(Problem::malformed("The request has no body; it must be a JWS (RFC 8555 §6.2)."));
        }
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::malformed(
                "The request is not a JWS in the flattened JSON serialization (RFC 8555 §6.2).",
            ));
        }
        let Envelope { header, payload, signature, signing_input } = Envelope::parse(body)?;
        let header = Header::parse(&header)?;
        let Header { alg, key, nonce, url } = header;
        Ok(Self { alg, key, nonce, url, payload, signing_input, signature })
    }

    /// Parses the inner JWS of a key change (RFC 8555 §7.3.5), which is the payload of the outer one. It carries the
    /// new key and no nonce. The caller compares `url` with the outer one and verifies with [`Jws::jwk`].
    ///
    /// # Errors
    /// As [`Jws::parse`]; `malformed` also when there is a nonce, a `kid` or no `url`.
    pub fn parse_inner(body: &[u8]) -> Result<Self, Problem> {
        let inner = Self::parse(body)
            .map_err(|problem| Problem { detail: format!("The inner JWS: {}", problem.detail), ..problem })?;
        if inner.nonce.is_some() {
            return Err(Problem::malformed("The inner JWS has a `nonce` (RFC 8555 §7.3.5)."));
        }
        if inner.jwk().is_none() {
            return Err(Problem::malformed("The inner JWS has a `kid`; it must carry the new key as `jwk`."));
        }
        if inner.url.is_none() {
            return Err(Problem::malformed("The inner JWS has no `url`."));
        }
        Ok(inner)
    }

    /// The key that the header carries.
    pub fn jwk(&self) -> Option<&Jwk> {
        match &self.key {
            KeyRef::Jwk(jwk) => Some(jwk),
            KeyRef::Kid(_) => None,
        }
    }

    /// The account URL that the header names.
    pub fn kid(&self) -> Option<&str> {
        match &self.key {
            KeyRef::Jwk(_) => None,
            KeyRef::Kid(kid) => Some(kid),
        }
    }

    /// # Errors
    /// `badPublicKey` when the algorithm does not fit `key`, `malformed` when the signature is not by it.
    pub fn verify(&self, key: &Jwk) -> Result<(), Problem> {
        self.alg.fits(key)?;
        if key.verify(self.alg, &self.signing_input, &self.signature) {
            return Ok(());
        }
        match self.alg.ecdsa_signature_len() {
            Some(len) if self.signature.len() != len => Err(Problem::malformed(format!(
                "An {} signature is r and s in {len} octets (RFC 7518 §3.4), not DER; this one has {}.",
                self.alg.as_str(),
                self.signature.len()
            ))),
            _ => Err(Problem::malformed("The signature of the JWS does not verify with this key.")),
        }
    }

    /// Whether the request only reads (RFC 8555 §6.3).
    pub fn is_post_as_get(&self) -> bool {
        self.payload.is_empty()
    }
}

/// The protected header.
struct Header {
    alg: Algorithm,
    key: KeyRef,
    nonce: Option<String>,
    url: Option<String>,
}

impl Header {
    fn parse(octets: &[u8]) -> Result<Self, Problem> {
        let header = envelope::header(octets)?;
        let alg =
            header.text("alg")?.ok_or_else(|| Problem::malformed("The protected header has no `alg`."))?;
        let kid = header.text("kid")?;
        let jwk = header.raw("jwk").map(serde_json::value::RawValue::get);
        if jwk.is_some_and(|jwk| !jwk.starts_with('{')) {
            return Err(Problem::malformed("`jwk` in the protected header is not a JSON object."));
        }
        let nonce = header.text("nonce")?;
        if let Some(nonce) = &nonce {
            // RFC 8555 §6.5.2: an ill-formed nonce makes the request malformed; only another one is a bad nonce.
            base64url::decode(nonce, "`nonce` in the protected header")?;
        }
        let url = header.text("url")?;

        let alg = accepted(&alg)?;
        let key = match (jwk, kid) {
            (Some(jwk), None) => KeyRef::Jwk(Box::new(Jwk::parse(jwk)?)),
            (None, Some(kid)) => KeyRef::Kid(kid.into_owned()),
            (Some(_), Some(_)) => {
                return Err(Problem::malformed("The protected header has both `jwk` and `kid`."));
            }
            (None, None) => {
                return Err(Problem::malformed("The protected header has neither `jwk` nor `kid`."));
            }
        };
        if let KeyRef::Jwk(jwk) = &key {
            alg.fits(jwk)?;
        }
        let owned = |text: std::borrow::Cow<'_, str>| text.into_owned();
        Ok(Self { alg, key, nonce: nonce.map(owned), url: url.map(owned) })
    }
}

fn accepted(name: &str) -> Result<Algorithm, Problem> {
    if let Some(algorithm) = Algorithm::ALL.iter().copied().find(|a| a.as_str() == name) {
        return Ok(algorithm);
    }
    Err(Problem::bad_signature_algorithm(match name {
        "none" => "An unsigned JWS (`alg` `none`) is not accepted.",
        "HS256" | "HS384" | "HS512" => "A JWS with a MAC is not accepted: RFC 8555 §6.2 demands a signature.",
        _ => "The JWS is signed with an algorithm that is not supported.",
    }))
}
