//! Rows 51–59 and 65: newAccount (RFC 8555 §7.3).

use serde_json::{Value, json};
use testkit::acme::Signer;

use crate::acme::Acme;
use crate::admin::{Act, EabKey, PlaceKind};
use crate::eab;
use crate::exchange::Answer;
use crate::finding::{Verdict, not_applicable};
use crate::flow::identifier;
use crate::probe::Probe;
use crate::row::rows;

rows! {
    51 "newAccount" => "201 with Location, `status`, `orders`",
        "RFC 8555 §7.3: 201, the account URL in Location, the account object; §7.1.2: status and orders are required",
        row_51_new_account;
    52 "key known already" => "200 with Location and the stored object; the request's fields ignored",
        "RFC 8555 §7.3.1: 200, Location, the object as it was; any fields in the request must be ignored",
        row_52_known_key;
    53 "onlyReturnExisting, known" => "200, no EAB needed",
        "RFC 8555 §7.3.1: the client looks up its account URL with the key alone", row_53_lookup;
    54 "onlyReturnExisting, unknown" => "400 accountDoesNotExist",
        "RFC 8555 §7.3.1: 400 and accountDoesNotExist; no account is made", row_54_lookup_unknown;
    55 "newAccount with the key of a deactivated account" => "401 unauthorized",
        "RFC 8555 §7.3.6: every request of a deactivated account is answered with 401 and unauthorized",
        row_55_deactivated_key;
    56 "terms advertised, not agreed to" => "403 userActionRequired with Link rel=\"terms-of-service\"",
        "RFC 8555 §7.3: requests without termsOfServiceAgreed true must be rejected where terms are required",
        row_56_terms;
    57 "terms changed" => "403 userActionRequired with the Link, and `instance`",
        "RFC 8555 §7.3.3: 403, userActionRequired, a Link to the terms, and instance for a human",
        row_57_changed_terms;
    58 "contact of another scheme" => "400 unsupportedContact that names the schemes",
        "RFC 8555 §7.3: an unsupported scheme must be answered with unsupportedContact and what is acceptable",
        row_58_unsupported_contact;
    59 "mailto with `?`, with two addresses, with a bad one" => "400 invalidContact",
        "RFC 8555 §7.3: a bad value of a supported scheme is invalidContact; hfields and lists should be rejected",
        row_59_invalid_contact;
    65 "EAB sent where none is verified" => "not reflected",
        "RFC 8555 §7.3.4: a binding that was not verified must not be reflected", row_65_unverified_binding;
}

async fn row_51_new_account(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let key = acme.new_key();
    let payload = acme.account_payload(&key)?;
    let contact = payload["contact"].clone();
    let answer = acme.post(Signer::Jwk(&key), acme.url("newAccount"), payload).await?;
    probe.status("", &answer, 201);
    let location = answer.location().unwrap_or("");
    probe.must("", &answer, location.starts_with("https://"), "the account URL in Location");
    let account = answer.json();
    probe.must("", &answer, account["status"] == "valid", "`status` valid");
    let orders = account["orders"].as_str().unwrap_or("");
    probe.must("", &answer, orders.starts_with("https://"), "the URL of the list of orders in `orders`");
    probe.policy("", &answer, account["contact"] == contact, "`contact` as it was sent");

    // Contacts are optional.
    let key = acme.new_key();
    let mut payload = acme.account_payload(&key)?;
    payload["contact"] = json!([]);
    let answer = acme.post(Signer::Jwk(&key), acme.url("newAccount"), payload).await?;
    probe.policy("without contact", &answer, answer.status == 201, "201");
    Ok(())
}

