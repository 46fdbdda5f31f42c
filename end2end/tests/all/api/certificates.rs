use std::collections::BTreeSet;

use end2end::api::{list, open_profile};
use end2end::certificate::{Chain, internal_ca};
use end2end::{Engine, on_each_engine};
use serde_json::{Value, json};
use testkit::acme::{Key, RawAcme, Signer};

use super::{Setup, last_segment, wrong_fields};

on_each_engine! {
    certificates_are_found_by_everything_that_is_known_of_them,
    a_certificate_is_revoked_once_with_its_reason,
}

async fn certificates_are_found_by_everything_that_is_known_of_them(engine: Engine) {
    let setup = Setup::new(engine).await;
    let mut short = open_profile("prof-short");
    short["max_ttl_seconds"] = json!(3600);
    setup.api.post("/api/profiles", short).await.expect(201);
    let at_short = RawAcme::new(setup.server.client(), &setup.server.directory_url("prof-short")).await;
    let other_key = Key::new();
    let other = at_short.register(&other_key).await;

    let (long_lived, order) = setup.acme.issue(setup.signer(), &["dns:a.internal", "ip:10.0.0.1"]).await;
    let (short_lived, _) = at_short.issue(Signer::Kid(&other_key, &other), &["dns:b.internal"]).await;
    let (revoked, _) = setup.acme.issue(setup.signer(), &["dns:a.internal"]).await;
    let chains = [&long_lived, &short_lived, &revoked].map(|pem| Chain::from_pem(pem));
    let all = list(&setup.api, "/api/certificates").await;
    let id = |chain: &Chain| {
        let found = all.iter().find(|item| item["serial"] == chain.serial().as_str());
        found.expect("every certificate is listed")["id"].as_str().unwrap().to_owned()
    };
    let ids = [0, 1, 2].map(|index| id(&chains[index]));
    let revoke = json!({ "reason": "superseded" });
    setup.api.post(&format!("/api/certificates/{}/revoke", ids[2]), revoke).await.expect(200);

    let colons = |hex: &str| {
        let pairs: Vec<_> = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
        pairs.join(":").to_uppercase()
    };
    let long_order =
        all.iter().find(|item| item["id"] == ids[0].as_str()).unwrap()["order_id"].as_str().unwrap();
    assert!(order["finalize"].as_str().unwrap().contains(long_order));
    let between =
        all.iter().find(|item| item["id"] == ids[1].as_str()).unwrap()["not_after"].as_str().unwrap();
    let cases: Vec<(String, &[usize])> = vec![
        (String::new(), &[2, 1, 0]),
        ("name=a.internal".into(), &[2, 0]),
        ("name=A.Internal".into(), &[2, 0]),
        ("name=10.0.0.1".into(), &[0]),
        ("name=internal".into(), &[]),
        ("name_part=internal".into(), &[2, 1, 0]),
        ("name_part=A.".into(), &[2, 0]),
        ("name_part=10.0.0".into(), &[0]),
        ("name_part=ternal".into(), &[]),
        ("name_part=internal&profile_id=prof-short".into(), &[1]),
        ("sort=expiry".into(), &[1, 0, 2]),
        ("sort=newest&expires_after=2020-01-01T00:00:00Z".into(), &[2, 1, 0]),
        (format!("serial={}", chains[1].serial()), &[1]),
        (format!("serial={}", colons(&chains[1].serial())), &[1]),
        (format!("sha256={}", chains[0].sha256()), &[0]),
        (format!("sha256={}", colons(&chains[0].sha256())), &[0]),
        (format!("account_id={}", setup.account_id()), &[2, 0]),
        (format!("account_id={}", last_segment(&other)), &[1]),
        (format!("order_id={long_order}"), &[0]),
        ("profile_id=prof-short".into(), &[1]),
        ("status=valid".into(), &[1, 0]),
        ("status=revoked".into(), &[2]),
        ("status=expired".into(), &[]),
        (format!("expires_after={between}"), &[1, 0, 2]),
        (format!("expires_before={between}"), &[]),
        ("expires_before=2100-01-01T00:00:00Z&profile_id=prof-short".into(), &[1]),
        ("expires_after=2100-01-01T00:00:00Z".into(), &[]),
        (format!("name=a.internal&status=valid&account_id={}", setup.account_id()), &[0]),
    ];
    for (query, expected) in cases {
        let found = setup.items(&format!("/api/certificates?{query}")).await;
        let found: Vec<_> = found.iter().map(|item| item["id"].as_str().unwrap()).collect();
        let expected: Vec<_> = expected.iter().map(|&index| ids[index].as_str()).collect();
        assert_eq!(found, expected, "{query}");
    }
    for (query, field) in [
        ("status=good", "status"),
        ("name=a_b", "name"),
        ("name_part=a..b", "name_part"),
        ("sort=name", "sort"),
        ("expires_after=yesterday", "expires_after"),
        ("account_id=x", "account_id"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("cursor=%00", "cursor"),
        ("nmae=a.internal", "nmae"),
    ] {
        let refused = setup.api.get(&format!("/api/certificates?{query}")).await;
        let refused = refused.expect_problem(422, "urn:certctl:error:invalid");
        assert_eq!(wrong_fields(&refused), [field], "{query}");
    }
    let mut paged = BTreeSet::new();
    let mut next = String::new();
    for _ in 0..3 {
        let page = setup.api.get(&format!("/api/certificates?limit=1{next}")).await.expect(200);
        paged.insert(page["items"][0]["id"].as_str().unwrap().to_owned());
        next = page["next"].as_str().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    }
    assert_eq!((paged, next.as_str()), (BTreeSet::from(ids.clone()), ""));

    let download = setup.api.get(&format!("/api/certificates/{}/pem", ids[0])).await;
    assert_eq!(download.header("content-type"), Some("application/pem-certificate-chain"));
    assert_eq!(Chain::from_pem(&download.text()).leaf(), chains[0].leaf());
    Chain::from_pem(&download.text())
        .verify_with_webpki(&internal_ca(&setup.server.client()).await, "a.internal");
    let issuers = setup.items("/api/issuers").await;
    let issuer = issuers[0]["id"].as_str().unwrap();
    assert_eq!(issuer, "iss-internal-ca");
    assert_eq!(setup.api.get(&format!("/api/issuers/{issuer}")).await.expect(200), issuers[0]);
    assert!(!issuers[0].to_string().contains("PRIVATE"), "keys are never shown");
}

async fn a_certificate_is_revoked_once_with_its_reason(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (pem, _) = setup.acme.issue(setup.signer(), &["dns:a.internal"]).await;
    let serial = Chain::from_pem(&pem).serial();
    let found = setup.items(&format!("/api/certificates?serial={serial}")).await.remove(0);
    let path = format!("/api/certificates/{}", found["id"].as_str().unwrap());
    let revoke = format!("{path}/revoke");
    for (body, field) in [
        (json!({ "reason": "certificateHold" }), "reason"),
        (json!({ "reason": 4 }), "reason"),
        (json!({}), "reason"),
        (json!({ "reason": "superseded", "code": 4 }), "code"),
    ] {
        let refused = setup.api.post(&revoke, body).await.expect_problem(422, "urn:certctl:error:invalid");
        assert_eq!(wrong_fields(&refused), [field]);
    }
    assert_eq!(setup.api.get(&path).await.expect(200)["status"], "valid");
    let revoked = setup.api.post(&revoke, json!({ "reason": "keyCompromise" })).await.expect(200);
    let shown = |view: &Value| [view["status"].clone(), view["revocation_reason"].clone()];
    assert_eq!(shown(&revoked), ["revoked", "keyCompromise"]);
    assert!(revoked["revoked_at"].is_string());
    let again = setup.api.post(&revoke, json!({ "reason": "superseded" })).await;
    again.expect_problem(409, "urn:certctl:error:conflict");
    assert_eq!(shown(&setup.api.get(&path).await.expect(200)), ["revoked", "keyCompromise"]);
    let events = setup.items("/api/audit-events?action=certificate.revoked").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["details"]["reason"], "keyCompromise");
    assert!(events[0]["actor"].as_str().unwrap().starts_with("key:"));
    for missing in ["/api/certificates/x", "/api/certificates/x/pem"] {
        setup.api.get(missing).await.expect_problem(404, "urn:certctl:error:not-found");
    }
}
