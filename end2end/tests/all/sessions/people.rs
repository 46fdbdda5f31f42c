use end2end::browser::Browser;
use end2end::{Engine, on_each_engine};
use http::{Method, Request};
use serde_json::{Value, json};
use testkit::http::Response;

use super::{Setup, is_signed_in, sign_in_by_link, text};

on_each_engine! {
    sessions_are_listed_and_revoked,
    users_are_granted_roles_and_kept_out,
}

const FORBIDDEN: &str = "urn:certctl:error:forbidden";

async fn sessions_are_listed_and_revoked(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (server, person, second) = (&setup.server, Browser::new(), Browser::new());
    let user = sign_in_by_link(&person, server).await;
    sign_in_by_link(&second, server).await;
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().expect("items").iter().map(|s| text(s, "id")).collect()
    };
    let all = setup.api.get("/api/sessions").await.expect(200);
    assert_eq!(ids(&all).len(), 3, "everybody's: {all}");
    let of_user = setup.api.get(&format!("/api/sessions?user={user}")).await.expect(200);
    assert_eq!(ids(&of_user), ids(&all)[..2], "newest first");
    for secret in ["csrf", "cookie", "sha256"] {
        assert!(!all.to_string().contains(secret), "{all}");
    }
    let current = person.get(server, "/api/sessions").await.expect(200);
    let current: Vec<_> =
        current["items"].as_array().expect("items").iter().filter(|s| s["current"] == true).collect();
    assert_eq!(current.len(), 1);
    assert_eq!(
        (&current[0]["client_ip"], &current[0]["user_agent"]),
        (&"127.0.0.1".into(), &"Mozilla/5.0 (a test)".into())
    );

    // Whoever may not read sessions sees their own, and may end those.
    set_grants(&setup, &user, json!([{ "role": "viewer" }])).await.expect(200);
    let own = person.get(server, "/api/sessions").await.expect(200);
    assert_eq!(ids(&own), ids(&of_user));
    person.get(server, &format!("/api/sessions?user={user}")).await.expect(200);
    let of_key = ids(&all)[2].clone();
    let others = person.call(server, Method::DELETE, &format!("/api/sessions/{of_key}"), None).await;
    others.expect_problem(403, FORBIDDEN);
    let unknown = person.call(server, Method::DELETE, "/api/sessions/ses-x", None).await;
    unknown.expect_problem(404, "urn:certctl:error:not-found");
    let of_second = text(&second.get(server, "/api/auth/me").await.expect(200)["session"], "id");
    let path = format!("/api/sessions/{of_second}");
    assert_eq!(person.call(server, Method::DELETE, &path, None).await.status, 204);
    assert!(!is_signed_in(&second, server).await);

    let revoke = json!({ "user_id": user, "reason": "a lost laptop" });
    let revoked = setup.api.post("/api/sessions/revoke", revoke.clone()).await.expect(200);
    assert_eq!(revoked["revoked"], 1);
    assert!(!is_signed_in(&person, server).await);
    assert!(is_signed_in(&setup.browser, server).await);
    let event = &setup.events("user.signed_out").await[0];
    assert_eq!((&event["resource_id"], &event["details"]["reason"]), (&user.into(), &"a lost laptop".into()));
    assert_eq!(setup.api.post("/api/sessions/revoke", revoke).await.expect(200)["revoked"], 0);
    let wrong = json!({ "user_id": "usr-00000000000000000000000000000000", "reason": "x" });
    assert!(setup.api.post("/api/sessions/revoke", wrong).await.status.is_client_error());

    // Nobody ends everybody's by leaving out whose.
    let nobody = setup.api.post("/api/sessions/revoke", json!({ "reason": "x" })).await;
    nobody.expect_problem(422, "urn:certctl:error:invalid");
    assert!(is_signed_in(&setup.browser, server).await);
    let all = json!({ "all": true, "reason": "an incident" });
    assert_eq!(setup.api.post("/api/sessions/revoke", all).await.expect(200)["revoked"], 1);
    assert!(!is_signed_in(&setup.browser, server).await);
}

