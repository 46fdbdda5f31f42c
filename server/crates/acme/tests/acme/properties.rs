use std::sync::LazyLock;

use acme::payload::{self, Finalize, KeyChange, NewAccount, NewOrder, RevokeCert};
use acme::{
    Algorithm, Jwk, Jws, NonceMint, ProblemType, RawIdentifier, base64url, check_contacts, parse_identifiers,
};
use model::{SystemEntropy, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::keys::TestKey;

static REQUEST: LazyLock<Vec<u8>> =
    LazyLock::new(|| TestKey::generate(Algorithm::ES256).request(br#"{"termsOfServiceAgreed":true}"#));

/// JSON of any shape, with the names that the parsers look for among its members.
fn any_json() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        Just("protected"),
        Just("payload"),
        Just("signature"),
        Just("alg"),
        Just("jwk"),
        Just("kid"),
        Just("nonce"),
        Just("url"),
        Just("kty"),
        Just("crv"),
        Just("x"),
        Just("y"),
        Just("n"),
        Just("e"),
        Just("identifiers"),
        Just("type"),
        Just("value"),
        Just("csr"),
        Just("contact"),
    ];
    let words = prop_oneof![
        Just("ES256".to_owned()),
        Just("RSA".to_owned()),
        Just("EC".to_owned()),
        Just("P-256".to_owned()),
        Just("OKP".to_owned()),
        Just("Ed25519".to_owned()),
        prop::collection::vec(any::<u8>(), 0..70).prop_map(base64url::encode),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Runs every parser of untrusted text. What counts is that each comes back.
fn parse_everything(octets: &[u8]) {
    let _ = Jws::parse(octets);
    let _ = Jws::parse_inner(octets);
    let _ = Jwk::parse(&String::from_utf8_lossy(octets));
    let _ = payload::parse::<NewAccount>(octets);
    let _ = payload::parse::<NewOrder>(octets).map(|order| parse_identifiers(&order.identifiers));
    let _ = payload::parse::<Finalize>(octets);
    let _ = payload::parse::<RevokeCert>(octets);
    let _ = payload::parse::<KeyChange>(octets).map(|change| change.check("", ""));
}

proptest! {
    #[test]
    fn arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..2000)) {
        parse_everything(&octets);
    }

    #[test]
    fn arbitrary_json_never_panics(value in any_json(), header in any_json()) {
        parse_everything(value.to_string().as_bytes());
        let jws = json!({
            "protected": base64url::encode(header.to_string()),
            "payload": base64url::encode(value.to_string()),
            "signature": "AAAA",
        });
        parse_everything(jws.to_string().as_bytes());
    }

    /// A change anywhere is either noticed or changes nothing that is signed.
    #[test]
    fn a_changed_request_never_verifies_as_another(at in any::<prop::sample::Index>(), octet in any::<u8>()) {
        let original = Jws::parse(&REQUEST).unwrap();
        let mut body = REQUEST.clone();
        let at = at.index(body.len());
        body[at] = octet;
        if let Ok(jws) = Jws::parse(&body)
            && jws.verify(original.jwk().unwrap()).is_ok()
        {
            prop_assert_eq!(jws.payload, original.payload);
            prop_assert_eq!(jws.nonce, original.nonce);
            prop_assert_eq!(jws.url, original.url);
        }
    }

    #[test]
    fn base64url_round_trips(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(base64url::decode(&base64url::encode(&octets), "it").unwrap(), octets);
    }

    #[test]
    fn base64url_has_one_text_for_each_value(text in "[A-Za-z0-9_-]{0,20}") {
        if let Ok(octets) = base64url::decode(&text, "it") {
            prop_assert_eq!(base64url::encode(octets), text);
        }
    }

    #[test]
    fn accepted_keys_round_trip(value in any_json()) {
        if let Ok(jwk) = Jwk::parse(&value.to_string()) {
            prop_assert_eq!(&Jwk::parse(jwk.canonical_json()).unwrap(), &jwk);
        }
    }

    #[test]
    fn ed25519_keys_of_any_value_round_trip(x in any::<[u8; 32]>()) {
        let text = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(x)}).to_string();
        let jwk = Jwk::parse(&text).unwrap();
        prop_assert_eq!(&Jwk::parse(jwk.canonical_json()).unwrap(), &jwk);
        prop_assert!(jwk.spki_der().ends_with(&x));
    }

    #[test]
    fn random_coordinates_are_no_key(x in any::<[u8; 32]>(), y in any::<[u8; 32]>()) {
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": base64url::encode(x), "y": base64url::encode(y)});
        prop_assert_eq!(Jwk::parse(&jwk.to_string()).unwrap_err().kind, ProblemType::BadPublicKey);
    }

    #[test]
    fn accepted_identifiers_are_canonical(
        names in prop::collection::vec(
            (
                "dns|ip",
                prop_oneof![
                    any::<String>(),
                    "(\\*\\.)?[a-zA-Z0-9-]{1,8}(\\.[a-z]{1,5}){0,3}",
                    "xn--[a-z0-9-]{1,12}\\.example",
                    any::<std::net::IpAddr>().prop_map(|ip| ip.to_string()),
                ],
            ),
            0..6,
        ),
    ) {
        let raw: Vec<_> =
            names.into_iter().map(|(kind, value)| RawIdentifier { r#type: kind, value }).collect();
        if let Ok(parsed) = parse_identifiers(&raw) {
            let again: Vec<_> = parsed.iter().map(RawIdentifier::from).collect();
            prop_assert_eq!(parse_identifiers(&again).unwrap(), parsed);
        }
    }

    #[test]
    fn contacts_never_panic(contacts in prop::collection::vec("(mailto:)?\\PC{0,40}", 0..12)) {
        let _ = check_contacts(&contacts);
    }

    #[test]
    fn nonces_round_trip(key in any::<[u8; 32]>(), seconds in 0..=i64::from(u32::MAX), text in any::<String>()) {
        let mint = NonceMint::new(&key, &SystemEntropy);
        let now = Timestamp::from_unix_seconds(seconds);
        let opened = mint.open(&mint.mint(now), now).unwrap();
        prop_assert_eq!((opened.epoch, opened.counter, opened.issued_at), (mint.epoch(), 0, now));
        prop_assert!(mint.open(&text, now).is_err());
    }
}
