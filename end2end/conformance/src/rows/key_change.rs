//! Rows 70–74: keyChange (RFC 8555 §7.3.5).

use serde_json::{Value, json};
use testkit::acme::{Key, Payload, Signer, jws};

use crate::acme::{Person, b64};
use crate::endpoint::key_change;
use crate::exchange::Answer;
use crate::finding::{Verdict, not_applicable};
use crate::probe::Probe;
use crate::row::rows;

rows! {
    70 "keyChange" => "200; the old key is dead; orders and authorizations survive",
        "RFC 8555 §7.3.5: 200, and the account has the new key from then on", row_70_good;
    71 "inner JWS bad, with nonce, without jwk, badly signed" => "400 malformed",
        "RFC 8555 §7.3.5: the inner JWS is well-formed, has jwk, verifies with it, and omits the nonce",
        row_71_bad_inner;
    72 "inner `url` differs" => "400 malformed", "RFC 8555 §7.3.5: both JWS have the same url", row_72_inner_url;
    73 "`account` is not the kid; `oldKey` is not the key" => "400 malformed",
        "RFC 8555 §7.3.5: account is the kid of the outer JWS, oldKey the account's key", row_73_wrong_content;
    74 "new key belongs to another account" => "409 with Location of that account",
        "RFC 8555 §7.3.5: the change must fail; it should be 409 with the account's URL in Location",
        row_74_key_in_use;
}

fn url_of<'p>(probe: &'p Probe<'_>) -> Verdict<&'p str> {
    match probe.acme.entry("keyChange") {
        Some(url) => Ok(url),
        None => not_applicable("the directory has no keyChange, which row 11 is about"),
    }
}

async fn change(probe: &Probe<'_>, person: &Person, inner: Value) -> Verdict<Answer> {
    let answer = probe.acme.post(person.signer(), url_of(probe)?, inner).await?;
    match answer.status {
        501 => not_applicable("the server has no keyChange behind its URL, which row 70 is about"),
        _ => Ok(answer),
    }
}

async fn row_70_good(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let url = url_of(probe)?;
    let person = acme.new_account().await?;
    let order = acme.order(&person, &[&acme.new_name("r70")]).await?;
    let new_key = acme.new_key();
    let answer = acme.post(person.signer(), url, key_change(url, &person, &new_key)).await?;
    if !probe.status("", &answer, 200) {
        return Ok(());
    }
    let renewed = Person { key: new_key, url: person.url.clone() };
    let read = acme.read(&renewed, &renewed.url).await?;
    probe.must("account by the new key", &read, read.status == 200, "200");
    let found =
        acme.post(Signer::Jwk(&renewed.key), acme.url("newAccount"), json!({ "onlyReturnExisting": true }));
    let found = found.await?;
    let same = found.location() == Some(person.url.as_str());
    probe.must("lookup by the new key", &found, same, "the same account");
    let mut resources = vec![order.url.clone()];
    resources.extend(order.authorizations());
    for resource in resources {
        let read = acme.read(&renewed, &resource).await?;
        probe.must("order and authorization", &read, read.status == 200, "200");
    }
    let read = acme.read(&person, &person.url).await?;
    probe.must("account by the old key", &read, read.is_refused(), "a refusal");
    let lookup = json!({ "onlyReturnExisting": true });
    let found = acme.post(Signer::Jwk(&person.key), acme.url("newAccount"), lookup).await?;
    probe.must("lookup by the old key", &found, found.is_refused(), "a refusal");
    Ok(())
}

/// Parts of an inner JWS, to be put together wrongly.
struct Inner<'k> {
    key: &'k Key,
    header: Value,
    body: Value,
}

impl<'k> Inner<'k> {
    fn new(url: &str, person: &Person, key: &'k Key) -> Self {
        Self {
            key,
            header: json!({ "alg": key.algorithm().jws_name(), "jwk": key.jwk(), "url": url }),
            body: json!({ "account": person.url, "oldKey": person.key.jwk() }),
        }
    }

    fn sign(&self) -> Value {
        jws(self.key, &self.header, self.body.to_string().as_bytes())
    }
}

