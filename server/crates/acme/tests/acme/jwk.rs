use acme::{Algorithm, Jwk, KeyKind, Problem, ProblemType, base64url};
use serde_json::{Value, json};

use crate::keys::TestKey;

fn parse(jwk: &Value) -> Result<Jwk, Problem> {
    Jwk::parse(&jwk.to_string())
}

fn refusal(jwk: &Value) -> Problem {
    parse(jwk).expect_err(&jwk.to_string())
}

/// Refused as `badPublicKey` with a detail that has `reason`.
fn bad_key(jwk: &Value, reason: &str) {
    let problem = refusal(jwk);
    assert_eq!(problem.kind, ProblemType::BadPublicKey, "{problem}");
    assert!(problem.detail.contains(reason), "{problem}");
}

fn with(jwk: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut changed = jwk.clone();
    changed[name] = value.into();
    changed
}

fn without(jwk: &Value, name: &str) -> Value {
    let mut changed = jwk.clone();
    changed.as_object_mut().unwrap().remove(name);
    changed
}

fn octets(jwk: &Value, name: &str) -> Vec<u8> {
    base64url::decode(jwk[name].as_str().unwrap(), name).unwrap()
}

/// An RSA key of the given size that nobody could use, which the form does not show.
fn rsa_of(bits: usize) -> Value {
    let mut n = vec![0xff; bits.div_ceil(8)];
    n[0] = 0xff >> ((8 - bits % 8) % 8);
    json!({"kty": "RSA", "n": base64url::encode(n), "e": "AQAB"})
}

const RFC7638_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKR\
    XjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0z\
    gdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8\
    awapJzKnqDKgw";

#[test]
fn thumbprint_of_rfc_7638_section_3_1() {
    let jwk = json!({"kty": "RSA", "n": RFC7638_N, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
    let jwk = parse(&jwk).unwrap();
    assert_eq!(jwk.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(jwk.canonical_json(), format!(r#"{{"e":"AQAB","kty":"RSA","n":"{RFC7638_N}"}}"#));
}

#[test]
fn rs256_of_rfc_7515_appendix_a_2() {
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-p\
        CgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665\
        xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpo\
        Q";
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJ\
        dbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO\
        --xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypG\
        lUPQGe77Rw";
    let input = format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD_OF_RFC_7515}");
    check_vector(&json!({"kty": "RSA", "n": n, "e": "AQAB"}), Algorithm::RS256, &input, signature);
}

#[test]
fn es256_of_rfc_7515_appendix_a_3() {
    let jwk = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let input = format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD_OF_RFC_7515}");
    check_vector(&jwk, Algorithm::ES256, &input, signature);
}

#[test]
fn eddsa_of_rfc_8037_appendix_a() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    assert_eq!(parse(&jwk).unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    check_vector(
        &jwk,
        Algorithm::EdDSA,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        signature,
    );
}

const PAYLOAD_OF_RFC_7515: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn check_vector(jwk: &Value, algorithm: Algorithm, input: &str, signature: &str) {
    let jwk = parse(jwk).unwrap();
    let mut signature = base64url::decode(signature, "the signature").unwrap();
    assert!(jwk.verify(algorithm, input.as_bytes(), &signature));
    assert!(!jwk.verify(algorithm, b"another input", &signature));
    signature[7] ^= 1;
    assert!(!jwk.verify(algorithm, input.as_bytes(), &signature));
}

#[test]
fn row_30_every_listed_algorithm_is_accepted_and_verifies() {
    for algorithm in Algorithm::ALL {
        let key = TestKey::generate(*algorithm);
        let jwk = parse(&key.jwk()).unwrap();
        let signature = key.sign(b"input");
        for other in Algorithm::ALL {
            assert_eq!(jwk.verify(*other, b"input", &signature), other == algorithm);
        }
        assert!(!jwk.verify(*algorithm, b"input", b""));
        let another = parse(&TestKey::generate(*algorithm).jwk()).unwrap();
        assert!(!another.verify(*algorithm, b"input", &signature));
    }
}

#[test]
fn the_spki_is_that_of_certificates_and_the_canonical_form_parses_back() {
    for algorithm in Algorithm::ALL {
        let key = TestKey::generate(*algorithm);
        let jwk = parse(&key.jwk()).unwrap();
        assert_eq!(jwk.spki_der(), key.spki_der(), "{algorithm:?}");
        let again = Jwk::parse(jwk.canonical_json()).unwrap();
        assert_eq!(again, jwk);
        assert_eq!(again.thumbprint(), jwk.thumbprint());
        assert_eq!(again.kind(), algorithm.key_kind());
    }
}

#[test]
fn row_32_a_point_off_its_curve_is_refused() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512] {
        let jwk = TestKey::generate(algorithm).jwk();
        for name in ["x", "y"] {
            let mut forged = octets(&jwk, name);
            *forged.last_mut().unwrap() ^= 1;
            bad_key(&with(&jwk, name, base64url::encode(&forged)), "no point of");
            // A number that is no element of the field, and the origin.
            forged.fill(0xff);
            bad_key(&with(&jwk, name, base64url::encode(&forged)), "no point of");
        }
        let zero = base64url::encode(vec![0; octets(&jwk, "x").len()]);
        bad_key(&with(&with(&jwk, "x", zero.clone()), "y", zero), "no point of");
        // The right numbers at the wrong places.
        let swapped = with(&with(&jwk, "x", jwk["y"].clone()), "y", jwk["x"].clone());
        bad_key(&swapped, "no point of");
    }
}

#[test]
fn row_32_coordinates_have_their_full_length() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512, Algorithm::EdDSA] {
        let jwk = TestKey::generate(algorithm).jwk();
        let x = octets(&jwk, "x");
        bad_key(&with(&jwk, "x", base64url::encode(&x[1..])), "octets instead of");
        bad_key(&with(&jwk, "x", base64url::encode([&[0], &x[..]].concat())), "octets instead of");
        bad_key(&with(&jwk, "x", ""), "octets instead of");
    }
    let p256 = TestKey::generate(Algorithm::ES256).jwk();
    bad_key(&with(&p256, "crv", "P-384"), "octets instead of");
}

