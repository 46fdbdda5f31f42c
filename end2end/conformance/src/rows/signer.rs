//! Rows 33–38: who signed the request.

use serde_json::{Value, json};
use testkit::acme::{Key, Payload};

use crate::acme::{Draft, Person, b64};
use crate::admin::Act;
use crate::endpoint::Form;
use crate::exchange::Answer;
use crate::finding::Verdict;
use crate::probe::Probe;
use crate::row::rows;

rows! {
    33 "both `jwk` and `kid`; neither" => "400 malformed",
        "RFC 8555 §6.2: jwk and kid are mutually exclusive; requests with both must be rejected", row_33_both_or_neither;
    34 "`kid` on newAccount; `jwk` elsewhere" => "400 malformed",
        "RFC 8555 §6.2: jwk for newAccount and revocation by a certificate's key, kid for all others",
        row_34_wrong_form;
    35 "`kid` of a foreign form" => "400 malformed", "policy", row_35_foreign_kid;
    36 "`kid` fine, no such account" => "400 accountDoesNotExist",
        "RFC 8555 §6.7: accountDoesNotExist says that the account of the request does not exist", row_36_no_account;
    37 "account deactivated or suspended" => "401 unauthorized",
        "RFC 8555 §7.3.6: every request of a deactivated account is answered with 401 and unauthorized",
        row_37_dead_account;
    38 "bad signature; ECDSA in DER" => "400 malformed",
        "RFC 7515 §5.2: the JWS must be rejected; RFC 7518 §3.4: r and s side by side, not DER", row_38_bad_signature;
}

/// A URL of the same form with another identifier.
pub fn another(url: &str) -> String {
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    // Identifiers have digits; the words around them mostly don't. The first three parts are the origin.
    let digits = |text: &String| text.chars().filter(char::is_ascii_digit).count();
    let found = (3..segments.len()).max_by_key(|index| (digits(&segments[*index]), *index));
    if let Some(segment) = found.and_then(|index| segments.get_mut(index)) {
        let swap = |c: char| match c {
            '0'..='8' => char::from_u32(u32::from(c) + 1).unwrap_or('9'),
            '9' => '0',
            'a' => 'b',
            'b'..='f' => 'a',
            other => other,
        };
        // The end of an identifier is random, its start may be a time or a prefix.
        let half = segment.len() / 2;
        *segment = segment.char_indices().map(|(at, c)| if at >= half { swap(c) } else { c }).collect();
    }
    let path = segments.join("/");
    query.map_or(path.clone(), |query| format!("{path}?{query}"))
}

async fn row_33_both_or_neither(probe: &Probe<'_>) -> Verdict {
    let owner = &probe.fixture.owner;
    for endpoint in probe.endpoints() {
        let answer = probe
            .flawed_header(endpoint, |header| {
                header.insert("jwk".into(), owner.key.jwk());
                header.insert("kid".into(), owner.url.clone().into());
            })
            .await?;
        probe.refusal(&format!("{}, both", endpoint.name), &answer, 400, "malformed");
        let answer = probe
            .flawed_header(endpoint, |header| {
                header.remove("jwk");
                header.remove("kid");
            })
            .await?;
        probe.refusal(&format!("{}, neither", endpoint.name), &answer, 400, "malformed");
    }
    Ok(())
}

async fn row_34_wrong_form(probe: &Probe<'_>) -> Verdict {
    let owner = &probe.fixture.owner;
    for endpoint in probe.endpoints().filter(|endpoint| endpoint.form != Form::Either) {
        let answer = probe
            .flawed_header(endpoint, |header| match endpoint.form {
                Form::Jwk => {
                    header.remove("jwk");
                    header.insert("kid".into(), owner.url.clone().into());
                }
                _ => {
                    header.remove("kid");
                    header.insert("jwk".into(), owner.key.jwk());
                }
            })
            .await?;
        probe.refusal(endpoint.name, &answer, 400, "malformed");
    }
    Ok(())
}

async fn row_35_foreign_kid(probe: &Probe<'_>) -> Verdict {
    let foreign = ["https://elsewhere.example/account/1", "1", "", "http://[", "mailto:a@example.com"];
    for endpoint in probe.endpoints().filter(|endpoint| endpoint.form != Form::Jwk) {
        for kid in foreign {
            let answer =
                probe.flawed_header(endpoint, |header| drop(header.insert("kid".into(), kid.into()))).await?;
            probe.policy_problem(&format!("{} with {kid:?}", endpoint.name), &answer, 400, "malformed");
        }
        let answer =
            probe.flawed_header(endpoint, |header| drop(header.insert("kid".into(), json!(["a"])))).await?;
        probe.policy_problem(&format!("{} with an array", endpoint.name), &answer, 400, "malformed");
    }
    Ok(())
}

async fn row_36_no_account(probe: &Probe<'_>) -> Verdict {
    let kid = another(&probe.fixture.owner.url);
    for endpoint in probe.endpoints().filter(|endpoint| endpoint.form != Form::Jwk) {
        let answer = probe
            .flawed_header(endpoint, |header| drop(header.insert("kid".into(), kid.clone().into())))
            .await?;
        probe.refusal(endpoint.name, &answer, 400, "accountDoesNotExist");
    }
    Ok(())
}