async fn row_52_known_key(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let stored = acme.read(&person, &person.url).await?.json();
    let garbage = json!({ "protected": "e30", "payload": "e30", "signature": "AA" });
    for (case, payload) in [
        ("other contact", json!({ "contact": ["mailto:other@example.com"], "termsOfServiceAgreed": true })),
        ("terms not agreed to", json!({ "termsOfServiceAgreed": false })),
        ("bad contact", json!({ "contact": ["tel:+1234"], "termsOfServiceAgreed": true })),
        ("bad EAB", json!({ "externalAccountBinding": garbage, "termsOfServiceAgreed": true })),
        ("nothing", json!({})),
    ] {
        let answer = acme.post(Signer::Jwk(&person.key), acme.url("newAccount"), payload).await?;
        probe.status(case, &answer, 200);
        let same = answer.location() == Some(person.url.as_str());
        probe.must(case, &answer, same, "its URL in Location");
        let unchanged = answer.json()["contact"] == stored["contact"];
        probe.must(case, &answer, !answer.is_success() || unchanged, "the account as it was");
    }
    let after = acme.read(&person, &person.url).await?;
    probe.must("", &after, after.json() == stored, "nothing changed by newAccount");
    Ok(())
}

async fn row_53_lookup(probe: &Probe<'_>) -> Verdict {
    let mut places = vec![probe.acme.clone()];
    match with_eab(probe).await {
        Ok(place) => places.push(place),
        Err(_) => probe.note("no place that requires EAB to look up an account at"),
    }
    for acme in places {
        let person = acme.new_account().await?;
        let lookup = json!({ "onlyReturnExisting": true });
        let answer = acme.post(Signer::Jwk(&person.key), acme.url("newAccount"), lookup).await?;
        probe.status("", &answer, 200);
        let same = answer.location() == Some(person.url.as_str());
        probe.must("", &answer, same, "its URL in Location");
    }
    Ok(())
}

async fn with_eab(probe: &Probe<'_>) -> Verdict<Acme> {
    let place = probe.at(PlaceKind::Eab).await?;
    let key = probe.admin.eab_key(crate::admin::EabState::Good).await?;
    Ok(place.with_eab(key))
}

async fn row_54_lookup_unknown(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let key = acme.new_key();
    for payload in [
        json!({ "onlyReturnExisting": true }),
        json!({ "onlyReturnExisting": true, "termsOfServiceAgreed": true, "contact": ["mailto:a@example.com"] }),
    ] {
        let answer = acme.post(Signer::Jwk(&key), acme.url("newAccount"), payload).await?;
        probe.problem("", &answer, 400, "accountDoesNotExist");
    }
    Ok(())
}

async fn row_55_deactivated_key(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    acme.post(person.signer(), &person.url, json!({ "status": "deactivated" })).await?;
    for payload in [acme.account_payload(&person.key)?, json!({ "onlyReturnExisting": true })] {
        let answer = acme.post(Signer::Jwk(&person.key), acme.url("newAccount"), payload).await?;
        probe.problem("", &answer, 401, "unauthorized");
    }
    Ok(())
}

/// The server itself when it has terms, else a place that has.
async fn with_terms(probe: &Probe<'_>) -> Verdict<Acme> {
    match probe.acme.meta()["termsOfService"].is_string() {
        true => Ok(probe.acme.clone()),
        false => probe.at(PlaceKind::Terms).await,
    }
}

async fn row_56_terms(probe: &Probe<'_>) -> Verdict {
    let acme = with_terms(probe).await?;
    let terms = acme.meta()["termsOfService"].clone();
    if terms.is_null() {
        return not_applicable("the server advertises no terms of service");
    }
    for agreed in [None, Some(false)] {
        let key = acme.new_key();
        let mut payload = acme.account_payload(&key)?;
        payload["termsOfServiceAgreed"] = json!(agreed);
        if agreed.is_none()
            && let Some(members) = payload.as_object_mut()
        {
            members.remove("termsOfServiceAgreed");
        }
        let answer = acme.post(Signer::Jwk(&key), acme.url("newAccount"), payload).await?;
        let case =
            if agreed.is_none() { "termsOfServiceAgreed absent" } else { "termsOfServiceAgreed false" };
        // Whether it requires what it advertises is the server's choice.
        probe.policy_problem(case, &answer, 403, "userActionRequired");
        let link = answer.link("terms-of-service");
        probe.policy(case, &answer, link.as_deref() == terms.as_str(), "a Link to the terms");
    }
    let key = acme.new_key();
    let answer = acme.post(Signer::Jwk(&key), acme.url("newAccount"), acme.account_payload(&key)?).await?;
    probe.must("agreed", &answer, answer.status == 201, "201");
    Ok(())
}

