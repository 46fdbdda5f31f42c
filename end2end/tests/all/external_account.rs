//! External account binding (RFC 8555 §7.3.4).

use std::time::Duration;

use end2end::api::{PROFILE, list, new_eab_key, open_profile, with_bound_profile, with_open_profile};
use end2end::{Engine, on_each_engine};
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::CertctlServer;
use testkit::acme::{Csr, ExternalKey, Key, LeafKey, RawAcme, Signer};
use testkit::http::Response;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

on_each_engine!(
    rows_60_to_65_newaccount_judges_a_binding,
    a_binding_is_verified_where_none_is_required,
    one_use_is_one_account_however_many_race,
    a_client_that_races_with_itself_uses_a_key_once,
    row_81_the_scope_of_a_key_holds_for_every_order,
    a_revoked_key_ends_orders_and_a_rotated_one_keeps_its_accounts,
    a_preauthorized_key_spares_challenges_until_it_is_revoked,
    an_account_without_a_binding_learns_what_to_do,
    administrators_manage_keys,
);

fn external(created: &Value) -> ExternalKey {
    ExternalKey::new(created["id"].as_str().unwrap(), created["mac_key"].as_str().unwrap())
}

async fn eab_key(server: &CertctlServer, input: Value) -> ExternalKey {
    external(&new_eab_key(server, input).await)
}

async fn register(acme: &RawAcme, key: &Key, binding: Value) -> Response {
    let payload = json!({ "externalAccountBinding": binding });
    acme.post(Signer::Jwk(key), acme.url("newAccount"), payload).await
}

/// Registers a new key, bound by `external`.
async fn bound_account(acme: &RawAcme, external: &ExternalKey) -> (Key, String) {
    let key = Key::new();
    let answer = register(acme, &key, external.bind(&key, acme.url("newAccount"))).await;
    answer.expect(201);
    let url = answer.header("location").unwrap().to_owned();
    (key, url)
}

async fn uses(server: &CertctlServer, external: &ExternalKey) -> Value {
    let path = format!("/api/acme/eab-keys/{}", external.kid());
    server.api().get(&path).await.expect(200)["uses"].clone()
}

/// The reasons for which bindings were refused, newest first.
async fn refusals(server: &CertctlServer) -> Vec<String> {
    let events = list(&server.api(), "/api/audit-events?action=account.refused").await;
    let reason = |event: &Value| event["details"]["reason"].as_str().unwrap().to_owned();
    events.iter().map(reason).collect()
}

async fn rows_60_to_65_newaccount_judges_a_binding(engine: Engine) {
    let server = engine.server().start().await;
    let acme = RawAcme::new(server.client(), &with_bound_profile(&server).await).await;
    server.api().post("/api/profiles", open_profile("prof-other")).await.expect(201);
    assert_eq!(acme.directory()["meta"]["externalAccountRequired"], true);
    let url = acme.url("newAccount").to_owned();
    let expiring = new_eab_key(&server, json!({ "expires_at": in_a_moment() })).await;
    let good = eab_key(&server, json!({ "max_uses": null })).await;
    let key = Key::new();
    let jwk = key.jwk().to_string();

    let without = acme.post(Signer::Jwk(&key), &url, json!({})).await;
    without.expect_problem(403, "externalAccountRequired");

    let header = good.header(&url);
    let changed = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        good.sign(&header, jwk.as_bytes())
    };
    let mut without_kid = header.clone();
    without_kid.as_object_mut().unwrap().remove("kid");
    for malformed in [
        json!("e30.e30.e30"),
        changed("alg", "ES256".into()),
        changed("alg", "none".into()),
        changed("nonce", "bm9uY2U".into()),
        changed("url", acme.url("newOrder").into()),
        good.sign(&without_kid, jwk.as_bytes()),
        good.bind(&Key::new(), &url),
    ] {
        register(&acme, &key, malformed).await.expect_problem(400, "malformed");
    }

    let mut tampered = good.bind(&key, &url);
    tampered["signature"] = good.sign(&header, b"{}")["signature"].clone();
    let foreign = ExternalKey::new("eab-of-somebody-else", "AAAA");
    let missing = ExternalKey::new(&good.kid().replace("eab-0", "eab-1"), "AAAA");
    let revoked = eab_key(&server, json!({})).await;
    let path = format!("/api/acme/eab-keys/{}/revoke", revoked.kid());
    server.api().call("POST".parse().unwrap(), &path, None).await.expect(200);
    let used = eab_key(&server, json!({})).await;
    bound_account(&acme, &used).await;
    let elsewhere = eab_key(&server, json!({ "profiles": ["prof-other"] })).await;
    wait_until_expired(&server, &expiring).await;
    let mut answers = Vec::new();
    for (binding, reason) in [
        (tampered, "the MAC is not by this key"),
        (foreign.bind(&key, &url), "there is no such key"),
        (missing.bind(&key, &url), "there is no such key"),
        (revoked.bind(&key, &url), "the key is revoked"),
        (used.bind(&key, &url), "the key is used up"),
        (elsewhere.bind(&key, &url), "the key is not for this profile"),
        (external(&expiring).bind(&key, &url), "the key has expired"),
    ] {
        answers.push(register(&acme, &key, binding).await.expect_problem(403, "unauthorized"));
        assert_eq!(refusals(&server).await[0], reason);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "one can be told from another: {answers:?}");

    for algorithm in ["HS256", "HS384", "HS512"] {
        let key = Key::new();
        let mut header = header.clone();
        header["alg"] = algorithm.into();
        let binding = good.sign(&header, key.jwk().to_string().as_bytes());
        let created = register(&acme, &key, binding.clone()).await;
        assert_eq!(created.expect(201)["externalAccountBinding"], binding);
        let account = created.header("location").unwrap();
        let read = acme.read(Signer::Kid(&key, account), account).await;
        assert_eq!(read.expect(200)["externalAccountBinding"], binding);

        // Rows 52 and 53: whoever is known already needs no binding, and a bad one does no harm.
        let again = acme.post(Signer::Jwk(&key), &url, json!({ "onlyReturnExisting": true })).await;
        assert_eq!(again.expect(200)["externalAccountBinding"], binding);
        register(&acme, &key, json!("nonsense")).await.expect(200);
    }
    assert_eq!(uses(&server, &good).await, 3);
}

