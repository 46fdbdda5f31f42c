//! Rows 99–103: the challenge resource and what becomes of it (RFC 8555 §7.5.1, §8).

use std::time::Duration;

use serde_json::{Value, json};
use testkit::acme::{Csr, LeafKey, finalize_payload};

use crate::acme::Person;
use crate::exchange::{Answer, URN};
use crate::finding::{Verdict, not_applicable};
use crate::flow::{Order, challenge, text_of};
use crate::probe::Probe;
use crate::responder::{Kind, Page, challenge_path, key_authorization};
use crate::row::rows;

rows! {
    99 "challenge response" => "200 with rel=\"up\"; extra fields ignored",
        "RFC 8555 §7.5.1: 200 and the challenge object, extra fields ignored; §7.1: a Link to the authorization",
        row_99_response;
    100 "POST-as-GET on a challenge" => "reads only, never starts validation",
        "RFC 8555 §6.3: an empty payload only reads; §7.5.1: `{}` is what starts validation", row_100_read_only;
    101 "challenge valid or invalid already" => "200 unchanged; 400 malformed", "policy (RFC 8555 §7.5.1)",
        row_101_settled;
    102 "validation fails" => "challenge invalid with `error`; authorization and order invalid",
        "RFC 8555 §7.1.6: a failed challenge makes authorization and order invalid; §8: error says why",
        row_102_failure;
    103 "validation is tried again" => "stays processing; Retry-After; `error` kept up to date",
        "RFC 8555 §8.2: while the server retries, `error` and Retry-After show it", row_103_retries;
}

/// An order whose authorization waits for its challenge.
pub struct Pending {
    pub person: Person,
    pub order: Order,
    pub authorization_url: String,
    pub authorization: Value,
    pub name: String,
}

impl Pending {
    pub async fn order(probe: &Probe<'_>, name: &str) -> Verdict<Self> {
        let acme = &probe.acme;
        let person = acme.new_account().await?;
        let order = acme.order(&person, &[name]).await?;
        let authorization_url = order.authorizations().first().cloned().unwrap_or_default();
        let authorization = acme.read(&person, &authorization_url).await?.json();
        if authorization["status"] == "valid" {
            return not_applicable("authorizations are valid from the start: there is nothing to validate");
        }
        Ok(Self { person, order, authorization_url, authorization, name: name.to_owned() })
    }

    pub fn challenge(&self, kind: Kind) -> Verdict<Value> {
        challenge(&self.authorization, kind)
    }

    /// Says that the challenge is ready to be looked at.
    pub async fn respond(&self, probe: &Probe<'_>, challenge: &Value) -> Verdict<Answer> {
        let url = text_of(challenge, "url")?;
        probe.acme.post(self.person.signer(), &url, json!({})).await
    }

    /// Responds, waits for the end, and gives the authorization then.
    pub async fn outcome(&self, probe: &Probe<'_>, challenge: &Value) -> Verdict<Answer> {
        let answer = self.respond(probe, challenge).await?;
        probe.must("response", &answer, answer.is_success(), "the response to be taken");
        let settled = probe
            .acme
            .until(&self.person, &self.authorization_url, "an authorization that is settled", |body| {
                let settled = matches!(body["status"].as_str(), Some("valid" | "invalid"));
                // A server may leave it to the client to ask for another try (RFC 8555 §8.2).
                let list = body["challenges"].as_array();
                let given_up = list.into_iter().flatten().any(|other| {
                    let status = other["status"].as_str().unwrap_or_default();
                    other["url"] == challenge["url"]
                        && (status == "invalid" || (status == "pending" && other["error"].is_object()))
                });
                (settled || given_up).then_some(true)
            })
            .await?;
        if settled.json()["status"] != "pending" {
            return Ok(settled);
        }
        // The challenge may have been read a moment after the authorization.
        tokio::time::sleep(Duration::from_millis(200)).await;
        probe.acme.read(&self.person, &self.authorization_url).await
    }
}

