//! External account binding (RFC 8555 §7.3.4): a JWS inside newAccount by which the holder of a MAC key, handed out
//! beside ACME, binds the account's key to that MAC key.

use aws_lc_rs::hmac;

use crate::envelope::{self, Envelope};
use crate::{Jwk, Problem, ProblemType};

/// The MAC algorithms that are accepted (RFC 7518 §3.2).
///
/// RFC 7518 wants a key as long as the hash; a key of 256 random bits, as many servers hand out, is taken with all
/// three, since no longer hash makes it weaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacAlgorithm {
    HS256,
    HS384,
    HS512,
}

impl MacAlgorithm {
    pub const ALL: &'static [Self] = &[Self::HS256, Self::HS384, Self::HS512];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::HS256 => hmac::HMAC_SHA256,
            Self::HS384 => hmac::HMAC_SHA384,
            Self::HS512 => hmac::HMAC_SHA512,
        }
    }
}

/// A binding that is well formed and names the key of the account. Whether it was made with the MAC key that it names,
/// only [`ExternalAccountBinding::verify`] tells.
#[derive(Debug, Clone)]
pub struct ExternalAccountBinding {
    alg: MacAlgorithm,
    kid: String,
    envelope: Envelope,
}

impl ExternalAccountBinding {
    /// Far above what the largest key needs; every account object repeats the binding.
    pub const MAX_LENGTH: usize = 8 * 1024;

    /// Checks all that can be checked without the MAC key. `outer_url` and `account_key` are `url` and `jwk` of the
    /// request that `text` came in.
    ///
    /// # Errors
    /// `malformed`.
    pub fn parse(text: &str, outer_url: &str, account_key: &Jwk) -> Result<Self, Problem> {
        if text.len() > Self::MAX_LENGTH {
            let limit = Self::MAX_LENGTH;
            return Err(malformed(&format!("It has {} octets; at most {limit} are accepted.", text.len())));
        }
        let envelope = Envelope::parse(text.as_bytes()).map_err(|problem| inside(&problem))?;
        let header = envelope::header(&envelope.header).map_err(|problem| inside(&problem))?;
        let text = |name: &str| header.text(name).map_err(|problem| inside(&problem));

        let alg = text("alg")?.ok_or_else(|| malformed("The protected header has no `alg`."))?;
        let alg = MacAlgorithm::ALL.iter().copied().find(|a| a.as_str() == alg).ok_or_else(|| {
            malformed("Its `alg` is none of HS256, HS384 and HS512; RFC 8555 §7.3.4 demands a MAC.")
        })?;
        for name in ["nonce", "jwk"] {
            if header.has(name) {
                return Err(malformed(&format!("The protected header has `{name}`, which must be absent.")));
            }
        }
        let kid = text("kid")?.ok_or_else(|| malformed("The protected header has no `kid`."))?.into_owned();
        if text("url")?.as_deref() != Some(outer_url) {
            return Err(malformed("Its `url` is not that of the request that it came in."));
        }
        match std::str::from_utf8(&envelope.payload).ok().map(Jwk::parse) {
            Some(Ok(key)) if key == *account_key => Ok(Self { alg, kid, envelope }),
            Some(Ok(_)) => Err(malformed("Its payload is not the key that signed the request.")),
            _ => Err(malformed("Its payload is not a public key as JWK.")),
        }
    }

    /// Names the MAC key, in the client's words.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether it was made with `mac_key`. The time that this takes does not depend on the key.
    pub fn verify(&self, mac_key: &[u8]) -> bool {
        let key = hmac::Key::new(self.alg.hmac(), mac_key);
        hmac::verify(&key, &self.envelope.signing_input, &self.envelope.signature).is_ok()
    }
}

/// A fault of the binding is one of the request's form, whatever it would be in a request.
fn inside(problem: &Problem) -> Problem {
    malformed(&problem.detail)
}

fn malformed(detail: &str) -> Problem {
    Problem::new(ProblemType::Malformed, format!("The external account binding: {detail}"))
}
