//! Users, what they are granted, and where they are signed in.

use end2end::browser::{Browser, location};
use end2end::idp::HostileIdp;
use end2end::{Engine, on_each_engine};
use serde_json::{Value, json};
use testkit::http::Response;

use super::world::{World, words};

on_each_engine!(
    roles_are_granted_and_taken_away,
    a_user_is_kept_out_and_let_in_again,
    what_must_not_be_granted_is_refused_beside_the_field,
    two_who_change_a_user_see_each_other,
    sessions_are_ended,
);

/// Signs somebody in through a provider whose mappings make an auditor of them; their user and their browser.
pub async fn with_a_person(world: &World) -> (String, Browser) {
    let idp = HostileIdp::start().await;
    let mappings = json!([{ "group": "platform-admins", "role": "auditor" }]);
    idp.register(&world.server, "idp", &json!({ "name": "The company", "group_mappings": mappings })).await;
    let browser = Browser::new();
    assert_eq!(location(&sign_in(world, &idp, &browser).await), "/");
    let user = world.only("/api/users?provider=idp").await;
    (user["id"].as_str().unwrap().to_owned(), browser)
}

/// Through the provider of the id `idp`; what the callback answers.
pub async fn sign_in(world: &World, idp: &HostileIdp, browser: &Browser) -> Response {
    let begin = location(&browser.get(&world.server, "/auth/oidc/idp/login?return_to=%2F").await);
    let back = idp.authorize(&begin);
    let back = back.splitn(4, '/').nth(3).unwrap();
    browser.get(&world.server, &format!("/{back}")).await
}

async fn grants(world: &World, user: &str) -> Value {
    world.api.get(&format!("/api/users/{user}")).await.expect(200)["grants"].clone()
}

async fn version(world: &World, user: &str) -> String {
    let etag = world.api.get(&format!("/api/users/{user}")).await.header("etag").unwrap().to_owned();
    etag.trim_matches(['"', 'v']).to_owned()
}

async fn roles_are_granted_and_taken_away(engine: Engine) {
    let world = World::new(engine).await;
    let (user, _) = with_a_person(&world).await;
    let list = words(&world.page("/users?provider=idp").await);
    assert!(list.contains("by the group"), "{list}");
    let page = format!("/users/{user}");
    let form = format!("{page}/grants");
    assert!(world.page(&page).await.contains(&format!("href=\"{form}\"")));

    let first = version(&world, &user).await;
    let fields = [
        ("version", &*first),
        ("role", "viewer"),
        ("profiles", ""),
        ("role", "agent"),
        ("profiles", " prof-test, prof-bound "),
        ("role", ""),
        ("profiles", ""),
    ];
    assert_eq!(location(&world.submit(&form, &fields).await), page);
    let within = json!(["prof-test", "prof-bound"]);
    let both = json!([{ "role": "viewer", "profiles": null }, { "role": "agent", "profiles": within }]);
    assert_eq!(grants(&world, &user).await, both);
    let told = words(&world.page(&page).await);
    assert!(told.contains("The roles are changed.") && told.contains("Granted here"), "{told}");

    // The form has what is stored, and one more row.
    let html = world.page(&form).await;
    assert_eq!(html.matches("name=\"role\"").count(), 3, "{html}");
    assert!(html.contains("value=\"prof-test prof-bound\""), "{html}");
    let second = version(&world, &user).await;
    let fields = [
        ("version", &*second),
        ("role", "viewer"),
        ("profiles", ""),
        ("remove", "0"),
        ("role", "agent"),
        ("profiles", "prof-test"),
    ];
    assert_eq!(location(&world.submit(&form, &fields).await), page);
    assert_eq!(grants(&world, &user).await, json!([{ "role": "agent", "profiles": ["prof-test"] }]));
}

