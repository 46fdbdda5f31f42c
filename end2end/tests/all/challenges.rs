//! Orders whose names take a challenge (RFC 8555 §7.5.1, §8). Numbers in names are rows of the conformance list.

mod clients;
mod faults;
mod reuse;

use end2end::challenge::{Challenged, Manner, World, authorization, with_challenge_profile};
use end2end::{Engine, on_each_engine};
use serde_json::json;
use testkit::acme::{Csr, Key, LeafKey, RawAcme, Signer};

on_each_engine!(
    rows_99_100_101_111_a_challenge_leads_to_a_certificate,
    rows_102_103_104_a_failing_validation_is_retried_and_explained,
    a_profile_restricts_challenges,
    row_106_caa_is_asked_at_validation_and_at_finalization,
    row_119_a_withdrawn_profile_finalizes_nothing,
);

async fn rows_99_100_101_111_a_challenge_leads_to_a_certificate(engine: Engine) {
    let world = World::new().await;
    let server = world.server(engine).start().await;
    let directory = with_challenge_profile(&server, json!({})).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let client = Challenged { acme: &acme, signer: Signer::Kid(&key, &account) };

    let (order, url) = client.order(&["dns:app.internal", "ip:127.0.0.1"]).await;
    assert_eq!(order["status"], "pending");
    let csr = Csr::new(&["app.internal", "127.0.0.1"]).sign(&LeafKey::P256.generate());
    let finalize = order["finalize"].as_str().unwrap();
    acme.finalize(client.signer, finalize, &csr).await.expect_problem(403, "orderNotReady");
    for (index, types) in [(0, vec!["http-01", "dns-01", "tls-alpn-01"]), (1, vec!["http-01", "tls-alpn-01"])]
    {
        let offered = client.read(authorization(&order, index)).await;
        assert_eq!(offered["status"], "pending");
        let offered = offered["challenges"].as_array().unwrap();
        assert_eq!(offered.iter().map(|c| c["type"].as_str().unwrap()).collect::<Vec<_>>(), types);
        assert!(offered.iter().all(|challenge| challenge["status"] == "pending"), "{offered:?}");
    }

    // Reading starts nothing, however often.
    let challenge = client.challenge(authorization(&order, 0), "http-01").await;
    let challenge_url = challenge["url"].as_str().unwrap();
    for _ in 0..3 {
        assert_eq!(client.read(challenge_url).await["status"], "pending");
    }
    assert_eq!(world.http.requests(), 0);

    // Members that nobody knows are ignored; answering again, and answering another challenge, harms nothing.
    let token = challenge["token"].as_str().unwrap();
    world.http.put(token, &client.key_authorization(&challenge));
    let dns = client.challenge(authorization(&order, 0), "dns-01").await;
    let extra = json!({ "keyAuthorization": "x", "resource": "challenge" });
    let (first, again, other) = tokio::join!(
        acme.post(client.signer, challenge_url, extra),
        acme.post(client.signer, challenge_url, json!({})),
        acme.post(client.signer, dns["url"].as_str().unwrap(), json!({})),
    );
    for answer in [&first, &again, &other] {
        let up = format!("<{}>;rel=\"up\"", authorization(&order, 0));
        let links: Vec<_> = answer.headers.get_all("link").iter().collect();
        assert!(links.iter().any(|link| *link == up.as_str()), "{links:?}");
        let body = answer.expect(200);
        if body["status"] == "processing" {
            let seconds: u64 = answer.header("retry-after").expect("Retry-After").parse().unwrap();
            assert!((1..=10).contains(&seconds), "{seconds}");
        }
    }
    let valid = client.wait_for(authorization(&order, 0), &["valid", "invalid"]).await;
    assert_eq!(valid["status"], "valid");
    assert_eq!(valid["challenges"].as_array().unwrap().len(), 1, "the one that was fulfilled: {valid}");
    assert!(valid["challenges"][0]["validated"].is_string());
    let repeated = acme.post(client.signer, challenge_url, json!({})).await.expect(200);
    assert_eq!(repeated["status"], "valid");
    assert_eq!(client.read(&url).await["status"], "pending", "one name is left");

    client.answer_http(&world, authorization(&order, 1)).await;
    client.wait_for(&url, &["ready"]).await;
    let done = acme.finalize(client.signer, finalize, &csr).await.expect(200);
    assert_eq!(done["status"], "valid");

    let api = server.api();
    let order_id = url.rsplit('/').next().unwrap();
    let detail = api.get(&format!("/api/acme/orders/{order_id}")).await.expect(200);
    assert!(detail["explanation"].is_null(), "{detail}");
    let attempts = detail["authorizations"][1]["challenges"][0]["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[0]["outcome"]), (1, &json!("passed")), "{detail}");
    let events = api.get(&format!("/api/audit-events?resource_id={order_id}")).await.expect(200);
    let actions: Vec<_> = events["items"].as_array().unwrap().iter().map(|e| e["action"].clone()).collect();
    assert_eq!(actions, ["order.finalized", "order.ready", "order.created"]);
    let metrics = server.client().get("/metrics").await.text();
    assert!(
        metrics.contains("certctl_validations_total{challenge=\"http-01\",outcome=\"passed\"} 2"),
        "{metrics}"
    );
}

async fn rows_102_103_104_a_failing_validation_is_retried_and_explained(engine: Engine) {
    let world = World::new().await;
    let server = world.server(engine).start().await;
    let directory = with_challenge_profile(&server, json!({})).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let client = Challenged { acme: &acme, signer: Signer::Kid(&key, &account) };
    world.http.set_manner(Manner::Wrong);

    let (order, url) = client.order(&["dns:wrong.internal"]).await;
    let challenge_url = client.answer_http(&world, authorization(&order, 0)).await;
    world.http.wait_for_requests(2).await;
    let processing = client.read(&challenge_url).await;
    assert_eq!(processing["status"], "processing");
    assert_eq!(processing["error"]["type"], "urn:ietf:params:acme:error:incorrectResponse", "{processing}");

    let failed = client.wait_for(authorization(&order, 0), &["invalid", "valid"]).await;
    assert_eq!(failed["status"], "invalid");
    let challenge = &failed["challenges"][0];
    assert_eq!((&challenge["type"], &challenge["status"]), (&json!("http-01"), &json!("invalid")));
    assert_eq!(challenge["error"]["type"], "urn:ietf:params:acme:error:incorrectResponse");
    let order = client.read(&url).await;
    assert_eq!(order["status"], "invalid");
    assert_eq!(order["error"]["type"], "urn:ietf:params:acme:error:incorrectResponse");
    assert_eq!(world.http.requests(), 4);
    acme.post(client.signer, &challenge_url, json!({})).await.expect_problem(400, "malformed");

    let order_id = url.rsplit('/').next().unwrap();
    let detail = server.api().get(&format!("/api/acme/orders/{order_id}")).await.expect(200);
    let attempts = detail["authorizations"][0]["challenges"][0]["attempts"].as_array().unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|a| a["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["retried", "retried", "retried", "failed"]);
    assert_eq!(attempts[3]["evidence"]["read"], "something else", "{detail}");
    let explanation = detail["explanation"].to_string();
    for said in ["wrong.internal", "tried 4 times", "127.0.0.1", "something else"] {
        assert!(explanation.contains(said), "{said}: {explanation}");
    }
    assert!(!detail["explanation"]["advice"].as_array().unwrap().is_empty());
}

async fn a_profile_restricts_challenges(engine: Engine) {
    let world = World::new().await;
    let server = world.server(engine).start().await;
    let restricted = json!({ "allowed_challenge_types": ["http-01", "tls-alpn-01"] });
    let directory = with_challenge_profile(&server, restricted).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let client = Challenged { acme: &acme, signer: Signer::Kid(&key, &account) };

    let (order, _) = client.order(&["dns:app.internal"]).await;
    let found = client.read(authorization(&order, 0)).await;
    let types: Vec<_> = found["challenges"].as_array().unwrap().iter().map(|c| c["type"].clone()).collect();
    assert_eq!(types, ["http-01", "tls-alpn-01"]);
    let names = ["dns:app.internal", "dns:*.app.internal"];
    let refused = acme.order(client.signer, &names).await.expect_problem(400, "rejectedIdentifier");
    let subproblems = refused["subproblems"].as_array().unwrap();
    assert_eq!(subproblems.len(), 1, "{refused}");
    assert_eq!(subproblems[0]["identifier"]["value"], "*.app.internal");
    assert!(subproblems[0]["detail"].as_str().unwrap().contains("dns-01"), "{refused}");
}

async fn row_106_caa_is_asked_at_validation_and_at_finalization(engine: Engine) {
    let world = World::new().await;
    let server = world.server(engine).start().await;
    let enforcing = json!({
        "id": "prof-caa", "name": "CAA", "issuer_id": "iss-internal-ca", "max_ttl_seconds": 86_400,
        "acme_auth_mode": "challenge", "caa": "enforce",
    });
    let refused = server.api().post("/api/profiles", enforcing.clone()).await.expect(422);
    assert_eq!(refused["errors"][0]["field"], "caa", "without identities nothing can be enforced: {refused}");
    drop(server);

    let server = world.server(engine).env("CERTCTL_ACME_CAA_IDENTITIES", "ca.internal").start().await;
    let directory = with_challenge_profile(&server, json!({ "caa": "enforce" })).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    assert_eq!(acme.directory()["meta"]["caaIdentities"], json!(["ca.internal"]));
    let key = Key::new();
    let account = acme.register(&key).await;
    let client = Challenged { acme: &acme, signer: Signer::Kid(&key, &account) };
    world.dns.add("mine.internal", "CAA", "0 issue ca.internal; validationmethods=http-01");
    world.dns.add("theirs.internal", "CAA", "0 issue other.example");

    let (order, url) = client.order(&["dns:theirs.internal"]).await;
    client.answer_http(&world, authorization(&order, 0)).await;
    let failed = client.wait_for(&url, &["invalid", "ready"]).await;
    assert_eq!((&failed["status"], &failed["error"]["status"]), (&json!("invalid"), &json!(403)));
    assert_eq!(failed["error"]["type"], "urn:ietf:params:acme:error:caa");

    let (order, url) = client.order(&["dns:mine.internal"]).await;
    client.answer_http(&world, authorization(&order, 0)).await;
    client.wait_for(&url, &["ready"]).await;
    let finalize = order["finalize"].as_str().unwrap();
    let csr = Csr::new(&["mine.internal"]).sign(&LeafKey::P256.generate());
    world.dns.add("mine.internal", "CAA", "128 strange x");
    let refused = acme.finalize(client.signer, finalize, &csr).await.expect_problem(403, "caa");
    assert_eq!(refused["subproblems"][0]["identifier"]["value"], "mine.internal");
    let order_id = url.rsplit('/').next().unwrap();
    let detail = server.api().get(&format!("/api/acme/orders/{order_id}")).await.expect(200);
    assert!(detail["explanation"].to_string().contains("`caa` refused"), "{detail}");
    std::fs::remove_file(world.dns.records().join("mine.internal.CAA")).unwrap();
    let done = acme.finalize(client.signer, finalize, &csr).await.expect(200);
    assert_eq!(done["status"], "valid", "the order stayed ready");

    // Also where no challenge is asked for.
    let trusting = json!({
        "id": "prof-trusting", "name": "CAA", "issuer_id": "iss-internal-ca", "max_ttl_seconds": 86_400,
        "acme_auth_mode": "trust_authenticated", "caa": "enforce",
    });
    server.api().post("/api/profiles", trusting).await.expect(201);
    let acme = RawAcme::new(server.client(), &server.directory_url("prof-trusting")).await;
    let order = acme.order(client.signer, &["dns:theirs.internal"]).await.expect(201);
    let csr = Csr::new(&["theirs.internal"]).sign(&LeafKey::P256.generate());
    let finalize = order["finalize"].as_str().unwrap();
    acme.finalize(client.signer, finalize, &csr).await.expect_problem(403, "caa");
}

async fn row_119_a_withdrawn_profile_finalizes_nothing(engine: Engine) {
    let world = World::new().await;
    let server = world.server(engine).start().await;
    let directory = with_challenge_profile(&server, json!({})).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let client = Challenged { acme: &acme, signer: Signer::Kid(&key, &account) };
    let (order, url) = client.order(&["dns:app.internal"]).await;
    client.answer_http(&world, authorization(&order, 0)).await;
    client.wait_for(&url, &["ready"]).await;
    server.api().patch("/api/profiles/prof-challenge", json!({ "enabled": false })).await.expect(200);
    let csr = Csr::new(&["app.internal"]).sign(&LeafKey::P256.generate());
    let finalize = order["finalize"].as_str().unwrap();
    acme.finalize(client.signer, finalize, &csr).await.expect_problem(400, "invalidProfile");
}
