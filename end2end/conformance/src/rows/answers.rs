//! Rows 1–3 and 6–10: what every answer is held against.

use http::Method;
use serde_json::Value;
use testkit::acme::JOSE_JSON;

use crate::admin::{Act, PlaceKind};
use crate::exchange::Answer;
use crate::finding::{Verdict, Weight};
use crate::probe::Probe;
use crate::row::rows;

rows! {
    1 "any POST, success or error" => "a fresh Replay-Nonce in unpadded base64url",
        "RFC 8555 §6.5, §6.5.1: a Replay-Nonce in every successful answer to a POST, and it should be in errors too",
        row_1_replay_nonce;
    2 "any resource but the directory" => "Link to the directory with rel=\"index\", on a line of its own",
        "RFC 8555 §7.1: the index link is on all resources other than the directory",
        row_2_index_link;
    3 "any error" => "problem+json with a registered URN and `status` equal to the HTTP status",
        "RFC 8555 §6.7: the ACME namespace is for registered types only; RFC 9457 §3.1.2: status",
        row_3_problem_documents;
    6 "unknown path" => "404 malformed", "policy", row_6_unknown_path;
    7 "hostile input anywhere" => "never 5xx, no panic, no leak", "policy", row_7_no_internal_error;
    8 "overload" => "503 with Retry-After, not 429", "policy (RFC 9110 §15.6.4)", row_8_overload;
    9 "cross-origin requests" => "Access-Control-Allow-Origin: *; Link, Location, Replay-Nonce, Retry-After exposed",
        "policy (RFC 8555 §6.1: servers meant for browsers need CORS)", row_9_cors;
    10 "resource URLs" => "unguessable; foreign and missing look alike",
        "policy (RFC 8555 §10.5: URLs of others must not tell more than they should)", row_10_resource_urls;
}

async fn row_1_replay_nonce(probe: &Probe<'_>) -> Verdict {
    probe.take(probe.log.findings(1));
    Ok(())
}

/// Every link must also lead to a directory.
async fn row_2_index_link(probe: &Probe<'_>) -> Verdict {
    // A URL that a server made from a Host header leads nowhere; row 48 is about that.
    let origin = format!("{}/", probe.acme.origin());
    for url in probe.log.indexes(probe.acme.directory_url()) {
        if !url.starts_with(&origin) {
            continue;
        }
        let answer = probe.acme.get(&url).await?;
        let is_directory = answer.status == 200 && answer.json()["newNonce"].is_string();
        probe.must("the index link leads to", &answer, is_directory, "a directory");
    }
    probe.take(probe.log.findings(2));
    Ok(())
}

async fn row_3_problem_documents(probe: &Probe<'_>) -> Verdict {
    probe.take(probe.log.findings(3));
    Ok(())
}

async fn row_6_unknown_path(probe: &Probe<'_>) -> Verdict {
    let directory = probe.acme.directory_url();
    let parent = directory.rsplit_once('/').map_or(directory, |(parent, _)| parent);
    let url = format!("{parent}/there-is-nothing-here");
    let answer = probe.acme.get(&url).await?;
    probe.policy_problem("GET", &answer, 404, "malformed");
    let answer = probe.acme.post(probe.fixture.owner.signer(), &url, testkit::acme::Payload::Empty).await?;
    probe.policy_problem("POST", &answer, 404, "malformed");
    Ok(())
}