async fn what_must_not_be_granted_is_refused_beside_the_field(engine: Engine) {
    let world = World::new(engine).await;
    let (user, _) = with_a_person(&world).await;
    let form = format!("/users/{user}/grants");
    let first = version(&world, &user).await;
    let row = [("version", &*first), ("role", ""), ("profiles", "prof test_x")];
    let answer = world.submit(&form, &row).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("id=\"field-grants-0-error\"") && answer.text().contains("choose a role"));
    assert!(answer.text().contains("value=\"prof test_x\""), "what was sent stays");

    // Nobody gives what they do not hold.
    let permissions = ["user.read", "user.edit", "role.read"];
    let role = json!({ "id": "helpdesk", "permissions": permissions });
    world.api.post("/api/roles", role).await.expect(201);
    let helpdesk = world.browser_of("helpdesk", &[]).await;
    let token = helpdesk.csrf_token(&world.server).await;
    let fields = [("version", &*first), ("role", "operator"), ("profiles", ""), ("csrf_token", &*token)];
    let answer = helpdesk.submit(&world.server, &form, &fields).await;
    assert_eq!(answer.status, 403);
    let html = answer.text();
    assert!(
        html.contains("id=\"field-grants-error\"")
            && html.contains("href=\"#field-grants\">Roles granted here<"),
        "{html}"
    );
    assert!(words(&html).contains("nobody can grant what they do not hold"), "{html}");
    assert_eq!(grants(&world, &user).await, json!([]));

    // Nor takes away the last administrator, here a user by their grant.
    let admin = [("version", &*first), ("role", "admin"), ("profiles", "")];
    assert_eq!(location(&world.submit(&form, &admin).await), format!("/users/{user}"));
    let keys = end2end::api::list(&world.api, "/api/api-keys").await;
    let me = world.admin.get(&world.server, "/api/auth/me").await.expect(200);
    let key = me["actor"].as_str().unwrap().strip_prefix("key:").unwrap().to_owned();
    assert_eq!(keys.iter().filter(|key| key["role"] == "admin").count(), 1);
    let link = String::from_utf8(world.server.command(["login-link"]).output().unwrap().stdout).unwrap();
    let token = link.trim().rsplit('/').next().unwrap().to_owned();
    let local = Browser::new();
    assert_eq!(local.submit(&world.server, "/auth/link", &[("token", &token)]).await.status, 303);
    let local_id = local.get(&world.server, "/api/auth/me").await.expect(200)["user"]["id"].clone();
    let delete = local.call(&world.server, http::Method::DELETE, &format!("/api/api-keys/{key}"), None).await;
    assert_eq!(delete.status, 204);
    let second = version_by(&local, &world, &user).await;
    let token = local.csrf_token(&world.server).await;
    let none = [("version", &*second), ("csrf_token", &*token)];
    assert_eq!(local.submit(&world.server, &form, &none).await.status, 303, "there is another one");
    let own = format!("/users/{}/grants", local_id.as_str().unwrap());
    let version = version_by(&local, &world, local_id.as_str().unwrap()).await;
    let none = [("version", &*version), ("csrf_token", &*token)];
    let answer = local.submit(&world.server, &own, &none).await;
    assert_eq!(answer.status, 409);
    let html = answer.text();
    assert!(html.contains("id=\"field-grants-error\""), "{html}");
    assert!(words(&html).contains("this would leave nobody who is an administrator"), "{html}");
}

async fn version_by(browser: &Browser, world: &World, user: &str) -> String {
    let answer = browser.get(&world.server, &format!("/api/users/{user}")).await;
    answer.header("etag").unwrap().trim_matches(['"', 'v']).to_owned()
}

async fn two_who_change_a_user_see_each_other(engine: Engine) {
    let world = World::new(engine).await;
    let (user, _) = with_a_person(&world).await;
    let form = format!("/users/{user}/grants");
    let first = version(&world, &user).await;
    let viewer = [("version", &*first), ("role", "viewer"), ("profiles", "prof-test")];
    assert_eq!(world.submit(&form, &viewer).await.status, 303);
    let operator = [("version", &*first), ("role", "operator"), ("profiles", "")];
    let answer = world.submit(&form, &operator).await;
    assert_eq!(answer.status, 412);
    let told = words(&answer.text());
    assert!(told.contains("Somebody has changed this") && told.contains("Save mine in its place"), "{told}");
    assert!(told.contains("Stored now Yours Roles viewer within prof-test operator"), "{told}");
    let second = version(&world, &user).await;
    assert!(answer.text().contains(&format!("name=\"version\" value=\"{second}\"")));
    let again = [("version", &*second), ("role", "operator"), ("profiles", "")];
    assert_eq!(world.submit(&form, &again).await.status, 303);
    assert_eq!(grants(&world, &user).await, json!([{ "role": "operator", "profiles": null }]));
}

