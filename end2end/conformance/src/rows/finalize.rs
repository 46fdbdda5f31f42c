//! Rows 111–119: finalize (RFC 8555 §7.4).

use futures::future::join_all;
use rcgen::{CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use serde_json::{Value, json};
use testkit::acme::{Csr, LeafKey, finalize_payload};

use crate::acme::{Acme, Person};
use crate::admin::{Act, PlaceKind};
use crate::exchange::Answer;
use crate::finding::{Verdict, Weight};
use crate::flow::Order;
use crate::probe::Probe;
use crate::row::rows;
use crate::weak_rsa::WeakRsa;

rows! {
    111 "order not ready" => "403 orderNotReady",
        "RFC 8555 §7.4: finalizing an order that is not ready must be answered with 403 and orderNotReady",
        row_111_not_ready;
    112 "csr missing or undecodable" => "400 malformed", "RFC 8555 §7.4: csr is a PKCS #10 in base64url DER",
        row_112_no_csr;
    113 "CSR badly signed, weak key, account key, forbidden extension" => "400 badCSR; the order stays ready",
        "RFC 8555 §7.4, §11.1: such requests are refused; it should be badCSR, and the order should stay ready",
        row_113_bad_csr;
    114 "CSR names differ from the order's" => "400 badCSR; the order stays ready",
        "RFC 8555 §7.4: the CSR must have exactly the order's identifiers", row_114_other_names;
    115 "CN only, SAN only, KU and EKU requested" => "accepted",
        "RFC 8555 §7.4: names in the common name, in subjectAltName, or in both", row_115_forms;
    116 "finalize" => "200 with Location; Retry-After while processing",
        "RFC 8555 §7.4: 200 with the order, and its URL in Location", row_116_good;
    117 "concurrent finalizes" => "one certificate", "policy", row_117_race;
    118 "signer down" => "the order can be finalized later", "policy", row_118_signer_down;
    119 "profile withdrawn" => "invalidProfile",
        "draft-ietf-acme-profiles §4: finalizing under a profile that is no longer served is invalidProfile",
        row_119_withdrawn;
}

async fn send(acme: &Acme, person: &Person, order: &Order, csr: &[u8]) -> Verdict<Answer> {
    acme.post(person.signer(), order.finalize(), finalize_payload(csr)).await
}

fn good_csr(name: &str) -> Vec<u8> {
    Csr::new(&[name]).sign(&LeafKey::P256.generate())
}

async fn row_111_not_ready(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let name = acme.new_name("r111");
    let order = acme.order(&person, &[&name]).await?;
    if order.body["status"] == "pending" {
        let answer = send(acme, &person, &order, &good_csr(&name)).await?;
        probe.problem("pending", &answer, 403, "orderNotReady");
    }
    acme.authorize(&person, &order).await?;
    acme.finalize(&person, &order, &[&name]).await?;
    let answer = send(acme, &person, &order, &good_csr(&name)).await?;
    probe.problem("valid", &answer, 403, "orderNotReady");

    let name = acme.new_name("r111");
    let order = acme.ready_order(&person, &[&name]).await?;
    for url in order.authorizations() {
        acme.post(person.signer(), &url, json!({ "status": "deactivated" })).await?;
    }
    let answer = send(acme, &person, &order, &good_csr(&name)).await?;
    probe.problem("authorization deactivated", &answer, 403, "orderNotReady");
    Ok(())
}

async fn row_112_no_csr(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let order = acme.ready_order(&person, &[&acme.new_name("r112")]).await?;
    let pem = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n";
    for payload in [
        json!({}),
        json!({ "csr": null }),
        json!({ "csr": 1 }),
        json!({ "csr": "not base64url!" }),
        json!({ "csr": pem }),
        json!({ "csr": "AAAA" }),
        json!({ "csr": "" }),
    ] {
        let answer = acme.post(person.signer(), order.finalize(), payload.clone()).await?;
        let case = payload.to_string();
        // What can be decoded and is no CSR may be either.
        match payload["csr"] == "AAAA" || payload["csr"] == "" {
            true => {
                let fits = matches!(answer.problem().as_str(), "badCSR" | "malformed");
                probe.must(&case, &answer, answer.is_refused(), "a refusal")
                    && probe.policy(&case, &answer, fits, "malformed or badCSR")
            }
            false => probe.refusal(&case, &answer, 400, "malformed"),
        };
    }
    still_ready(probe, &person, &order, "").await
}

async fn still_ready(probe: &Probe<'_>, person: &Person, order: &Order, case: &str) -> Verdict {
    let read = probe.acme.read(person, &order.url).await?;
    probe.policy(case, &read, read.json()["status"] == "ready", "the order still ready");
    Ok(())
}

async fn refused(probe: &Probe<'_>, person: &Person, order: &Order, case: &str, csr: &[u8]) -> Verdict {
    let answer = send(&probe.acme, person, order, csr).await?;
    probe.refusal(case, &answer, 400, "badCSR");
    still_ready(probe, person, order, case).await
}

async fn row_113_bad_csr(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let name = acme.new_name("r113");
    let order = acme.ready_order(&person, &[&name]).await?;

    let mut badly_signed = good_csr(&name);
    // The last octets are the signature's.
    if let Some(last) = badly_signed.last_mut() {
        *last ^= 1;
    }
    refused(probe, &person, &order, "badly signed", &badly_signed).await?;

    let mut params = CertificateParams::default();
    params.subject_alt_names =
        name.as_str().try_into().map(|name| vec![rcgen::SanType::DnsName(name)]).unwrap_or_default();
    if let Ok(weak) = params.serialize_request(&WeakRsa::new()) {
        let weak_order = acme.ready_order(&person, &[&name]).await?;
        let answer = send(acme, &person, &weak_order, weak.der()).await?;
        // How strong keys must be is the CA's policy.
        probe.policy_problem("RSA of 1024 bits", &answer, 400, "badCSR");
    }

    let account_key = Csr::new(&[&name]).sign(&person.key.to_leaf_key());
    refused(probe, &person, &order, "the account's key", &account_key).await?;

    let a_ca = with_ca_extension(&name);
    refused(probe, &person, &order, "basicConstraints with cA", &a_ca).await?;
    Ok(())
}

/// A request to be a CA. rcgen has no such requests; the extension is written by hand (RFC 5280 §4.2.1.9).
fn with_ca_extension(name: &str) -> Vec<u8> {
    let request = Csr::new(&[name]).with(|params| {
        params.is_ca = IsCa::NoCa;
        let ca_true = vec![0x30, 0x03, 0x01, 0x01, 0xff];
        let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 19], ca_true);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    });
    request.sign(&LeafKey::P256.generate())
}

