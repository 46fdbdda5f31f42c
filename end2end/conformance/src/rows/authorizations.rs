//! Rows 95–98: authorizations (RFC 8555 §7.1.4, §7.4.1, §7.5).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use testkit::acme::{Csr, LeafKey, finalize_payload};

use crate::admin::PlaceKind;
use crate::finding::{Verdict, not_applicable};
use crate::flow::identifier;
use crate::probe::Probe;
use crate::row::rows;
use crate::times;

rows! {
    95 "authorization read by its owner" => "200; token of at least 128 bits; `expires` when it is valid",
        "RFC 8555 §7.1.4: identifier, status, challenges, and expires when valid; §8.3: tokens of 128 bits",
        row_95_own_authorization;
    96 "wildcard order" => "authorization without `*.`, with wildcard true; absent otherwise",
        "RFC 8555 §7.1.4: wildcard must be true for wildcard orders and absent for others; the value has no `*.`",
        row_96_wildcard;
    97 "newAuthz" => "201 with Location; a wildcard is refused; 403 for a name that is not issued for",
        "RFC 8555 §7.4.1: 201 and Location; pre-authorization cannot be for wildcards; 403 when unwilling",
        row_97_new_authz;
    98 "authorization deactivated" => "200; never used again; an open order becomes invalid",
        "RFC 8555 §7.5.2: 200 and the updated object; §7.1.6: an order with a deactivated authorization is invalid",
        row_98_deactivation;
}

async fn row_95_own_authorization(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let owner = &probe.fixture.owner;
    let name = acme.new_name("r95");
    let order = acme.order(owner, &[&name]).await?;
    let url = order.authorizations().first().cloned().unwrap_or_default();
    let open = acme.read(owner, &url).await?;
    acme.authorize(owner, &order).await?;
    let valid = acme.read(owner, &url).await?;
    for answer in [&open, &valid] {
        probe.status("", answer, 200);
        let body = answer.json();
        probe.must("", answer, body["identifier"] == identifier(&name), "the identifier of the order");
        let challenges = body["challenges"].as_array().cloned().unwrap_or_default();
        probe.must("", answer, !challenges.is_empty(), "challenges");
        for challenge in &challenges {
            let complete = ["type", "url", "status"].iter().all(|member| challenge[*member].is_string());
            probe.must("", answer, complete, "challenges with type, url and status");
            if matches!(challenge["type"].as_str(), Some("http-01" | "dns-01" | "tls-alpn-01")) {
                let token = challenge["token"].as_str().unwrap_or_default();
                let octets = URL_SAFE_NO_PAD.decode(token).map_or(0, |token| token.len());
                probe.must("", answer, octets >= 16, "a token of at least 128 bits in base64url");
            }
        }
    }
    let body = valid.json();
    probe.must("valid", &valid, body["status"] == "valid", "`status` valid");
    let later = times::parse(&body["expires"]).is_some_and(|time| time > times::now());
    probe.must("valid", &valid, later, "`expires` in the future");
    // RFC 8555 §7.1.4: those that were not fulfilled are of no use any more, and §7.1.5 has the time of validation.
    let challenges = body["challenges"].as_array().cloned().unwrap_or_default();
    let one_valid = challenges
        .iter()
        .any(|challenge| challenge["status"] == "valid" && times::parse(&challenge["validated"]).is_some());
    probe.must("valid", &valid, one_valid, "a challenge that is valid, with `validated`");
    Ok(())
}

async fn row_96_wildcard(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let owner = &probe.fixture.owner;
    let name = acme.new_name("r96");
    let wildcard = format!("*.{name}");
    let order = json!({ "identifiers": [identifier(&wildcard), identifier(&name)] });
    let answer = acme.new_order(owner, order).await?;
    if answer.is_refused() {
        return not_applicable(format!("the server issues for no wildcards: {}", answer.gist()));
    }
    let order = crate::flow::created(&answer)?;
    let mut kinds = Vec::new();
    for url in order.authorizations() {
        let read = acme.read(owner, &url).await?;
        let body = read.json();
        probe.must("", &read, body["identifier"] == identifier(&name), "the name without `*.`");
        let form = body["wildcard"].is_null() || body["wildcard"] == Value::Bool(true);
        probe.must("", &read, form, "`wildcard` true, or absent");
        kinds.push(body["wildcard"] == Value::Bool(true));
        if body["wildcard"] == Value::Bool(true) && body["status"] == "pending" {
            let challenges = body["challenges"].as_array().cloned().unwrap_or_default();
            let only_dns = challenges.iter().all(|challenge| challenge["type"] == "dns-01");
            probe.policy("wildcard", &read, only_dns, "dns-01 only: nothing else shows control of all names");
        }
    }
    kinds.sort_unstable();
    let both = kinds == [false, true];
    probe.must("", &answer, both, "one authorization with `wildcard` and one without");
    acme.authorize(owner, &order).await?;
    acme.finalize(owner, &order, &[&wildcard, &name]).await?;
    Ok(())
}

