//! Rate limits: met, shown, reset.

use std::time::Duration;

use end2end::api::{PROFILE, list, new_eab_key, open_profile, with_open_profile};
use end2end::{Engine, on_each_engine};
use serde_json::{Value, json};
use testkit::acme::{ExternalKey, Key, RawAcme, Signer};
use testkit::http::Response;

const LIMITS: &str = "/api/acme/rate-limits";

on_each_engine!(
    orders_beyond_the_limit_of_an_account_are_refused_until_it_is_reset,
    names_networks_and_new_accounts_have_limits_too,
    an_eab_key_has_limits_for_all_accounts_that_it_bound,
    pending_orders_and_failed_validations_have_limits,
    limits_are_checked_versioned_and_audited,
);

async fn orders_beyond_the_limit_of_an_account_are_refused_until_it_is_reset(engine: Engine) {
    let mut server = engine.server().start().await;
    let directory = with_open_profile(&server).await;
    server.api().put(LIMITS, json!({ "account_orders_per_hour": 3 })).await.expect(200);
    let acme = RawAcme::new(server.client(), &directory).await;
    let (key, other_key) = (Key::new(), Key::new());
    let (account, other) = (acme.register(&key).await, acme.register(&other_key).await);
    let signer = Signer::Kid(&key, &account);
    for n in 0..3 {
        acme.order(signer, &[&format!("dns:n{n}.internal")]).await.expect(201);
    }
    let id = account.rsplit('/').next().unwrap();
    let subject = format!("account:{id}");
    for _ in 0..4 {
        let refused = acme.order(signer, &["dns:more.internal"]).await;
        assert_refused(&refused, "account_orders_per_hour", &subject, &server.base_url());
    }
    acme.order(Signer::Kid(&other_key, &other), &["dns:more.internal"]).await.expect(201);

    let help = server.client().get("/acme/rate-limits/account_orders_per_hour").await;
    assert!(help.text().contains("3 orders per hour of one account"), "{}", help.text());
    let used = use_of(&server.api(), &subject).await;
    assert_eq!(used[0]["limit"], "account_orders_per_hour");
    assert_eq!(
        (&used[0]["count"], &used[0]["allowed"], &used[0]["state"]),
        (&3.into(), &3.into(), &"reached".into())
    );
    let all = server.api().get(&format!("{LIMITS}/usage")).await.expect(200);
    assert_eq!(all["items"], json!([used[0]]), "nobody else is near a limit");
    let metrics = server.client().get("/metrics").await.text();
    assert!(metrics.contains("certctl_rate_limited_total{limit=\"account_orders_per_hour\"} 4"), "{metrics}");

    // A restart does not make a new start.
    assert!(server.terminate().await.success());
    server.restart().await;
    let acme = RawAcme::new(server.client(), &directory).await;
    acme.order(signer, &["dns:more.internal"]).await.expect_problem(429, "rateLimited");

    // Four refusals and one, and one event.
    let events = list(&server.api(), "/api/audit-events?action=rate_limit.exceeded").await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((&events[0]["resource_id"], &events[0]["outcome"]), (&json!(subject), &json!("refused")));

    let reset = json!({ "subject": subject, "reason": "a test" });
    let before = server.api().post(&format!("{LIMITS}/reset"), reset).await.expect(200);
    assert_eq!(before["items"][0]["count"], 3);
    acme.order(signer, &["dns:more.internal"]).await.expect(201);
    assert_eq!(use_of(&server.api(), &subject).await[0]["count"], 1);
    let events = list(&server.api(), "/api/audit-events?action=rate_limit.reset").await;
    assert_eq!(events[0]["details"]["before"]["account_orders_per_hour"], 3);
}

async fn names_networks_and_new_accounts_have_limits_too(engine: Engine) {
    let server = engine.server().start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let (key, base) = (Key::new(), server.base_url());
    let account = acme.register(&key).await;
    let signer = Signer::Kid(&key, &account);

    server
        .api()
        .put(LIMITS, json!({ "name_orders_per_hour": 1, "account_orders_per_hour": 2 }))
        .await
        .expect(200);
    acme.order(signer, &["dns:a.internal"]).await.expect(201);
    let refused = acme.order(signer, &["dns:b.internal", "dns:A.internal"]).await;
    assert_refused(&refused, "name_orders_per_hour", "name:a.internal", &base);
    acme.order(signer, &["dns:b.internal", "ip:10.0.0.1"]).await.expect(201);
    let subject = format!("account:{}", account.rsplit('/').next().unwrap());
    assert_eq!(use_of(&server.api(), &subject).await[0]["count"], 2, "a refused order does not count");

    server.api().put(LIMITS, json!({ "network_orders_per_hour": 3 })).await.expect(200);
    acme.order(signer, &["dns:a.internal"]).await.expect(201);
    let refused = acme.order(signer, &["dns:a.internal"]).await;
    assert_refused(&refused, "network_orders_per_hour", "network:127.0.0.0/24", &base);

    server.api().put(LIMITS, json!({ "network_new_accounts_per_hour": 1 })).await.expect(200);
    let new = json!({ "termsOfServiceAgreed": true });
    let stranger = Key::new();
    let refused = acme.post(Signer::Jwk(&stranger), acme.url("newAccount"), new.clone()).await;
    assert_refused(&refused, "network_new_accounts_per_hour", "network:127.0.0.0/24", &base);
    let known = acme.post(Signer::Jwk(&key), acme.url("newAccount"), new.clone()).await;
    assert_eq!(known.status, 200, "a known key is always answered: {}", known.text());
    server.api().put(LIMITS, json!({ "network_new_accounts_per_hour": 0 })).await.expect(200);
    acme.post(Signer::Jwk(&stranger), acme.url("newAccount"), new).await.expect(201);
}

