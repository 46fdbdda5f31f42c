//! Rows 66–69 and 75: accounts as their owners use them (RFC 8555 §7.3.2, §7.3.6, §7.1.2.1).

use futures::{StreamExt, TryStreamExt};
use serde_json::json;
use testkit::acme::{Key, Payload, Signer};

use crate::acme::{Person, b64};
use crate::finding::{Verdict, Weight, not_applicable};
use crate::probe::Probe;
use crate::row::rows;

rows! {
    66 "account read or updated by its owner" => "200 with Location, `contact` echoed",
        "RFC 8555 §7.3.2: the server applies the update and answers with the account object", row_66_own_account;
    67 "by another account" => "403 unauthorized",
        "RFC 8555 §7.3.2: an account is updated by its own key", row_67_foreign_account;
    68 "client changes `status` to anything but deactivated" => "ignored",
        "RFC 8555 §7.3.2: updates of status and orders must be ignored", row_68_status;
    69 "deactivation" => "200; pending orders are cancelled, certificates kept",
        "RFC 8555 §7.3.6: 200 and the deactivated object; certificates are not revoked by it", row_69_deactivation;
    75 "list of orders" => "200; pending ones in, invalid ones out, rel=\"next\"",
        "RFC 8555 §7.1.2.1: a list of orders, pending ones in, invalid ones out, a Link with rel=next for more",
        row_75_orders;
}

async fn row_66_own_account(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let read = acme.read(&person, &person.url).await?;
    let contacts = json!(["mailto:one@example.com", "mailto:two@example.com"]);
    let update = acme.post(person.signer(), &person.url, json!({ "contact": contacts })).await?;
    let empty = acme.post(person.signer(), &person.url, json!({})).await?;
    probe.policy("empty update", &empty, empty.status == 200, "200");
    let after = acme.read(&person, &person.url).await?;
    for (case, answer) in [("read", &read), ("update", &update), ("after it", &after)] {
        probe.status(case, answer, 200);
        probe.must(case, answer, answer.json()["status"] == "valid", "`status` valid");
        let location = answer.location() == Some(person.url.as_str());
        probe.policy(case, answer, location, "its URL in Location");
    }
    for (case, answer) in [("update", &update), ("after it", &after)] {
        probe.must(case, answer, answer.json()["contact"] == contacts, "the new `contact`");
    }
    Ok(())
}

async fn row_67_foreign_account(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let (person, other) = (acme.new_account().await?, acme.new_account().await?);
    let before = acme.read(&person, &person.url).await?.json();
    for (case, payload) in [
        ("read", Payload::Empty),
        ("update", json!({ "contact": ["mailto:thief@example.com"] }).into()),
        ("deactivation", json!({ "status": "deactivated" }).into()),
    ] {
        let answer = acme.post(other.signer(), &person.url, payload).await?;
        probe.policy_problem(case, &answer, 403, "unauthorized");
    }
    let after = acme.read(&person, &person.url).await?;
    probe.must("", &after, after.json() == before, "nothing changed");
    Ok(())
}

async fn row_68_status(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    for update in [
        json!({ "status": "revoked" }),
        json!({ "status": "valid" }),
        json!({ "status": "nonsense" }),
        json!({ "orders": "https://elsewhere.example/" }),
    ] {
        let answer = acme.post(person.signer(), &person.url, update.clone()).await?;
        let case = update.to_string();
        probe.status(&case, &answer, 200);
        let account = answer.json();
        probe.must(&case, &answer, account["status"] == "valid", "`status` still valid");
        probe.must(&case, &answer, account["orders"] != "https://elsewhere.example/", "its own `orders`");
    }
    Ok(())
}

