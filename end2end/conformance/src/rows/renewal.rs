//! Rows 88–90 and 128–130: renewal information (RFC 9773).

use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

use crate::acme::{Person, b64};
use crate::admin::Act;
use crate::exchange::Answer;
use crate::finding::{Verdict, broken, not_applicable};
use crate::flow::{Issued, Order, created, identifier};
use crate::probe::Probe;
use crate::row::rows;
use crate::times;

rows! {
    88 "`replaces` malformed, foreign, without a shared identifier" => "400, 404 or 403; the detail says `replaces`",
        "RFC 9773 §5: the server should check account, identifiers and earlier replacement, and reject the order",
        row_88_bad_replaces;
    89 "`replaces` a certificate that was replaced" => "409 alreadyReplaced",
        "RFC 9773 §5: if it is rejected for that, it must be 409 and alreadyReplaced", row_89_already_replaced;
    90 "`replaces` accepted" => "echoed in every answer with the order",
        "RFC 9773 §5: the field must be in the response and in later requests for the order", row_90_echo;
    128 "GET renewalInfo" => "200 without authentication; start before end; Retry-After",
        "RFC 9773 §4.1: unauthenticated GET; §4.2: start before end; §4.3: Retry-After", row_128_renewal_info;
    129 "bad or unknown certificate identifier" => "400 or 404 malformed", "policy (RFC 9773 §4.1)",
        row_129_bad_identifier;
    130 "revoked, or an incident" => "a window in the past, with explanationURL",
        "RFC 9773 §4.2: a window in the past asks for renewal at once; explanationURL may say why",
        row_130_renew_now;
}

/// The server's renewalInfo, or the end of a row that needs it.
fn renewal_info(probe: &Probe<'_>) -> Verdict<String> {
    match probe.acme.entry("renewalInfo") {
        Some(url) => Ok(url.trim_end_matches('/').to_owned()),
        None => not_applicable("the server has no renewalInfo"),
    }
}

/// RFC 9773 §4.1: the authority key identifier and the serial number, each in base64url.
fn certificate_id(leaf: &[u8]) -> Option<String> {
    let (_, leaf) = X509Certificate::from_der(leaf).ok()?;
    let authority = leaf.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(authority) => authority.key_identifier.as_ref(),
        _ => None,
    })?;
    Some(format!("{}.{}", b64(authority.0), b64(leaf.raw_serial())))
}

async fn issue(probe: &Probe<'_>, person: &Person, name: &str) -> Verdict<(Issued, String)> {
    let issued = probe.acme.issue(person, &[name]).await?;
    match certificate_id(&issued.leaf) {
        Some(id) => Ok((issued, id)),
        None => broken("a leaf with an authority key identifier (RFC 9773 §4.1)", "one without"),
    }
}

async fn replace(probe: &Probe<'_>, person: &Person, name: &str, id: &str) -> Verdict<Answer> {
    let order = json!({ "identifiers": [identifier(name)], "replaces": id });
    probe.acme.new_order(person, order).await
}

async fn row_88_bad_replaces(probe: &Probe<'_>) -> Verdict {
    renewal_info(probe)?;
    let acme = &probe.acme;
    let (person, other) = (acme.new_account().await?, acme.new_account().await?);
    let name = acme.new_name("r88");
    let (_, id) = issue(probe, &person, &name).await?;
    let (authority, _) = id.split_once('.').unwrap_or_default();
    let unknown = format!("{authority}.{}", b64([0x11; 16]));
    let foreign_ca = format!("{}.{}", b64([0x22; 20]), b64([0x11; 16]));
    let unrelated = acme.new_name("r88");
    for (case, who, name, id, status) in [
        ("no identifier", &person, &name, "nonsense", 400),
        ("empty", &person, &name, "", 400),
        ("bad base64", &person, &name, "a+b.c=", 400),
        ("unknown certificate", &person, &name, unknown.as_str(), 404),
        ("another CA's certificate", &person, &name, foreign_ca.as_str(), 404),
        ("another account's certificate", &other, &name, id.as_str(), 403),
        ("no identifier in common", &person, &unrelated, id.as_str(), 403),
    ] {
        let answer = replace(probe, who, name, id).await?;
        // RFC 9773 §5 says SHOULD.
        if !probe.policy(case, &answer, answer.is_refused(), "a refusal") {
            continue;
        }
        let fits = answer.status == status || (status == 403 && matches!(answer.status, 400 | 404));
        probe.policy(case, &answer, fits, &status.to_string());
        let detail = answer.json()["detail"].as_str().unwrap_or("").to_owned();
        // cert-manager orders again without the field when it reads this.
        probe.policy(case, &answer, detail.contains("replaces"), "`replaces` in the detail");
        probe.policy(case, &answer, answer.problem() == "malformed", "malformed");
    }
    Ok(())
}

async fn row_89_already_replaced(probe: &Probe<'_>) -> Verdict {
    renewal_info(probe)?;
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let name = acme.new_name("r89");
    let (_, id) = issue(probe, &person, &name).await?;
    let order = created(&replace(probe, &person, &name, &id).await?)?;
    // One open order that replaces it is enough.
    let answer = replace(probe, &person, &name, &id).await?;
    already(probe, "while the order is open", &answer);
    acme.authorize(&person, &order).await?;
    acme.finalize(&person, &order, &[&name]).await?;
    let answer = replace(probe, &person, &name, &id).await?;
    already(probe, "after it was replaced", &answer);
    Ok(())
}