/// The challenge of that kind in an answer with an authorization.
pub fn of_kind(answer: &Answer, kind: Kind) -> Value {
    let challenges = answer.json()["challenges"].as_array().cloned().unwrap_or_default();
    challenges.into_iter().find(|challenge| challenge["type"] == kind.name()).unwrap_or_default()
}

/// The short name of the problem of a challenge.
pub fn error_of(challenge: &Value) -> String {
    challenge["error"]["type"].as_str().unwrap_or("").trim_start_matches(URN).to_owned()
}

async fn row_99_response(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let order = acme.order(&person, &[&acme.new_name("r99")]).await?;
    let authorization_url = order.authorizations().first().cloned().unwrap_or_default();
    let body = acme.read(&person, &authorization_url).await?.json();
    let challenges = body["challenges"].as_array().cloned().unwrap_or_default();
    let Some(challenge) = challenges.iter().find(|challenge| {
        let kind = challenge["type"].as_str().unwrap_or_default();
        matches!(kind, "http-01" | "dns-01" | "tls-alpn-01")
    }) else {
        return not_applicable("the server offers none of http-01, dns-01 and tls-alpn-01");
    };
    if let Some(responder) = &acme.settings.responder {
        let kind = [Kind::Http01, Kind::Dns01, Kind::TlsAlpn01];
        let kind = kind.into_iter().find(|kind| challenge["type"] == kind.name()).unwrap_or(Kind::Http01);
        responder.provide(kind, &body["identifier"], &text_of(challenge, "token")?, &person.key);
    }
    let url = text_of(challenge, "url")?;
    let read = acme.read(&person, &url).await?;
    let extra = json!({ "keyAuthorization": "of old drafts", "conformanceUnknown": 1 });
    let answer = acme.post(person.signer(), &url, extra).await?;
    for (case, answer) in [("read", &read), ("response", &answer)] {
        probe.status(case, answer, 200);
        let up = answer.link("up") == Some(authorization_url.clone());
        probe.policy(case, answer, up, "a Link with rel=\"up\" to the authorization");
        let body = answer.json();
        for member in ["type", "url", "token"] {
            probe.must(
                case,
                answer,
                body[member] == challenge[member],
                &format!("`{member}` of the challenge"),
            );
        }
        probe.must(case, answer, body["status"].is_string(), "`status`");
        let reflected = body.get("conformanceUnknown").is_some();
        probe.must(case, answer, !reflected, "nothing of what was sent");
    }
    Ok(())
}

async fn row_100_read_only(probe: &Probe<'_>) -> Verdict {
    let pending = Pending::order(probe, &probe.acme.new_name("r100")).await?;
    let challenge = pending.challenge(Kind::Http01)?;
    let Some(http01) = probe.responder()?.http01() else {
        return not_applicable("needs --http01-port");
    };
    let token = text_of(&challenge, "token")?;
    // The right answer is there: if the server looked, the challenge would be valid.
    let answer = key_authorization(&token, &pending.person.key).into_bytes();
    http01.serve(&challenge_path(&token), Page::Body(answer));
    let url = text_of(&challenge, "url")?;
    let read = probe.acme.read(&pending.person, &url).await?;
    probe.must("", &read, read.json()["status"] == "pending", "`status` pending");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let read = probe.acme.read(&pending.person, &url).await?;
    probe.must("some time later", &read, read.json()["status"] == "pending", "`status` still pending");
    let looked = http01.hits(&challenge_path(&token)).len();
    probe.must("", &read, looked == 0, "no validation");
    Ok(())
}

