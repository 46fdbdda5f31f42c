//! Rows 39–45: anti-replay nonces (RFC 8555 §6.5).

use futures::future::join_all;
use http::Method;
use serde_json::json;
use testkit::acme::{JOSE_JSON, Payload, jws};

use crate::acme::b64;
use crate::admin::PlaceKind;
use crate::endpoint::{Endpoint, Form};
use crate::exchange::Answer;
use crate::finding::{Verdict, Weight, not_applicable};
use crate::probe::Probe;
use crate::row::rows;

rows! {
    39 "nonce absent" => "400 badNonce with a fresh nonce",
        "RFC 8555 §6.5: requests without a valid nonce are rejected with badNonce and a fresh one",
        row_39_no_nonce;
    40 "nonce not base64url" => "400 malformed",
        "RFC 8555 §6.5.2: a nonce that is not valid base64url makes the JWS malformed", row_40_bad_encoding;
    41 "nonce unknown or used" => "400 badNonce with a fresh nonce that works",
        "RFC 8555 §6.5: 400 and badNonce, with a Replay-Nonce that the server takes", row_41_unknown_or_used;
    42 "concurrent uses of one nonce" => "exactly one wins",
        "RFC 8555 §6.5: each nonce is accepted at most once", row_42_race;
    43 "request fails after the nonce check" => "the nonce stays spent",
        "RFC 8555 §6.5: each nonce is accepted at most once", row_43_spent_by_failure;
    44 "nonce from replica A sent to B" => "accepted", "policy", row_44_replicas;
    45 "bad signature, good nonce" => "the nonce is not spent", "policy", row_45_not_burned;
}

async fn row_39_no_nonce(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        let answer = probe.flawed_header(endpoint, |header| drop(header.remove("nonce"))).await?;
        if probe.refusal(endpoint.name, &answer, 400, "badNonce") {
            probe.must(endpoint.name, &answer, answer.nonce().is_some(), "a fresh nonce");
        }
    }
    Ok(())
}

async fn row_40_bad_encoding(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        for nonce in ["not base64url!", "YQ==", "a+b/"] {
            let answer = probe
                .flawed_header(endpoint, |header| drop(header.insert("nonce".into(), nonce.into())))
                .await?;
            probe.problem_type(&format!("{} with {nonce:?}", endpoint.name), &answer, 400, "malformed");
        }
    }
    Ok(())
}

async fn row_41_unknown_or_used(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        for nonce in [b64([3; 16]), b64([5; 40]), b64([7; 3])] {
            let nonce = serde_json::Value::from(nonce);
            let body = draft_with(probe, endpoint, nonce).await?;
            let answer = probe.acme.post_jws(&endpoint.url, &body).await?;
            bad_nonce(probe, &format!("{}, unknown", endpoint.name), &answer);
        }
        let body = endpoint.draft(probe).await?.sign();
        let first = probe.acme.post_jws(&endpoint.url, &body).await?;
        let case = format!("{}, first use", endpoint.name);
        probe.must(&case, &first, endpoint.is_sound(&first), "the usual answer");
        let second = probe.acme.post_jws(&endpoint.url, &body).await?;
        let case = format!("{}, used", endpoint.name);
        if bad_nonce(probe, &case, &second)
            && let Some(nonce) = second.nonce()
        {
            let body = draft_with(probe, endpoint, nonce.into()).await?;
            let third = probe.acme.post_jws(&endpoint.url, &body).await?;
            let case = format!("{}, the nonce of the refusal", endpoint.name);
            probe.must(&case, &third, endpoint.is_sound(&third), "the usual answer");
        }
    }
    Ok(())
}

fn bad_nonce(probe: &Probe<'_>, case: &str, answer: &Answer) -> bool {
    probe.problem(case, answer, 400, "badNonce")
        && probe.must(case, answer, answer.nonce().is_some(), "a fresh nonce")
}

async fn draft_with(
    probe: &Probe<'_>,
    endpoint: &Endpoint,
    nonce: serde_json::Value,
) -> Verdict<serde_json::Value> {
    let mut draft = endpoint.draft(probe).await?;
    draft.header.insert("nonce".into(), nonce);
    Ok(draft.sign())
}

