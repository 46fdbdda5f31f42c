//! A provider's public keys (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm as Algorithm};
use openidconnect::{JsonWebKey as _, JsonWebKeyAlgorithm, JwsSigningAlgorithm as _};
use serde_json::Value;

/// Shorter RSA keys can be broken (NIST SP 800-131A).
const MIN_RSA_BITS: usize = 2048;

/// The keys of a provider that can check signatures.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    pub usable: Vec<CoreJsonWebKey>,
    /// How many others there were: for encryption, of unknown types, damaged.
    pub ignored: usize,
}

impl Keys {
    /// Reads a JWK set. A key that is not understood is passed over (RFC 7517 §5).
    pub fn parse(set: &Value) -> Result<Self, String> {
        let list = set.get("keys").and_then(Value::as_array).ok_or("it has no list `keys`")?;
        let usable: Vec<_> = list.iter().filter_map(usable).collect();
        Ok(Self { ignored: list.len() - usable.len(), usable })
    }

    /// The one key that a signature with this header can be from.
    pub fn find(&self, kid: Option<&str>, algorithm: &Algorithm) -> Result<&CoreJsonWebKey, KeyFault> {
        let named =
            |key: &&CoreJsonWebKey| kid.is_none_or(|kid| key.key_id().is_some_and(|k| k.as_str() == kid));
        let fits = |key: &&CoreJsonWebKey| {
            Some(key.key_type()) == algorithm.key_type().as_ref()
                && match key.signing_alg() {
                    JsonWebKeyAlgorithm::Unspecified => true,
                    JsonWebKeyAlgorithm::Algorithm(own) => own == algorithm,
                    JsonWebKeyAlgorithm::Unsupported => false,
                }
        };
        let mut found = self.usable.iter().filter(named).filter(fits);
        match (found.next(), found.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err(KeyFault::Unknown),
            (Some(_), Some(_)) => Err(KeyFault::Ambiguous),
        }
    }

    /// Whether there is a key of this name.
    pub fn has(&self, kid: &str) -> bool {
        self.usable.iter().any(|key| key.key_id().is_some_and(|known| known.as_str() == kid))
    }

    /// Whether there is any key for one of `algorithms`.
    pub fn any_for(&self, algorithms: &[Algorithm]) -> bool {
        algorithms.iter().any(|a| self.usable.iter().any(|key| Some(key.key_type()) == a.key_type().as_ref()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// It may have been made since the keys were read.
    Unknown,
    /// More than one fits; the header should say which (OpenID Connect Core 1.0 §10.1).
    Ambiguous,
}

fn usable(key: &Value) -> Option<CoreJsonWebKey> {
    let text = |member: &str| key.get(member).and_then(Value::as_str);
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    if let Some(operations) = key.get("key_ops").and_then(Value::as_array)
        && !operations.iter().any(|operation| operation == "verify")
    {
        return None;
    }
    match text("kty")? {
        "EC" | "OKP" => {}
        "RSA" => {
            let modulus = URL_SAFE_NO_PAD.decode(text("n")?).ok()?;
            let leading = modulus.iter().take_while(|octet| **octet == 0).count();
            if (modulus.len() - leading) * 8 < MIN_RSA_BITS {
                return None;
            }
        }
        // `oct`: nobody publishes a secret; what is published is none.
        _ => return None,
    }
    serde_json::from_value(key.clone()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rsa(bits: usize, more: &Value) -> Value {
        let mut key = json!({ "kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(vec![0xff; bits / 8]) });
        for (member, value) in more.as_object().unwrap() {
            key[member] = value.clone();
        }
        key
    }

    fn set(keys: &[Value]) -> Keys {
        Keys::parse(&json!({ "keys": keys })).unwrap()
    }

    #[test]
    fn keys_that_are_not_for_signatures_do_no_harm() {
        let keys = set(&[
            rsa(2048, &json!({ "kid": "a", "use": "sig" })),
            rsa(2048, &json!({ "kid": "enc", "use": "enc", "alg": "RSA-OAEP" })),
            rsa(2048, &json!({ "kid": "ops", "key_ops": ["encrypt"] })),
            rsa(1024, &json!({ "kid": "short" })),
            json!({ "kty": "oct", "k": "AAAA", "kid": "secret" }),
            json!({ "kty": "AKP", "kid": "from the future", "alg": "ML-DSA-65" }),
            json!({ "kty": "RSA", "n": "!", "e": "AQAB" }),
            json!({ "kid": "nothing" }),
            json!(7),
        ]);
        assert_eq!((keys.usable.len(), keys.ignored), (1, 8));
        let rs256 = Algorithm::RsaSsaPkcs1V15Sha256;
        assert!(keys.find(Some("a"), &rs256).is_ok() && keys.find(None, &rs256).is_ok());
        assert!(keys.has("a") && !keys.has("enc") && !keys.has("b"));
        for other in ["enc", "ops", "short", "b"] {
            assert_eq!(keys.find(Some(other), &rs256).unwrap_err(), KeyFault::Unknown, "{other}");
        }
        assert!(keys.any_for(&[rs256]) && !keys.any_for(&[Algorithm::EdDsa]));
    }

    #[test]
    fn a_key_is_for_its_own_algorithm_only() {
        let keys = set(&[
            rsa(2048, &json!({ "kid": "a", "alg": "PS256" })),
            rsa(2048, &json!({ "kid": "b", "alg": "RS256" })),
            rsa(2048, &json!({ "kid": "c" })),
        ]);
        let rs256 = Algorithm::RsaSsaPkcs1V15Sha256;
        assert_eq!(keys.find(Some("a"), &rs256).unwrap_err(), KeyFault::Unknown);
        assert!(keys.find(Some("b"), &rs256).is_ok() && keys.find(Some("c"), &rs256).is_ok());
        assert_eq!(keys.find(None, &rs256).unwrap_err(), KeyFault::Ambiguous);
        assert_eq!(keys.find(Some("c"), &Algorithm::EcdsaP256Sha256).unwrap_err(), KeyFault::Unknown);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        assert!(Keys::parse(&json!([])).is_err());
        assert!(Keys::parse(&json!({ "keys": {} })).is_err());
    }
}
