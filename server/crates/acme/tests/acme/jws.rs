use acme::{Algorithm, Jwk, Jws, KeyRef, Problem, ProblemType, base64url};
use serde_json::{Value, json};

use crate::keys::TestKey;

fn key() -> TestKey {
    TestKey::generate(Algorithm::ES256)
}

fn refused(body: impl AsRef<[u8]>, kind: ProblemType) -> Problem {
    let problem = Jws::parse(body.as_ref()).expect_err("should be refused");
    assert_eq!(problem.kind, kind, "{problem}");
    assert_eq!(problem.status, 400);
    problem
}

fn malformed(body: impl AsRef<[u8]>) -> Problem {
    refused(body, ProblemType::Malformed)
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

/// A request whose header is this text, whatever it is.
fn with_header_text(header: &str) -> String {
    json!({"protected": base64url::encode(header), "payload": "", "signature": "AA"}).to_string()
}

#[test]
fn a_good_request_comes_apart_and_verifies() {
    for algorithm in Algorithm::ALL {
        let key = TestKey::generate(*algorithm);
        let jws = Jws::parse(&key.request(b"{}")).unwrap();
        assert_eq!(jws.alg, *algorithm);
        assert_eq!(jws.payload, b"{}");
        assert_eq!(jws.nonce.as_deref(), Some("bm9uY2U"));
        assert_eq!(jws.url.as_deref(), Some("https://ca.example/acme/new-account"));
        assert_eq!(jws.kid(), None);
        assert!(!jws.is_post_as_get());
        jws.verify(jws.jwk().unwrap()).unwrap();
    }
}

#[test]
fn the_signature_covers_the_texts_as_they_came() {
    // The same envelope with escapes, white space and unknown members, in the protected header too.
    let key = key();
    let header = format!(" {} ", changed(&key.header(), "unknown", json!({"a": [1, null]})));
    let protected = base64url::encode(header);
    let signature = base64url::encode(key.sign(format!("{protected}.").as_bytes()));
    let escaped: String = protected.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
    let body = format!(
        "\n{{ \"x\": {{}},\"protected\":\"{escaped}\",\t\"payload\":\"\",\"signature\":\"{signature}\"}}\r\n"
    );
    let jws = Jws::parse(body.as_bytes()).unwrap();
    jws.verify(jws.jwk().unwrap()).unwrap();
}

#[test]
fn row_5_unknown_members_are_ignored() {
    let jws = changed(&key().jws(&key().header(), b""), "typ", "x");
    assert!(Jws::parse(jws.to_string().as_bytes()).is_ok());
}

#[test]
fn row_20_empty_body_is_malformed() {
    for body in ["", " ", "\r\n"] {
        malformed(body);
    }
}

#[test]
fn row_22_only_the_flattened_serialization_is_accepted() {
    let jws = key().jws(&key().header(), b"");
    let part = |name: &str| jws[name].as_str().unwrap().to_owned();
    malformed(format!("{}.{}.{}", part("protected"), part("payload"), part("signature")));
    let general = json!({"payload": part("payload"), "signatures": [without(&jws, "payload")]});
    malformed(general.to_string());
    for body in ["[]", "null", "5", "\"x\"", "{", "{}{}", "\u{feff}{}", "{\"protected\":1}"] {
        malformed(body);
    }
    malformed([&jws.to_string().into_bytes()[..], b"x"].concat());
    malformed(b"{\"protected\":\"\xff\"}");
    malformed("{\"a\":".repeat(100_000));
}

#[test]
fn row_23_signatures_member_is_refused() {
    let jws = changed(&key().jws(&key().header(), b""), "signatures", json!([]));
    assert!(malformed(jws.to_string()).detail.contains("`signatures`"));
}

#[test]
fn row_24_unprotected_header_is_refused() {
    let jws = changed(&key().jws(&key().header(), b""), "header", json!({}));
    assert!(malformed(jws.to_string()).detail.contains("`header`"));
}

#[test]
fn row_25_b64_false_and_crit_are_refused() {
    let key = key();
    for (name, value) in [
        ("b64", json!(false)),
        ("b64", json!("true")),
        ("crit", json!(["b64"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(null)),
    ] {
        malformed(key.jws(&changed(&key.header(), name, value), b"").to_string());
    }
}

#[test]
fn row_26_missing_payload_is_refused() {
    let jws = key().jws(&key().header(), b"{}");
    assert!(malformed(without(&jws, "payload").to_string()).detail.contains("`payload`"));
    malformed(changed(&jws, "payload", json!(null)).to_string());
    malformed(without(&jws, "protected").to_string());
    malformed(without(&jws, "signature").to_string());
}

#[test]
fn row_27_padding_and_other_alphabets_are_refused() {
    let key = key();
    let jws = key.jws(&key.header(), b"{} ");
    for name in ["protected", "payload", "signature"] {
        let text = jws[name].as_str().unwrap();
        for wrong in [
            format!("{text}="),
            format!("{text}=="),
            format!("+/{text}"),
            format!("{text}\n"),
            format!("{text}AAA."),
        ] {
            malformed(changed(&jws, name, wrong).to_string());
        }
    }
    // One octet in two digits whose last four bits are not zero.
    malformed(changed(&jws, "payload", "AB").to_string());
}

#[test]
fn row_28_alg_none_and_macs_are_refused() {
    let key = key();
    for alg in ["none", "None", "HS256", "HS384", "HS512"] {
        let jws = key.jws(&changed(&key.header(), "alg", alg), b"");
        let problem = refused(jws.to_string(), ProblemType::BadSignatureAlgorithm);
        assert_eq!(problem.algorithms, Some(["RS256", "ES256", "ES384", "ES512", "EdDSA"].as_slice()));
    }
}

#[test]
fn row_29_unsupported_alg_lists_the_supported_ones() {
    let key = key();
    for alg in ["RS1", "RS384", "RS512", "PS256", "ES256K", "es256", "Ed448", ""] {
        let jws = key.jws(&changed(&key.header(), "alg", alg), b"");
        let problem = refused(jws.to_string(), ProblemType::BadSignatureAlgorithm);
        let body = serde_json::to_value(&problem).unwrap();
        assert_eq!(body["algorithms"], json!(["RS256", "ES256", "ES384", "ES512", "EdDSA"]));
    }
    malformed(key.jws(&without(&key.header(), "alg"), b"").to_string());
    malformed(key.jws(&changed(&key.header(), "alg", 5), b"").to_string());
}

#[test]
fn row_29_the_algorithm_is_checked_before_the_key() {
    let key = key();
    let header = changed(&changed(&key.header(), "alg", "HS256"), "kid", "https://ca.example/acme/account/1");
    refused(key.jws(&header, b"").to_string(), ProblemType::BadSignatureAlgorithm);
}

#[test]
fn row_31_alg_must_fit_the_key() {
    for algorithm in Algorithm::ALL {
        let key = TestKey::generate(*algorithm);
        let jwk = Jwk::parse(&key.jwk().to_string()).unwrap();
        for other in Algorithm::ALL.iter().filter(|other| *other != algorithm) {
            let by_jwk = key.jws(&changed(&key.header(), "alg", other.as_str()), b"");
            refused(by_jwk.to_string(), ProblemType::BadPublicKey);

            let header = json!({"alg": other.as_str(), "kid": "k", "nonce": "AA", "url": "u"});
            let by_kid = Jws::parse(key.jws(&header, b"").to_string().as_bytes()).unwrap();
            assert_eq!(by_kid.verify(&jwk).unwrap_err().kind, ProblemType::BadPublicKey);
            assert_eq!(other.fits(&jwk).unwrap_err().kind, ProblemType::BadPublicKey);
        }
        assert!(algorithm.fits(&jwk).is_ok());
    }
}

#[test]
fn row_32_a_bad_key_in_the_header_is_refused_as_such() {
    let key = key();
    let jwk = changed(&key.jwk(), "d", "AQAB");
    refused(key.jws(&changed(&key.header(), "jwk", jwk), b"").to_string(), ProblemType::BadPublicKey);
}

#[test]
fn row_33_exactly_one_of_jwk_and_kid() {
    let key = key();
    let both = changed(&key.header(), "kid", "https://ca.example/acme/account/1");
    malformed(key.jws(&both, b"").to_string());
    malformed(key.jws(&without(&key.header(), "jwk"), b"").to_string());
    for jwk in [json!(null), json!("x"), json!([]), json!(5)] {
        malformed(key.jws(&changed(&key.header(), "jwk", jwk), b"").to_string());
    }
    let header = without(&both, "jwk");
    malformed(key.jws(&changed(&header, "kid", 5), b"").to_string());
    let jws = Jws::parse(key.jws(&header, b"").to_string().as_bytes()).unwrap();
    assert_eq!(jws.key, KeyRef::Kid("https://ca.example/acme/account/1".to_owned()));
    jws.verify(&Jwk::parse(&key.jwk().to_string()).unwrap()).unwrap();
}

#[test]
fn duplicate_members_are_refused() {
    let key = key();
    let jws = key.jws(&key.header(), b"").to_string();
    for member in [r#""payload":"","#, r#""x":1,"x":2,"#, r#""\u0070ayload":"","#] {
        malformed(jws.replacen('{', &format!("{{{member}"), 1));
    }
    let header = key.header().to_string();
    malformed(with_header_text(&header.replacen('{', r#"{"url":"https://evil.example/","#, 1)));
    malformed(with_header_text(&header.replace(r#""kty":"#, r#""kty":"OKP","kty":"#)));
    assert!(Jws::parse(with_header_text(&header).as_bytes()).is_ok());
}

#[test]
fn row_38_bad_signatures_are_malformed() {
    for algorithm in Algorithm::ALL {
        let key = TestKey::generate(*algorithm);
        let jws = key.jws(&key.header(), b"{}");
        let flipped = {
            let mut octets = base64url::decode(jws["signature"].as_str().unwrap(), "").unwrap();
            octets[3] ^= 0x40;
            base64url::encode(octets)
        };
        for (name, value) in [
            ("signature", flipped),
            ("signature", String::new()),
            ("signature", base64url::encode([0; 64])),
            ("payload", base64url::encode("{ }")),
            ("protected", base64url::encode(changed(&key.header(), "nonce", "AA").to_string())),
        ] {
            let jws = Jws::parse(changed(&jws, name, value).to_string().as_bytes()).unwrap();
            assert_eq!(jws.verify(jws.jwk().unwrap()).unwrap_err().kind, ProblemType::Malformed);
        }
    }
}

#[test]
fn row_38_a_signature_in_der_is_malformed() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": base64url::encode(x), "y": base64url::encode(y)});
    let protected = base64url::encode(json!({"alg": "ES256", "jwk": jwk}).to_string());
    let der = pair.sign(&SystemRandom::new(), format!("{protected}.").as_bytes()).unwrap();
    let body = json!({"protected": protected, "payload": "", "signature": base64url::encode(der)});
    let jws = Jws::parse(body.to_string().as_bytes()).unwrap();
    let problem = jws.verify(jws.jwk().unwrap()).unwrap_err();
    assert_eq!(problem.kind, ProblemType::Malformed);
    assert!(problem.detail.contains("DER"), "{problem}");
}

#[test]
fn row_39_an_absent_nonce_is_left_to_the_caller() {
    let key = key();
    let jws = Jws::parse(key.jws(&without(&key.header(), "nonce"), b"").to_string().as_bytes()).unwrap();
    assert_eq!(jws.nonce, None);
}

#[test]
fn row_40_nonce_not_base64url_is_malformed() {
    let key = key();
    for nonce in [json!("a="), json!("a+/b"), json!("nonce!"), json!("AB"), json!(5), json!(null)] {
        malformed(key.jws(&changed(&key.header(), "nonce", nonce), b"").to_string());
    }
}

#[test]
fn row_46_an_absent_url_is_left_to_the_caller() {
    let key = key();
    let jws = Jws::parse(key.jws(&without(&key.header(), "url"), b"").to_string().as_bytes()).unwrap();
    assert_eq!(jws.url, None);
    malformed(key.jws(&changed(&key.header(), "url", 5), b"").to_string());
}

#[test]
fn row_49_only_the_empty_payload_reads() {
    let key = key();
    assert!(Jws::parse(&key.request(b"")).unwrap().is_post_as_get());
    for payload in [&b"{}"[..], b"null", b" "] {
        assert!(!Jws::parse(&key.request(payload)).unwrap().is_post_as_get());
    }
}

#[test]
fn row_70_a_good_inner_jws_is_accepted() {
    let key = key();
    let inner = key.jws(&without(&key.header(), "nonce"), b"{}").to_string();
    let inner = Jws::parse_inner(inner.as_bytes()).unwrap();
    inner.verify(inner.jwk().unwrap()).unwrap();
    assert!(inner.url.is_some());
}

#[test]
fn row_71_bad_inner_jws_is_malformed() {
    let key = key();
    let good = without(&key.header(), "nonce");
    let kid = changed(&without(&good, "jwk"), "kid", "https://ca.example/acme/account/1");
    for header in [key.header(), kid, without(&good, "jwk")] {
        let inner = key.jws(&header, b"{}").to_string();
        assert_eq!(Jws::parse_inner(inner.as_bytes()).unwrap_err().kind, ProblemType::Malformed);
    }
    for inner in ["", "{}", "null", "[]"] {
        let problem = Jws::parse_inner(inner.as_bytes()).unwrap_err();
        assert_eq!(problem.kind, ProblemType::Malformed);
        assert!(problem.detail.contains("inner"), "{problem}");
    }
}

#[test]
fn row_72_inner_url_is_required_for_the_comparison() {
    let key = key();
    let inner = key.jws(&without(&without(&key.header(), "nonce"), "url"), b"{}").to_string();
    assert_eq!(Jws::parse_inner(inner.as_bytes()).unwrap_err().kind, ProblemType::Malformed);
}