async fn row_37_dead_account(probe: &Probe<'_>) -> Verdict {
    let person = probe.acme.new_account().await?;
    let order = probe.acme.order(&person, &[&probe.acme.new_name("r37")]).await?;
    let gone = json!({ "status": "deactivated" });
    let answer = probe.acme.post(person.signer(), &person.url, gone).await?;
    probe.status("deactivation", &answer, 200);
    dead(probe, &person, "deactivated").await?;
    for url in [order.url.clone(), another(&order.url)] {
        let answer = probe.acme.read(&person, &url).await?;
        // Neither may tell whether the order exists.
        probe.problem("an order, by a deactivated account", &answer, 401, "unauthorized");
    }

    let person = probe.acme.new_account().await?;
    match probe.admin.act(Act::SuspendAccount(&person.url)).await {
        Ok(()) => dead(probe, &person, "suspended").await?,
        Err(missing) => probe.note(missing.0),
    }
    Ok(())
}

async fn dead(probe: &Probe<'_>, person: &Person, why: &str) -> Verdict {
    for endpoint in probe.endpoints().filter(|endpoint| endpoint.form == Form::Kid) {
        let payload = Payload::Raw(endpoint.payload.clone());
        let url = if endpoint.name == "account" { &person.url } else { &endpoint.url };
        let answer = probe.acme.post(person.signer(), url, payload).await?;
        probe.problem(&format!("{}, account {why}", endpoint.name), &answer, 401, "unauthorized");
    }
    Ok(())
}

/// Also that a bad signature is found before a bad nonce: a stranger must not learn which nonces are good.
async fn row_38_bad_signature(probe: &Probe<'_>) -> Verdict {
    let stranger = Key::new();
    for endpoint in probe.endpoints() {
        let name = endpoint.name;
        let answer = probe.flawed_jws(endpoint, |_| (), |jws| jws["signature"] = b64([1; 64]).into()).await?;
        probe.refusal(&format!("{name}, signature made up"), &answer, 400, "malformed");

        let draft = endpoint.draft(probe).await?;
        let by_stranger = Draft { key: &stranger, header: draft.header, payload: draft.payload };
        let answer = probe.acme.post_jws(&endpoint.url, &by_stranger.sign()).await?;
        probe.acme.keep_nonce(&answer);
        probe.refusal(&format!("{name}, signed by another key"), &answer, 400, "malformed");

        let answer = probe
            .flawed_jws(
                endpoint,
                |_| (),
                |jws| {
                    let changed = format!("{} ", String::from_utf8_lossy(&endpoint.payload));
                    jws["payload"] = b64(changed).into();
                },
            )
            .await?;
        probe.refusal(&format!("{name}, payload changed"), &answer, 400, "malformed");

        let answer = probe.flawed_jws(endpoint, |_| (), as_der).await?;
        probe.refusal(&format!("{name}, signature in DER"), &answer, 400, "malformed");

        let answer = probe
            .flawed_jws(
                endpoint,
                |draft| drop(draft.header.insert("nonce".into(), b64([9; 16]).into())),
                |jws| jws["signature"] = b64([1; 64]).into(),
            )
            .await?;
        unnoticed(probe, name, &answer);
    }
    Ok(())
}

fn unnoticed(probe: &Probe<'_>, name: &str, answer: &Answer) {
    let first = answer.problem() != "badNonce";
    probe.policy(&format!("{name}, bad nonce too"), answer, first, "the signature checked before the nonce");
}

/// Replaces r and s side by side by what most libraries give: a SEQUENCE of two INTEGERs.
fn as_der(jws: &mut Value) {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let raw = URL_SAFE_NO_PAD.decode(jws["signature"].as_str().unwrap_or_default()).unwrap_or_default();
    let integer = |half: &[u8]| {
        let digits = half.iter().skip_while(|octet| **octet == 0).copied().collect::<Vec<_>>();
        let sign = digits.first().is_none_or(|first| first & 0x80 != 0);
        let value = if sign { [&[0], &digits[..]].concat() } else { digits };
        [&[2, u8::try_from(value.len()).unwrap_or(0)], &value[..]].concat()
    };
    let (r, s) = raw.split_at(raw.len() / 2);
    let both = [integer(r), integer(s)].concat();
    let der = [&[0x30, u8::try_from(both.len()).unwrap_or(0)], &both[..]].concat();
    jws["signature"] = b64(der).into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_url_differs_in_its_identifier_only() {
        let url = "https://localhost:8443/acme/order/ord-0199aabbccddeeff00112233/finalize";
        let changed = another(url);
        assert_ne!(changed, url);
        assert!(changed.starts_with("https://localhost:8443/acme/order/ord-0199aabb"));
        assert!(changed.ends_with("/finalize"));
        assert_ne!(another("https://localhost:14000/my-account/1"), "https://localhost:14000/my-account/1");
    }
}
