use end2end::api::open_profile;
use end2end::{Engine, on_each_engine};
use serde_json::{Value, json};
use testkit::acme::{Key, RawAcme, Signer};

use super::{FORBIDDEN, NOT_FOUND, World, detail, text};

on_each_engine! {
    a_scoped_key_sees_its_profiles_only,
    a_scoped_operator_works_within_its_profiles_only,
}

const PROFILES: [&str; 3] = ["prof-a", "prof-b", "prof-c"];

/// Three profiles with two certificates each; their ids by profile, newest first.
async fn issue(world: &World) -> [Vec<String>; 3] {
    let key = Key::new();
    for profile in PROFILES {
        world.admin.post("/api/profiles", open_profile(profile)).await.expect(201);
    }
    for round in 0..2 {
        for profile in PROFILES {
            let acme = RawAcme::new(world.server.client(), &world.server.directory_url(profile)).await;
            let account = acme.register(&key).await;
            acme.issue(Signer::Kid(&key, &account), &[&format!("dns:n{round}.{profile}.example")]).await;
        }
    }
    let mut found = [const { Vec::new() }; 3];
    for (ids, profile) in found.iter_mut().zip(PROFILES) {
        *ids = World::ids(&world.admin, &format!("/api/certificates?profile_id={profile}")).await;
        assert_eq!(ids.len(), 2);
    }
    found
}

fn newest_first(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids
}

async fn a_scoped_key_sees_its_profiles_only(engine: Engine) {
    let world = World::new(engine).await;
    let [a, b, c] = issue(&world).await;
    let agent = world.holder("agent", &["prof-a", "prof-b"]).await;
    assert_eq!(World::ids(&agent, "/api/profiles").await, ["prof-a", "prof-b"]);
    let both = newest_first(a.iter().chain(&b).cloned().collect());
    assert_eq!(World::ids(&agent, "/api/certificates").await, both);
    assert_eq!(World::ids(&agent, "/api/certificates?profile_id=prof-b").await, b);
    assert_eq!(World::ids(&agent, "/api/certificates?profile_id=prof-c").await, [""; 0]);
    assert_eq!(World::ids(&agent, "/api/certificates?name=n0.prof-c.example").await, [""; 0]);
    let orders = World::ids(&world.admin, "/api/acme/orders").await;
    assert_eq!(orders.len(), 6);
    let seen = World::ids(&agent, "/api/acme/orders").await;
    assert_eq!(seen.len(), 4);
    for (path, own, foreign) in [
        ("/api/certificates", &a[0], &c[0]),
        ("/api/profiles", &"prof-a".to_owned(), &"prof-c".to_owned()),
        ("/api/acme/orders", &seen[0], orders.iter().find(|id| !seen.contains(id)).unwrap()),
    ] {
        agent.get(&format!("{path}/{own}")).await.expect(200);
        let hidden = detail(&agent.get(&format!("{path}/{foreign}")).await, 404, NOT_FOUND);
        world.admin.get(&format!("{path}/{foreign}")).await.expect(200);
        // Not to be told from what does not exist.
        assert!(hidden.contains("there is no"), "{hidden}");
    }
    agent.get(&format!("/api/certificates/{}/pem", c[0])).await.expect_problem(404, NOT_FOUND);
    agent.get("/api/issuers").await.expect(200);
    for path in ["/api/acme/accounts", "/api/acme/rate-limits", "/api/audit-events", "/api/acme/eab-keys"] {
        detail(&agent.get(path).await, 403, FORBIDDEN);
    }
    let auditor = world.holder("auditor", &["prof-a"]).await;
    detail(&auditor.get("/api/audit-events").await, 403, FORBIDDEN);
    assert_eq!(World::ids(&auditor, "/api/certificates").await, a);
}

