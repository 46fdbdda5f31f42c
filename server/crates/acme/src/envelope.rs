//! The flattened JSON serialization of a JWS (RFC 7515 §7.2.2) as RFC 8555 §6.2 restricts it, taken apart but not
//! understood yet: what requests and the external account bindings in them have in common.

use crate::json::Object;
use crate::{Problem, base64url};

/// The members of a JWS, decoded.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    /// The protected header; [`header`] looks into it.
    pub header: Vec<u8>,
    pub payload: Vec<u8>,
    pub signature: Vec<u8>,
    /// What the signature or MAC is over: the texts as they came, not what they decode to (RFC 7515 §5.2).
    pub signing_input: Vec<u8>,
}

impl Envelope {
    /// # Errors
    /// `malformed`.
    pub fn parse(text: &[u8]) -> Result<Self, Problem> {
        let envelope = Object::parse(text, "the JWS")?;
        for (name, why) in [
            ("signatures", "only the flattened JSON serialization is accepted"),
            ("header", "every header must be protected"),
        ] {
            if envelope.has(name) {
                return Err(Problem::malformed(format!(
                    "The JWS has the member `{name}`; {why} (RFC 8555 §6.2)."
                )));
            }
        }
        let member = |name| {
            envelope.text(name)?.ok_or_else(|| Problem::malformed(format!("The JWS has no member `{name}`.")))
        };
        let (protected, payload) = (member("protected")?, member("payload")?);
        Ok(Self {
            signature: base64url::decode(&member("signature")?, "the JWS's `signature`")?,
            payload: base64url::decode(&payload, "the JWS's `payload`")?,
            header: base64url::decode(&protected, "the JWS's `protected`")?,
            signing_input: [protected.as_bytes(), b".", payload.as_bytes()].concat(),
        })
    }
}

/// The protected header, when it demands nothing that is not supported.
///
/// # Errors
/// `malformed`.
pub(crate) fn header(octets: &[u8]) -> Result<Object<'_>, Problem> {
    let header = Object::parse(octets, "the protected header")?;
    if header.has("crit") {
        // RFC 7515 §4.1.11: whoever knows none of the extensions that it names must refuse.
        return Err(Problem::malformed("The protected header has `crit`; no extension is supported."));
    }
    if header.raw("b64").is_some_and(|b64| b64.get() != "true") {
        return Err(Problem::malformed("`b64` in the protected header may only be true (RFC 8555 §6.2)."));
    }
    Ok(header)
}