async fn row_101_settled(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let order = acme.ready_order(&person, &[&acme.new_name("r101")]).await?;
    let url = order.authorizations().first().cloned().unwrap_or_default();
    let body = acme.read(&person, &url).await?.json();
    let challenges = body["challenges"].as_array().cloned().unwrap_or_default();
    let valid = challenges.iter().find(|challenge| challenge["status"] == "valid").cloned();
    let challenge_url = text_of(&valid.unwrap_or_default(), "url")?;
    let before = acme.read(&person, &challenge_url).await?;
    let answer = acme.post(person.signer(), &challenge_url, json!({})).await?;
    probe.policy("valid", &answer, answer.status == 200, "200");
    probe.policy("valid", &answer, answer.json() == before.json(), "the challenge unchanged");
    // Dead with its authorization.
    acme.post(person.signer(), &url, json!({ "status": "deactivated" })).await?;
    let answer = acme.post(person.signer(), &challenge_url, json!({})).await?;
    probe.policy_problem("deactivated authorization", &answer, 400, "malformed");
    Ok(())
}

async fn row_102_failure(probe: &Probe<'_>) -> Verdict {
    let pending = Pending::order(probe, &probe.acme.new_name("r102")).await?;
    let challenge = pending.challenge(Kind::Http01)?;
    let Some(http01) = probe.responder()?.http01() else {
        return not_applicable("needs --http01-port");
    };
    http01.serve(&challenge_path(&text_of(&challenge, "token")?), Page::Body(b"wrong".to_vec()));
    let settled = pending.outcome(probe, &challenge).await?;
    probe.must("authorization", &settled, settled.json()["status"] == "invalid", "`status` invalid");
    let url = text_of(&challenge, "url")?;
    let read = probe.acme.read(&pending.person, &url).await?;
    let body = read.json();
    probe.must("challenge", &read, body["status"] == "invalid", "`status` invalid");
    let typed = body["error"]["type"].as_str().is_some_and(|kind| kind.starts_with(URN));
    probe.must("challenge", &read, typed, "`error` with an ACME problem type");
    probe.policy("challenge", &read, body["error"]["detail"].is_string(), "`error` with a detail");
    let order = probe.acme.read(&pending.person, &pending.order.url).await?;
    probe.must("order", &order, order.json()["status"] == "invalid", "`status` invalid");
    let csr = Csr::new(&[&pending.name]).sign(&LeafKey::P256.generate());
    let payload = finalize_payload(&csr);
    let answer = probe.acme.post(pending.person.signer(), pending.order.finalize(), payload).await?;
    probe.problem("finalize", &answer, 403, "orderNotReady");
    Ok(())
}

async fn row_103_retries(probe: &Probe<'_>) -> Verdict {
    let pending = Pending::order(probe, &probe.acme.new_name("r103")).await?;
    let challenge = pending.challenge(Kind::Http01)?;
    let Some(http01) = probe.responder()?.http01() else {
        return not_applicable("needs --http01-port");
    };
    let url = text_of(&challenge, "url")?;
    let path = challenge_path(&text_of(&challenge, "token")?);
    let first = pending.respond(probe, &challenge).await?;
    let mut tried = first;
    for _ in 0..40 {
        let (status, failed) = (tried.json()["status"].clone(), tried.json()["error"].is_object());
        if status == "invalid" || (status == "pending" && failed) {
            return not_applicable("the server does not try again by itself, which is its right");
        }
        if tried.json()["error"].is_object() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        tried = probe.acme.read(&pending.person, &url).await?;
    }
    probe.must("after a first try", &tried, tried.json()["status"] == "processing", "`status` processing");
    probe.must("after a first try", &tried, tried.json()["error"].is_object(), "the first try's `error`");
    probe.must("after a first try", &tried, tried.retry_after().is_some(), "Retry-After");
    let token = text_of(&challenge, "token")?;
    let answer = key_authorization(&token, &pending.person.key).into_bytes();
    http01.serve(&path, Page::Body(answer));
    let valid =
        probe.acme.until(&pending.person, &pending.authorization_url, "a valid authorization", |body| {
            match body["status"].as_str() {
                Some("valid") => Some(true),
                Some("pending") => None,
                _ => Some(false),
            }
        });
    let valid = valid.await?;
    probe.must("when the answer is there", &valid, valid.json()["status"] == "valid", "`status` valid");
    Ok(())
}