async fn set_grants(setup: &Setup, user: &str, grants: Value) -> Response {
    setup.api.put(&format!("/api/users/{user}/grants"), json!({ "grants": grants })).await
}

async fn users_are_granted_roles_and_kept_out(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (server, person) = (&setup.server, Browser::new());
    let id = sign_in_by_link(&person, server).await;
    let path = format!("/api/users/{id}");
    let listed = setup.api.get("/api/users?provider=local").await.expect(200);
    assert_eq!(listed["items"][0]["id"], id.as_str());
    assert!(listed["items"][0]["last_sign_in_at"].is_string());
    assert_eq!(setup.api.get("/api/users?provider=other").await.expect(200)["items"], json!([]));
    let read = setup.api.get(&path).await;
    let etag = read.header("etag").expect("a version").to_owned();
    assert_eq!(read.expect(200)["grants"], json!([{ "role": "admin", "profiles": null }]));

    let put = |etag: &str, grants: Value| {
        let request = Request::put("/").header("content-type", "application/json").header("if-match", etag);
        let body = json!({ "grants": grants }).to_string();
        let client = setup.api.clone();
        let path = format!("{path}/grants");
        async move { client.send(&path, request.body(body.into()).unwrap()).await }
    };
    let granted =
        put(&etag, json!([{ "role": "operator" }, { "role": "agent", "profiles": ["prof-a"] }])).await;
    assert_eq!(granted.expect(200)["grants"][1], json!({ "role": "agent", "profiles": ["prof-a"] }));
    let stale = put(&etag, json!([])).await;
    stale.expect_problem(412, "urn:certctl:error:precondition-failed");
    let event = &setup.events("user.granted").await[0];
    assert_eq!(event["details"]["before"][0]["role"], "admin");
    for (grants, field) in [(json!([{ "role": "no-such" }]), "role"), (json!([{ "role": "" }]), "role")] {
        let refused = set_grants(&setup, &id, grants).await.expect_problem(422, "urn:certctl:error:invalid");
        assert_eq!(refused["errors"][0]["field"], field);
    }

    // Nobody can grant what they do not hold, nor see or change people without the permission.
    let role = json!({ "id": "helpdesk", "description": "Looks after people.", "permissions": ["user.read", "user.edit"] });
    setup.api.post("/api/roles", role).await.expect(201);
    set_grants(&setup, &id, json!([{ "role": "helpdesk" }])).await.expect(200);
    let own = format!("{path}/grants");
    let escalate = |grants: Value| person.call(server, Method::PUT, &own, Some(json!({ "grants": grants })));
    escalate(json!([{ "role": "helpdesk" }, { "role": "admin" }])).await.expect_problem(403, FORBIDDEN);
    escalate(json!([{ "role": "viewer" }])).await.expect_problem(403, FORBIDDEN);
    escalate(json!([{ "role": "helpdesk" }])).await.expect(200);
    person.get(server, "/api/audit-events").await.expect_problem(403, FORBIDDEN);

    let why = json!({ "reason": "left the company" });
    setup.api.post(&format!("{path}/deactivate"), why.clone()).await.expect(200);
    assert!(!is_signed_in(&person, server).await);
    let event = &setup.events("user.deactivated").await[0];
    assert_eq!(event["details"]["sessions_ended"].as_array().expect("a list").len(), 1);
    let off = setup.api.post(&format!("{path}/deactivate"), why.clone()).await.expect(200);
    assert_eq!((&off["active"], setup.events("user.deactivated").await.len()), (&json!(false), 1));
    setup
        .api
        .post(&format!("{path}/deactivate"), json!({ "reason": "" }))
        .await
        .expect_problem(422, "urn:certctl:error:invalid");
    let on = setup.api.post(&format!("{path}/reactivate"), why).await.expect(200);
    assert_eq!(on["active"], true);
    assert!(!is_signed_in(&person, server).await, "the old session stays ended");
    setup.api.get("/api/users/usr-x").await.expect_problem(404, "urn:certctl:error:not-found");
}
