use acme::{Algorithm, ExternalAccountBinding, Jwk, MacAlgorithm, Problem, ProblemType, base64url};
use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::keys::TestKey;

const URL: &str = "https://ca.example/acme/new-account";
const MAC_KEY: [u8; 32] = [7; 32];

struct Client {
    jwk: Value,
    key: Jwk,
}

impl Client {
    fn new() -> Self {
        let jwk = TestKey::generate(Algorithm::ES256).jwk();
        let key = Jwk::parse(&jwk.to_string()).unwrap();
        Self { jwk, key }
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers hand over texts and values as they make them")]
    fn parse(&self, binding: impl ToString) -> Result<ExternalAccountBinding, Problem> {
        ExternalAccountBinding::parse(&binding.to_string(), URL, &self.key)
    }

    fn good(&self) -> Value {
        binding(&header("HS256"), self.jwk.to_string().as_bytes())
    }

    fn malformed(&self, binding: impl ToString) -> Problem {
        let problem = self.parse(binding).expect_err("should be refused");
        assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 400), "{problem}");
        assert!(problem.detail.starts_with("The external account binding: "), "{problem}");
        problem
    }
}

fn header(alg: &str) -> Value {
    json!({ "alg": alg, "kid": "eab-1", "url": URL })
}

fn binding(header: &Value, payload: &[u8]) -> Value {
    let algorithm = match header["alg"].as_str() {
        Some("HS384") => hmac::HMAC_SHA384,
        Some("HS512") => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    let (protected, payload) = (base64url::encode(header.to_string()), base64url::encode(payload));
    let key = hmac::Key::new(algorithm, &MAC_KEY);
    let mac = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
    json!({ "protected": protected, "payload": payload, "signature": base64url::encode(mac) })
}

fn changed(object: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut changed = object.clone();
    changed[name] = value.into();
    changed
}

fn without(object: &Value, name: &str) -> Value {
    let mut changed = object.clone();
    changed.as_object_mut().unwrap().remove(name);
    changed
}

#[test]
fn row_64_a_good_binding_verifies_with_each_algorithm() {
    let client = Client::new();
    for algorithm in MacAlgorithm::ALL {
        let header = header(algorithm.as_str());
        let parsed = client.parse(binding(&header, client.jwk.to_string().as_bytes())).unwrap();
        assert_eq!(parsed.kid(), "eab-1");
        assert!(parsed.verify(&MAC_KEY), "{algorithm:?}");
        assert!(!parsed.verify(&[8; 32]), "{algorithm:?}");
    }
}

#[test]
fn row_64_the_key_may_be_written_in_other_ways() {
    let client = Client::new();
    let jwk = changed(&client.jwk, "use", "sig");
    let spaced = format!(" {jwk} ");
    assert!(client.parse(binding(&header("HS256"), spaced.as_bytes())).unwrap().verify(&MAC_KEY));
}

#[test]
fn row_62_every_change_breaks_the_mac() {
    let client = Client::new();
    let good = client.good();
    let mac = base64url::decode(good["signature"].as_str().unwrap(), "it").unwrap();
    for at in 0..mac.len() {
        let mut flipped = mac.clone();
        flipped[at] ^= 1;
        let parsed = client.parse(changed(&good, "signature", base64url::encode(flipped))).unwrap();
        assert!(!parsed.verify(&MAC_KEY), "octet {at}");
    }
    for cut in [0, 1, mac.len() / 2, mac.len() - 1] {
        let parsed = client.parse(changed(&good, "signature", base64url::encode(&mac[..cut]))).unwrap();
        assert!(!parsed.verify(&MAC_KEY), "{cut} octets");
    }
    // The MAC of one algorithm under the name of another, and of another header.
    for other in [header("HS512"), changed(&header("HS256"), "kid", "eab-2")] {
        let moved = changed(&good, "protected", base64url::encode(other.to_string()));
        assert!(!client.parse(moved).unwrap().verify(&MAC_KEY));
    }
}

#[test]
fn row_61_what_is_not_a_flattened_jws_is_malformed() {
    let client = Client::new();
    let good = client.good();
    let compact = ["protected", "payload", "signature"].map(|name| good[name].as_str().unwrap()).join(".");
    for bad in [json!(compact), json!([good]), json!(1), json!({})] {
        client.malformed(bad);
    }
    for name in ["protected", "payload", "signature"] {
        client.malformed(without(&good, name));
        client.malformed(changed(&good, name, 1));
        client.malformed(changed(&good, name, format!("{}=", good[name].as_str().unwrap())));
    }
    client.malformed(changed(&good, "signatures", json!([])));
    client.malformed(changed(&good, "header", json!({})));
    client.malformed(changed(&good, "padding", "x".repeat(ExternalAccountBinding::MAX_LENGTH)));
}

#[test]
fn row_61_the_header_has_a_mac_algorithm_a_kid_and_the_url_and_no_nonce() {
    let client = Client::new();
    let jwk = client.jwk.to_string();
    let refused = |header: &Value| client.malformed(binding(header, jwk.as_bytes()));
    for alg in ["none", "ES256", "RS256", "hs256", "HS1", ""] {
        refused(&header(alg));
    }
    for name in ["alg", "kid", "url"] {
        refused(&without(&header("HS256"), name));
        refused(&changed(&header("HS256"), name, 1));
    }
    refused(&changed(&header("HS256"), "nonce", "bm9uY2U"));
    refused(&changed(&header("HS256"), "jwk", client.jwk.clone()));
    refused(&changed(&header("HS256"), "crit", json!(["x"])));
    refused(&changed(&header("HS256"), "b64", false));
    for url in ["", "https://ca.example/acme/new-account/", "https://ca.example/acme/new-order"] {
        refused(&changed(&header("HS256"), "url", url));
    }
}

#[test]
fn row_63_the_payload_is_the_key_of_the_account() {
    let client = Client::new();
    let other = Client::new();
    let refused = |payload: &[u8]| client.malformed(binding(&header("HS256"), payload));
    refused(other.jwk.to_string().as_bytes());
    refused(b"");
    refused(b"{}");
    refused(b"\xff");
    refused(json!({ "jwk": client.jwk }).to_string().as_bytes());
}
