use end2end::{Engine, on_each_engine};
use http::Method;
use serde_json::json;

use super::{CONFLICT, FORBIDDEN, NOT_FOUND, World, detail, text};

on_each_engine! {
    own_roles_live_beside_the_built_in_ones,
    a_role_acts_at_once_and_cannot_be_grown_beyond_its_editor,
}

async fn own_roles_live_beside_the_built_in_ones(engine: Engine) {
    let world = World::new(engine).await;
    let spec = json!({ "id": "helpdesk", "description": "Reads orders.", "permissions": ["order.read"] });
    let created = world.admin.post("/api/roles", spec.clone()).await;
    created.expect(201);
    assert_eq!(created.header("location"), Some("/api/roles/helpdesk"));
    assert_eq!(created.header("etag"), Some("\"v1\""));
    detail(&world.admin.post("/api/roles", spec).await, 409, CONFLICT);
    detail(&world.admin.post("/api/roles", json!({ "id": "admin", "permissions": [] })).await, 409, CONFLICT);
    let unnamed = world.admin.post("/api/roles", json!({ "permissions": [] })).await.expect(201);
    let ids = World::ids(&world.admin, "/api/roles").await;
    let generated = text(&unnamed["id"]);
    assert_eq!(ids, ["admin", "agent", "auditor", "helpdesk", "operator", generated, "viewer"]);
    let viewer = world.admin.get("/api/roles/viewer").await.expect(200);
    assert_eq!(viewer["built_in"], true);
    assert!(viewer["permissions"].as_array().unwrap().contains(&json!("certificate.read")));

    let wrong = world.admin.post("/api/roles", json!({ "permissions": ["profile.fly"] })).await;
    assert!(wrong.expect(422)["errors"][0]["reason"].as_str().unwrap().contains("profile.fly"));
    let replacement = json!({ "description": "", "permissions": ["order.read", "issuer.read"] });
    let put = |version: &str| {
        let client = world.admin.clone().with_header("if-match", version);
        let body = replacement.clone();
        async move { client.put("/api/roles/helpdesk", body).await }
    };
    let replaced = put("\"v1\"").await;
    assert_eq!(replaced.expect(200)["permissions"], json!(["issuer.read", "order.read"]));
    assert_eq!(replaced.header("etag"), Some("\"v2\""));
    assert_eq!(put("\"v1\"").await.status, 412);
    for (method, body) in [(Method::PUT, Some(replacement)), (Method::DELETE, None)] {
        let refused = world.admin.call(method, "/api/roles/viewer", body).await;
        assert!(detail(&refused, 409, CONFLICT).contains("built in"));
    }
    let (_, key) = world.key(json!({ "name": "desk", "role": "helpdesk" })).await;
    let used = detail(&world.admin.delete("/api/roles/helpdesk").await, 409, CONFLICT);
    assert!(used.contains(text(&key["id"])), "{used}");
    world.admin.delete(&format!("/api/api-keys/{}", text(&key["id"]))).await;
    let stale = world.admin.clone().with_header("if-match", "\"v1\"");
    assert_eq!(stale.delete("/api/roles/helpdesk").await.status, 412);
    assert_eq!(world.admin.delete("/api/roles/helpdesk").await.status, 204);
    world.admin.get("/api/roles/helpdesk").await.expect_problem(404, NOT_FOUND);
    let actions: Vec<_> = world.events("resource_type=role&resource_id=helpdesk").await;
    let actions: Vec<_> = actions.iter().map(|event| text(&event["action"])).collect();
    assert_eq!(actions, ["role.deleted", "role.updated", "role.created"]);
}

async fn a_role_acts_at_once_and_cannot_be_grown_beyond_its_editor(engine: Engine) {
    let world = World::new(engine).await;
    let editor = json!({ "id": "editor", "permissions": ["role.edit", "role.read", "order.read"] });
    world.admin.post("/api/roles", editor).await.expect(201);
    world
        .admin
        .post("/api/roles", json!({ "id": "growing", "permissions": ["order.read"] }))
        .await
        .expect(201);
    let (holder, editor) = (world.holder("growing", &[]).await, world.holder("editor", &[]).await);
    holder.get("/api/acme/orders").await.expect(200);
    detail(&holder.get("/api/audit-events").await, 403, FORBIDDEN);

    for (path, permissions) in [
        ("/api/roles/growing", json!(["order.read", "audit.read"])),
        ("/api/roles/editor", json!(["role.edit", "role.read", "order.read", "api_key.create"])),
    ] {
        let refused = editor.put(path, json!({ "permissions": permissions })).await;
        assert!(detail(&refused, 403, FORBIDDEN).contains("nobody can grant"));
    }
    let refused = editor.post("/api/roles", json!({ "permissions": ["profile.edit"] })).await;
    assert!(detail(&refused, 403, FORBIDDEN).contains("profile.edit"));
    editor.post("/api/roles", json!({ "permissions": ["order.read"] })).await.expect(201);

    world.admin.put("/api/roles/growing", json!({ "permissions": ["audit.read"] })).await.expect(200);
    holder.get("/api/audit-events").await.expect(200);
    detail(&holder.get("/api/acme/orders").await, 403, FORBIDDEN);
    // What the role has beyond its editor may stay, and may go.
    editor
        .put("/api/roles/growing", json!({ "description": "x", "permissions": ["audit.read"] }))
        .await
        .expect(200);
    editor.put("/api/roles/growing", json!({ "permissions": [] })).await.expect(200);
    detail(&holder.get("/api/audit-events").await, 403, FORBIDDEN);
}
