//! Rows 30–32: account keys and algorithms.

use serde_json::{Value, json};
use testkit::acme::{Algorithm, Key, Payload, Signer};

use crate::acme::b64;
use crate::endpoint::Form;
use crate::finding::Verdict;
use crate::probe::Probe;
use crate::row::rows;
use crate::weak_rsa::WeakRsa;

rows! {
    30 "ES256; Ed25519 with EdDSA" => "both accepted",
        "RFC 8555 §6.2: a server must implement ES256 and should implement EdDSA with Ed25519",
        row_30_required_algorithms;
    31 "alg does not fit the key" => "400 badPublicKey",
        "RFC 7518 §3.1: each algorithm goes with one kind of key; RFC 8555 §6.2: badPublicKey",
        row_31_mismatch;
    32 "RSA below 2048 bits, off the curve, private, known to be compromised" => "400 badPublicKey with the reason",
        "RFC 8555 §6.2: a key that the server rejects is answered with 400 and badPublicKey", row_32_bad_keys;
}

async fn row_30_required_algorithms(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let key = Key::generate(algorithm);
        let payload = acme.account_payload(&key)?;
        let answer = acme.post(Signer::Jwk(&key), acme.url("newAccount"), payload).await?;
        let case = algorithm.jws_name();
        let accepted = answer.status == 201;
        match algorithm {
            Algorithm::Es256 => probe.must(case, &answer, accepted, "201"),
            _ => probe.policy(case, &answer, accepted, "201"),
        };
        if let Some(url) = answer.location() {
            let answer = acme.post(Signer::Kid(&key, url), url, Payload::Empty).await?;
            probe.must(&format!("{case}, by kid"), &answer, answer.status == 200, "200");
        }
    }
    Ok(())
}

async fn row_31_mismatch(probe: &Probe<'_>) -> Verdict {
    let own = probe.fixture.owner.key.algorithm();
    for endpoint in probe.endpoints() {
        for other in Algorithm::ALL.into_iter().filter(|other| *other != own) {
            let alg = other.jws_name();
            let answer =
                probe.flawed_header(endpoint, |header| drop(header.insert("alg".into(), alg.into()))).await?;
            let case = format!("{} with {alg} and a key for {}", endpoint.name, own.jws_name());
            // A server that does not support the algorithm at all says so first.
            match answer.problem().as_str() {
                "badSignatureAlgorithm" => probe.must(&case, &answer, answer.status == 400, "400"),
                _ => probe.refusal(&case, &answer, 400, "badPublicKey"),
            };
        }
    }
    Ok(())
}

async fn row_32_bad_keys(probe: &Probe<'_>) -> Verdict {
    let weak = WeakRsa::new();
    for endpoint in probe.endpoints().filter(|endpoint| endpoint.form == Form::Jwk) {
        // Well signed, so that nothing but the size of the key is wrong.
        let mut draft = endpoint.draft(probe).await?;
        draft.header.insert("alg".into(), "RS256".into());
        draft.header.insert("jwk".into(), weak.jwk());
        let protected = b64(Value::Object(draft.header).to_string());
        let payload = b64(&draft.payload);
        let signature = b64(weak.sign_pkcs1(format!("{protected}.{payload}").as_bytes()));
        let jws = json!({ "protected": protected, "payload": payload, "signature": signature });
        let answer = probe.acme.post_jws(&endpoint.url, &jws).await?;
        rejected(probe, "RSA of 1024 bits", &answer);

        let off_curve = json!({
            "kty": "EC", "crv": "P-256",
            "x": b64([1; 32]), "y": b64([1; 32]),
        });
        let answer = probe
            .flawed_header(endpoint, |header| drop(header.insert("jwk".into(), off_curve.clone())))
            .await?;
        // It may count as no key at all.
        probe.refusal("a point off the curve", &answer, 400, "badPublicKey");

        let answer = probe.flawed_header(endpoint, |header| header["jwk"]["d"] = b64([7; 32]).into()).await?;
        probe.policy_problem("a private member in the key", &answer, 400, "badPublicKey");
    }
    match &probe.options.compromised_key {
        Some(key) => {
            let payload = probe.acme.account_payload(key)?;
            let answer = probe.acme.post(Signer::Jwk(key), probe.acme.url("newAccount"), payload).await?;
            rejected(probe, "a key that is known to be compromised", &answer);
        }
        None => probe.note("no key was named that the server must know to be compromised"),
    }
    Ok(())
}

fn rejected(probe: &Probe<'_>, case: &str, answer: &crate::exchange::Answer) {
    if probe.problem(case, answer, 400, "badPublicKey") {
        let detail = answer.json()["detail"].as_str().unwrap_or("").len();
        probe.policy(case, answer, detail > 10, "the reason in `detail`");
    }
}
