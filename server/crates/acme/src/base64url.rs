//! Unpadded base64url (RFC 7515 §2). RFC 8555 §6.1 has everything else refused: padding, the other alphabet, white
//! space. Bits that a decoder would drop are refused too, so that a value has exactly one encoding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Problem;

pub fn encode(octets: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// Decodes `text`; `what` names it in the problem, e.g. ``the JWS's `payload` ``.
///
/// # Errors
/// `malformed` when `text` is not the one encoding of some octets.
pub fn decode(text: &str, what: &str) -> Result<Vec<u8>, Problem> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| {
        let hint = if text.ends_with('=') { "; leave the `=` at the end out" } else { "" };
        Problem::malformed(format!("Not unpadded base64url (RFC 8555 §6.1): {what}{hint}."))
    })
}
