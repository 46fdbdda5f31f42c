//! notBefore and notAfter of an order: honoured exactly, or refused (RFC 8555 §7.4).

use std::time::{SystemTime, UNIX_EPOCH};

use end2end::api::with_open_profile;
use end2end::certificate::Chain;
use end2end::{Engine, on_each_engine};
use rcgen::date_time_ymd;
use serde_json::{Value, json};
use testkit::acme::{Csr, Key, LeafKey, RawAcme, Signer, order_payload};

on_each_engine!(rows_82_to_84_a_validity_is_honoured_exactly_or_refused);

const DAY: i64 = 86_400;

async fn rows_82_to_84_a_validity_is_honoured_exactly_or_refused(engine: Engine) {
    let server = engine.server().start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let signer = Signer::Kid(&key, &account);
    let order = async |validity: Value| {
        let mut payload = order_payload(&["dns:a.internal"]);
        payload.as_object_mut().unwrap().extend(validity.as_object().unwrap().clone());
        acme.post(signer, acme.url("newOrder"), payload).await
    };
    #[expect(clippy::disallowed_methods, reason = "the shipped binary goes by the machine's clock")]
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();

    for (start, end) in [(Some(now), now + DAY), (Some(now + DAY), now + 2 * DAY), (None, now + 90 * DAY)] {
        let mut asked = json!({ "notAfter": rfc3339(end) });
        if let Some(start) = start {
            asked["notBefore"] = rfc3339(start).into();
        }
        let created = order(asked.clone()).await.expect(201);
        assert_eq!((&created["notBefore"], &created["notAfter"]), (&asked["notBefore"], &asked["notAfter"]));
        let csr = Csr::new(&["a.internal"]).sign(&LeafKey::P256.generate());
        let done = acme.finalize(signer, created["finalize"].as_str().unwrap(), &csr).await.expect(200);
        let chain = acme.read(signer, done["certificate"].as_str().unwrap()).await;
        let (not_before, not_after) = Chain::from_pem(&chain.text()).validity();
        assert_eq!(not_after, end);
        if let Some(start) = start {
            assert_eq!(not_before, start);
        }
    }

    let ca_start = now - 365 * DAY;
    for refused in [
        json!({ "notAfter": "tomorrow" }),
        json!({ "notAfter": "2030-01-01" }),
        json!({ "notAfter": now + DAY }),
        json!({ "notBefore": "2030-02-30T00:00:00Z" }),
        // Inverted, over, too long, before the CA, after the CA.
        json!({ "notBefore": rfc3339(now + DAY), "notAfter": rfc3339(now + DAY - 1) }),
        json!({ "notBefore": rfc3339(now + DAY), "notAfter": rfc3339(now + DAY) }),
        json!({ "notAfter": rfc3339(now - 60) }),
        json!({ "notAfter": rfc3339(now + 91 * DAY) }),
        json!({ "notBefore": rfc3339(ca_start) }),
        json!({ "notBefore": rfc3339(now + 20 * 365 * DAY) }),
        // A certificate has whole seconds.
        json!({ "notAfter": rfc3339(now + DAY).replace('Z', ".5Z") }),
    ] {
        let answer = order(refused.clone()).await;
        assert_eq!(answer.status, 400, "{refused}: {}", answer.text());
        answer.expect_problem(400, "malformed");
    }
    // A fraction of nothing is none, and another offset is the same time.
    let end = rfc3339(now + DAY);
    order(json!({ "notAfter": end.replace('Z', ".000Z") })).await.expect(201);
    let shifted = order(json!({ "notAfter": end.replace('Z', "+00:00") })).await.expect(201);
    assert_eq!(shifted["notAfter"], end.as_str());
}

/// `seconds` since the Unix epoch as RFC 3339 writes it.
fn rfc3339(seconds: i64) -> String {
    let epoch = date_time_ymd(1970, 1, 1);
    let time = epoch + std::time::Duration::from_secs(seconds.unsigned_abs());
    let (date, clock) = (time.date(), time.time());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", clock.hour(), clock.minute(), clock.second())
}
