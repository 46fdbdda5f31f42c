//! Rows 22–29: the envelope of a request (RFC 8555 §6.2, RFC 7515).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use http::Method;
use serde_json::{Value, json};
use testkit::acme::JOSE_JSON;

use crate::acme::b64;
use crate::endpoint::Endpoint;
use crate::exchange::Answer;
use crate::finding::Verdict;
use crate::probe::Probe;
use crate::row::rows;

rows! {
    22 "not flattened JSON (compact, general)" => "400 malformed",
        "RFC 8555 §6.2: the JWS is in the flattened JSON serialization", row_22_other_serializations;
    23 "`signatures` present" => "400 malformed", "RFC 8555 §6.2: the JWS must not have multiple signatures",
        row_23_signatures;
    24 "unprotected `header`" => "400 malformed", "RFC 8555 §6.2: the unprotected header must not be used",
        row_24_unprotected_header;
    25 "`b64` false, unknown `crit`" => "400 malformed",
        "RFC 8555 §6.2: no unencoded payload; RFC 7515 §4.1.11: unknown critical extensions make a JWS invalid",
        row_25_extensions;
    26 "`payload` missing (detached)" => "400 malformed",
        "RFC 8555 §6.2: the payload must not be detached", row_26_detached_payload;
    27 "`=` padding or a foreign alphabet" => "400 malformed",
        "RFC 8555 §6.1: values with trailing `=` must be rejected as improperly encoded", row_27_encoding;
    28 "alg `none` or HMAC" => "400 badSignatureAlgorithm with `algorithms`",
        "RFC 8555 §6.2: alg must not be none or a MAC; an algorithm that is not supported is badSignatureAlgorithm",
        row_28_no_signature;
    29 "alg unsupported" => "400 badSignatureAlgorithm with `algorithms`",
        "RFC 8555 §6.2: 400 and badSignatureAlgorithm, and `algorithms` must be there", row_29_unsupported_algorithm;
}

async fn row_22_other_serializations(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        let jws = endpoint.draft(probe).await?.sign();
        let part = |name: &str| jws[name].as_str().unwrap_or_default().to_owned();
        let (protected, payload, signature) = (part("protected"), part("payload"), part("signature"));
        let compact = format!("{protected}.{payload}.{signature}");
        let answer = probe.acme.send(Method::POST, &endpoint.url, Some(JOSE_JSON), compact).await?;
        probe.refusal(&format!("{}, compact", endpoint.name), &answer, 400, "malformed");

        let jws = endpoint.draft(probe).await?.sign();
        let general = json!({
            "payload": jws["payload"],
            "signatures": [{ "protected": jws["protected"], "signature": jws["signature"] }],
        });
        let answer = probe.acme.post_jws(&endpoint.url, &general).await?;
        probe.refusal(&format!("{}, general", endpoint.name), &answer, 400, "malformed");
    }
    Ok(())
}

async fn row_23_signatures(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        for signatures in [json!([]), json!([{ "protected": "e30", "signature": "AA" }])] {
            let answer =
                probe.flawed_jws(endpoint, |_| (), |jws| jws["signatures"] = signatures.clone()).await?;
            probe.refusal(endpoint.name, &answer, 400, "malformed");
        }
    }
    Ok(())
}

async fn row_24_unprotected_header(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        for header in [json!({}), json!({ "kid": "a" })] {
            let answer = probe.flawed_jws(endpoint, |_| (), |jws| jws["header"] = header.clone()).await?;
            probe.refusal(&format!("{} with {header}", endpoint.name), &answer, 400, "malformed");
        }
    }
    Ok(())
}

async fn row_25_extensions(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        let name = endpoint.name;
        // RFC 7797 §3: the payload stands in the JWS as it is.
        let mut draft = endpoint.draft(probe).await?;
        draft.header.insert("b64".into(), false.into());
        draft.header.insert("crit".into(), json!(["b64"]));
        let protected = b64(Value::Object(draft.header.clone()).to_string());
        let payload = String::from_utf8_lossy(&draft.payload).into_owned();
        let signature = b64(draft.key.sign(format!("{protected}.{payload}").as_bytes()));
        let jws = json!({ "protected": protected, "payload": payload, "signature": signature });
        let answer = probe.acme.post_jws(&endpoint.url, &jws).await?;
        probe.refusal(&format!("{name}, b64 false"), &answer, 400, "malformed");

        let answer = probe
            .flawed_header(endpoint, |header| {
                header.insert("crit".into(), json!(["conformance-suite"]));
                header.insert("conformance-suite".into(), 1.into());
            })
            .await?;
        probe.refusal(&format!("{name}, unknown crit"), &answer, 400, "malformed");

        let answer =
            probe.flawed_header(endpoint, |header| drop(header.insert("crit".into(), json!([])))).await?;
        // RFC 7515 §4.1.11 forbids it to whoever makes a JWS, and says nothing of who reads it.
        probe.policy_problem(&format!("{name}, empty crit"), &answer, 400, "malformed");
    }
    Ok(())
}

