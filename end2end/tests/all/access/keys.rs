use std::time::Duration;

use end2end::program::run;
use end2end::{Engine, on_each_engine};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{CONFLICT, FORBIDDEN, NOT_FOUND, UNAUTHENTICATED, World, detail, from_now, text};

on_each_engine! {
    a_key_is_shown_once_and_described_ever_after,
    a_rotated_key_and_its_successor_overlap,
    refused_uses_are_told_apart_in_the_audit_trail_only,
    nobody_creates_a_key_that_may_more_than_they_may,
    ends_are_reported_once_and_uses_survive_a_restart,
    the_command_line_makes_keys_of_every_kind,
}

fn time(value: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(text(value), &Rfc3339).unwrap()
}

async fn a_key_is_shown_once_and_described_ever_after(engine: Engine) {
    let world = World::new(engine).await;
    let end = from_now(30 * 86_400);
    let wanted = json!({ "name": "ci", "role": "agent", "profiles": ["prof-a", "prof-b"],
        "allowed_networks": ["127.0.0.0/8", "::1/128"], "expires_at": end });
    let (client, created) = world.key(wanted).await;
    let key = text(&created["api_key"]);
    let digits = key.strip_prefix("certctl_").unwrap();
    assert!(digits.len() == 49 && digits.bytes().all(|b| b.is_ascii_alphanumeric()), "{digits}");
    client.get("/api/profiles").await.expect(200);

    let path = format!("/api/api-keys/{}", text(&created["id"]));
    let read = world.admin.get(&path).await.expect(200);
    for (field, value) in [
        ("name", json!("ci")),
        ("role", json!("agent")),
        ("profiles", json!(["prof-a", "prof-b"])),
        ("allowed_networks", json!(["127.0.0.0/8", "::1/128"])),
        ("state", json!("active")),
        ("last_used_from", json!("127.0.0.1")),
        ("replaced_by", Value::Null),
        ("warnings", json!([])),
    ] {
        assert_eq!(read[field], value, "{field}");
    }
    assert_eq!(time(&read["expires_at"]), time(&json!(end)));
    assert!(read["api_key"].is_null() && !read.to_string().contains(key), "it is shown once");
    assert!(!world.server.log().contains(key), "and never logged");

    let mut mistyped = key.to_owned();
    let last = mistyped.pop().unwrap();
    mistyped.push(if last == 'x' { 'y' } else { 'x' });
    let mistyped = world.server.client().with_bearer(&mistyped);
    mistyped.get("/api/profiles").await.expect_problem(401, UNAUTHENTICATED);

    for (field, value) in [
        ("name", json!("x".repeat(101))),
        ("role", json!("no-such-role")),
        ("role", json!("No Role")),
        ("profiles", json!((0..51).map(|n| format!("p{n}")).collect::<Vec<_>>())),
        ("allowed_networks[0]", json!(["300.0.0.0/8"])),
        ("expires_at", json!("2020-01-01T00:00:00Z")),
        ("sha256", json!("x")),
    ] {
        let mut wrong = json!({ "name": "x", "role": "agent" });
        wrong[field.split('[').next().unwrap()] = value;
        let refused = world.admin.post("/api/api-keys", wrong).await;
        let problem = refused.expect_problem(422, "urn:certctl:error:invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    world.admin.post("/api/api-keys", json!({ "name": "x" })).await.expect(422);
    world.admin.get("/api/api-keys/key-x").await.expect_problem(404, NOT_FOUND);
}

async fn a_rotated_key_and_its_successor_overlap(engine: Engine) {
    let world = World::new(engine).await;
    let (client, old) = world
        .key(json!({ "name": "ci", "role": "viewer", "allowed_networks": ["127.0.0.1/32"],
            "expires_at": from_now(30 * 86_400) }))
        .await;
    let path = format!("/api/api-keys/{}", text(&old["id"]));
    let rotate = |overlap: u64| {
        let (admin, path) = (world.admin.clone(), format!("{path}/rotate"));
        async move { admin.post(&path, json!({ "overlap_seconds": overlap })).await }
    };
    rotate(2_592_001).await.expect_problem(422, "urn:certctl:error:invalid");
    let new = rotate(2).await.expect(201);
    let successor = world.with(&new);
    for field in ["name", "role", "profiles", "allowed_networks"] {
        assert_eq!(new[field], old[field], "{field}");
    }
    let length = |key: &Value| (time(&key["expires_at"]) - time(&key["created_at"])).as_seconds_f64();
    assert!((length(&new) - length(&old)).abs() < 1.0, "a life of the same length");
    assert_eq!(world.admin.get(&path).await.expect(200)["replaced_by"], new["id"]);
    client.get("/api/profiles").await.expect(200);
    successor.get("/api/profiles").await.expect(200);
    let again = detail(&rotate(2).await, 409, CONFLICT);
    assert!(again.contains(text(&new["id"])), "{again}");

    tokio::time::sleep(Duration::from_millis(2100)).await;
    client.get("/api/profiles").await.expect_problem(401, UNAUTHENTICATED);
    successor.get("/api/profiles").await.expect(200);
    assert_eq!(world.admin.get(&path).await.expect(200)["state"], "expired");
    let events = world.events(&format!("resource_id={}", text(&old["id"]))).await;
    let actions: Vec<_> = events.iter().map(|event| text(&event["action"])).collect();
    assert_eq!(&actions[..2], ["api_key.refused", "api_key.rotated"]);
    let revoke = format!("/api/api-keys/{}", text(&new["id"]));
    for wrong in ["reason=%20", "why=x"] {
        assert_eq!(world.admin.delete(&format!("{revoke}?{wrong}")).await.status, 422, "{wrong}");
    }
    successor.get("/api/profiles").await.expect(200);
    assert_eq!(world.admin.delete(&format!("{revoke}?reason=it%20leaked")).await.status, 204);
    let event = world.events("action=api_key.revoked").await.remove(0);
    assert_eq!((&event["details"]["reason"], &event["details"]["name"]), (&json!("it leaked"), &new["name"]));
    successor.get("/api/profiles").await.expect_problem(401, UNAUTHENTICATED);
    let gone = format!("/api/api-keys/{}/rotate", text(&new["id"]));
    let refused = world.admin.post(&gone, json!({ "overlap_seconds": 0 })).await;
    assert!(detail(&refused, 409, CONFLICT).contains("revoked"));
}

async fn refused_uses_are_told_apart_in_the_audit_trail_only(engine: Engine) {
    let builder = engine.server().env("CERTCTL_TRUSTED_PROXIES", "127.0.0.1");
    let world = World::of(builder.start().await);
    let (expiring, expired) =
        world.key(json!({ "name": "short", "role": "viewer", "expires_at": from_now(1) })).await;
    let (gone, revoked) = world.key(json!({ "name": "gone", "role": "viewer" })).await;
    let (local, foreign) =
        world.key(json!({ "name": "office", "role": "viewer", "allowed_networks": ["192.0.2.0/24"] })).await;
    let office = local.clone().with_header("x-forwarded-for", "192.0.2.7");
    expiring.get("/api/profiles").await.expect(200);
    office.get("/api/profiles").await.expect(200);
    world.admin.delete(&format!("/api/api-keys/{}", text(&revoked["id"]))).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;

    let elsewhere = local.clone().with_header("x-forwarded-for", "198.51.100.7");
    let invented = world.server.client().with_bearer(&format!("certctl_{}", "0123456789abcdef".repeat(4)));
    let mut bodies = Vec::new();
    for client in [&expiring, &gone, &elsewhere, &invented] {
        let mut problem = client.get("/api/profiles").await.expect_problem(401, UNAUTHENTICATED);
        let own = |field: &String| matches!(field.as_str(), "instance" | "request_id");
        problem.as_object_mut().unwrap().retain(|field, _| !own(field));
        bodies.push(problem);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "the client learns nothing: {bodies:?}");
    for _ in 0..3 {
        expiring.get("/api/profiles").await.expect(401);
    }
    for (key, reason) in [(&expired, "expired"), (&revoked, "revoked"), (&foreign, "foreign network")] {
        let events = world.events(&format!("action=api_key.refused&resource_id={}", text(&key["id"]))).await;
        assert_eq!(events.len(), 1, "one event a minute, not one a request");
        assert_eq!(events[0]["details"]["reason"], reason);
        assert_eq!((&events[0]["outcome"], &events[0]["actor"]), (&json!("refused"), &json!("anonymous")));
    }
    assert_eq!(world.events("action=api_key.refused").await.len(), 3, "what never was leaves no trace");
    let shown = world.admin.get(&format!("/api/api-keys/{}", text(&foreign["id"]))).await.expect(200);
    assert_eq!(shown["last_used_from"], "192.0.2.7");
}

async fn nobody_creates_a_key_that_may_more_than_they_may(engine: Engine) {
    let world = World::new(engine).await;
    let keeper = json!({ "id": "key-keeper", "permissions": ["api_key.create", "api_key.read", "profile.read",
        "certificate.read", "order.read", "issuer.read", "certificate.issue"] });
    world.admin.post("/api/roles", keeper).await.expect(201);
    let client = world.holder("key-keeper", &[]).await;
    let create = |role: &str, profiles: Value| {
        let (client, key) = (client.clone(), json!({ "name": "x", "role": role, "profiles": profiles }));
        async move { client.post("/api/api-keys", key).await }
    };
    create("agent", json!([])).await.expect(201);
    create("agent", json!(["prof-a"])).await.expect(201);
    create("key-keeper", json!([])).await.expect(201);
    for (role, profiles, missing) in [
        ("admin", json!([]), "audit.read"),
        ("viewer", json!([]), "eab_key.read"),
        // What is limited to a profile still has what goes beyond reading.
        ("operator", json!(["prof-a"]), "profile.edit"),
    ] {
        let refused = detail(&create(role, profiles).await, 403, FORBIDDEN);
        assert!(refused.contains(missing), "{role}: {refused}");
    }
    let strong = world.key(json!({ "name": "strong", "role": "admin" })).await.1;
    let path = format!("/api/api-keys/{}/rotate", text(&strong["id"]));
    let stolen = client.post(&path, json!({ "overlap_seconds": 60 })).await;
    detail(&stolen, 403, FORBIDDEN);
    assert_eq!(world.ids_of_role("admin").await, 2, "no key came of a refused rotation");
    // A role that grows later is not grown by those who hold it.
    let agent = world.holder("agent", &["prof-a"]).await;
    detail(&agent.post("/api/api-keys", json!({ "name": "x", "role": "agent" })).await, 403, FORBIDDEN);
    detail(&agent.get("/api/api-keys").await, 403, FORBIDDEN);
}

impl World {
    async fn ids_of_role(&self, role: &str) -> usize {
        let keys = end2end::api::list(&self.admin, "/api/api-keys").await;
        keys.iter().filter(|key| key["role"] == role).count()
    }
}

async fn ends_are_reported_once_and_uses_survive_a_restart(engine: Engine) {
    let mut world = World::new(engine).await;
    let (_, soon) = world.key(json!({ "name": "a", "role": "viewer", "expires_at": from_now(86_400) })).await;
    let (_, later) =
        world.key(json!({ "name": "b", "role": "viewer", "expires_at": from_now(2 * 86_400) })).await;
    world.key(json!({ "name": "c", "role": "viewer", "expires_at": from_now(30 * 86_400) })).await;
    let warned = world.admin.get(&format!("/api/api-keys/{}", text(&soon["id"]))).await.expect(200);
    assert!(text(&warned["warnings"][0]).contains("Rotate it"));
    let before = from_now(20 * 86_400);
    let ending = World::ids(&world.admin, &format!("/api/api-keys?expires_before={before}")).await;
    assert_eq!(ending, [text(&soon["id"]), text(&later["id"])], "the next to end first");
    let all = format!("/api/api-keys?expires_before={}", from_now(40 * 86_400));
    assert_eq!(World::ids(&world.admin, &all).await.len(), 3);
    let metrics = world.server.client().get("/metrics").await.text();
    assert!(metrics.contains("certctl_api_keys_expiring 2"), "{metrics}");

    for _ in 0..2 {
        world.server.restart().await;
        for _ in 0..50 {
            if world.events("action=api_key.expiring").await.len() == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let reported = world.events("action=api_key.expiring").await;
        assert_eq!(reported.len(), 2, "once for each end, whatever restarts");
    }
    let keys = end2end::api::list(&world.admin, "/api/api-keys").await;
    let bootstrap = keys.iter().find(|key| key["name"] == "bootstrap").unwrap();
    assert_eq!(bootstrap["last_used_from"], "127.0.0.1");
    let (_, unused) = world.key(json!({ "name": "unused", "role": "viewer" })).await;
    let shown = world.admin.get(&format!("/api/api-keys/{}", text(&unused["id"]))).await.expect(200);
    assert!(shown["last_used_at"].is_null());
    let (client, used) = world.key(json!({ "name": "used", "role": "viewer" })).await;
    client.get("/api/profiles").await.expect(200);
    world.server.terminate().await;
    world.server.restart().await;
    let shown = world.admin.get(&format!("/api/api-keys/{}", text(&used["id"]))).await.expect(200);
    assert!(shown["last_used_at"].is_string(), "it was stored when the server stopped");
}

async fn the_command_line_makes_keys_of_every_kind(engine: Engine) {
    let world = World::new(engine).await;
    let create = |args: &[&str]| {
        let command = world.server.command(["api-key", "create"].iter().chain(args));
        async move { run(command).await }
    };
    let made = create(&[
        "--name",
        "ci",
        "--role",
        "agent",
        "--profile",
        "prof-a",
        "--profile",
        "prof-b",
        "--expires-in",
        "90d",
        "--allow",
        "127.0.0.1",
        "--allow",
        "192.0.2.0/24",
    ])
    .await;
    assert!(made.code == Some(0), "{}", made.text());
    let key = made.stdout.trim();
    world.server.client().with_bearer(key).get("/api/profiles").await.expect(200);
    let listed = end2end::api::list(&world.admin, "/api/api-keys").await;
    let shown = &listed[0];
    assert_eq!(shown["role"], "agent");
    assert_eq!(shown["profiles"], json!(["prof-a", "prof-b"]));
    assert_eq!(shown["allowed_networks"], json!(["127.0.0.1/32", "192.0.2.0/24"]));
    assert_eq!(shown["created_by"], "system:cli");
    let life = time(&shown["expires_at"]) - time(&shown["created_at"]);
    assert!((life.as_seconds_f64() - 90.0 * 86_400.0).abs() < 5.0);
    for (wrong, why) in [
        (["--role", "no-such-role"], "there is no role"),
        (["--expires-in", "soon"], "a number with s, m, h or d"),
        (["--allow", "everywhere"], "a network or an address"),
    ] {
        let refused = create(&wrong).await;
        assert_eq!(refused.code, Some(2));
        assert!(refused.text().contains(why), "{}", refused.text());
    }
}