/// What rows sent so far, and bodies that parsers have stumbled over before.
async fn row_7_no_internal_error(probe: &Probe<'_>) -> Verdict {
    let deep = "[".repeat(20_000);
    let bodies: Vec<Vec<u8>> = vec![
        deep.into_bytes(),
        b"{\"protected\":{},\"payload\":[],\"signature\":1}".to_vec(),
        b"{\"protected\":\"\",\"payload\":\"\",\"signature\":\"\"}".to_vec(),
        b"{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"AA\",\"protected\":\"e30\"}".to_vec(),
        b"{\"protected\":\"\xff\xfe\",\"payload\":\"\",\"signature\":\"\"}".to_vec(),
        b"\0\0\0\0".to_vec(),
        b"{\"protected\":1e999999,\"payload\":-0,\"signature\":null}".to_vec(),
        b"null".to_vec(),
    ];
    for endpoint in probe.endpoints() {
        for body in &bodies {
            let answer = probe.acme.send(Method::POST, &endpoint.url, Some(JOSE_JSON), body.clone()).await?;
            refused_without_leak(probe, endpoint.name, &answer);
        }
        let deep_payload = format!("{{\"a\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
        let payloads: Vec<Vec<u8>> =
            vec![deep_payload.into_bytes(), b"{\"a\":\"\\ud800\"}".to_vec(), b"\xff\xff".to_vec()];
        for payload in payloads {
            let answer = probe.flawed(endpoint, |draft| draft.payload.clone_from(&payload)).await?;
            no_leak(probe, endpoint.name, &answer);
        }
        let strange_kid = "https://".to_owned() + &"a".repeat(9_000);
        let answer = probe
            .flawed_header(endpoint, |header| {
                header.remove("jwk");
                header.insert("kid".into(), Value::String(strange_kid.clone()));
            })
            .await?;
        refused_without_leak(probe, endpoint.name, &answer);
    }
    probe.take(probe.log.findings(7));
    Ok(())
}

fn refused_without_leak(probe: &Probe<'_>, case: &str, answer: &Answer) {
    probe.policy(case, answer, answer.is_refused(), "a refusal of nonsense");
    no_leak(probe, case, answer);
}

/// Words that only the inside of a program says.
fn no_leak(probe: &Probe<'_>, case: &str, answer: &Answer) {
    let text = answer.text();
    let leaks = ["panicked", "stack backtrace", "goroutine ", ".rs:", ".go:", "SQLSTATE", "sqlite"];
    let clean = !leaks.iter().any(|leak| text.contains(leak));
    probe.policy(case, answer, clean, "nothing of the server's inside in the answer");
}

async fn row_8_overload(probe: &Probe<'_>) -> Verdict {
    let loaded = probe.at(PlaceKind::Loadable).await?;
    let person = loaded.new_account().await?;
    probe.admin.act(Act::Overload).await?;
    let loaded = loaded.expecting_failure();
    // Nothing may be asked of a server that sheds load but what is to be shed.
    let answer = loaded.get(loaded.url("newNonce")).await;
    let order = serde_json::json!({ "identifiers": [crate::flow::identifier(&loaded.new_name("r8"))] });
    let shed = match &answer {
        Ok(answer) if answer.status == 503 => answer.clone(),
        _ => loaded.new_order(&person, order).await?,
    };
    probe.admin.act(Act::Unload).await?;
    probe.policy("while overloaded", &shed, shed.status == 503, "503");
    probe.policy("while overloaded", &shed, shed.retry_after().is_some(), "Retry-After");
    probe.policy("while overloaded", &shed, shed.problem() != "rateLimited", "another type than rateLimited");
    Ok(())
}

async fn row_9_cors(probe: &Probe<'_>) -> Verdict {
    let origin = [("Origin", "https://browser.example")];
    let mut answers = Vec::new();
    for url in [probe.acme.directory_url(), probe.acme.url("newNonce")] {
        answers.push(probe.acme.send_with(Method::GET, url, None, "", &origin).await?);
    }
    for body in ["", "{}"] {
        let url = probe.acme.url("newAccount");
        answers.push(probe.acme.send_with(Method::POST, url, Some(JOSE_JSON), body, &origin).await?);
    }
    for answer in &answers {
        let allowed = answer.header("access-control-allow-origin");
        probe.policy("", answer, allowed == Some("*"), "Access-Control-Allow-Origin: *");
        let exposed = answer.lines("access-control-expose-headers").collect::<Vec<_>>().join(",");
        let exposed = exposed.to_ascii_lowercase();
        for name in ["link", "location", "replay-nonce", "retry-after"] {
            probe.policy("", answer, exposed.contains(name), &format!("the header {name} exposed"));
        }
    }
    let preflight = [
        ("Origin", "https://browser.example"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type"),
    ];
    let url = probe.acme.url("newOrder");
    let answer = probe.acme.send_with(Method::OPTIONS, url, None, "", &preflight).await?;
    let allowed = answer
        .lines("access-control-allow-headers")
        .any(|line| line.to_ascii_lowercase().contains("content-type") || line.trim() == "*");
    probe.policy("preflight", &answer, answer.is_success() && allowed, "Content-Type allowed");
    Ok(())
}

async fn row_10_resource_urls(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let (owner, other) = (acme.new_account().await?, acme.new_account().await?);
    let first = acme.order(&owner, &[&acme.new_name("r10")]).await?;
    let second = acme.order(&owner, &[&acme.new_name("r10")]).await?;
    let mut pairs = vec![
        ("accounts", owner.url.clone(), other.url.clone()),
        ("orders", first.url.clone(), second.url.clone()),
    ];
    if let (Some(one), Some(two)) = (first.authorizations().pop(), second.authorizations().pop()) {
        pairs.push(("authorizations", one, two));
    }
    for (case, one, two) in &pairs {
        let length = identifying_part(one, two).len();
        let got = format!("{length} characters");
        probe.holds(Weight::Policy, case, length >= 11, "at least 64 bits that tell URLs apart", &got);
    }
    let mut resources = vec![first.url.clone()];
    resources.extend(first.authorizations());
    for url in resources {
        let foreign = acme.read(&other, &url).await?;
        let missing = acme.read(&other, &super::signer::another(&url)).await?;
        let alike = foreign.status == missing.status && foreign.problem() == missing.problem();
        let expected = format!("the same as for a missing resource, {}", missing.gist());
        probe.policy("a resource of another account", &foreign, alike, &expected);
    }
    Ok(())
}

/// The last path segment of `one` that differs from that of `two`.
fn identifying_part<'u>(one: &'u str, two: &str) -> &'u str {
    let pairs = one.rsplit('/').zip(two.rsplit('/'));
    pairs.into_iter().find(|(one, two)| one != two).map_or("", |(one, _)| one)
}
