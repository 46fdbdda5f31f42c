//! External account bindings (RFC 8555 §7.3.4).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Key;

/// A MAC key with the name that the server gave it.
#[derive(Clone, Debug)]
pub struct ExternalKey {
    kid: String,
    mac_key: Vec<u8>,
}

impl ExternalKey {
    /// `mac_key` in base64url.
    ///
    /// # Panics
    /// When it is not.
    pub fn new(kid: &str, mac_key: &str) -> Self {
        Self { kid: kid.to_owned(), mac_key: URL_SAFE_NO_PAD.decode(mac_key).expect("base64url") }
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The protected header of a binding in a request to `url`.
    pub fn header(&self, url: &str) -> Value {
        json!({ "alg": "HS256", "kid": self.kid, "url": url })
    }

    /// A binding of `key` in a request to `url`, as it should be.
    pub fn bind(&self, key: &Key, url: &str) -> Value {
        self.sign(&self.header(url), key.jwk().to_string().as_bytes())
    }

    /// A JWS of `payload` under exactly this protected header, its MAC by the header's `alg` or else HS256.
    pub fn sign(&self, header: &Value, payload: &[u8]) -> Value {
        let algorithm = match header["alg"].as_str() {
            Some("HS384") => hmac::HMAC_SHA384,
            Some("HS512") => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA256,
        };
        let (protected, payload) =
            (URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload));
        let key = hmac::Key::new(algorithm, &self.mac_key);
        let mac = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        json!({ "protected": protected, "payload": payload, "signature": URL_SAFE_NO_PAD.encode(mac) })
    }
}
