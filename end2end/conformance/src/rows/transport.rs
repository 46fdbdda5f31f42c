//! Rows 5 and 16–21: methods, media types and bodies.

use http::Method;
use serde_json::json;
use testkit::acme::{JOSE_JSON, Signer};

use crate::endpoint::Endpoint;
use crate::exchange::Answer;
use crate::finding::{Stop, Verdict};
use crate::flow::identifier;
use crate::probe::Probe;
use crate::row::rows;

rows! {
    5 "unknown member sent" => "ignored, never reflected",
        "RFC 8555 §7.3: the server ignores what it does not know, and must not reflect it", row_5_unknown_members;
    16 "GET of any other resource" => "405 malformed with Allow",
        "RFC 8555 §6.3: a GET of any other resource is answered with 405 and malformed; RFC 9110 §15.5.6: Allow",
        row_16_get_is_refused;
    17 "PUT, DELETE, PATCH" => "405 with Allow", "RFC 9110 §15.5.6: a 405 has the header Allow",
        row_17_other_methods;
    18 "Content-Type absent or wrong" => "415 malformed",
        "RFC 8555 §6.2: another Content-Type is answered with 415", row_18_content_type;
    19 "Content-Type with parameters" => "accepted", "policy (RFC 9110 §8.3)", row_19_parameters;
    20 "empty body" => "400 malformed", "RFC 8555 §6.2: the body is a JWS", row_20_empty_body;
    21 "body over the limit" => "413 malformed", "policy (RFC 9110 §15.5.14)", row_21_large_body;
}

async fn row_5_unknown_members(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let key = acme.new_key();
    let mut payload = acme.account_payload(&key)?;
    payload["conformanceUnknown"] = json!({ "deep": ["value"] });
    payload["orders"] = json!("https://elsewhere.example/orders");
    let answer = acme.post(Signer::Jwk(&key), acme.url("newAccount"), payload).await?;
    probe.must("newAccount", &answer, answer.status == 201, "201, the member ignored");
    not_reflected(probe, "newAccount", &answer);
    let strange_orders = answer.json()["orders"] == "https://elsewhere.example/orders";
    probe.must("newAccount", &answer, !strange_orders, "its own `orders`");
    let Some(url) = answer.location() else { return Ok(()) };
    let person = crate::acme::Person { url: url.to_owned(), key };
    let update = json!({ "conformanceUnknown": 1 });
    let answer = acme.post(person.signer(), &person.url, update).await?;
    probe.status("account update", &answer, 200);
    not_reflected(probe, "account update", &answer);
    let order = json!({
        "identifiers": [identifier(&acme.new_name("r5"))],
        "conformanceUnknown": [1, 2],
        "status": "valid",
    });
    let answer = acme.new_order(&person, order).await?;
    probe.must("newOrder", &answer, answer.status == 201, "201, the member ignored");
    not_reflected(probe, "newOrder", &answer);
    probe.must("newOrder", &answer, answer.json()["status"] != "valid", "its own `status`");
    Ok(())
}

fn not_reflected(probe: &Probe<'_>, case: &str, answer: &Answer) {
    let reflected = answer.json().get("conformanceUnknown").is_some();
    probe.must(case, answer, !reflected, "the unknown member not reflected");
}

async fn row_16_get_is_refused(probe: &Probe<'_>) -> Verdict {
    for endpoint in others(probe) {
        let answer = probe.acme.get(&endpoint.url).await?;
        probe.problem(endpoint.name, &answer, 405, "malformed");
        probe.must(endpoint.name, &answer, allows_post(&answer), "the header Allow with POST");
    }
    Ok(())
}

async fn row_17_other_methods(probe: &Probe<'_>) -> Verdict {
    let urls = probe.endpoints().map(|endpoint| (endpoint.name, endpoint.url.clone()));
    for (name, url) in urls {
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let case = format!("{method} {name}");
            let answer = probe.acme.send(method, &url, None, "").await?;
            probe.must(&case, &answer, answer.is_refused(), "a refusal");
            let is_405 = probe.policy(&case, &answer, answer.status == 405, "405");
            let allow = !is_405 || answer.header("allow").is_some();
            probe.must(&case, &answer, allow, "the header Allow beside 405");
        }
    }
    Ok(())
}

fn allows_post(answer: &Answer) -> bool {
    answer.lines("allow").any(|line| line.split(',').any(|method| method.trim() == "POST"))
}

/// All but the two that may be read by GET.
fn others<'p>(probe: &'p Probe<'_>) -> impl Iterator<Item = &'p Endpoint> {
    probe.endpoints().filter(|endpoint| !matches!(endpoint.name, "directory" | "newNonce"))
}

/// The wrong type is found before what is wrong in the body.
async fn row_18_content_type(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        for content_type in [None, Some("application/json"), Some("text/plain; a=application/jose+json")] {
            let case = format!("{} with {}", endpoint.name, content_type.unwrap_or("no Content-Type"));
            let body = endpoint.draft(probe).await?.sign().to_string();
            let answer = probe.acme.send(Method::POST, &endpoint.url, content_type, body).await?;
            probe.must(&case, &answer, answer.status == 415, "415");
            probe.policy(&case, &answer, answer.problem() == "malformed", "malformed");
        }
    }
    let url = probe.acme.url("newAccount");
    let answer = probe.acme.send(Method::POST, url, Some("application/json"), "no JWS").await?;
    probe.policy("order of checks", &answer, answer.status == 415, "415 before what is wrong with the JWS");
    Ok(())
}

async fn row_19_parameters(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        for content_type in ["application/jose+json; charset=utf-8", "Application/JOSE+JSON"] {
            let case = format!("{} with {content_type}", endpoint.name);
            let body = endpoint.draft(probe).await?.sign().to_string();
            let answer = probe.acme.send(Method::POST, &endpoint.url, Some(content_type), body).await?;
            probe.policy(&case, &answer, endpoint.is_sound(&answer), "the same as without the parameter");
        }
    }
    Ok(())
}

async fn row_20_empty_body(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        let answer = probe.acme.send(Method::POST, &endpoint.url, Some(JOSE_JSON), "").await?;
        probe.refusal(endpoint.name, &answer, 400, "malformed");
    }
    Ok(())
}

/// A server that hangs up on a client which goes on writing megabytes has no other way to stop it.
async fn row_21_large_body(probe: &Probe<'_>) -> Verdict {
    /// Far more than any request of the protocol has, and then so much that nobody wants to read it.
    const SIZES: [usize; 2] = [192 << 10, 4 << 20];
    for endpoint in probe.endpoints() {
        for (index, size) in SIZES.into_iter().enumerate() {
            let mut jws = endpoint.draft(probe).await?.sign();
            jws["padding"] = "x".repeat(size).into();
            let last = index + 1 == SIZES.len();
            let answer = match probe.acme.apart().post_jws(&endpoint.url, &jws).await {
                Err(Stop::Broken(_)) if last => break,
                answer => answer?,
            };
            if !last && endpoint.is_sound(&answer) {
                continue;
            }
            let case = format!("{}, {size} octets", endpoint.name);
            probe.policy_problem(&case, &answer, 413, "malformed");
            break;
        }
    }
    Ok(())
}
