//! Rows 11–15: the directory and newNonce.

use http::Method;
use testkit::acme::{Payload, Signer};

use crate::finding::{Verdict, not_applicable};
use crate::probe::Probe;
use crate::row::rows;

rows! {
    11 "GET directory" => "200 JSON with absolute https URLs; newAuthz only if it is served",
        "RFC 8555 §7.1.1: the directory's fields; newAuthz is left out by servers without pre-authorization",
        row_11_directory;
    12 "`meta`" => "termsOfService, website, caaIdentities, externalAccountRequired, profiles in their types",
        "RFC 8555 §7.1.1 and draft-ietf-acme-profiles §3: the members of meta", row_12_meta;
    13 "POST-as-GET of directory and newNonce" => "accepted",
        "RFC 8555 §6.3: GET is allowed for them in addition to POST-as-GET", row_13_post_as_get;
    14 "HEAD newNonce" => "200 with a nonce and Cache-Control: no-store",
        "RFC 8555 §7.2: a fresh nonce and no-store; the status should be 200", row_14_head_new_nonce;
    15 "GET newNonce" => "204, empty, with the same headers",
        "RFC 8555 §7.2: GET answers 204 with an empty body", row_15_get_new_nonce;
}

async fn row_11_directory(probe: &Probe<'_>) -> Verdict {
    let answer = probe.acme.get(probe.acme.directory_url()).await?;
    probe.status("", &answer, 200);
    probe.must("", &answer, answer.content_type() == "application/json", "application/json");
    let directory = answer.json();
    for name in ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"] {
        let url = directory[name].as_str().unwrap_or("");
        probe.must(name, &answer, url.starts_with("https://"), &format!("an absolute https URL of {name}"));
    }
    if let Some(url) = directory["newAuthz"].as_str() {
        // Without a payload the request is wrong, but the resource must be there.
        let answer = probe.acme.post(probe.fixture.owner.signer(), url, Payload::Empty).await?;
        let served = !matches!(answer.status, 404 | 405 | 501);
        probe.must("newAuthz", &answer, served, "a resource that is served, since the directory has it");
    }
    Ok(())
}

async fn row_12_meta(probe: &Probe<'_>) -> Verdict {
    let answer = probe.acme.get(probe.acme.directory_url()).await?;
    let directory = answer.json();
    let Some(meta) = directory["meta"].as_object() else {
        if directory["meta"].is_null() {
            return not_applicable("the directory has no meta, which is optional");
        }
        probe.must("meta", &answer, false, "an object");
        return Ok(());
    };
    for (name, value) in meta {
        let fits = match name.as_str() {
            "termsOfService" | "website" => value.as_str().is_some_and(|url| url.contains(':')),
            "caaIdentities" => value.as_array().is_some_and(|list| list.iter().all(|item| item.is_string())),
            "externalAccountRequired" => value.is_boolean(),
            "profiles" => value.as_object().is_some_and(|map| map.values().all(|text| text.is_string())),
            _ => continue,
        };
        probe.must(name, &answer, fits, &format!("`{name}` in its type"));
    }
    Ok(())
}

async fn row_13_post_as_get(probe: &Probe<'_>) -> Verdict {
    let owner = &probe.fixture.owner;
    for signer in [owner.signer(), Signer::Jwk(&owner.key)] {
        let by_key = matches!(signer, Signer::Jwk(_));
        let answer = probe.acme.post(signer, probe.acme.directory_url(), Payload::Empty).await?;
        let nonce = probe.acme.post(signer, probe.acme.url("newNonce"), Payload::Empty).await?;
        let same = answer.json() == *probe.acme.directory();
        // RFC 8555 §6.2 has `jwk` for newAccount and revokeCert only.
        if by_key {
            probe.policy("directory with jwk", &answer, answer.is_success(), "accepted");
            continue;
        }
        probe.must("directory", &answer, answer.status == 200 && same, "the directory");
        probe.must("newNonce", &nonce, nonce.is_success() && nonce.nonce().is_some(), "a nonce");
    }
    Ok(())
}

async fn row_14_head_new_nonce(probe: &Probe<'_>) -> Verdict {
    let answer = probe.acme.send(Method::HEAD, probe.acme.url("newNonce"), None, "").await?;
    probe.policy("", &answer, answer.status == 200, "200");
    nonce_headers(probe, &answer);
    Ok(())
}

async fn row_15_get_new_nonce(probe: &Probe<'_>) -> Verdict {
    let answer = probe.acme.get(probe.acme.url("newNonce")).await?;
    probe.status("", &answer, 204);
    probe.must("", &answer, answer.body.is_empty(), "an empty body");
    nonce_headers(probe, &answer);
    Ok(())
}

fn nonce_headers(probe: &Probe<'_>, answer: &crate::exchange::Answer) {
    probe.must("", answer, answer.nonce().is_some(), "a Replay-Nonce");
    let no_store = answer.lines("cache-control").any(|line| line.contains("no-store"));
    probe.must("", answer, no_store, "Cache-Control: no-store");
}
