use std::time::Duration;

use end2end::{Engine, on_each_engine};
use serde_json::{Value, json};
use testkit::http::Client;

use super::{CONFLICT, World, detail, from_now, text};

on_each_engine! {
    the_last_administrator_stays,
    two_administrators_cannot_remove_each_other,
}

async fn the_last_administrator_stays(engine: Engine) {
    let world = World::new(engine).await;
    let own = end2end::api::list(&world.admin, "/api/api-keys").await;
    let path = format!("/api/api-keys/{}", text(&own[0]["id"]));
    // None of these is an administrator: less than everything, less than everywhere, not any more.
    world.key(json!({ "name": "scoped", "role": "admin", "profiles": ["prof-a"] })).await;
    world.key(json!({ "name": "operator", "role": "operator" })).await;
    world.key(json!({ "name": "ended", "role": "admin", "expires_at": from_now(1) })).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let refused = detail(&world.admin.delete(&path).await, 409, CONFLICT);
    assert!(refused.contains("nobody who is an administrator"), "{refused}");
    world.admin.get("/api/api-keys").await.expect(200);
    assert!(world.events("action=api_key.revoked").await.is_empty(), "what did not happen is not recorded");

    let revoker = json!({ "id": "revoker", "permissions": ["api_key.revoke"] });
    world.admin.post("/api/roles", revoker).await.expect(201);
    let revoker = world.holder("revoker", &[]).await;
    let (_, leaked) = world.key(json!({ "name": "leaked", "role": "agent" })).await;
    let (second, _) =
        world.key(json!({ "name": "second", "role": "admin", "expires_at": from_now(2) })).await;
    assert_eq!(second.delete(&path).await.status, 204);
    world.admin.get("/api/api-keys").await.expect(401);
    while second.get("/api/api-keys").await.status == 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Nobody is an administrator now, by the passing of time: that does not protect a leaked key.
    let leaked = format!("/api/api-keys/{}", text(&leaked["id"]));
    assert_eq!(revoker.delete(&leaked).await.status, 204);
}

async fn two_administrators_cannot_remove_each_other(engine: Engine) {
    let world = World::new(engine).await;
    let (mut one, mut one_key) = world.key(json!({ "name": "one", "role": "admin" })).await;
    let bootstrap = end2end::api::list(&one, "/api/api-keys").await;
    let bootstrap = bootstrap.iter().find(|key| key["name"] == "bootstrap").unwrap();
    assert_eq!(one.delete(&format!("/api/api-keys/{}", text(&bootstrap["id"]))).await.status, 204);
    for round in 0..8 {
        let created =
            one.post("/api/api-keys", json!({ "name": "other", "role": "admin" })).await.expect(201);
        let other = world.with(&created);
        let remove = |client: &Client, key: &Value| {
            let (client, path) = (client.clone(), format!("/api/api-keys/{}", text(&key["id"])));
            tokio::spawn(async move { client.delete(&path).await.status.as_u16() })
        };
        let (first, second) = (remove(&one, &created), remove(&other, &one_key));
        let mut outcomes = [first.await.unwrap(), second.await.unwrap()];
        let one_lives = one.get("/api/api-keys").await.status == 200;
        assert_ne!(one_lives, other.get("/api/api-keys").await.status == 200, "round {round}: {outcomes:?}");
        outcomes.sort_unstable();
        // Who comes second is refused as the remover of the last one, or was removed before being asked.
        assert!(matches!(outcomes, [204, 401 | 409]), "round {round}: {outcomes:?}");
        if !one_lives {
            (one, one_key) = (other, created);
        }
    }
}
