use end2end::{Engine, on_each_engine};
use http::{Method, Request};
use serde_json::json;

use super::{Setup, each, wrong_fields};

on_each_engine! {
    a_key_works_until_it_is_revoked,
    without_a_key_the_api_answers_nothing,
}

async fn a_key_works_until_it_is_revoked(engine: Engine) {
    let setup = Setup::new(engine).await;
    let created =
        setup.api.post("/api/api-keys", json!({ "name": " deploy ", "role": "admin" })).await.expect(201);
    let (id, text) = (created["id"].as_str().unwrap(), created["api_key"].as_str().unwrap());
    assert_eq!(created["name"], "deploy");
    let client = setup.server.client().with_bearer(text);
    client.get("/api/profiles").await.expect(200);
    client.post("/api/api-keys", json!({ "name": "by the new key", "role": "agent" })).await.expect(201);
    let listed = setup.items("/api/api-keys").await;
    assert_eq!(each(&listed, "name"), ["by the new key", "deploy", "bootstrap"], "newest first");
    assert_eq!(listed[0]["created_by"], format!("key:{id}"));
    assert!(!json!(listed).to_string().contains(text), "a key is shown once only");
    assert!(!setup.server.log().contains(text), "and never logged");

    let path = format!("/api/api-keys/{id}");
    assert_eq!(setup.api.delete(&path).await.status, 204);
    assert_eq!(setup.api.delete(&path).await.status, 204, "twice is no error");
    client.get("/api/profiles").await.expect_problem(401, "urn:certctl:error:unauthenticated");
    assert!(setup.items("/api/api-keys").await[1]["revoked_at"].is_string(), "it stays in the list");
    setup.api.delete("/api/api-keys/key-x").await.expect_problem(404, "urn:certctl:error:not-found");
    for (body, field) in [
        (json!({ "name": "", "role": "admin" }), "name"),
        (json!({ "name": "x" }), "role"),
        (json!({ "name": "x", "role": "admin", "admin": true }), "admin"),
    ] {
        let refused = setup.api.post("/api/api-keys", body).await;
        assert_eq!(wrong_fields(&refused.expect_problem(422, "urn:certctl:error:invalid")), [field]);
    }
    let events = setup.items(&format!("/api/audit-events?resource_id={id}")).await;
    assert_eq!(each(&events, "action"), ["api_key.refused", "api_key.revoked", "api_key.created"]);
    assert!(!json!(events).to_string().contains(text));
}

async fn without_a_key_the_api_answers_nothing(engine: Engine) {
    let setup = Setup::new(engine).await;
    let anonymous = setup.server.client();
    let document = setup.api.get("/api/openapi.json").await.expect(200);
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/") || path == "/api/openapi.json" {
            continue;
        }
        for (method, operation) in methods.as_object().unwrap() {
            if operation["security"] == json!([{}]) {
                continue;
            }
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let path = path.replace("{id}", "x");
            let body = (method != Method::GET).then(|| json!({}));
            for client in [&anonymous, &anonymous.clone().with_bearer("certctl_wrong")] {
                let answer = client.call(method.clone(), &path, body.clone()).await;
                answer.expect_problem(401, "urn:certctl:error:unauthenticated");
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{method} {path}");
            }
            asked += 1;
        }
    }
    assert!(asked >= 20, "only {asked} calls are documented");
    let other_scheme = Request::get("/").header("authorization", format!("Basic {}", setup.server.api_key()));
    let answer = anonymous.send("/api/profiles", other_scheme.body(Default::default()).unwrap()).await;
    answer.expect_problem(401, "urn:certctl:error:unauthenticated");
    setup.api.get("/api/nothing").await.expect_problem(404, "urn:certctl:error:not-found");
}