async fn an_eab_key_has_limits_for_all_accounts_that_it_bound(engine: Engine) {
    let server = engine.server().start().await;
    let acme = RawAcme::new(server.client(), &with_open_profile(&server).await).await;
    let base = server.base_url();
    let limits = json!({ "eab_key_orders_per_hour": 3, "eab_key_new_accounts_per_hour": 2 });
    server.api().put(LIMITS, limits).await.expect(200);
    let created = new_eab_key(&server, json!({ "max_uses": null })).await;
    let subject = format!("eab_key:{}", created["id"].as_str().unwrap());
    let external = ExternalKey::new(created["id"].as_str().unwrap(), created["mac_key"].as_str().unwrap());
    let new_account = acme.url("newAccount");
    let register = async |key: &Key, by: &ExternalKey| {
        let payload =
            json!({ "termsOfServiceAgreed": true, "externalAccountBinding": by.bind(key, new_account) });
        acme.post(Signer::Jwk(key), new_account, payload).await
    };

    // Whoever knows only the id of the key uses up nothing of it.
    let impostor = ExternalKey::new(external.kid(), "AAAA");
    for _ in 0..3 {
        register(&Key::new(), &impostor).await.expect_problem(403, "unauthorized");
    }
    let (first, second) = (Key::new(), Key::new());
    let mut accounts = Vec::new();
    for key in [&first, &second] {
        let answer = register(key, &external).await;
        answer.expect(201);
        accounts.push(answer.header("location").unwrap().to_owned());
    }
    let third = Key::new();
    let refused = register(&third, &external).await;
    assert_refused(&refused, "eab_key_new_accounts_per_hour", &subject, &base);
    assert_eq!(register(&first, &external).await.status, 200, "a known key is always answered");
    let free = acme.register(&third).await;

    // The limit of orders is one for both accounts, and none for an account that the key did not bind.
    let signers = [Signer::Kid(&first, &accounts[0]), Signer::Kid(&second, &accounts[1])];
    for (n, signer) in [signers[0], signers[1], signers[0]].into_iter().enumerate() {
        acme.order(signer, &[&format!("dns:n{n}.internal")]).await.expect(201);
    }
    for signer in signers {
        let refused = acme.order(signer, &["dns:more.internal"]).await;
        assert_refused(&refused, "eab_key_orders_per_hour", &subject, &base);
    }
    acme.order(Signer::Kid(&third, &free), &["dns:more.internal"]).await.expect(201);

    let used = use_of(&server.api(), &subject).await;
    let of = |limit: &str| used.as_array().unwrap().iter().find(|u| u["limit"] == limit).unwrap().clone();
    assert_eq!(of("eab_key_orders_per_hour")["count"], 3);
    assert_eq!(of("eab_key_new_accounts_per_hour")["count"], 2);
    assert_eq!(used.as_array().unwrap().len(), 2, "{used}");

    let reset = json!({ "subject": subject, "limit": "eab_key_orders_per_hour", "reason": "a test" });
    server.api().post(&format!("{LIMITS}/reset"), reset).await.expect(200);
    acme.order(signers[1], &["dns:more.internal"]).await.expect(201);
    let refused = register(&Key::new(), &external).await;
    assert_refused(&refused, "eab_key_new_accounts_per_hour", &subject, &base);
}