async fn row_71_bad_inner(probe: &Probe<'_>) -> Verdict {
    let url = url_of(probe)?;
    let person = probe.acme.new_account().await?;
    let key = probe.acme.new_key();
    let changed = |alter: &dyn Fn(&mut Inner<'_>)| {
        let mut inner = Inner::new(url, &person, &key);
        alter(&mut inner);
        inner.sign()
    };
    let mut badly_signed = changed(&|_| ());
    badly_signed["signature"] = b64([1; 64]).into();
    let by_old_key = Inner { key: &person.key, ..Inner::new(url, &person, &key) }.sign();
    let without_jwk = changed(&|inner| {
        if let Some(header) = inner.header.as_object_mut() {
            header.remove("jwk");
        }
    });
    for (case, inner) in [
        ("no JWS", json!({ "account": person.url, "oldKey": person.key.jwk() })),
        ("an empty object", json!({})),
        ("badly signed", badly_signed),
        ("signed by the old key", by_old_key),
        ("without jwk", without_jwk),
        (
            "kid instead of jwk",
            changed(&|inner| {
                inner.header = json!({ "alg": key.algorithm().jws_name(), "kid": person.url, "url": url });
            }),
        ),
        ("payload no key change", changed(&|inner| inner.body = json!({}))),
        ("payload no object", changed(&|inner| inner.body = json!([]))),
    ] {
        let answer = change(probe, &person, inner).await?;
        probe.refusal(case, &answer, 400, "malformed");
    }
    // Last: a server that lets it pass has changed the key.
    let with_nonce = changed(&|inner| inner.header["nonce"] = b64([1; 16]).into());
    let answer = change(probe, &person, with_nonce).await?;
    probe.policy_problem("with a nonce", &answer, 400, "malformed");
    Ok(())
}

async fn row_72_inner_url(probe: &Probe<'_>) -> Verdict {
    let url = url_of(probe)?;
    for wrong in [json!(probe.acme.url("newAccount")), json!(format!("{url}/")), Value::Null] {
        let person = probe.acme.new_account().await?;
        let key = probe.acme.new_key();
        let mut inner = Inner::new(url, &person, &key);
        inner.header["url"] = wrong.clone();
        let answer = change(probe, &person, inner.sign()).await?;
        probe.refusal(&wrong.to_string(), &answer, 400, "malformed");
    }
    Ok(())
}

async fn row_73_wrong_content(probe: &Probe<'_>) -> Verdict {
    let url = url_of(probe)?;
    let other = &probe.fixture.other;
    for (case, account, old_key) in [
        ("account of another", Some(other.url.clone()), None),
        ("account that is none", Some("https://elsewhere.example/".to_owned()), None),
        ("oldKey of another", None, Some(other.key.jwk())),
        ("oldKey that is none", None, Some(json!({}))),
    ] {
        let person = probe.acme.new_account().await?;
        let key = probe.acme.new_key();
        let mut inner = Inner::new(url, &person, &key);
        if let Some(account) = account {
            inner.body["account"] = account.into();
        }
        if let Some(old_key) = old_key {
            inner.body["oldKey"] = old_key;
        }
        let answer = change(probe, &person, inner.sign()).await?;
        probe.refusal(case, &answer, 400, "malformed");
        let still = probe.acme.post(person.signer(), &person.url, Payload::Empty).await?;
        probe.must(case, &still, still.status == 200, "the account still under its old key");
    }
    Ok(())
}

async fn row_74_key_in_use(probe: &Probe<'_>) -> Verdict {
    let url = url_of(probe)?;
    let (person, other) = (probe.acme.new_account().await?, probe.acme.new_account().await?);
    let answer = change(probe, &person, key_change(url, &person, &other.key)).await?;
    probe.must("", &answer, answer.is_refused(), "a refusal, such as 409");
    probe.policy("", &answer, answer.status == 409, "409");
    let location = answer.location() == Some(other.url.as_str());
    probe.policy("", &answer, location, "its URL in Location");
    Ok(())
}