async fn row_97_new_authz(probe: &Probe<'_>) -> Verdict {
    let acme = match probe.acme.entry("newAuthz") {
        Some(_) => probe.acme.clone(),
        None => probe.at(PlaceKind::Preauthorization).await?,
    };
    let Some(url) = acme.entry("newAuthz") else {
        return not_applicable("the server has no newAuthz, which is optional");
    };
    let person = acme.new_account().await?;
    let name = acme.new_name("r97");
    let ask =
        async |name: &str| acme.post(person.signer(), url, json!({ "identifier": identifier(name) })).await;
    let answer = ask(&name).await?;
    probe.status("", &answer, 201);
    let location = answer.location().map(str::to_owned);
    probe.must("", &answer, location.is_some(), "Location");
    let body = answer.json();
    probe.must("", &answer, body["identifier"] == identifier(&name), "the identifier");
    probe.must("", &answer, body["wildcard"].is_null(), "no `wildcard`");
    if let Some(location) = location {
        acme.fulfil(&person, &location).await?;
        let read = acme.read(&person, &location).await?;
        probe.must("", &read, read.json()["status"] == "valid", "an authorization that can be made valid");
        // What it is for (RFC 8555 §7.4.1).
        let order = acme.order(&person, &[&name]).await?;
        let got = order.body["status"].to_string();
        probe.holds(
            crate::finding::Weight::Policy,
            "an order for the same name",
            order.body["status"] == "ready",
            "ready at once",
            &got,
        );
    }
    let answer = ask(&format!("*.{name}")).await?;
    probe.refusal("wildcard", &answer, 400, "malformed");
    for bad in [json!({}), json!({ "identifier": "a.example" }), json!({ "identifier": { "type": "dns" } })] {
        let answer = acme.post(person.signer(), url, bad.clone()).await?;
        probe.refusal(&bad.to_string(), &answer, 400, "malformed");
    }
    match &probe.options.denied_name {
        Some(denied) => {
            let answer = ask(denied).await?;
            probe.must("a name that policy denies", &answer, answer.status == 403, "403");
        }
        None => probe.note("no name that the policy denies was given"),
    }
    Ok(())
}

async fn row_98_deactivation(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let name = acme.new_name("r98");
    let order = acme.ready_order(&person, &[&name]).await?;
    let url = order.authorizations().first().cloned().unwrap_or_default();
    let answer = acme.post(person.signer(), &url, json!({ "status": "deactivated" })).await?;
    probe.status("", &answer, 200);
    probe.must("", &answer, answer.json()["status"] == "deactivated", "`status` deactivated");
    let read = acme.read(&person, &order.url).await?;
    probe.must("its order", &read, read.json()["status"] == "invalid", "`status` invalid");
    let csr = Csr::new(&[&name]).sign(&LeafKey::P256.generate());
    let answer = acme.post(person.signer(), order.finalize(), finalize_payload(&csr)).await?;
    probe.must("finalize", &answer, answer.is_refused(), "a refusal");
    let again = acme.order(&person, &[&name]).await?;
    let reused = again.authorizations().contains(&url);
    let read = acme.read(&person, &again.url).await?;
    probe.must("the next order", &read, !reused, "another authorization");

    // Other values of `status` are not for clients (RFC 8555 §7.5.2).
    let open = acme.order(&person, &[&acme.new_name("r98")]).await?;
    let url = open.authorizations().first().cloned().unwrap_or_default();
    let before = acme.read(&person, &url).await?.json()["status"].clone();
    acme.post(person.signer(), &url, json!({ "status": "invalid" })).await?;
    let read = acme.read(&person, &url).await?;
    probe.must("status invalid sent", &read, read.json()["status"] == before, "the status as it was");
    Ok(())
}