/// Certificates survive: the certificate's key can still revoke, which it could not if it had been done already.
async fn row_69_deactivation(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let leaf_key = std::sync::Arc::new(Key::new());
    let issued = issue_with(probe, &person, &leaf_key).await?;
    let pending = acme.order(&person, &[&acme.new_name("r69")]).await?;
    let answer = acme.post(person.signer(), &person.url, json!({ "status": "deactivated" })).await?;
    probe.status("", &answer, 200);
    probe.must("", &answer, answer.json()["status"] == "deactivated", "`status` deactivated");
    let read = acme.read(&person, &pending.url).await?;
    probe.must("order of the account", &read, read.is_refused(), "a refusal");
    let revoke = json!({ "certificate": b64(&issued) });
    let answer = acme.post(Signer::Jwk(&leaf_key), acme.url("revokeCert"), revoke).await?;
    let kept = answer.problem() != "alreadyRevoked";
    probe.must("revocation by the certificate's key", &answer, kept, "a certificate that was kept");
    Ok(())
}

/// A certificate over a key that can sign a JWS too.
async fn issue_with(probe: &Probe<'_>, person: &Person, key: &Key) -> Verdict<Vec<u8>> {
    let name = probe.acme.new_name("kept");
    let order = probe.acme.ready_order(person, &[&name]).await?;
    let leaf_key = key.to_leaf_key();
    let csr = testkit::acme::Csr::new(&[&name]).sign(&leaf_key);
    let issued = probe.acme.finalize_with(person, &order, &csr, leaf_key).await?;
    Ok(issued.leaf.to_vec())
}

async fn row_75_orders(probe: &Probe<'_>) -> Verdict {
    /// More than a server is likely to put on one page.
    const ORDERS: usize = 105;
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let account = acme.read(&person, &person.url).await?.json();
    let Some(list) = account["orders"].as_str() else {
        return not_applicable("the account has no `orders`, which row 51 is about");
    };
    let empty = acme.read(&person, list).await?;
    probe.status("without orders", &empty, 200);
    probe.must("without orders", &empty, empty.json()["orders"] == json!([]), "an empty array in `orders`");

    let names: Vec<String> = (0..ORDERS).map(|_| acme.new_name("r75")).collect();
    let place = async |name: &String| acme.order(&person, &[name]).await;
    let mut made: Vec<_> = futures::stream::iter(&names).map(place).buffer_unordered(4).try_collect().await?;
    // One that is dead, by the only way that needs no failure.
    let dead = made.swap_remove(0);
    if let Some(authorization) = dead.authorizations().first() {
        acme.post(person.signer(), authorization, json!({ "status": "deactivated" })).await?;
    }
    let is_dead = acme.read(&person, &dead.url).await?.json()["status"] == "invalid";

    let mut listed = Vec::new();
    let mut next = Some(list.to_owned());
    let mut pages = 0;
    while let Some(url) = next.take().filter(|_| pages < ORDERS) {
        let page = acme.read(&person, &url).await?;
        let orders = page.json()["orders"].as_array().cloned();
        if !probe.must("", &page, page.status == 200 && orders.is_some(), "a list") {
            break;
        }
        let urls = orders.unwrap_or_default();
        listed.extend(urls.iter().filter_map(|url| url.as_str().map(str::to_owned)));
        next = page.link("next");
        pages += 1;
    }
    let missing = made.iter().filter(|order| !listed.contains(&order.url)).count();
    let got = format!("{missing} of {} missing on {pages} pages", made.len());
    probe.holds(Weight::Policy, "open orders", missing == 0, "every open order in the list", &got);
    let mut unique = listed.clone();
    unique.sort();
    unique.dedup();
    let got = format!("{} entries, {} orders", listed.len(), unique.len());
    probe.holds(Weight::Policy, "pages", unique.len() == listed.len(), "each order once", &got);
    if is_dead {
        let out = !listed.contains(&dead.url);
        probe.holds(Weight::Policy, "an invalid order", out, "not in the list", "in the list");
    }
    let other = acme.read(&probe.fixture.other, list).await?;
    probe.refusal("by another account", &other, 403, "unauthorized");
    Ok(())
}