async fn row_114_other_names(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let (one, two) = (acme.new_name("r114"), acme.new_name("r114"));
    let order = acme.ready_order(&person, &[&one, &two]).await?;
    let other = acme.new_name("other");
    let key = || LeafKey::P256.generate();
    for (case, csr) in [
        ("one missing", Csr::new(&[&one]).sign(&key())),
        ("one more", Csr::new(&[&one, &two, &other]).sign(&key())),
        ("another name", Csr::new(&[&one, &other]).sign(&key())),
        ("another common name", Csr::new(&[&one, &two]).common_name(&other).sign(&key())),
        ("a wildcard", Csr::new(&[&one, &two, &format!("*.{one}")]).sign(&key())),
        ("no name", Csr::new(&[]).sign(&key())),
    ] {
        refused(probe, &person, &order, case, &csr).await?;
    }
    Ok(())
}

async fn row_115_forms(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    for case in ["CN only", "SAN only", "CN and SAN", "KU and EKU requested"] {
        let name = acme.new_name("r115");
        let order = acme.ready_order(&person, &[&name]).await?;
        let request = match case {
            "CN only" => Csr::new(&[]).common_name(&name),
            "SAN only" => Csr::new(&[&name]),
            "CN and SAN" => Csr::new(&[&name]).common_name(&name),
            // As cert-manager asks.
            _ => Csr::new(&[&name]).common_name(&name).with(|params| {
                params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        };
        let key = LeafKey::P256.generate();
        let csr = request.sign(&key);
        match acme.finalize_with(&person, &order, &csr, key).await {
            Ok(_) => probe.holds(Weight::Must, case, true, "a certificate", ""),
            Err(crate::finding::Stop::Broken(finding)) => {
                probe.take(vec![crate::finding::Finding { case: case.to_owned(), ..*finding }]);
                false
            }
            Err(stop) => return Err(stop),
        };
    }
    Ok(())
}

async fn row_116_good(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let name = acme.new_name("r116");
    let order = acme.ready_order(&person, &[&name]).await?;
    let answer = send(acme, &person, &order, &good_csr(&name)).await?;
    probe.status("", &answer, 200);
    let body = answer.json();
    let status = body["status"].as_str().unwrap_or("");
    probe.must("", &answer, matches!(status, "processing" | "valid"), "`status` processing or valid");
    let location = answer.location() == Some(order.url.as_str());
    probe.policy("", &answer, location, "its URL in Location");
    if status == "processing" {
        probe.policy("processing", &answer, answer.retry_after().is_some(), "Retry-After");
    } else {
        probe.must("valid", &answer, body["certificate"].is_string(), "the URL of the certificate");
    }
    let valid = acme.order_in(&person, &order.url, &["valid"]).await?;
    probe.must("then", &valid, valid.json()["certificate"].is_string(), "the URL of the certificate");
    Ok(())
}

async fn row_117_race(probe: &Probe<'_>) -> Verdict {
    let acme = &probe.acme;
    let person = acme.new_account().await?;
    let name = acme.new_name("r117");
    let order = acme.ready_order(&person, &[&name]).await?;
    let requests: Vec<_> = (0..6).map(|_| good_csr(&name)).collect();
    let all = join_all(requests.iter().map(|csr| send(acme, &person, &order, csr))).await;
    let mut certificates = Vec::new();
    for answer in all {
        let answer = answer?;
        let fits = answer.is_success() || answer.problem() == "orderNotReady";
        probe.policy("", &answer, fits, "200, or 403 orderNotReady");
        certificates.extend(answer.json()["certificate"].as_str().map(str::to_owned));
    }
    let valid = acme.order_in(&person, &order.url, &["valid"]).await?;
    certificates.extend(valid.json()["certificate"].as_str().map(str::to_owned));
    certificates.sort();
    certificates.dedup();
    let got = certificates.len().to_string();
    probe.holds(Weight::Policy, "certificates", certificates.len() == 1, "1", &got);
    Ok(())
}

async fn row_118_signer_down(probe: &Probe<'_>) -> Verdict {
    let acme = probe.at(PlaceKind::Signer).await?;
    let person = acme.new_account().await?;
    let name = acme.new_name("r118");
    let order = acme.ready_order(&person, &[&name]).await?;
    probe.admin.act(Act::StopSigner).await?;
    let place = probe.at(PlaceKind::Signer).await?.expecting_failure();
    let answer = send(&place, &person, &order, &good_csr(&name)).await?;
    let pending = answer.json()["status"] == "processing";
    probe.policy("signer down", &answer, answer.status >= 500 || pending, "5xx, or an order in processing");
    let read = place.read(&person, &order.url).await?;
    let alive = matches!(read.json()["status"].as_str(), Some("ready" | "processing"));
    probe.policy("signer down", &read, alive, "an order that is ready or processing");
    probe.admin.act(Act::StartSigner).await?;
    let acme = probe.at(PlaceKind::Signer).await?;
    let order = Order { body: acme.order_in(&person, &order.url, &["ready"]).await?.json(), ..order };
    acme.finalize(&person, &order, &[&name]).await?;
    Ok(())
}

async fn row_119_withdrawn(probe: &Probe<'_>) -> Verdict {
    let acme = probe.at(PlaceKind::Withdrawable).await?;
    let person = acme.new_account().await?;
    let name = acme.new_name("r119");
    let order = acme.ready_order(&person, &[&name]).await?;
    probe.admin.act(Act::WithdrawProfile).await?;
    let answer = send(&acme, &person, &order, &good_csr(&name)).await?;
    probe.problem_type("", &answer, 400, "invalidProfile");
    let read = acme.read(&person, &order.url).await?;
    probe.must("", &read, read.json()["certificate"] == Value::Null, "no certificate");
    Ok(())
}
