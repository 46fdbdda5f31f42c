//! External account bindings: [`acme::ExternalAccountBinding`]. An input is taken for a whole binding, and for the
//! protected header and the payload of one whose MAC is good.

use std::sync::LazyLock;

use acme::{ExternalAccountBinding, Jwk, ProblemType, base64url};
use aws_lc_rs::hmac;
use serde_json::Value;

use crate::assert_problem;

/// The URL that the bindings of the corpus are for.
pub const URL: &str = "https://ca.example/acme/new-account";
/// The public key of RFC 8037 appendix A.2, which the bindings of the corpus bind.
pub const ACCOUNT_KEY: &str =
    r#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

static KEY: LazyLock<Jwk> = LazyLock::new(|| Jwk::parse(ACCOUNT_KEY).expect("a good key"));

const MAC_KEY: &[u8] = &[7; 32];

pub fn check(octets: &[u8]) {
    if let Ok(text) = std::str::from_utf8(octets) {
        parse(text);
    }
    if let Some(binding) = parse(&bound(octets, ACCOUNT_KEY.as_bytes())) {
        // The MAC in `bound` is by SHA-256.
        let header: Option<Value> = serde_json::from_slice(octets).ok();
        if let Some(header) = header {
            assert_eq!(binding.verify(MAC_KEY), header["alg"] == "HS256");
            assert_eq!(header["kid"], binding.kid());
            assert_eq!(header["url"], URL);
            assert!(header.get("nonce").is_none() && header.get("jwk").is_none());
        }
        assert!(!binding.verify(b"another") && !binding.verify(b""));
    }
    let header = format!(r#"{{"alg":"HS256","kid":"eab","url":"{URL}"}}"#);
    let text = bound(header.as_bytes(), octets);
    let is_the_key =
        std::str::from_utf8(octets).is_ok_and(|text| Jwk::parse(text).is_ok_and(|key| key == *KEY));
    let binding = parse(&text);
    assert_eq!(binding.is_some(), is_the_key && text.len() <= ExternalAccountBinding::MAX_LENGTH);
    assert!(binding.is_none_or(|binding| binding.verify(MAC_KEY)));
}

fn bound(header: &[u8], payload: &[u8]) -> String {
    let (header, payload) = (base64url::encode(header), base64url::encode(payload));
    let key = hmac::Key::new(hmac::HMAC_SHA256, MAC_KEY);
    let mac = base64url::encode(hmac::sign(&key, format!("{header}.{payload}").as_bytes()));
    format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{mac}"}}"#)
}

fn parse(text: &str) -> Option<ExternalAccountBinding> {
    match ExternalAccountBinding::parse(text, URL, &KEY) {
        Ok(binding) => {
            assert!(text.len() <= ExternalAccountBinding::MAX_LENGTH);
            // It is for this request and this key, and for no other.
            assert!(ExternalAccountBinding::parse(text, "https://ca.example/acme/new-order", &KEY).is_err());
            assert!(ExternalAccountBinding::parse(text, URL, &crate::keys::jwk()).is_err());
            Some(binding)
        }
        Err(problem) => {
            assert_problem(&problem, &[ProblemType::Malformed]);
            None
        }
    }
}