async fn row_42_race(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints().filter(|endpoint| endpoint.form != Form::Jwk) {
        let body = endpoint.draft(probe).await?.sign();
        let all = join_all((0..4).map(|_| probe.acme.post_jws(&endpoint.url, &body))).await;
        let answers = all.into_iter().collect::<Verdict<Vec<_>>>()?;
        let won = answers.iter().filter(|answer| endpoint.is_sound(answer)).count();
        for answer in answers.iter().filter(|answer| !endpoint.is_sound(answer)) {
            probe.policy_problem(endpoint.name, answer, 400, "badNonce");
        }
        let got = answers.iter().map(Answer::gist).collect::<Vec<_>>().join(", ");
        probe.holds(Weight::Must, endpoint.name, won == 1, "one answer, and badNonce for the others", &got);
    }
    Ok(())
}

async fn row_43_spent_by_failure(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        // Refused for its `url`, which comes after the nonce.
        let nonce = probe.acme.fresh_nonce().await?;
        let mut draft = endpoint.draft(probe).await?;
        draft.header.insert("nonce".into(), nonce.clone().into());
        draft.header.insert("url".into(), "https://elsewhere.example/".into());
        let answer = probe.acme.post_jws(&endpoint.url, &draft.sign()).await?;
        let case = format!("{}, url differs", endpoint.name);
        if !probe.must(&case, &answer, answer.is_refused(), "a refusal") {
            continue;
        }
        let body = draft_with(probe, endpoint, nonce.into()).await?;
        let answer = probe.acme.post_jws(&endpoint.url, &body).await?;
        bad_nonce(probe, &format!("{}, the nonce again", endpoint.name), &answer);
    }
    Ok(())
}

/// `url` names the address under which the service is known; where the request goes is the load balancer's choice.
async fn row_44_replicas(probe: &Probe<'_>) -> Verdict {
    let replica = probe.at(PlaceKind::Replica).await?;
    let owner = &probe.fixture.owner;
    let there = |url: &str| url.replacen(&probe.acme.origin(), &replica.origin(), 1);
    for endpoint in probe.endpoints() {
        let body = endpoint.draft(probe).await?.sign();
        let answer = replica.post_jws(&there(&endpoint.url), &body).await?;
        probe.policy(endpoint.name, &answer, endpoint.is_sound(&answer), "the usual answer");
        // And back: what the other one gave is good here, once.
        let Some(nonce) = answer.nonce() else { continue };
        let body = draft_with(probe, endpoint, nonce.into()).await?;
        let answer = probe.acme.post_jws(&endpoint.url, &body).await?;
        probe.policy(endpoint.name, &answer, endpoint.is_sound(&answer), "the usual answer");
        let answer = replica.post_jws(&there(&endpoint.url), &body).await?;
        probe.policy_problem(&format!("{}, used elsewhere", endpoint.name), &answer, 400, "badNonce");
    }
    // One nonce at both at once.
    let nonce = probe.acme.fresh_nonce().await?;
    let body = jws(&owner.key, &json!(owner.signer().header(&nonce, &owner.url)), &Payload::Empty.bytes());
    let there = there(&owner.url);
    let (one, two) = tokio::join!(probe.acme.post_jws(&owner.url, &body), replica.post_jws(&there, &body));
    let answers = [one?, two?];
    let won = answers.iter().filter(|answer| answer.is_success()).count();
    let got = answers.iter().map(Answer::gist).collect::<Vec<_>>().join(", ");
    probe.holds(Weight::Policy, "both at once", won == 1, "one answer and one badNonce", &got);
    Ok(())
}

async fn row_45_not_burned(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        let nonce = probe.acme.fresh_nonce().await?;
        let mut broken = draft_with(probe, endpoint, nonce.clone().into()).await?;
        broken["signature"] = b64([1; 64]).into();
        let body = broken.to_string();
        let answer = probe.acme.send(Method::POST, &endpoint.url, Some(JOSE_JSON), body).await?;
        if !answer.is_refused() {
            return not_applicable("bad signatures are accepted, which row 38 is about");
        }
        let body = draft_with(probe, endpoint, nonce.into()).await?;
        let answer = probe.acme.post_jws(&endpoint.url, &body).await?;
        probe.policy(
            endpoint.name,
            &answer,
            endpoint.is_sound(&answer),
            "the usual answer: the nonce is good",
        );
    }
    Ok(())
}