fn already(probe: &Probe<'_>, case: &str, answer: &Answer) {
    if probe.policy(case, answer, answer.is_refused(), "a refusal") {
        probe.problem(case, answer, 409, "alreadyReplaced");
    }
}

async fn row_90_echo(probe: &Probe<'_>) -> Verdict {
    renewal_info(probe)?;
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let name = acme.new_name("r90");
    let (_, id) = issue(probe, &person, &name).await?;
    let answer = replace(probe, &person, &name, &id).await?;
    let order: Order = created(&answer)?;
    let echoed = |case: &str, answer: &Answer| {
        probe.must(case, answer, answer.json()["replaces"] == id.as_str(), "`replaces` as it was sent");
    };
    echoed("newOrder", &answer);
    echoed("order", &acme.read(&person, &order.url).await?);
    acme.authorize(&person, &order).await?;
    acme.finalize(&person, &order, &[&name]).await?;
    echoed("order when valid", &acme.read(&person, &order.url).await?);
    Ok(())
}

struct Window {
    start: time::OffsetDateTime,
    end: time::OffsetDateTime,
}

fn window(answer: &Answer) -> Option<Window> {
    let window = &answer.json()["suggestedWindow"];
    Some(Window { start: times::parse(&window["start"])?, end: times::parse(&window["end"])? })
}

async fn row_128_renewal_info(probe: &Probe<'_>) -> Verdict {
    let base = renewal_info(probe)?;
    let person = probe.acme.new_account().await?;
    let (issued, id) = issue(probe, &person, &probe.acme.new_name("r128")).await?;
    let answer = probe.acme.get(&format!("{base}/{id}")).await?;
    probe.status("", &answer, 200);
    probe.must("", &answer, answer.content_type() == "application/json", "application/json");
    probe.must("", &answer, answer.retry_after().is_some(), "Retry-After");
    let window = window(&answer);
    if !probe.must("", &answer, window.is_some(), "a suggestedWindow with start and end as in RFC 3339") {
        return Ok(());
    }
    let Some(Window { start, end }) = window else { return Ok(()) };
    probe.must("", &answer, start < end, "start before end");
    let leaf =
        X509Certificate::from_der(&issued.leaf).map(|(_, leaf)| leaf.validity().not_after.to_datetime());
    let before_end = leaf.is_ok_and(|not_after| end <= not_after);
    probe.policy("", &answer, before_end, "a window that ends before the certificate does");
    probe.policy("", &answer, start > times::now(), "a window in the future for a new certificate");
    Ok(())
}

async fn row_129_bad_identifier(probe: &Probe<'_>) -> Verdict {
    let base = renewal_info(probe)?;
    let key = KeyPair::generate().ok();
    let foreign = key.and_then(|key| {
        let mut params = CertificateParams::new(["a.example".to_owned()]).ok()?;
        params.use_authority_key_identifier_extension = true;
        Some(params.self_signed(&key).ok()?.der().to_vec())
    });
    for bad in ["nonsense", "a.b.c", "====.====", "YWJj"] {
        let answer = probe.acme.get(&format!("{base}/{bad}")).await?;
        probe.policy_problem(bad, &answer, 400, "malformed");
    }
    let unknown = format!("{}.{}", b64([0x22; 20]), b64([0x11; 16]));
    let foreign = foreign.as_deref().and_then(certificate_id);
    for unknown in [Some(unknown), foreign].into_iter().flatten() {
        let answer = probe.acme.get(&format!("{base}/{unknown}")).await?;
        probe.policy_problem("unknown", &answer, 404, "malformed");
    }
    Ok(())
}

async fn row_130_renew_now(probe: &Probe<'_>) -> Verdict {
    const WHY: &str = "https://status.example.com/incident-1";
    let base = renewal_info(probe)?;
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let (revoked, id) = issue(probe, &person, &acme.new_name("r130")).await?;
    let revoke = json!({ "certificate": b64(&revoked.leaf) });
    let answer = acme.post(person.signer(), acme.url("revokeCert"), revoke).await?;
    probe.must("revocation", &answer, answer.status == 200, "200");
    let answer = acme.get(&format!("{base}/{id}")).await?;
    let over = window(&answer).is_some_and(|window| window.end <= times::now());
    probe.policy("revoked", &answer, over, "a window in the past");

    let (affected, id) = issue(probe, &person, &acme.new_name("r130")).await?;
    match probe.admin.act(Act::Incident(&affected.leaf, WHY)).await {
        Ok(()) => {}
        Err(missing) => {
            probe.note(missing.0);
            return Ok(());
        }
    }
    let answer = acme.get(&format!("{base}/{id}")).await?;
    let over = window(&answer).is_some_and(|window| window.end <= times::now());
    probe.policy("incident", &answer, over, "a window in the past");
    let explained = answer.json()["explanationURL"] == WHY;
    probe.policy("incident", &answer, explained, "explanationURL");
    Ok(())
}