async fn pending_orders_and_failed_validations_have_limits(engine: Engine) {
    let server = engine.server().env("CERTCTL_ACME_VALIDATION_ATTEMPTS", "1").start().await;
    let mut profile = open_profile(PROFILE);
    profile["acme_auth_mode"] = json!("challenge");
    server.api().post("/api/profiles", profile).await.expect(201);
    let acme = RawAcme::new(server.client(), &server.directory_url(PROFILE)).await;
    let (key, base) = (Key::new(), server.base_url());
    let account = acme.register(&key).await;
    let signer = Signer::Kid(&key, &account);
    let id = account.rsplit('/').next().unwrap();

    let limits = json!({ "account_pending_orders": 2, "account_name_failed_validations_per_hour": 2 });
    server.api().put(LIMITS, limits).await.expect(200);
    let first = acme.order(signer, &["dns:a.internal"]).await.expect(201);
    acme.order(signer, &["dns:b.internal"]).await.expect(201);
    for _ in 0..3 {
        let refused = acme.order(signer, &["dns:c.internal"]).await;
        assert_refused(&refused, "account_pending_orders", &format!("account:{id}"), &base);
    }
    let used = use_of(&server.api(), &format!("account:{id}")).await;
    let pending = used.as_array().unwrap().iter().find(|u| u["limit"] == "account_pending_orders").unwrap();
    assert_eq!((&pending["count"], &pending["resets_at"]), (&json!(2), &Value::Null));
    assert_eq!(list(&server.api(), "/api/audit-events?action=rate_limit.exceeded").await.len(), 1);
    // An order that ends makes room for another.
    let authorization = first["authorizations"][0].as_str().unwrap();
    acme.post(signer, authorization, json!({ "status": "deactivated" })).await.expect(200);
    let mut answer = acme.order(signer, &["dns:c.internal"]).await;
    for _ in 0..100 {
        if answer.status != 429 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        answer = acme.order(signer, &["dns:c.internal"]).await;
    }
    answer.expect(201);

    server.api().put(LIMITS, json!({ "account_name_failed_validations_per_hour": 2 })).await.expect(200);
    for _ in 0..2 {
        // Validation must not reach the loopback network, and says so at once.
        let order = acme.order(signer, &["ip:127.0.0.1"]).await.expect(201);
        let url = order["authorizations"][0].as_str().unwrap();
        let authorization = acme.read(signer, url).await.expect(200);
        acme.post(signer, authorization["challenges"][0]["url"].as_str().unwrap(), json!({}))
            .await
            .expect(200);
        while acme.read(signer, url).await.expect(200)["status"] == "pending" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let (subject, limit) =
        (format!("account_name:{id}/127.0.0.1"), "account_name_failed_validations_per_hour");
    // The count follows the end of the authorization.
    let mut refused = acme.order(signer, &["ip:127.0.0.1"]).await;
    if refused.status == 201 {
        refused = acme.order(signer, &["ip:127.0.0.1"]).await;
    }
    assert_refused(&refused, limit, &subject, &base);
    let new_authz = json!({ "identifier": { "type": "ip", "value": "127.0.0.1" } });
    let refused = acme.post(signer, acme.url("newAuthz"), new_authz).await;
    assert_refused(&refused, limit, &subject, &base);
    acme.order(signer, &["dns:d.internal"]).await.expect(201);
    assert_eq!(use_of(&server.api(), &subject).await[0]["state"], "reached");
    let reset = json!({ "subject": subject, "limit": limit, "reason": "a test" });
    server.api().post(&format!("{LIMITS}/reset"), reset).await.expect(200);
    acme.order(signer, &["ip:127.0.0.1"]).await.expect(201);
}

async fn limits_are_checked_versioned_and_audited(engine: Engine) {
    let server = engine.server().start().await;
    let api = server.api();
    let defaults = api.get(LIMITS).await;
    assert_eq!(defaults.header("etag"), Some("\"v0\""));
    assert!(defaults.json()["account_orders_per_hour"].as_u64().unwrap() >= 5_000, "{}", defaults.text());

    let wrong = json!({ "account_orders_per_hour": 2_000_000_000_u32, "network_prefix_ipv4": 33 });
    let problem = api.put(LIMITS, wrong).await.expect_problem(422, "urn:certctl:error:invalid");
    let fields: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["account_orders_per_hour", "network_prefix_ipv4"]);
    api.put(LIMITS, json!({ "orders": 1 })).await.expect_problem(422, "urn:certctl:error:invalid");

    let stale = api.clone().with_header("if-match", "\"v0\"");
    let changed = stale.put(LIMITS, json!({ "name_orders_per_hour": null })).await;
    assert_eq!(
        (changed.expect(200)["name_orders_per_hour"].clone(), changed.header("etag")),
        (Value::Null, Some("\"v1\""))
    );
    stale.put(LIMITS, json!({})).await.expect_problem(412, "urn:certctl:error:precondition-failed");
    let events = list(&api, "/api/audit-events?action=rate_limits.updated").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["details"]["before"], defaults.json());
    assert_eq!(events[0]["details"]["after"], changed.json());

    for subject in ["", "nobody", "account:1"] {
        api.get(&format!("{LIMITS}/usage?subject={subject}"))
            .await
            .expect_problem(422, "urn:certctl:error:invalid");
    }
    for method in ["usage", "reset"] {
        let answer = server.client().get(&format!("{LIMITS}/{method}")).await;
        assert!(matches!(answer.status.as_u16(), 401 | 405), "{}", answer.status);
    }
}

/// Conformance row 91.
#[track_caller]
fn assert_refused(answer: &Response, limit: &str, subject: &str, base: &str) {
    let problem = answer.expect_problem(429, "rateLimited");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(limit) && detail.contains(subject), "{detail}");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{seconds}");
    let links: Vec<_> = answer.headers.get_all("link").iter().map(|link| link.to_str().unwrap()).collect();
    assert!(links.contains(&format!("<{base}/acme/rate-limits/{limit}>;rel=\"help\"").as_str()), "{links:?}");
    assert!(answer.header("replay-nonce").is_some());
}

/// What `subject` has used, as the API shows it.
async fn use_of(api: &testkit::http::Client, subject: &str) -> Value {
    api.get(&format!("{LIMITS}/usage?subject={subject}")).await.expect(200)["items"].clone()
}
