//! Roles: the matrix of permissions, and the administrators' own roles.

use end2end::browser::location;
use end2end::{Engine, on_each_engine};
use serde_json::json;

use super::world::{World, words};

on_each_engine!(
    a_role_is_made_changed_and_deleted,
    nobody_makes_a_role_of_what_they_do_not_hold,
    the_matrix_says_which_role_allows_what,
);

async fn the_matrix_says_which_role_allows_what(engine: Engine) {
    let world = World::new(engine).await;
    let html = world.page("/roles").await;
    let page = words(&html);
    for (permission, meaning, held) in [
        ("audit.export", "download the audit trail", "admin, auditor"),
        ("certificate.issue", "issue a certificate from a CSR, without ACME", "admin, agent"),
        ("role.edit", "create, change and delete own roles", "admin"),
    ] {
        assert!(page.contains(&format!("{permission} {meaning} Held by {held}")), "{permission}: {page}");
        let row = html.split(&format!("<code>{permission}")).nth(1).unwrap().split("</tr>").next().unwrap();
        assert_eq!(row.matches("class=\"yes\"").count(), held.split(", ").count(), "{row}");
        assert_eq!(row.matches("class=\"yes\"").count() + row.matches("class=\"no\"").count(), 5);
    }
    // More roles than fit stand on further pages, and each page stays light.
    for number in 0..10 {
        let role = json!({ "id": format!("own-{number:02}"), "permissions": ["certificate.read"] });
        world.api.post("/api/roles", role).await.expect(201);
    }
    let first = world.page("/roles").await;
    assert!(first.contains("More roles") && !first.contains("viewer</a>"));
    let next = first.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap();
    let next = next.split('"').next().unwrap().to_owned();
    let second = world.page(&next).await;
    assert!(words(&second).contains("certificate.read") && second.contains("/roles/viewer"), "{second}");
    assert_eq!(world.admin.get(&world.server, "/roles?cursor=%3C").await.status, 404);
}

async fn a_role_is_made_changed_and_deleted(engine: Engine) {
    let world = World::new(engine).await;
    assert!(world.page("/roles").await.contains("href=\"/roles/new\""));
    let fields = [
        ("id", "revoker"),
        ("description", "Revokes in an incident."),
        ("permissions", "certificate.read"),
        ("permissions", "certificate.revoke"),
    ];
    assert_eq!(location(&world.submit("/roles/new", &fields).await), "/roles/revoker");
    let told = words(&world.page("/roles/revoker").await);
    assert!(told.contains("Nobody holds it yet.") && told.contains("Revokes in an incident."), "{told}");
    let refused = world.submit("/roles/new", &fields).await;
    assert_eq!(refused.status, 422);
    let html = refused.text();
    assert!(html.contains("id=\"field-id-error\"") && words(&html).contains("exists already"), "{html}");
    assert_eq!(html.matches("checked").count(), 2, "what was chosen stays: {html}");

    // Two who change it see each other.
    let edit = "/roles/revoker/edit";
    let change = |permission| [("version", "1"), ("description", "Revokes."), ("permissions", permission)];
    assert_eq!(location(&world.submit(edit, &change("certificate.revoke")).await), "/roles/revoker");
    let lost = world.submit(edit, &change("certificate.renew")).await;
    assert_eq!(lost.status, 412);
    let told = words(&lost.text());
    assert!(told.contains("Permissions certificate.revoke certificate.renew"), "{told}");
    assert!(!told.contains("Description Revokes. Revokes."), "what is equal is no difference: {told}");
    assert!(lost.text().contains("name=\"version\" value=\"2\""));
    let stored = world.api.get("/api/roles/revoker").await.expect(200);
    assert_eq!(stored["permissions"], json!(["certificate.revoke"]));

    // Who holds it keeps it from being deleted.
    let key = json!({ "name": "an incident", "role": "revoker", "profiles": ["prof-test"] });
    let key = world.api.post("/api/api-keys", key).await.expect(201);
    let page = words(&world.page("/roles/revoker").await);
    assert!(page.contains("API keys an incident within prof-test"), "{page}");
    let delete = "/roles/revoker/delete";
    assert!(words(&world.page(delete).await).contains("Somebody holds it"));
    let refused = world.submit(delete, &[]).await;
    assert_eq!(refused.status, 409);
    assert!(words(&refused.text()).contains("The role revoker is in use"), "{}", refused.text());
    world.api.delete(&format!("/api/api-keys/{}", key["id"].as_str().unwrap())).await;
    assert_eq!(location(&world.submit(delete, &[]).await), "/roles");
    assert_eq!(world.admin.get(&world.server, "/roles/revoker").await.status, 404);

    // Built-in ones are there to be read.
    let admin = world.page("/roles/admin").await;
    assert!(!admin.contains("/roles/admin/") && words(&admin).contains("nobody can change it"), "{admin}");
    assert_eq!(world.admin.get(&world.server, "/roles/admin/edit").await.status, 403);
    let fields = [("version", "1"), ("permissions", "audit.read")];
    assert_eq!(world.submit("/roles/viewer/edit", &fields).await.status, 409);
}

async fn nobody_makes_a_role_of_what_they_do_not_hold(engine: Engine) {
    let world = World::new(engine).await;
    let role = json!({ "id": "roles", "permissions": ["role.read", "role.edit", "certificate.read"] });
    world.api.post("/api/roles", role).await.expect(201);
    let browser = world.browser_of("roles", &[]).await;
    let form = world.page_of(&browser, "/roles/new").await;
    assert!(words(&form).contains("download the audit trail. You do not hold it yourself."), "{form}");
    let token = browser.csrf_token(&world.server).await;
    let fields = [("id", "more"), ("permissions", "audit.export"), ("csrf_token", &*token)];
    let refused = browser.submit(&world.server, "/roles/new", &fields).await;
    assert_eq!(refused.status, 403);
    let html = refused.text();
    assert!(html.contains("id=\"field-permissions-error\""), "{html}");
    assert!(words(&html).contains("you do not hold audit.export"), "{html}");
    let wrong = [("id", "more"), ("permissions", "audit.fly"), ("csrf_token", &*token)];
    assert_eq!(browser.submit(&world.server, "/roles/new", &wrong).await.status, 422);
    assert_eq!(world.api.get("/api/roles/more").await.status, 404);
}