async fn a_binding_is_verified_where_none_is_required(engine: Engine) {
    let server = engine.server().start().await;
    let acme = RawAcme::new(server.client(), &with_open_profile(&server).await).await;
    assert_eq!(acme.directory()["meta"]["externalAccountRequired"], false);
    let external = eab_key(&server, json!({})).await;
    let key = Key::new();
    let forged = ExternalKey::new(external.kid(), "AAAA").bind(&key, acme.url("newAccount"));
    register(&acme, &key, forged).await.expect_problem(403, "unauthorized");
    let lookup = acme.post(Signer::Jwk(&key), acme.url("newAccount"), json!({ "onlyReturnExisting": true }));
    lookup.await.expect_problem(400, "accountDoesNotExist");

    bound_account(&acme, &external).await;
    let created = &list(&server.api(), "/api/audit-events?action=account.created").await[0];
    assert_eq!(created["details"]["eab_key_id"], external.kid());
}

async fn one_use_is_one_account_however_many_race(engine: Engine) {
    let server = engine.server().start().await;
    let acme = RawAcme::new(server.client(), &with_bound_profile(&server).await).await;
    let external = eab_key(&server, json!({ "max_uses": 1 })).await;
    let answers = join_all((0..16).map(|_| async {
        let key = Key::new();
        register(&acme, &key, external.bind(&key, acme.url("newAccount"))).await
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.expect_problem(403, "unauthorized");
    }
    assert_eq!(uses(&server, &external).await, 1);
    assert_eq!(list(&server.api(), "/api/acme/accounts").await.len(), 1);
    assert_eq!(refusals(&server).await.len(), 15);
}

async fn a_client_that_races_with_itself_uses_a_key_once(engine: Engine) {
    let server = engine.server().start().await;
    let acme = RawAcme::new(server.client(), &with_bound_profile(&server).await).await;
    let external = eab_key(&server, json!({ "max_uses": 2 })).await;
    let key = Key::new();
    let answers =
        join_all((0..16).map(|_| register(&acme, &key, external.bind(&key, acme.url("newAccount")))));
    let answers = answers.await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| answer.status.is_success()));
    let account = answers[0].header("location");
    assert!(answers.iter().all(|answer| answer.header("location") == account));
    assert_eq!(uses(&server, &external).await, 1);
}