#[test]
fn row_32_rsa_sizes() {
    for bits in [1024, 2047, 8193, 16384] {
        bad_key(&rsa_of(bits), &format!("has {bits} bits"));
    }
    for bits in [2048, 2049, 3072, 4096, 8192] {
        assert_eq!(parse(&rsa_of(bits)).unwrap().kind(), KeyKind::Rsa, "{bits}");
    }
}

#[test]
fn row_32_rsa_form() {
    let jwk = rsa_of(2048);
    bad_key(&with(&jwk, "e", "Aw"), "65537");
    bad_key(&with(&jwk, "e", ""), "empty");
    bad_key(&with(&jwk, "e", "AAEAAQ"), "zero octet");
    bad_key(&with(&jwk, "n", ""), "empty");
    let n = octets(&jwk, "n");
    bad_key(&with(&jwk, "n", base64url::encode([&[0], &n[..]].concat())), "zero octet");
    let even: Vec<u8> = n.iter().map(|octet| octet & 0xfe).collect();
    bad_key(&with(&jwk, "n", base64url::encode(even)), "even");
}

#[test]
fn row_32_private_members_are_refused() {
    for algorithm in Algorithm::ALL {
        let jwk = TestKey::generate(*algorithm).jwk();
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
            bad_key(&with(&jwk, name, "AQAB"), &format!("private member `{name}`"));
        }
    }
    bad_key(&json!({"kty": "oct", "k": "AQAB"}), "symmetric");
}

#[test]
fn row_32_unknown_kinds_and_missing_members_are_refused() {
    bad_key(&json!({}), "`kty`");
    bad_key(&json!({"kty": "ec"}), "none of");
    bad_key(&json!({"kty": "AKP"}), "none of");
    let ed = TestKey::generate(Algorithm::EdDSA).jwk();
    for crv in ["X25519", "Ed448", "ed25519"] {
        bad_key(&with(&ed, "crv", crv), "crv");
    }
    let ec = TestKey::generate(Algorithm::ES256).jwk();
    for crv in ["secp256k1", "P-224", "p-256"] {
        bad_key(&with(&ec, "crv", crv), "crv");
    }
    for name in ["crv", "x", "y"] {
        bad_key(&without(&ec, name), &format!("no `{name}`"));
    }
    bad_key(&without(&rsa_of(2048), "n"), "no `n`");
    bad_key(&without(&rsa_of(2048), "e"), "no `e`");
}

#[test]
fn row_27_jwk_values_are_strict_base64url() {
    let jwk = TestKey::generate(Algorithm::ES256).jwk();
    let x = jwk["x"].as_str().unwrap();
    // 32 octets leave two bits over in the last digit, which must be zero.
    let mut dangling = x.to_owned();
    let last = dangling.pop().unwrap();
    dangling.push(char::from(last as u8 + 1));
    for wrong in
        [format!("{x}="), format!("+{}", &x[1..]), format!("/{}", &x[1..]), format!(" {x}"), dangling]
    {
        assert_eq!(refusal(&with(&jwk, "x", wrong)).kind, ProblemType::Malformed);
    }
    assert_eq!(refusal(&with(&jwk, "x", 5)).kind, ProblemType::Malformed);
}

#[test]
fn ambiguous_or_broken_json_is_malformed() {
    let jwk = TestKey::generate(Algorithm::EdDSA).jwk().to_string();
    let twice = jwk.replacen('{', r#"{"kty":"OKP","#, 1);
    for wrong in [twice.as_str(), "", "[]", "null", "\"x\"", "{", &format!("{jwk} {jwk}")] {
        assert_eq!(Jwk::parse(wrong).unwrap_err().kind, ProblemType::Malformed, "{wrong}");
    }
}
