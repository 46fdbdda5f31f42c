//! Authorizations beyond one order: newAuthz, use again, deactivation.

use end2end::challenge::{Challenged, World, authorization, with_challenge_profile};
use end2end::{Engine, on_each_engine};
use serde_json::json;
use testkit::acme::{Key, RawAcme, Signer};

on_each_engine!(
    rows_97_98_an_authorization_before_any_order_serves_those_that_follow,
    a_profile_lets_validated_authorizations_be_used_again,
);

async fn rows_97_98_an_authorization_before_any_order_serves_those_that_follow(engine: Engine) {
    let world = World::new().await;
    let server = world.server(engine).start().await;
    let directory = with_challenge_profile(&server, json!({ "permitted_names": ["**.internal"] })).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let client = Challenged { acme: &acme, signer: Signer::Kid(&key, &account) };
    let new_authz = acme.url("newAuthz").to_owned();
    let ask = async |name: &str| {
        let payload = json!({ "identifier": { "type": "dns", "value": name } });
        acme.post(client.signer, &new_authz, payload).await
    };
    ask("*.app.internal").await.expect_problem(400, "malformed");
    ask("app.example").await.expect_problem(403, "rejectedIdentifier");

    let answer = ask("app.internal").await;
    assert_eq!(answer.expect(201)["status"], "pending");
    let early = answer.header("location").expect("Location").to_owned();
    let (order, _) = client.order(&["dns:app.internal"]).await;
    assert_eq!(order["status"], "pending", "nothing is validated yet");

    client.answer_http(&world, &early).await;
    client.wait_for(&early, &["valid"]).await;
    let (order, url) = client.order(&["dns:app.internal"]).await;
    assert_eq!(order["status"], "ready");
    let other_name = client.order(&["dns:other.internal"]).await.0;
    assert_eq!(other_name["status"], "pending");
    let stranger = Key::new();
    let strange_account = acme.register(&stranger).await;
    let strange = Challenged { acme: &acme, signer: Signer::Kid(&stranger, &strange_account) };
    assert_eq!(strange.order(&["dns:app.internal"]).await.0["status"], "pending", "another account's");

    let ended = acme.post(client.signer, &early, json!({ "status": "deactivated" })).await.expect(200);
    assert_eq!(ended["status"], "deactivated");
    assert_eq!(client.read(authorization(&order, 0)).await["status"], "deactivated");
    assert_eq!(client.read(&url).await["status"], "invalid");
    assert_eq!(client.order(&["dns:app.internal"]).await.0["status"], "pending", "never used again");

    // A pending one can be deactivated too; its order ends.
    let (order, url) = client.order(&["dns:pending.internal"]).await;
    let payload = json!({ "status": "deactivated" });
    acme.post(client.signer, authorization(&order, 0), payload).await.expect(200);
    assert_eq!(client.read(&url).await["status"], "invalid");
    let challenge = client.challenge(authorization(&order, 0), "http-01").await;
    let challenge_url = challenge["url"].as_str().unwrap();
    acme.post(client.signer, challenge_url, json!({})).await.expect_problem(400, "malformed");
}

async fn a_profile_lets_validated_authorizations_be_used_again(engine: Engine) {
    let world = World::new().await;
    let server = world.server(engine).start().await;
    let directory = with_challenge_profile(&server, json!({ "reuse_authorizations_hours": 48 })).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let client = Challenged { acme: &acme, signer: Signer::Kid(&key, &account) };
    let (first, first_url) = client.order(&["dns:app.internal"]).await;
    client.answer_http(&world, authorization(&first, 0)).await;
    client.wait_for(&first_url, &["ready"]).await;

    let (second, second_url) = client.order(&["dns:app.internal"]).await;
    assert_eq!(second["status"], "ready");
    let (mixed, _) = client.order(&["dns:app.internal", "dns:new.internal"]).await;
    assert_eq!(mixed["status"], "pending");
    assert_eq!(client.read(authorization(&mixed, 0)).await["status"], "valid");
    assert_eq!(client.read(authorization(&mixed, 1)).await["status"], "pending");
    let wildcard = client.order(&["dns:*.app.internal"]).await.0;
    assert_eq!(wildcard["status"], "pending", "the name says nothing about those below it");

    let payload = json!({ "status": "deactivated" });
    acme.post(client.signer, authorization(&first, 0), payload).await.expect(200);
    assert_eq!(client.read(&second_url).await["status"], "invalid");

    server
        .api()
        .patch("/api/profiles/prof-challenge", json!({ "reuse_authorizations_hours": 0 }))
        .await
        .expect(200);
    let (third, third_url) = client.order(&["dns:app.internal"]).await;
    client.answer_http(&world, authorization(&third, 0)).await;
    client.wait_for(&third_url, &["ready"]).await;
    assert_eq!(client.order(&["dns:app.internal"]).await.0["status"], "pending");
}