async fn row_81_the_scope_of_a_key_holds_for_every_order(engine: Engine) {
    let server = engine.server().start().await;
    let acme = RawAcme::new(server.client(), &with_bound_profile(&server).await).await;
    server.api().post("/api/profiles", open_profile("prof-other")).await.expect(201);
    let other = RawAcme::new(server.client(), &server.directory_url("prof-other")).await;
    let scope = json!({ "profiles": [PROFILE], "permitted_names": ["*.team.internal", "10.0.0.0/8"] });
    let (key, account) = bound_account(&acme, &eab_key(&server, scope).await).await;
    let signer = Signer::Kid(&key, &account);

    acme.issue(signer, &["dns:a.team.internal", "dns:*.team.internal", "ip:10.1.2.3"]).await;
    let names = ["dns:a.team.internal", "dns:team.internal", "ip:192.0.2.1"];
    let problem = acme.order(signer, &names).await.expect_problem(400, "rejectedIdentifier");
    let refused: Vec<_> =
        problem["subproblems"].as_array().unwrap().iter().map(|s| &s["identifier"]["value"]).collect();
    assert_eq!(refused, ["team.internal", "192.0.2.1"]);
    other.order(signer, &["dns:a.team.internal"]).await.expect_problem(403, "unauthorized");
    let events = list(&server.api(), "/api/audit-events?action=order.refused").await;
    assert!(events.len() == 2 && events.iter().all(|e| e["details"]["rule"] == "eab_scope"), "{events:?}");
}

async fn a_revoked_key_ends_orders_and_a_rotated_one_keeps_its_accounts(engine: Engine) {
    let server = engine.server().start().await;
    let acme = RawAcme::new(server.client(), &with_bound_profile(&server).await).await;
    let first = new_eab_key(&server, json!({ "max_uses": 2 })).await;
    let (key, account) = bound_account(&acme, &external(&first)).await;
    let signer = Signer::Kid(&key, &account);
    let path = format!("/api/acme/eab-keys/{}", first["id"].as_str().unwrap());

    let rotated =
        server.api().call("POST".parse().unwrap(), &format!("{path}/rotate"), None).await.expect(200);
    assert_eq!((&rotated["id"], &rotated["uses"]), (&first["id"], &json!(1)));
    assert_ne!(rotated["mac_key"], first["mac_key"]);
    let late = Key::new();
    let with_old_mac_key = external(&first).bind(&late, acme.url("newAccount"));
    register(&acme, &late, with_old_mac_key).await.expect_problem(403, "unauthorized");
    bound_account(&acme, &external(&rotated)).await;
    let order = acme.order(signer, &["dns:a.internal"]).await.expect(201);

    let revoke = format!("{path}/revoke");
    for wrong in [json!({ "reason": " " }), json!({ "reason": "x".repeat(501) }), json!({ "why": "x" })] {
        server.api().post(&revoke, wrong).await.expect(422);
    }
    let revoked = server.api().post(&revoke, json!({ "reason": " it leaked " })).await.expect(200);
    assert_eq!(revoked["status"], "revoked");
    let again = server.api().call("POST".parse().unwrap(), &revoke, None).await.expect(200);
    assert_eq!(again["revoked_at"], revoked["revoked_at"]);
    server.api().call("POST".parse().unwrap(), &format!("{path}/rotate"), None).await.expect(409);
    let csr = Csr::new(&["a.internal"]).sign(&LeafKey::P256.generate());
    let finalized = acme.finalize(signer, order["finalize"].as_str().unwrap(), &csr).await;
    finalized.expect_problem(403, "unauthorized");
    acme.order(signer, &["dns:a.internal"]).await.expect_problem(403, "unauthorized");
    let events = list(&server.api(), "/api/audit-events?resource_type=eab_key").await;
    let actions: Vec<_> = events.iter().map(|event| event["action"].clone()).collect();
    assert_eq!(actions, ["eab_key.revoked", "account.refused", "eab_key.rotated", "eab_key.created"]);
    assert_eq!(events[0]["details"]["reason"], "it leaked");
}