async fn a_scoped_operator_works_within_its_profiles_only(engine: Engine) {
    let world = World::new(engine).await;
    let [a, b, _] = issue(&world).await;
    let operator = world.holder("operator", &["prof-a", "prof-new"]).await;

    let revoke = |id: &str| {
        let (client, path) = (operator.clone(), format!("/api/certificates/{id}/revoke"));
        async move { client.post(&path, json!({ "reason": "superseded" })).await }
    };
    revoke(&a[0]).await.expect(200);
    detail(&revoke(&b[0]).await, 404, NOT_FOUND);
    assert_eq!(world.admin.get(&format!("/api/certificates/{}", b[0])).await.expect(200)["status"], "valid");

    let renew = |selection: Value| {
        let client = operator.clone();
        let body = json!({ "selection": selection, "reason": "a test" });
        async move { client.post("/api/certificates/renew-now", body).await.expect(200)["certificates"].clone() }
    };
    assert_eq!(renew(json!({ "ids": [a[1], b[0], b[1]] })).await, 1);
    assert_eq!(renew(json!({ "profile_id": "prof-b" })).await, 0);
    assert_eq!(renew(json!({ "issuer_id": "iss-internal-ca" })).await, 1, "what lies within its profiles");
    let wanted = World::ids(&world.admin, "/api/certificates?renew_now=true").await;
    assert_eq!(wanted, [a[1].clone()]);

    // Profiles: those of the scope, the one that it names before it exists included.
    let mut change = open_profile("prof-a");
    change.as_object_mut().unwrap().remove("id");
    operator.put("/api/profiles/prof-a", change.clone()).await.expect(200);
    detail(&operator.put("/api/profiles/prof-b", change.clone()).await, 404, NOT_FOUND);
    detail(&operator.delete("/api/profiles/prof-b").await, 404, NOT_FOUND);
    operator.post("/api/profiles", open_profile("prof-new")).await.expect(201);
    detail(&operator.post("/api/profiles", open_profile("prof-other")).await, 403, FORBIDDEN);
    detail(&operator.post("/api/profiles", change.clone()).await, 403, FORBIDDEN);
    for (choice, status) in [("prof-new", 200), ("prof-b", 422), ("prof-z", 422)] {
        change["selectable_profiles"] = json!([choice]);
        assert_eq!(operator.put("/api/profiles/prof-a", change.clone()).await.status, status, "{choice}");
    }

    // EAB keys: good for no profile beyond the scope.
    let create = |profiles: Value| {
        let client = operator.clone();
        async move { client.post("/api/acme/eab-keys", json!({ "profiles": profiles })).await }
    };
    let own = create(json!(["prof-a"])).await.expect(201);
    for beyond in [json!([]), json!(["prof-b"]), json!(["prof-a", "prof-b"])] {
        detail(&create(beyond).await, 403, FORBIDDEN);
    }
    let mut foreign = Vec::new();
    for profiles in [json!([]), json!(["prof-b"]), json!(["prof-a", "prof-b"])] {
        let key = world.admin.post("/api/acme/eab-keys", json!({ "profiles": profiles })).await.expect(201);
        foreign.push(text(&key["id"]).to_owned());
    }
    assert_eq!(World::ids(&operator, "/api/acme/eab-keys").await, [text(&own["id"])]);
    for id in &foreign {
        let path = format!("/api/acme/eab-keys/{id}");
        detail(&operator.get(&path).await, 404, NOT_FOUND);
        detail(&operator.post(&format!("{path}/rotate"), json!({})).await, 404, NOT_FOUND);
        detail(&operator.post(&format!("{path}/revoke"), json!({})).await, 404, NOT_FOUND);
    }
    operator.post(&format!("/api/acme/eab-keys/{}/rotate", text(&own["id"])), json!({})).await.expect(200);
    operator.post(&format!("/api/acme/eab-keys/{}/revoke", text(&own["id"])), json!({})).await.expect(200);
    // Who sees more than they may change is told so.
    world
        .admin
        .post("/api/roles", json!({ "id": "revoker", "permissions": ["certificate.revoke"] }))
        .await
        .expect(201);
    let revoker = world.holder("revoker", &["prof-a"]).await;
    detail(
        &revoker.post(&format!("/api/certificates/{}/revoke", b[0]), json!({ "reason": "superseded" })).await,
        404,
        NOT_FOUND,
    );
}
