//! External account bindings (RFC 8555 §7.3.4).

use aws_lc_rs::hmac;
use serde_json::{Map, Value, json};
use testkit::acme::Key;

use crate::acme::b64;
use crate::admin::EabKey;

/// The binding of `account_key` to the external account of `eab`, as it should be.
pub fn binding(eab: &EabKey, account_key: &Key, url: &str) -> Value {
    let Value::Object(header) = json!({ "alg": "HS256", "kid": eab.kid, "url": url }) else {
        return Value::Null;
    };
    sign(&eab.hmac, &header, account_key.jwk().to_string().as_bytes())
}

/// A JWS with a MAC, of whatever it is given.
pub fn sign(secret: &[u8], header: &Map<String, Value>, payload: &[u8]) -> Value {
    let algorithm = match header.get("alg").and_then(Value::as_str) {
        Some("HS384") => hmac::HMAC_SHA384,
        Some("HS512") => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    let protected = b64(Value::Object(header.clone()).to_string());
    let payload = b64(payload);
    let mac = hmac::sign(&hmac::Key::new(algorithm, secret), format!("{protected}.{payload}").as_bytes());
    json!({ "protected": protected, "payload": payload, "signature": b64(mac) })
}