async fn a_preauthorized_key_spares_challenges_until_it_is_revoked(engine: Engine) {
    let server = engine.server().start().await;
    let mut profile = open_profile(PROFILE);
    profile["acme_auth_mode"] = "challenge".into();
    server.api().post("/api/profiles", profile).await.expect(201);
    let acme = RawAcme::new(server.client(), &server.directory_url(PROFILE)).await;

    let (key, account) = bound_account(&acme, &eab_key(&server, json!({})).await).await;
    let order = acme.order(Signer::Kid(&key, &account), &["dns:a.team.internal"]).await.expect(201);
    assert_eq!(order["status"], "pending", "a binding alone spares nothing");

    let scope = json!({ "permitted_names": ["*.team.internal"], "preauthorized": true });
    let external = eab_key(&server, scope).await;
    let (key, account) = bound_account(&acme, &external).await;
    let signer = Signer::Kid(&key, &account);
    acme.issue(signer, &["dns:a.team.internal", "dns:*.team.internal"]).await;
    acme.order(signer, &["dns:team.internal"]).await.expect_problem(400, "rejectedIdentifier");
    let ready = acme.order(signer, &["dns:b.team.internal"]).await.expect(201);
    assert_eq!(ready["status"], "ready");
    let authorization = ready["authorizations"][0].as_str().unwrap();
    assert_eq!(acme.read(signer, authorization).await.expect(200)["status"], "valid");

    let revoke = format!("/api/acme/eab-keys/{}/revoke", external.kid());
    server.api().call("POST".parse().unwrap(), &revoke, None).await.expect(200);
    let csr = Csr::new(&["b.team.internal"]).sign(&LeafKey::P256.generate());
    let finalized = acme.finalize(signer, ready["finalize"].as_str().unwrap(), &csr).await;
    finalized.expect_problem(403, "unauthorized");
    let order = acme.order(signer, &["dns:c.team.internal"]).await.expect(201);
    assert_eq!(order["status"], "pending", "the account goes on, but with challenges");
}

async fn an_account_without_a_binding_learns_what_to_do(engine: Engine) {
    let server = engine.server().start().await;
    let acme = RawAcme::new(server.client(), &with_open_profile(&server).await).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let signer = Signer::Kid(&key, &account);
    let order = acme.order(signer, &["dns:a.internal"]).await.expect(201);

    let profile = format!("/api/profiles/{PROFILE}");
    server.api().patch(&profile, json!({ "eab_required": true })).await.expect(200);
    let problem =
        acme.order(signer, &["dns:a.internal"]).await.expect_problem(403, "externalAccountRequired");
    assert!(problem["detail"].as_str().unwrap().contains("EAB key"), "{problem}");
    let csr = Csr::new(&["a.internal"]).sign(&LeafKey::P256.generate());
    let finalize = order["finalize"].as_str().unwrap();
    acme.finalize(signer, finalize, &csr).await.expect_problem(403, "externalAccountRequired");

    server.api().patch(&profile, json!({ "eab_required": false })).await.expect(200);
    acme.finalize(signer, finalize, &csr).await.expect(200);
}

async fn administrators_manage_keys(engine: Engine) {
    let server = engine.server().start().await;
    with_bound_profile(&server).await;
    let api = server.api();
    for (input, field) in [
        (json!({ "max_uses": 0 }), "max_uses"),
        (json!({ "expires_at": "2020-01-01T00:00:00Z" }), "expires_at"),
        (json!({ "profiles": ["prof-none"] }), "profiles"),
        (json!({ "permitted_names": ["a.*.b"] }), "permitted_names[0]"),
        (json!({ "name": "x" }), "name"),
    ] {
        let problem = api.post("/api/acme/eab-keys", input).await.expect(422);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let made = json!({
        "note": "team a", "profiles": [PROFILE], "permitted_names": ["*.a.internal"], "max_uses": null,
        "expires_at": "2100-01-01T00:00:00Z", "preauthorized": true,
    });
    let created = new_eab_key(&server, made.clone()).await;
    assert_eq!(created["mac_key"].as_str().unwrap().len(), 43, "32 octets in unpadded base64url");
    let single = new_eab_key(&server, json!({})).await;
    assert_eq!(single["max_uses"], 1);

    let keys = list(&api, "/api/acme/eab-keys").await;
    assert_eq!((keys.len(), &keys[0]["id"], &keys[1]["id"]), (2, &single["id"], &created["id"]));
    for (field, value) in made.as_object().unwrap() {
        assert_eq!(keys[1][field], *value, "{field}");
    }
    assert_eq!((&keys[1]["status"], &keys[1]["uses"]), (&json!("active"), &json!(0)));
    assert!(keys[1].get("mac_key").is_none());
    api.get("/api/acme/eab-keys/eab-none").await.expect(404);
    server.client().get("/api/acme/eab-keys").await.expect(401);
}

/// A time so near that a test can wait for it, and so far that the key can be made before.
#[expect(clippy::disallowed_methods, reason = "the shipped binary goes by the machine's clock")]
fn in_a_moment() -> String {
    let time = OffsetDateTime::now_utc() + Duration::from_secs(2);
    time.format(&Rfc3339).unwrap()
}

async fn wait_until_expired(server: &CertctlServer, key: &Value) {
    let path = format!("/api/acme/eab-keys/{}", key["id"].as_str().unwrap());
    while server.api().get(&path).await.expect(200)["status"] != "expired" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