async fn row_57_changed_terms(probe: &Probe<'_>) -> Verdict {
    let acme = probe.at(PlaceKind::Terms).await?;
    let person = acme.new_account().await?;
    acme.order(&person, &[&acme.new_name("r57")]).await?;
    probe.admin.act(Act::ChangeTerms).await?;
    let acme = probe.at(PlaceKind::Terms).await?;
    let order = json!({ "identifiers": [identifier(&acme.new_name("r57"))] });
    let answer = acme.new_order(&person, order).await?;
    probe.problem("newOrder", &answer, 403, "userActionRequired");
    let link = answer.link("terms-of-service");
    let current = acme.meta()["termsOfService"].as_str();
    probe.must("newOrder", &answer, link.as_deref() == current, "a Link to the latest terms");
    probe.must("newOrder", &answer, answer.json()["instance"].is_string(), "`instance`");
    Ok(())
}

async fn refuse_contact(probe: &Probe<'_>, contacts: Value) -> Verdict<Answer> {
    let acme = &probe.acme;
    let key = acme.new_key();
    let mut payload = acme.account_payload(&key)?;
    payload["contact"] = contacts;
    acme.post(Signer::Jwk(&key), acme.url("newAccount"), payload).await
}

async fn row_58_unsupported_contact(probe: &Probe<'_>) -> Verdict {
    for contact in ["tel:+12025550123", "https://example.com/contact"] {
        let answer = refuse_contact(probe, json!([contact])).await?;
        let case = format!("newAccount with {contact}");
        if probe.problem_type(&case, &answer, 400, "unsupportedContact") {
            let detail = answer.json()["detail"].as_str().unwrap_or("").to_owned();
            probe.must(&case, &answer, detail.contains("mailto"), "the supported schemes in `detail`");
        }
    }
    let owner = probe.acme.new_account().await?;
    let update = json!({ "contact": ["tel:+12025550123"] });
    let answer = probe.acme.post(owner.signer(), &owner.url, update).await?;
    probe.problem_type("account update", &answer, 400, "unsupportedContact");
    Ok(())
}

async fn row_59_invalid_contact(probe: &Probe<'_>) -> Verdict {
    let owner = probe.acme.new_account().await?;
    for contact in [
        "mailto:a@example.com?subject=hello",
        "mailto:a@example.com,b@example.com",
        "mailto:no-address",
        "mailto:",
        "mailto:@example.com",
    ] {
        let update = json!({ "contact": [contact] });
        let answers = [
            ("newAccount", refuse_contact(probe, json!([contact])).await?),
            ("account update", probe.acme.post(owner.signer(), &owner.url, update).await?),
        ];
        for (name, answer) in answers {
            let case = format!("{name} with {contact}");
            if probe.policy(&case, &answer, answer.is_refused(), "a refusal") {
                probe.problem_type(&case, &answer, 400, "invalidContact");
            }
        }
    }
    Ok(())
}

async fn row_65_unverified_binding(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    if acme.meta()["externalAccountRequired"] == true {
        return not_applicable("the server verifies bindings");
    }
    let key = acme.new_key();
    let mut payload = acme.account_payload(&key)?;
    let unknown = EabKey { kid: "conformance-unknown".to_owned(), hmac: vec![1; 32] };
    payload["externalAccountBinding"] = eab::binding(&unknown, &key, acme.url("newAccount"));
    let answer = acme.post(Signer::Jwk(&key), acme.url("newAccount"), payload).await?;
    let reflected = answer.json().get("externalAccountBinding").is_some();
    probe.must("", &answer, !reflected, "no `externalAccountBinding` in the account");
    let sane = answer.status == 201 || answer.is_refused();
    probe.must("", &answer, sane, "201 without the binding, or a refusal");
    Ok(())
}
