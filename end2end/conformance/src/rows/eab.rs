//! Rows 60–64: external account binding (RFC 8555 §7.3.4).

use serde_json::{Map, Value, json};
use testkit::acme::{Key, Signer, jws};

use crate::acme::Acme;
use crate::admin::{EabKey, EabState, PlaceKind};
use crate::eab;
use crate::exchange::Answer;
use crate::finding::{Verdict, Weight};
use crate::probe::Probe;
use crate::row::rows;

rows! {
    60 "EAB required, absent" => "403 externalAccountRequired",
        "RFC 8555 §7.3.4: such requests should be answered with externalAccountRequired", row_60_absent;
    61 "EAB no JWS, no HMAC, with nonce, without kid, for another url" => "400 malformed",
        "RFC 8555 §7.3.4: if any check of the binding fails, newAccount must be rejected", row_61_malformed;
    62 "EAB key unknown, MAC wrong, revoked, expired, used" => "403 unauthorized, all alike",
        "RFC 8555 §7.3.4: if any check of the binding fails, newAccount must be rejected", row_62_unauthorized;
    63 "EAB payload is another key" => "400 malformed",
        "RFC 8555 §7.3.4: the payload is the key that signed the outer JWS", row_63_another_key;
    64 "EAB good" => "the account echoes `externalAccountBinding` as it came",
        "RFC 8555 §7.3.4: the account has an externalAccountBinding with the same value", row_64_good;
}

/// The server itself when it requires EAB and a key is known, else a place that does.
async fn with_eab(probe: &Probe<'_>) -> Verdict<Acme> {
    match probe.acme.meta()["externalAccountRequired"] == true {
        true => Ok(probe.acme.clone()),
        false => probe.at(PlaceKind::Eab).await,
    }
}

/// A good key: the administrator's, or the one from the command line.
async fn good_key(probe: &Probe<'_>) -> Verdict<EabKey> {
    match probe.admin.eab_key(EabState::Good).await {
        Ok(key) => Ok(key),
        Err(missing) => probe.options.eab.clone().ok_or_else(|| missing.into()),
    }
}

async fn register(acme: &Acme, key: &Key, binding: Option<Value>) -> Verdict<Answer> {
    let mut payload = json!({ "termsOfServiceAgreed": true });
    if let Some(binding) = binding {
        payload["externalAccountBinding"] = binding;
    }
    acme.post(Signer::Jwk(key), acme.url("newAccount"), payload).await
}

async fn row_60_absent(probe: &Probe<'_>) -> Verdict {
    let acme = with_eab(probe).await?;
    let answer = acme.get(acme.directory_url()).await?;
    let said = answer.json()["meta"]["externalAccountRequired"] == true;
    probe.must("directory", &answer, said, "externalAccountRequired true");
    for binding in [None, Some(Value::Null)] {
        let answer = register(&acme, &acme.new_key(), binding).await?;
        probe.refusal("", &answer, 403, "externalAccountRequired");
    }
    Ok(())
}

async fn row_61_malformed(probe: &Probe<'_>) -> Verdict {
    let acme = with_eab(probe).await?;
    let good = good_key(probe).await?;
    let url = acme.url("newAccount");
    let key = acme.new_key();
    let header = |change: &dyn Fn(&mut Map<String, Value>)| {
        let mut header = Map::new();
        header.insert("alg".into(), "HS256".into());
        header.insert("kid".into(), good.kid.clone().into());
        header.insert("url".into(), url.into());
        change(&mut header);
        eab::sign(&good.hmac, &header, key.jwk().to_string().as_bytes())
    };
    let by_signature = json!({ "alg": "ES256", "kid": good.kid, "url": url });
    let detached = {
        let mut binding = eab::binding(&good, &key, url);
        binding.as_object_mut().map(|members| members.remove("payload"));
        binding
    };
    let cases = [
        ("no object", json!("text")),
        ("an empty object", json!({})),
        ("without payload", detached),
        ("ES256", jws(&Key::new(), &by_signature, key.jwk().to_string().as_bytes())),
        ("alg none", header(&|header| drop(header.insert("alg".into(), "none".into())))),
        ("with a nonce", header(&|header| drop(header.insert("nonce".into(), "YWJj".into())))),
        ("without kid", header(&|header| drop(header.remove("kid")))),
        ("without url", header(&|header| drop(header.remove("url")))),
        ("another url", header(&|header| drop(header.insert("url".into(), format!("{url}/x").into())))),
    ];
    for (case, binding) in cases {
        let answer = register(&acme, &key, Some(binding)).await?;
        probe.refusal(case, &answer, 400, "malformed");
    }
    Ok(())
}

