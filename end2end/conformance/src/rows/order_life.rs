//! Rows 91–94: limits, readers and the end of orders.

use serde_json::{Value, json};
use testkit::acme::{Csr, LeafKey, Payload, finalize_payload};

use crate::admin::{Act, PlaceKind};
use crate::finding::Verdict;
use crate::flow::identifier;
use crate::probe::Probe;
use crate::row::rows;

rows! {
    91 "rate limit" => "429 rateLimited with Retry-After and rel=\"help\"",
        "RFC 8555 §6.6: rateLimited; Retry-After should be there, and a Link with rel=help may be",
        row_91_rate_limit;
    92 "order read by its owner" => "200; Retry-After while it is processing",
        "RFC 8555 §7.4: the order by POST-as-GET; a processing one should have Retry-After", row_92_own_order;
    93 "order and what hangs on it, by another account" => "403 or 404",
        "RFC 8555 §10.5: only the account that made the order may use its resources", row_93_foreign_order;
    94 "order expired" => "`invalid`",
        "RFC 8555 §7.1.6: an order that expires moves to invalid", row_94_expired_order;
}

async fn row_91_rate_limit(probe: &Probe<'_>) -> Verdict {
    /// The place is to have a limit that is reached sooner.
    const TRIES: usize = 40;
    let acme = probe.at(PlaceKind::RateLimited).await?;
    let person = acme.new_account().await?;
    let mut last = None;
    for _ in 0..TRIES {
        let order = json!({ "identifiers": [identifier(&acme.new_name("r91"))] });
        let answer = acme.new_order(&person, order).await?;
        let limited = answer.is_refused();
        last = Some(answer);
        if limited {
            break;
        }
    }
    let Some(answer) = last else { return Ok(()) };
    probe.must("", &answer, answer.problem() == "rateLimited", "rateLimited");
    probe.policy("", &answer, answer.status == 429, "429");
    probe.policy("", &answer, answer.retry_after().is_some(), "Retry-After");
    probe.policy("", &answer, answer.link("help").is_some(), "a Link with rel=\"help\"");
    Ok(())
}

async fn row_92_own_order(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let owner = &probe.fixture.owner;
    let name = acme.new_name("r92");
    let order = acme.order(owner, &[&name]).await?;
    let read = acme.read(owner, &order.url).await?;
    probe.status("", &read, 200);
    for member in ["identifiers", "authorizations", "finalize", "expires"] {
        let same = read.json()[member] == order.body[member];
        probe.must(member, &read, same, &format!("`{member}` as newOrder gave it"));
    }
    acme.authorize(owner, &order).await?;
    let csr = Csr::new(&[&name]).sign(&LeafKey::P256.generate());
    let answer = acme.post(owner.signer(), order.finalize(), finalize_payload(&csr)).await?;
    let answers = [answer, acme.read(owner, &order.url).await?];
    for answer in answers.iter().filter(|answer| answer.json()["status"] == "processing") {
        probe.policy("processing", answer, answer.retry_after().is_some(), "Retry-After");
    }
    let valid = acme.order_in(owner, &order.url, &["valid"]).await?;
    let url = valid.json()["certificate"].as_str().unwrap_or("").to_owned();
    probe.must("valid", &valid, url.starts_with("https://"), "the URL of the certificate");
    Ok(())
}

async fn row_93_foreign_order(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let (owner, other) = (acme.new_account().await?, acme.new_account().await?);
    let name = acme.new_name("r93");
    let order = acme.ready_order(&owner, &[&name]).await?;
    let csr = Csr::new(&[&name]).sign(&LeafKey::P256.generate());
    let authorization = order.authorizations().first().cloned().unwrap_or_default();
    let body = acme.read(&owner, &authorization).await?.json();
    let challenge = body["challenges"][0]["url"].as_str().unwrap_or_default().to_owned();
    let deactivate = json!({ "status": "deactivated" });
    let cases: Vec<(&str, &str, Payload)> = vec![
        ("order", &order.url, Payload::Empty),
        ("finalize", order.finalize(), finalize_payload(&csr).into()),
        ("authorization", &authorization, Payload::Empty),
        ("deactivation", &authorization, deactivate.into()),
        ("challenge", &challenge, Payload::Empty),
        ("challenge response", &challenge, json!({}).into()),
    ];
    for (case, url, payload) in cases.into_iter().filter(|(_, url, _)| !url.is_empty()) {
        let answer = acme.post(other.signer(), url, payload).await?;
        probe.must(case, &answer, answer.is_refused(), "a refusal, such as 403 or 404");
        probe.policy(case, &answer, matches!(answer.status, 403 | 404), "403 or 404");
        let silent = !answer.text().contains(&name);
        probe.must(case, &answer, silent, "nothing of the order's content");
    }
    let after = acme.read(&owner, &order.url).await?;
    probe.must("after all that", &after, after.json()["status"] == "ready", "the order still ready");
    Ok(())
}

async fn row_94_expired_order(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let owner = acme.new_account().await?;
    let name = acme.new_name("r94");
    let order = acme.order(&owner, &[&name]).await?;
    probe.admin.act(Act::ExpireOrder(&order.url)).await?;
    let read = acme.read(&owner, &order.url).await?;
    probe.status("", &read, 200);
    probe.must("", &read, read.json()["status"] == "invalid", "`status` invalid");
    let csr = Csr::new(&[&name]).sign(&LeafKey::P256.generate());
    let answer = acme.post(owner.signer(), order.finalize(), finalize_payload(&csr)).await?;
    probe.problem("finalize", &answer, 403, "orderNotReady");
    probe.must("finalize", &answer, answer.json()["certificate"] == Value::Null, "no certificate");
    Ok(())
}
