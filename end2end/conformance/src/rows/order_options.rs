//! Rows 82–87: what else an order can ask for: validity, addresses, profiles.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::acme::Acme;
use crate::admin::PlaceKind;
use crate::exchange::Answer;
use crate::finding::{Verdict, Weight, not_applicable};
use crate::flow::{Issued, Order, created, identifier};
use crate::probe::Probe;
use crate::row::rows;
use crate::times;

rows! {
    82 "notBefore or notAfter not acceptable" => "an error; never silently altered",
        "RFC 8555 §7.4: a server that cannot fulfil the request as it is must answer with an error, and must not issue other contents",
        row_82_validity_refused;
    83 "notAfter accepted" => "echoed; the leaf has it",
        "RFC 8555 §7.4: the order has what was asked for, and so has the certificate", row_83_validity_honoured;
    84 "not RFC 3339, or inverted" => "400 malformed", "RFC 8555 §7.1.3: notBefore and notAfter are RFC 3339 dates",
        row_84_bad_dates;
    85 "IP identifier" => "canonical text; no dns-01",
        "RFC 8738 §3: addresses in their textual form; §7: dns-01 must not be used for them", row_85_addresses;
    86 "profile unknown" => "400 invalidProfile",
        "draft-ietf-acme-profiles §4: an order for a profile that is not served is rejected with invalidProfile",
        row_86_unknown_profile;
    87 "profile absent, profiles advertised" => "the server picks one and echoes it",
        "draft-ietf-acme-profiles §4: the server should select a profile and show it in the order",
        row_87_default_profile;
}

async fn ask(probe: &Probe<'_>, name: &str, members: Value) -> Verdict<Answer> {
    let mut order = members;
    order["identifiers"] = json!([identifier(name)]);
    probe.acme.new_order(&probe.fixture.owner, order).await
}

/// Asks for a validity and holds what comes against it, up to the leaf.
async fn honoured_or_refused(
    probe: &Probe<'_>,
    case: &str,
    not_before: Option<OffsetDateTime>,
    not_after: Option<OffsetDateTime>,
) -> Verdict<bool> {
    let mut members = json!({});
    for (member, time) in [("notBefore", not_before), ("notAfter", not_after)] {
        if let Some(time) = time {
            members[member] = times::write(time).into();
        }
    }
    let name = probe.acme.new_name("validity");
    let answer = ask(probe, &name, members).await?;
    if answer.is_refused() {
        return Ok(false);
    }
    let order = created(&answer)?;
    let owner = &probe.fixture.owner;
    for (member, time) in [("notBefore", not_before), ("notAfter", not_after)] {
        let Some(time) = time else { continue };
        let echoed = times::parse(&order.body[member]).is_some_and(|echo| same(echo, time));
        probe.must(case, &answer, echoed, &format!("`{member}` {}, or a refusal", times::write(time)));
    }
    probe.acme.authorize(owner, &order).await?;
    match probe.acme.finalize(owner, &order, &[&name]).await {
        Ok(issued) => leaf_has(probe, case, &issued, not_before, not_after),
        // Later than it should, but it says that it cannot.
        Err(crate::finding::Stop::Broken(finding)) => {
            probe.note(format!("{case}: refused at finalize: {finding}"));
        }
        Err(stop) => return Err(stop),
    }
    Ok(true)
}

fn leaf_has(
    probe: &Probe<'_>,
    case: &str,
    issued: &Issued,
    not_before: Option<OffsetDateTime>,
    not_after: Option<OffsetDateTime>,
) {
    let Ok((_, leaf)) = X509Certificate::from_der(&issued.leaf) else {
        probe.holds(Weight::Must, case, false, "a certificate", "something else");
        return;
    };
    let validity = leaf.validity();
    for (member, asked, has) in [
        ("notBefore", not_before, validity.not_before.to_datetime()),
        ("notAfter", not_after, validity.not_after.to_datetime()),
    ] {
        let Some(asked) = asked else { continue };
        let expected = format!("a leaf with {member} {}", times::write(asked));
        probe.holds(Weight::Must, case, same(has, asked), &expected, &times::write(has));
    }
}

/// Certificates have whole seconds.
fn same(a: OffsetDateTime, b: OffsetDateTime) -> bool {
    a.unix_timestamp() == b.unix_timestamp()
}

async fn row_82_validity_refused(probe: &Probe<'_>) -> Verdict {
    let now = times::now();
    for (case, not_before, not_after) in [
        ("notAfter in a thousand years", None, Some(now + Duration::days(365_000))),
        ("notAfter in the past", None, Some(now - Duration::days(1))),
        ("notBefore ten years ago", Some(now - Duration::days(3650)), None),
        ("notBefore in ten years", Some(now + Duration::days(3650)), None),
    ] {
        let accepted = honoured_or_refused(probe, case, not_before, not_after).await?;
        let (expected, got) = ("a refusal", if accepted { "acceptance" } else { "a refusal" });
        probe.holds(Weight::Policy, case, !accepted, expected, got);
    }
    Ok(())
}

