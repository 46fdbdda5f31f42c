//! Rows 46–50: the URL that is signed, and the payload.

use http::Method;
use testkit::acme::{JOSE_JSON, Payload};

use crate::acme::b64;
use crate::endpoint::Purpose;
use crate::finding::Verdict;
use crate::probe::Probe;
use crate::row::rows;

rows! {
    46 "`url` absent" => "400 malformed", "RFC 8555 §6.4: every request has a url in its protected header",
        row_46_no_url;
    47 "`url` not equal, byte for byte" => "403 unauthorized",
        "RFC 8555 §6.4: a request whose url differs is rejected as unauthorized", row_47_other_url;
    48 "behind a proxy" => "`url` is compared with the configured URL, not with Host", "policy", row_48_host;
    49 "a payload on a read" => "400 malformed", "policy (RFC 8555 §6.3: POST-as-GET has an empty payload)",
        row_49_payload_on_read;
    50 "payload not an object on a write" => "400 malformed",
        "RFC 8555 §6.2: the payload of a request is a JSON object", row_50_no_object;
}

async fn row_46_no_url(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        let answer = probe.flawed_header(endpoint, |header| drop(header.remove("url"))).await?;
        probe.refusal(endpoint.name, &answer, 400, "malformed");
    }
    Ok(())
}

/// A bad nonce is found first: a request that is nobody's must not be told what was wrong with its URL.
async fn row_47_other_url(probe: &Probe<'_>) -> Verdict {
    let elsewhere = probe.acme.url("newOrder").to_owned();
    let origin = probe.acme.origin();
    for endpoint in probe.endpoints() {
        let url = &endpoint.url;
        let other =
            if *url == elsewhere { probe.acme.url("newAccount").to_owned() } else { elsewhere.clone() };
        for (case, wrong) in [
            ("another resource", other),
            ("another server", url.replacen(&origin, "https://elsewhere.example", 1)),
            ("http", url.replacen("https:", "http:", 1)),
        ] {
            let answer = probe
                .flawed_header(endpoint, |header| drop(header.insert("url".into(), wrong.into())))
                .await?;
            probe.problem_type(&format!("{}, {case}", endpoint.name), &answer, 403, "unauthorized");
        }
        for (case, wrong) in [
            ("a slash more", format!("{url}/")),
            ("a query more", format!("{url}?a=b")),
            ("other letters", url.replacen("https:", "HTTPS:", 1)),
        ] {
            let answer = probe
                .flawed_header(endpoint, |header| drop(header.insert("url".into(), wrong.into())))
                .await?;
            probe.problem_type(&format!("{}, {case}", endpoint.name), &answer, 403, "unauthorized");
        }
        let answer = probe
            .flawed_header(endpoint, |header| {
                header.insert("url".into(), "https://elsewhere.example/".into());
                header.insert("nonce".into(), b64([8; 16]).into());
            })
            .await?;
        let case = format!("{}, bad nonce too", endpoint.name);
        probe.policy(&case, &answer, answer.problem() == "badNonce", "the nonce checked before the url");
    }
    Ok(())
}

async fn row_48_host(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints() {
        let body = endpoint.draft(probe).await?.sign().to_string();
        let host = [("Host", "inside.example:1234")];
        let answer = probe.acme.send_with(Method::POST, &endpoint.url, Some(JOSE_JSON), body, &host).await?;
        probe.policy(endpoint.name, &answer, endpoint.is_sound(&answer), "the usual answer");
        let told = answer.location().is_some_and(|url| url.contains("inside.example"));
        probe.policy(endpoint.name, &answer, !told, "no URL made from the Host header");
    }
    Ok(())
}

async fn row_49_payload_on_read(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints().filter(|endpoint| endpoint.purpose == Purpose::Read) {
        for payload in ["{}", "null", "\"\""] {
            let answer = probe.flawed(endpoint, |draft| draft.payload = payload.into()).await?;
            probe.policy_problem(&format!("{} with {payload}", endpoint.name), &answer, 400, "malformed");
        }
    }
    Ok(())
}

async fn row_50_no_object(probe: &Probe<'_>) -> Verdict {
    for endpoint in probe.endpoints().filter(|endpoint| endpoint.purpose != Purpose::Read) {
        for payload in ["[]", "\"text\"", "1", "null", "{", "{}{}", "{\"a\":}"] {
            let answer = probe.flawed(endpoint, |draft| draft.payload = payload.into()).await?;
            let case = format!("{} with {payload}", endpoint.name);
            // RFC 8555 §7.5.1 gives the payload of a challenge to its type.
            match (endpoint.name, payload) {
                ("challenge", _) | (_, "null") => probe.policy_problem(&case, &answer, 400, "malformed"),
                _ => probe.refusal(&case, &answer, 400, "malformed"),
            };
        }
    }
    for endpoint in probe.endpoints().filter(|endpoint| endpoint.purpose == Purpose::Write) {
        let answer = probe.flawed(endpoint, |draft| draft.payload = Payload::Empty.bytes()).await?;
        probe.refusal(&format!("{} without payload", endpoint.name), &answer, 400, "malformed");
    }
    Ok(())
}
