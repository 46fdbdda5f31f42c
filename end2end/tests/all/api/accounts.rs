use end2end::{Engine, on_each_engine};
use serde_json::json;
use testkit::acme::{Csr, Key, LeafKey, Payload, Signer};

use super::{Setup, each, last_segment, wrong_fields};

on_each_engine!(an_account_is_suspended_resumed_and_deactivated);

async fn an_account_is_suspended_resumed_and_deactivated(engine: Engine) {
    let setup = Setup::new(engine).await;
    let other_key = Key::new();
    let other = setup.acme.register(&other_key).await;
    let path = format!("/api/acme/accounts/{}", setup.account_id());
    let act =
        async |what: &str| setup.api.post(&format!("{path}/{what}"), json!({ "reason": "a test" })).await;
    let view = setup.api.get(&path).await.expect(200);
    assert_eq!((&view["status"], &view["contacts"]), (&json!("valid"), &json!(["mailto:test@example.com"])));
    let listed = setup.items("/api/acme/accounts").await;
    assert_eq!(each(&listed, "id"), [last_segment(&other), setup.account_id()], "newest first");

    let order = setup.acme.order(setup.signer(), &["dns:a.internal"]).await;
    let order_url = order.header("location").unwrap().to_owned();
    let finalize = order.expect(201)["finalize"].as_str().unwrap().to_owned();
    let csr = Csr::new(&["a.internal"]).sign(&LeafKey::P256.generate());

    for (body, field) in
        [(json!({}), "reason"), (json!({ "reason": " " }), "reason"), (json!({ "reason": "x", "y": 1 }), "y")]
    {
        let refused = setup.api.post(&format!("{path}/suspend"), body).await;
        assert_eq!(wrong_fields(&refused.expect_problem(422, "urn:certctl:error:invalid")), [field]);
    }
    assert_eq!(act("suspend").await.expect(200)["status"], "suspended");
    assert_eq!(act("suspend").await.expect(200)["status"], "suspended", "twice is no error");
    for refused in [
        setup.acme.read(setup.signer(), &setup.account).await,
        setup.acme.read(setup.signer(), &order_url).await,
        setup.acme.order(setup.signer(), &["dns:b.internal"]).await,
        setup.acme.finalize(setup.signer(), &finalize, &csr).await,
        setup.acme.post(Signer::Jwk(&setup.key), setup.acme.url("newAccount"), json!({})).await,
    ] {
        refused.expect_problem(401, "unauthorized");
    }
    assert_eq!(each(&setup.items("/api/acme/accounts?status=suspended").await, "id"), [setup.account_id()]);
    assert_eq!(each(&setup.items("/api/acme/accounts?status=valid").await, "id"), [last_segment(&other)]);

    assert_eq!(act("resume").await.expect(200)["status"], "valid");
    let order = setup.acme.finalize(setup.signer(), &finalize, &csr).await.expect(200);
    assert_eq!(order["status"], "valid", "resumed, the account goes on where it was");

    let open = setup.acme.order(setup.signer(), &["dns:c.internal"]).await;
    let open_id = last_segment(open.header("location").unwrap()).to_owned();
    assert_eq!(act("deactivate").await.expect(200)["status"], "deactivated");
    act("resume").await.expect_problem(409, "urn:certctl:error:conflict");
    act("suspend").await.expect_problem(409, "urn:certctl:error:conflict");
    setup.acme.read(setup.signer(), &setup.account).await.expect_problem(401, "unauthorized");
    let ended = setup.api.get(&format!("/api/acme/orders/{open_id}")).await.expect(200);
    assert_eq!(ended["status"], "invalid", "its open orders end with it");
    assert_eq!(ended["authorizations"][0]["identifier"]["value"], "c.internal");
    let id = setup.account_id();
    for (query, expected) in [
        (format!("account_id={id}&status=invalid"), 1),
        (format!("account_id={id}&status=valid"), 1),
        (format!("account_id={id}&profile_id=prof-test"), 2),
        (format!("account_id={}", last_segment(&other)), 0),
        ("profile_id=prof-none".to_owned(), 0),
        ("status=ready".to_owned(), 0),
        ("name_part=internal".to_owned(), 2),
        ("name_part=c.&status=invalid".to_owned(), 1),
        ("name_part=ternal".to_owned(), 0),
    ] {
        assert_eq!(setup.items(&format!("/api/acme/orders?{query}")).await.len(), expected, "{query}");
    }
    let certificates = setup.items(&format!("/api/certificates?account_id={id}")).await;
    assert_eq!(each(&certificates, "status"), ["valid"], "its certificates stay");

    let events = setup.items(&format!("/api/audit-events?resource_id={id}")).await;
    assert_eq!(
        each(&events, "action"),
        ["account.deactivated", "account.resumed", "account.refused", "account.suspended", "account.created"]
    );
    assert!(events[2]["details"]["reason"].as_str().unwrap().contains("suspended"), "{}", events[2]);
    assert_eq!(events[3]["details"]["reason"], "a test");
    // Others go on.
    let alive = setup.acme.post(Signer::Kid(&other_key, &other), &other, Payload::Empty).await;
    alive.expect(200);
    for missing in ["/api/acme/accounts/x", "/api/acme/orders/x"] {
        setup.api.get(missing).await.expect_problem(404, "urn:certctl:error:not-found");
    }
    for (query, expected) in [
        ("contact=test@example&status=deactivated", 1),
        ("contact=example.com", 2),
        ("contact=xample", 0),
        ("not_seen_since=2020-01-01T00:00:00Z", 0),
        ("not_seen_since=2100-01-01T00:00:00Z&sort=last_seen", 2),
    ] {
        assert_eq!(setup.items(&format!("/api/acme/accounts?{query}")).await.len(), expected, "{query}");
    }
    let view = setup.api.get(&path).await.expect(200);
    assert!(view["last_seen_at"].as_str() >= view["created_at"].as_str(), "{view}");
    let refused = setup.api.get("/api/acme/accounts?status=gone").await;
    assert_eq!(wrong_fields(&refused.expect_problem(422, "urn:certctl:error:invalid")), ["status"]);
}