async fn row_26_detached_payload(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        let remove = |jws: &mut Value| {
            if let Some(members) = jws.as_object_mut() {
                members.remove("payload");
            }
        };
        let answer = probe.flawed_jws(endpoint, |_| (), remove).await?;
        probe.refusal(endpoint.name, &answer, 400, "malformed");
        let answer = probe.flawed_jws(endpoint, |_| (), |jws| jws["payload"] = Value::Null).await?;
        probe.refusal(&format!("{}, payload null", endpoint.name), &answer, 400, "malformed");
    }
    Ok(())
}

/// The signature covers the wrong text too: all that is wrong is the encoding.
async fn row_27_encoding(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        let name = endpoint.name;
        let answer = encoded(probe, endpoint, padded, plain, plain).await?;
        probe.refusal(&format!("{name}, padding in protected"), &answer, 400, "malformed");
        if !endpoint.payload.is_empty() {
            let answer = encoded(probe, endpoint, plain, padded, plain).await?;
            probe.refusal(&format!("{name}, padding in payload"), &answer, 400, "malformed");
        }
        let answer = encoded(probe, endpoint, plain, plain, |bytes| URL_SAFE.encode(bytes)).await?;
        probe.refusal(&format!("{name}, padding in signature"), &answer, 400, "malformed");
        let answer = encoded(probe, endpoint, plain, plain, |bytes| STANDARD_NO_PAD.encode(bytes)).await?;
        probe.refusal(&format!("{name}, `+` or `/` in signature"), &answer, 400, "malformed");
    }
    Ok(())
}

/// JSON may end with spaces; so many that the encoding needs padding.
fn padded(json: &[u8]) -> String {
    let mut bytes = json.to_vec();
    while bytes.len().is_multiple_of(3) {
        bytes.push(b' ');
    }
    URL_SAFE.encode(bytes)
}

fn plain(bytes: &[u8]) -> String {
    b64(bytes)
}

/// How octets become text.
type Encode = fn(&[u8]) -> String;

async fn encoded(
    probe: &Probe<'_>,
    endpoint: &Endpoint,
    header: Encode,
    payload: Encode,
    signature: Encode,
) -> Verdict<Answer> {
    let draft = endpoint.draft(probe).await?;
    let protected = header(Value::Object(draft.header).to_string().as_bytes());
    let payload = payload(&draft.payload);
    let input = format!("{protected}.{payload}");
    // A signature in which the two alphabets differ; ECDSA makes another one each time.
    let mut signed = signature(&draft.key.sign(input.as_bytes()));
    for _ in 0..200 {
        if URL_SAFE_NO_PAD.decode(&signed).is_err() || signature(b"\xfb\xff") == b64(b"\xfb\xff") {
            break;
        }
        signed = signature(&draft.key.sign(input.as_bytes()));
    }
    let jws = json!({ "protected": protected, "payload": payload, "signature": signed });
    let answer = probe.acme.post_jws(&endpoint.url, &jws).await?;
    probe.acme.keep_nonce(&answer);
    Ok(answer)
}

/// HMAC under the public key is the classic confusion of algorithms.
async fn row_28_no_signature(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        for alg in ["none", "None", "HS256", "HS512"] {
            let mut draft = endpoint.draft(probe).await?;
            draft.header.insert("alg".into(), alg.into());
            let protected = b64(Value::Object(draft.header).to_string());
            let payload = b64(&draft.payload);
            let secret = hmac::Key::new(hmac::HMAC_SHA256, draft.key.jwk().to_string().as_bytes());
            let signature = match alg.starts_with("HS") {
                true => b64(hmac::sign(&secret, format!("{protected}.{payload}").as_bytes())),
                false => String::new(),
            };
            let jws = json!({ "protected": protected, "payload": payload, "signature": signature });
            let answer = probe.acme.post_jws(&endpoint.url, &jws).await?;
            probe.acme.keep_nonce(&answer);
            bad_algorithm(probe, &format!("{} with {alg}", endpoint.name), &answer);
        }
    }
    Ok(())
}

async fn row_29_unsupported_algorithm(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        for alg in ["ES256K", "RS1", "conformance-suite"] {
            let answer =
                probe.flawed_header(endpoint, |header| drop(header.insert("alg".into(), alg.into()))).await?;
            bad_algorithm(probe, &format!("{} with {alg}", endpoint.name), &answer);
        }
    }
    Ok(())
}

fn bad_algorithm(probe: &Probe<'_>, case: &str, answer: &Answer) {
    if !probe.problem(case, answer, 400, "badSignatureAlgorithm") {
        return;
    }
    let algorithms = answer.json()["algorithms"].as_array().cloned().unwrap_or_default();
    let listed = !algorithms.is_empty() && algorithms.iter().all(Value::is_string);
    probe.must(case, answer, listed, "the supported algorithms in `algorithms`");
}