async fn row_83_validity_honoured(probe: &Probe<'_>) -> Verdict {
    let not_after = times::now() + Duration::hours(2);
    if !honoured_or_refused(probe, "notAfter in two hours", None, Some(not_after)).await? {
        return not_applicable("the server lets no client choose the validity, which is its right");
    }
    let not_before = times::now();
    honoured_or_refused(probe, "both", Some(not_before), Some(not_before + Duration::hours(1))).await?;
    Ok(())
}

async fn row_84_bad_dates(probe: &Probe<'_>) -> Verdict {
    let now = times::now();
    let early = times::write(now + Duration::hours(1));
    let late = times::write(now + Duration::hours(2));
    for members in [
        json!({ "notAfter": "tomorrow" }),
        json!({ "notAfter": "2026-13-45T00:00:00Z" }),
        json!({ "notBefore": "2026-01-01" }),
        json!({ "notAfter": 1_800_000_000 }),
    ] {
        let answer = ask(probe, &probe.acme.new_name("r84"), members.clone()).await?;
        probe.refusal(&members.to_string(), &answer, 400, "malformed");
    }
    let inverted = json!({ "notBefore": late, "notAfter": early });
    let answer = ask(probe, &probe.acme.new_name("r84"), inverted).await?;
    probe.policy_problem("inverted", &answer, 400, "malformed");
    Ok(())
}

async fn row_85_addresses(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let owner = &probe.fixture.owner;
    let order_for = async |value: &str| {
        let identifier = json!({ "type": "ip", "value": value });
        acme.new_order(owner, json!({ "identifiers": [identifier] })).await
    };
    let first = order_for("127.0.0.1").await?;
    if matches!(first.problem().as_str(), "unsupportedIdentifier" | "rejectedIdentifier") {
        return not_applicable("the server issues for no IP addresses");
    }
    for (written, canonical) in [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
    ] {
        let answer = order_for(written).await?;
        if written != canonical && answer.is_refused() {
            continue;
        }
        if !probe.must(written, &answer, answer.status == 201, "201") {
            continue;
        }
        let order = Order { url: answer.location().unwrap_or_default().to_owned(), body: answer.json() };
        let text = order.body["identifiers"][0]["value"] == canonical;
        let expected = format!("the address as {canonical}");
        match written == canonical {
            true => probe.must(written, &answer, text, &expected),
            false => probe.policy(written, &answer, text, &expected),
        };
        for url in order.authorizations() {
            let read = acme.read(owner, &url).await?;
            let challenges = read.json()["challenges"].as_array().cloned().unwrap_or_default();
            let dns = challenges.iter().any(|challenge| challenge["type"] == "dns-01");
            probe.must(written, &read, !dns, "no dns-01 for an address");
        }
    }
    for bad in ["127.1", "256.0.0.1", "127.0.0.1/32", "[::1]", "::1%lo", "a.example.com"] {
        let answer = order_for(bad).await?;
        probe.refusal(bad, &answer, 400, "malformed");
    }
    let answer = ask(probe, "x.example.com", json!({})).await?;
    probe.must("a DNS name beside it", &answer, answer.status == 201, "201");
    let as_name = json!({ "identifiers": [{ "type": "dns", "value": "127.0.0.1" }] });
    let answer = acme.new_order(owner, as_name).await?;
    probe.policy_problem("an address as dns", &answer, 400, "malformed");
    Ok(())
}

/// The server itself when it advertises profiles, else a place that does.
async fn with_profiles(probe: &Probe<'_>) -> Verdict<Acme> {
    match probe.acme.meta()["profiles"].is_object() {
        true => Ok(probe.acme.clone()),
        false => probe.at(PlaceKind::Profiles).await,
    }
}

async fn row_86_unknown_profile(probe: &Probe<'_>) -> Verdict {
    let acme = with_profiles(probe).await?;
    let person = acme.new_account().await?;
    for profile in ["conformance-no-such-profile", ""] {
        let order = json!({ "identifiers": [identifier(&acme.new_name("r86"))], "profile": profile });
        let answer = acme.new_order(&person, order).await?;
        match profile {
            // Many a program has no difference between an empty text and none.
            "" => probe.policy_problem("an empty name", &answer, 400, "invalidProfile"),
            _ => probe.problem_type(profile, &answer, 400, "invalidProfile"),
        };
    }
    for profile in acme.meta()["profiles"].as_object().into_iter().flat_map(|map| map.keys()) {
        let order = json!({ "identifiers": [identifier(&acme.new_name("r86"))], "profile": profile });
        let answer = acme.new_order(&person, order).await?;
        probe.must(profile, &answer, answer.status == 201, "201 for a profile that is advertised");
        probe.must(
            profile,
            &answer,
            answer.json()["profile"] == profile.as_str(),
            "the profile in the order",
        );
    }
    Ok(())
}

async fn row_87_default_profile(probe: &Probe<'_>) -> Verdict {
    let acme = with_profiles(probe).await?;
    let person = acme.new_account().await?;
    let order = acme.order(&person, &[&acme.new_name("r87")]).await?;
    let read = acme.read(&person, &order.url).await?;
    let picked = read.json()["profile"].as_str().unwrap_or_default().to_owned();
    probe.policy("", &read, !picked.is_empty(), "the profile that the server picked");
    let advertised = picked.is_empty() || acme.meta()["profiles"][&picked].is_string();
    probe.must("", &read, advertised, "a profile that the directory has");
    Ok(())
}
