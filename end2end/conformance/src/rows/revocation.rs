//! Rows 123–127: revokeCert (RFC 8555 §7.6).

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use testkit::acme::{Csr, Key, Signer};

use crate::acme::{Person, b64};
use crate::exchange::Answer;
use crate::finding::Verdict;
use crate::probe::Probe;
use crate::row::rows;

rows! {
    123 "revocation by the account, by the holder of all authorizations, by the certificate's key" => "200",
        "RFC 8555 §7.6: each of the three must be accepted; 200", row_123_three_ways;
    124 "revocation by any other key" => "403 unauthorized",
        "RFC 8555 §7.6: a request that is not authorised is answered with 403 and unauthorized", row_124_stranger;
    125 "revoked already" => "400 alreadyRevoked", "RFC 8555 §7.6: 400 and alreadyRevoked", row_125_twice;
    126 "reason not allowed" => "400 badRevocationReason that lists the allowed ones",
        "RFC 8555 §7.6: a reason that is rejected must be answered with badRevocationReason", row_126_bad_reason;
    127 "bad DER; not ours" => "400 malformed; 404 malformed", "policy (RFC 8555 §7.6)", row_127_no_certificate;
}

async fn revoke(probe: &Probe<'_>, signer: Signer<'_>, der: &[u8], reason: Option<Value>) -> Verdict<Answer> {
    let mut payload = json!({ "certificate": b64(der) });
    if let Some(reason) = reason {
        payload["reason"] = reason;
    }
    probe.acme.post(signer, probe.acme.url("revokeCert"), payload).await
}

/// A certificate over a key that can sign a JWS.
async fn issue(probe: &Probe<'_>, person: &Person, name: &str, key: &Key) -> Verdict<Vec<u8>> {
    let order = probe.acme.ready_order(person, &[name]).await?;
    let leaf_key = key.to_leaf_key();
    let csr = Csr::new(&[name]).sign(&leaf_key);
    let issued = probe.acme.finalize_with(person, &order, &csr, leaf_key).await?;
    Ok(issued.leaf.to_vec())
}

async fn row_123_three_ways(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let (owner, other) = (acme.new_account().await?, acme.new_account().await?);
    let name = acme.new_name("r123");
    let key = Key::new();

    let leaf = issue(probe, &owner, &name, &key).await?;
    let answer = revoke(probe, owner.signer(), &leaf, None).await?;
    probe.status("the account", &answer, 200);

    let leaf = issue(probe, &owner, &name, &key).await?;
    let answer = revoke(probe, Signer::Jwk(&key), &leaf, Some(json!(1))).await?;
    probe.status("the certificate's key", &answer, 200);

    let leaf = issue(probe, &owner, &name, &key).await?;
    acme.ready_order(&other, &[&name]).await?;
    let answer = revoke(probe, other.signer(), &leaf, Some(json!(4))).await?;
    probe.status("another account with a valid authorization for the name", &answer, 200);
    Ok(())
}

async fn row_124_stranger(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let (owner, other) = (acme.new_account().await?, acme.new_account().await?);
    let (one, two) = (acme.new_name("r124"), acme.new_name("r124"));
    let order = acme.ready_order(&owner, &[&one, &two]).await?;
    let issued = acme.finalize(&owner, &order, &[&one, &two]).await?;
    let leaf = issued.leaf;
    let answer = revoke(probe, other.signer(), &leaf, None).await?;
    probe.problem("another account", &answer, 403, "unauthorized");
    let stranger = Key::new();
    let answer = revoke(probe, Signer::Jwk(&stranger), &leaf, None).await?;
    probe.problem("another key", &answer, 403, "unauthorized");
    // One of two names is not enough.
    acme.ready_order(&other, &[&one]).await?;
    let answer = revoke(probe, other.signer(), &leaf, None).await?;
    probe.problem("another account with one of two authorizations", &answer, 403, "unauthorized");
    // The account's key is not the certificate's.
    let answer = revoke(probe, Signer::Jwk(&other.key), &leaf, None).await?;
    probe.problem("another account's key as jwk", &answer, 403, "unauthorized");
    Ok(())
}

async fn row_125_twice(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let owner = acme.new_account().await?;
    let key = Key::new();
    let leaf = issue(probe, &owner, &acme.new_name("r125"), &key).await?;
    let answer = revoke(probe, owner.signer(), &leaf, Some(json!(4))).await?;
    probe.status("first", &answer, 200);
    for signer in [owner.signer(), Signer::Jwk(&key)] {
        let answer = revoke(probe, signer, &leaf, Some(json!(1))).await?;
        probe.problem("second", &answer, 400, "alreadyRevoked");
    }
    Ok(())
}

async fn row_126_bad_reason(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let owner = acme.new_account().await?;
    let leaf = issue(probe, &owner, &acme.new_name("r126"), &Key::new()).await?;
    // 7 is not used (RFC 5280 §5.3.1), the others are no reasons at all.
    for reason in [json!(7), json!(99), json!(-1)] {
        let answer = revoke(probe, owner.signer(), &leaf, Some(reason.clone())).await?;
        let case = reason.to_string();
        if !probe.policy(&case, &answer, answer.is_refused(), "a refusal") {
            return Ok(());
        }
        // A negative number is not even a reason that could be refused.
        let right = match reason == json!(-1) {
            true => probe.policy_problem(&case, &answer, 400, "badRevocationReason"),
            false => probe.problem_type(&case, &answer, 400, "badRevocationReason"),
        };
        if right {
            let detail = answer.json()["detail"].as_str().unwrap_or("").to_owned();
            let lists = detail.contains('1') && detail.contains('4');
            probe.policy(&case, &answer, lists, "the allowed reasons in `detail`");
        }
    }
    let answer = revoke(probe, owner.signer(), &leaf, Some(json!("keyCompromise"))).await?;
    probe.policy("a text", &answer, answer.is_refused(), "a refusal");
    Ok(())
}

async fn row_127_no_certificate(probe: &Probe<'_>) -> Verdict {
    let owner = &probe.fixture.owner;
    for bad in [&b"no certificate"[..], &[], &[0x30, 0x03, 0x02, 0x01, 0x01]] {
        let answer = revoke(probe, owner.signer(), bad, None).await?;
        probe.policy_problem("no certificate", &answer, 400, "malformed");
    }
    for payload in [json!({}), json!({ "certificate": 1 }), json!({ "certificate": "not base64url!" })] {
        let answer = probe.acme.post(owner.signer(), probe.acme.url("revokeCert"), payload.clone()).await?;
        probe.policy_problem(&payload.to_string(), &answer, 400, "malformed");
    }
    let own = KeyPair::generate().ok().and_then(|key| {
        let params = CertificateParams::new(["a.example".to_owned()]).ok()?;
        Some(params.self_signed(&key).ok()?.der().to_vec())
    });
    if let Some(der) = own {
        let answer = revoke(probe, owner.signer(), &der, None).await?;
        probe.policy_problem("not ours", &answer, 404, "malformed");
    }
    Ok(())
}
