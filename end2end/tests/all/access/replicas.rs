//! Two servers on one PostgreSQL database.

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::server::random_encryption_key;
use testkit::{CertctlServer, Postgres};

use super::{World, from_now, text};

const TOKEN: &str = "the operator's token of at least 32 characters";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_one_replica_decides_holds_at_the_other() {
    let database = Postgres::shared().create_database("access");
    let encryption_key = random_encryption_key();
    let start = || {
        let builder = CertctlServer::builder().database_url(&database);
        let builder = builder.env("CERTCTL_ENCRYPTION_KEY", &encryption_key);
        builder.env("CERTCTL_BOOTSTRAP_API_KEY", "").env("CERTCTL_BOOTSTRAP_TOKEN", TOKEN).start()
    };
    let (a, mut b) = tokio::join!(start(), start());
    let ask = |server: &CertctlServer| {
        let client = server.client();
        async move { client.post("/api/auth/bootstrap", json!({ "token": TOKEN, "name": "x" })).await }
    };
    let answers = join_all([ask(&a), ask(&b), ask(&a), ask(&b)]).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 410, 410, 410], "one administrator, whichever replica is asked");
    let key = answers.iter().find(|answer| answer.status == 201).unwrap().json();
    let mut world = World { admin: a.client().with_bearer(text(&key["api_key"])), server: a };

    let (_, short) =
        world.key(json!({ "name": "x", "role": "viewer", "expires_at": from_now(86_400) })).await;
    let at_b = |key: &Value| b.client().with_bearer(text(&key["api_key"]));
    at_b(&short).get("/api/profiles").await.expect(200);
    world.admin.post("/api/roles", json!({ "id": "mine", "permissions": ["order.read"] })).await.expect(201);
    let (_, held) = world.key(json!({ "name": "y", "role": "mine" })).await;
    at_b(&held).get("/api/acme/orders").await.expect(200);
    world.admin.put("/api/roles/mine", json!({ "permissions": [] })).await.expect(200);
    at_b(&held).get("/api/acme/orders").await.expect(403);
    world.admin.delete(&format!("/api/api-keys/{}", text(&held["id"]))).await;
    at_b(&held).get("/api/acme/orders").await.expect(401);

    // Both look for ends when they start.
    tokio::join!(world.server.restart(), b.restart());
    for _ in 0..50 {
        if !world.events("action=api_key.expiring").await.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.events("action=api_key.expiring").await.len(), 1, "one of them reports it");
}
