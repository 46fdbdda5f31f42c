//! Requests: [`acme::Jws`]. An input is taken for a whole body, for a protected header and for a payload, since
//! libFuzzer does not see through base64url.

use std::sync::LazyLock;

use acme::{Jwk, Jws, KeyRef, ProblemType, base64url};
use serde_json::Value;

use crate::{assert_problem, keys};

static STRANGER: LazyLock<Jwk> = LazyLock::new(keys::jwk);

const HEADER: &str = r#"{"alg":"ES256","kid":"https://ca.example/acme/account/1","nonce":"AAAA","url":"https://ca.example/x"}"#;

pub fn check(octets: &[u8]) {
    body(octets);
    body(envelope(octets, b"{}").as_bytes());
    let jws = Jws::parse(envelope(HEADER.as_bytes(), octets).as_bytes()).expect("any payload is well formed");
    assert_eq!(jws.payload, octets);
    assert_eq!(jws.is_post_as_get(), octets.is_empty());
}

fn envelope(header: &[u8], payload: &[u8]) -> String {
    let (header, payload) = (base64url::encode(header), base64url::encode(payload));
    format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"AAAA"}}"#)
}

fn body(body: &[u8]) {
    let parsed = Jws::parse(body);
    let inner = Jws::parse_inner(body);
    match &parsed {
        Ok(jws) => {
            accepted(jws, body);
            let fits = jws.nonce.is_none() && jws.jwk().is_some() && jws.url.is_some();
            assert_eq!(inner.is_ok(), fits, "RFC 8555 §7.3.5");
        }
        Err(problem) => {
            let documented =
                [ProblemType::Malformed, ProblemType::BadSignatureAlgorithm, ProblemType::BadPublicKey];
            assert_problem(problem, &documented);
            assert_eq!(inner.as_ref().unwrap_err().kind, problem.kind);
        }
    }
}

fn accepted(jws: &Jws, body: &[u8]) {
    // Nobody can have signed for a key that this process made.
    assert!(jws.verify(&STRANGER).is_err());
    match &jws.key {
        KeyRef::Jwk(jwk) => {
            assert_eq!(jws.alg.key_kind(), jwk.kind());
            crate::jwk::accepted(jwk);
            let _ = jws.verify(jwk);
        }
        KeyRef::Kid(kid) => assert_eq!(jws.kid(), Some(kid.as_str())),
    }
    if let Some(nonce) = &jws.nonce {
        assert_eq!(base64url::encode(base64url::decode(nonce, "it").unwrap()), *nonce);
    }

    // As another reader sees it. It refuses more in members that we ignore: deep nesting, huge numbers.
    let Ok(envelope) = serde_json::from_slice::<Value>(body) else { return };
    for forbidden in ["header", "signatures"] {
        assert!(envelope.get(forbidden).is_none(), "{forbidden}");
    }
    let text = |member: &str| envelope[member].as_str().unwrap_or_else(|| panic!("no text `{member}`"));
    assert_eq!(base64url::encode(&jws.payload), text("payload"));
    let header = base64url::decode(text("protected"), "it").unwrap();
    let Ok(header) = serde_json::from_slice::<Value>(&header) else { return };
    assert_eq!(header["alg"], jws.alg.as_str());
    assert_eq!(header.get("nonce").and_then(Value::as_str), jws.nonce.as_deref());
    assert_eq!(header.get("url").and_then(Value::as_str), jws.url.as_deref());
    assert_eq!(header.get("kid").and_then(Value::as_str), jws.kid());
    assert_eq!(header.get("jwk").is_some(), jws.jwk().is_some());
    assert!(header.get("crit").is_none());
    assert!(header.get("b64").is_none_or(|b64| *b64 == true));

    // What we ignored changes nothing.
    let (protected, payload, signature) = (text("protected"), text("payload"), text("signature"));
    let plain = serde_json::json!({ "protected": protected, "payload": payload, "signature": signature });
    let again = Jws::parse(plain.to_string().as_bytes()).unwrap();
    assert_eq!((again.alg, &again.key, &again.payload), (jws.alg, &jws.key, &jws.payload));
}