async fn a_user_is_kept_out_and_let_in_again(engine: Engine) {
    let world = World::new(engine).await;
    let (user, person) = with_a_person(&world).await;
    let page = format!("/users/{user}");
    assert_eq!(person.get(&world.server, "/audit").await.status, 200);
    let html = world.page(&page).await;
    assert!(html.contains(&format!("{page}/deactivate")) && !html.contains("/reactivate"));
    let deactivate = format!("{page}/deactivate");
    assert_eq!(world.submit(&deactivate, &[("reason", "")]).await.status, 422);
    let answer = world.submit(&deactivate, &[("reason", "left the company")]).await;
    assert_eq!(location(&answer), page);
    assert!(location(&person.get(&world.server, "/audit").await).starts_with("/sign-in"));
    let html = world.page(&page).await;
    assert!(html.contains("/reactivate") && !html.contains("/deactivate"));
    let told = words(&html);
    assert!(told.contains("none of their roles is in force") && told.contains("Not signed in"), "{told}");
    let event = world.only("/api/audit-events?action=user.deactivated").await;
    assert_eq!(event["details"]["reason"], "left the company");
    let answer = world.submit(&format!("{page}/reactivate"), &[("reason", "is back")]).await;
    assert_eq!(location(&answer), page);
    assert!(words(&world.page(&page).await).contains("may sign in again"));
}

async fn sessions_are_ended(engine: Engine) {
    let world = World::new(engine).await;
    let (user, person) = with_a_person(&world).await;
    let signed_in = || async { person.get(&world.server, "/api/auth/me").await.status == 200 };
    let list = world.page(&format!("/sessions?user={user}")).await;
    let end = list.split("href=\"/sessions/ses-").nth(1).unwrap().split('"').next().unwrap();
    let end = format!("/sessions/ses-{end}");
    assert!(end.ends_with("/end"), "{end}");
    let asked = words(&world.page(&end).await);
    assert!(asked.contains("identity provider idp"), "{asked}");
    assert!(signed_in().await);
    assert_eq!(location(&world.submit(&end, &[]).await), "/sessions");
    assert!(!signed_in().await);
    assert!(words(&world.page("/sessions").await).contains("The session has ended."));
    assert_eq!(location(&world.submit(&end, &[]).await), "/sessions", "twice is no error");

    // All of a user, and all but one's own.
    let (one, other) = (world.browser_of("viewer", &[]).await, world.browser_of("auditor", &[]).await);
    let answer = world.submit(&format!("/users/{user}/end-sessions"), &[("reason", "to be sure")]).await;
    assert_eq!(location(&answer), format!("/users/{user}"));
    assert!(words(&world.page(&format!("/users/{user}")).await).contains("There was no session to end."));
    let answer = world.submit("/sessions/end-all", &[("reason", "an incident")]).await;
    assert_eq!(location(&answer), "/sessions");
    let told = words(&world.page("/sessions").await);
    assert!(told.contains("2 sessions have ended.") && told.contains("this one"), "{told}");
    for browser in [one, other] {
        assert_eq!(browser.get(&world.server, "/api/auth/me").await.status, 401);
    }
    let event = world.only("/api/audit-events?action=sessions.all_ended").await;
    assert_eq!((&event["details"]["count"], &event["details"]["reason"]), (&json!(2), &json!("an incident")));
    // Who may read them may not end them.
    let auditor = world.browser_of("auditor", &[]).await;
    let list = world.page_of(&auditor, "/sessions").await;
    assert!(!list.contains("/end"), "{list}");
    let token = auditor.csrf_token(&world.server).await;
    let fields = [("reason", "x"), ("csrf_token", &*token)];
    assert_eq!(auditor.submit(&world.server, "/sessions/end-all", &fields).await.status, 403);
}