async fn row_62_unauthorized(probe: &Probe<'_>) -> Verdict {
    let acme = with_eab(probe).await?;
    let good = good_key(probe).await?;
    let mut keys = vec![
        ("unknown kid", EabKey { kid: format!("{}x", good.kid), hmac: good.hmac.clone() }),
        ("wrong MAC", EabKey { kid: good.kid.clone(), hmac: vec![1; 32] }),
    ];
    for state in [EabState::Revoked, EabState::Expired, EabState::Used] {
        match probe.admin.eab_key(state).await {
            Ok(key) => keys.push((state.name(), key)),
            Err(missing) => probe.note(missing.0),
        }
    }
    let mut texts = Vec::new();
    for (case, bad) in keys {
        let key = acme.new_key();
        let binding = eab::binding(&bad, &key, acme.url("newAccount"));
        let answer = register(&acme, &key, Some(binding)).await?;
        probe.refusal(case, &answer, 403, "unauthorized");
        texts.push(answer.json()["detail"].as_str().unwrap_or("").replace(&bad.kid, "…"));
    }
    let alike = texts.windows(2).all(|pair| pair[0] == pair[1]);
    probe.holds(
        Weight::Policy,
        "",
        alike,
        "one text for all, which tells a stranger nothing",
        &texts.join(" | "),
    );
    Ok(())
}

async fn row_63_another_key(probe: &Probe<'_>) -> Verdict {
    let acme = with_eab(probe).await?;
    let good = good_key(probe).await?;
    let (key, other) = (acme.new_key(), acme.new_key());
    let binding = eab::binding(&good, &other, acme.url("newAccount"));
    let answer = register(&acme, &key, Some(binding)).await?;
    probe.refusal("", &answer, 400, "malformed");
    Ok(())
}

async fn row_64_good(probe: &Probe<'_>) -> Verdict {
    let acme = with_eab(probe).await?;
    for alg in ["HS256", "HS384", "HS512"] {
        let good = good_key(probe).await?;
        let key = acme.new_key();
        let Value::Object(header) = json!({ "alg": alg, "kid": good.kid, "url": acme.url("newAccount") })
        else {
            continue;
        };
        let binding = eab::sign(&good.hmac, &header, key.jwk().to_string().as_bytes());
        let answer = register(&acme, &key, Some(binding.clone())).await?;
        let fine = match alg {
            // RFC 8555 §7.3.4 asks for a MAC-based algorithm, and leaves open which.
            "HS256" => probe.must(alg, &answer, answer.status == 201, "201"),
            _ => probe.policy(alg, &answer, answer.status == 201, "201"),
        };
        if !fine {
            continue;
        }
        let echoed = answer.json()["externalAccountBinding"] == binding;
        probe.must(alg, &answer, echoed, "`externalAccountBinding` with the same value");
        let Some(url) = answer.location() else { continue };
        let person = crate::acme::Person { url: url.to_owned(), key };
        let read = acme.read(&person, &person.url).await?;
        let echoed = read.json()["externalAccountBinding"] == binding;
        probe.policy(&format!("{alg}, read"), &read, echoed, "the binding in later reads too");
    }
    Ok(())
}
