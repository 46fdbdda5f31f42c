use end2end::browser::{Browser, SESSION_COOKIE};
use end2end::replicas::Replicas;
use futures::future::join_all;
use serde_json::json;

use super::{is_signed_in, sign_in_by_link};

/// What a session may do is decided by what is stored, so all replicas agree at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_change_at_once_on_every_replica() {
    let replicas = Replicas::start(2).await;
    let [a, b] = &replicas.servers[..] else { unreachable!("two were started") };
    let person = Browser::new();
    let id = sign_in_by_link(&person, a).await;
    for server in [a, b] {
        person.get(server, "/api/users").await.expect(200);
    }
    let grant = async |role: &str| {
        let body = json!({ "grants": [{ "role": role }] });
        a.api().put(&format!("/api/users/{id}/grants"), body).await.expect(200);
    };

    grant("viewer").await;
    let before = person.cookie(SESSION_COOKIE).expect("a cookie");
    let old = person.copy();
    person.get(b, "/api/users").await.expect_problem(403, "urn:certctl:error:forbidden");
    assert_ne!(person.cookie(SESSION_COOKIE), Some(before), "other rights, another id");
    person.get(a, "/api/users").await.expect_problem(403, "urn:certctl:error:forbidden");
    assert!(is_signed_in(&person, a).await && is_signed_in(&person, b).await);
    assert!(!is_signed_in(&old, a).await, "the old id is worth nothing");

    // Of requests at the same time one changes the cookie; the others must not take it away.
    grant("admin").await;
    let requests = (0..8).map(|i| {
        let server = if i % 2 == 0 { a } else { b };
        person.get(server, "/api/users")
    });
    let statuses: Vec<u16> = join_all(requests).await.iter().map(|answer| answer.status.as_u16()).collect();
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(is_signed_in(&person, a).await && is_signed_in(&person, b).await, "{statuses:?}");

    // An own role that changes, and its loss.
    let role = json!({ "id": "people", "description": "Sees people.", "permissions": ["user.read"] });
    a.api().post("/api/roles", role).await.expect(201);
    grant("people").await;
    person.get(b, "/api/users").await.expect(200);
    let other = json!({ "description": "Sees roles.", "permissions": ["role.read"] });
    a.api().put("/api/roles/people", other).await.expect(200);
    person.get(b, "/api/users").await.expect_problem(403, "urn:certctl:error:forbidden");

    // Signed out at one, out at both.
    let token = person.csrf_token(b).await;
    let stolen = person.copy();
    assert_eq!(person.submit(b, "/auth/logout", &[("csrf_token", &token)]).await.status, 303);
    assert!(!is_signed_in(&stolen, a).await && !is_signed_in(&stolen, b).await);

    sign_in_by_link(&person, b).await;
    let body = json!({ "reason": "a test" });
    a.api().post(&format!("/api/users/{id}/deactivate"), body).await.expect(200);
    assert!(!is_signed_in(&person, a).await && !is_signed_in(&person, b).await, "deactivated at both");
}
