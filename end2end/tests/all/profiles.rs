//! The profiles extension (draft-ietf-acme-profiles).

use end2end::api::open_profile;
use end2end::{Engine, on_each_engine};
use serde_json::{Value, json};
use testkit::CertctlServer;
use testkit::acme::{Csr, Key, LeafKey, RawAcme, Signer, order_payload};

on_each_engine!(
    rows_12_86_87_a_directory_offers_profiles_and_orders_choose,
    row_119_a_profile_is_withdrawn_before_finalize,
    what_a_profile_offers_must_exist,
);

async fn create(server: &CertctlServer, id: &str, changes: Value) {
    let mut profile = open_profile(id);
    profile.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    server.api().post("/api/profiles", profile).await.expect(201);
}

async fn rows_12_86_87_a_directory_offers_profiles_and_orders_choose(engine: Engine) {
    let server = engine.server().start().await;
    let short =
        json!({ "description": "Six hours", "max_ttl_seconds": 21_600, "permitted_names": ["**.internal"] });
    create(&server, "short", short).await;
    create(&server, "off", json!({ "enabled": false })).await;
    create(&server, "elsewhere", json!({})).await;
    create(&server, "main", json!({ "name": "Main", "selectable_profiles": ["short", "off"] })).await;
    let acme = RawAcme::new(server.client(), &server.directory_url("main")).await;
    let offered = json!({ "main": "Main", "short": "Six hours" });
    assert_eq!(acme.directory()["meta"]["profiles"], offered);

    let key = Key::new();
    let account = acme.register(&key).await;
    let signer = Signer::Kid(&key, &account);
    let order = async |profile: Option<&str>, name: &str| {
        let mut payload = order_payload(&[name]);
        if let Some(profile) = profile {
            payload["profile"] = profile.into();
        }
        acme.post(signer, acme.url("newOrder"), payload).await
    };
    for (asked, given) in [(None, "main"), (Some("main"), "main"), (Some("short"), "short")] {
        let created = order(asked, "dns:a.internal").await;
        assert_eq!(created.expect(201)["profile"], given);
        let url = created.header("location").unwrap();
        assert_eq!(acme.read(signer, url).await.expect(200)["profile"], given);
    }
    for wrong in ["off", "elsewhere", "nothing", "No Id!", ""] {
        order(Some(wrong), "dns:a.internal").await.expect_problem(400, "invalidProfile");
    }
    // The chosen profile's rules hold, not those of the directory's.
    order(Some("short"), "dns:a.example").await.expect_problem(400, "rejectedIdentifier");
    order(None, "dns:a.example").await.expect(201);
}

async fn row_119_a_profile_is_withdrawn_before_finalize(engine: Engine) {
    let server = engine.server().start().await;
    create(&server, "short", json!({})).await;
    create(&server, "main", json!({ "selectable_profiles": ["short"] })).await;
    let acme = RawAcme::new(server.client(), &server.directory_url("main")).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let signer = Signer::Kid(&key, &account);
    let mut payload = order_payload(&["dns:a.internal"]);
    payload["profile"] = "short".into();
    let order = acme.post(signer, acme.url("newOrder"), payload).await.expect(201);
    let finalize = order["finalize"].as_str().unwrap();
    let csr = Csr::new(&["a.internal"]).sign(&LeafKey::P256.generate());

    server.api().patch("/api/profiles/short", json!({ "enabled": false })).await.expect(200);
    acme.finalize(signer, finalize, &csr).await.expect_problem(400, "invalidProfile");
    server.api().patch("/api/profiles/short", json!({ "enabled": true })).await.expect(200);
    let order = acme.finalize(signer, finalize, &csr).await.expect(200);
    assert_eq!((&order["status"], &order["profile"]), (&"valid".into(), &"short".into()));
}

async fn what_a_profile_offers_must_exist(engine: Engine) {
    let server = engine.server().start().await;
    let api = server.api();
    let mut profile = open_profile("main");
    profile["selectable_profiles"] = json!(["missing"]);
    let refused = api.post("/api/profiles", profile).await.expect(422);
    assert_eq!(refused["errors"][0]["field"], "selectable_profiles", "{refused}");
    create(&server, "short", json!({})).await;
    create(&server, "main", json!({ "selectable_profiles": ["main", "short"] })).await;
    let refused = api.delete("/api/profiles/short").await.expect(409);
    assert!(refused["detail"].as_str().unwrap().contains("main"), "{refused}");
    api.patch("/api/profiles/main", json!({ "selectable_profiles": null })).await.expect(200);
    assert_eq!(api.delete("/api/profiles/short").await.status, 204);
    assert_eq!(api.delete("/api/profiles/main").await.status, 204);
}
