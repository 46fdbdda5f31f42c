//! Identity providers: from the form that makes one to the people who come in through it; and break-glass.

use std::io::Write as _;
use std::process::Stdio;

use end2end::browser::{Visit, location};
use end2end::idp::real::Options;
use end2end::idp::{HostileIdp, RealIdp};
use end2end::{Engine, on_each_engine};
use serde_json::json;

use super::world::{World, words};
use crate::oidc::person::Person;

on_each_engine!(
    a_provider_is_set_up_in_the_pages_and_people_come_in,
    what_is_wrong_with_a_provider_stands_beside_its_field,
    the_test_asks_only_when_our_own_page_does,
    break_glass_says_who_has_a_password,
);

async fn a_provider_is_set_up_in_the_pages_and_people_come_in(engine: Engine) {
    let world = World::new(engine).await;
    let idp = RealIdp::start(&world.server, "company", &Options::default()).await;
    let written = idp.as_provider(&json!({}));
    let text = |field: &str| written[field].as_str().unwrap().to_owned();
    let (issuer, client, secret) = (text("issuer"), text("client_id"), text("client_secret"));
    let ca = text("ca_certificates").replace('\n', "\r\n");
    let settings = [
        ("name", "Company account"),
        ("issuer", &*issuer),
        ("client_id", &*client),
        ("scopes", "profile, email groups"),
        ("groups_claim", "groups"),
        ("ca_certificates", &*ca),
    ];
    let with = |more: &[(&'static str, &'static str)]| {
        settings.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>()
    };
    let mut create = with(&[("id", "company"), ("enabled", "true")]);
    create.push(("client_secret", &secret));
    let page = "/providers/company";
    assert_eq!(location(&world.submit("/providers/new", &create).await), page);
    let html = world.page(page).await;
    let told = words(&html);
    let callback = format!("{}/auth/oidc/company/callback", world.server.external_url());
    assert!(told.contains(&callback) && told.contains("No group has a role"), "{told}");
    assert!(!html.contains(&secret));

    // Its groups become roles.
    let mappings = format!("{page}/mappings");
    let rows = [
        ("version", "1"),
        ("group", "platform-admins"),
        ("role", "admin"),
        ("profiles", ""),
        ("group", "auditors"),
        ("role", "viewer"),
        ("profiles", "prof-test"),
        ("group", ""),
        ("role", ""),
        ("profiles", ""),
    ];
    assert_eq!(location(&world.submit(&mappings, &rows).await), page);
    let stored = world.api.get("/api/oidc/providers/company").await.expect(200);
    assert_eq!(
        stored["group_mappings"][1],
        json!({ "group": "auditors", "role": "viewer", "profiles": ["prof-test"] })
    );
    let lost = world.submit(&mappings, &rows[..4]).await;
    assert_eq!(lost.status, 412);
    assert!(words(&lost.text()).contains("auditors: viewer within prof-test"), "{}", lost.text());
    let wrong = [("version", "2"), ("group", ""), ("role", "admin"), ("profiles", "")];
    let refused = world.submit(&mappings, &wrong).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("id=\"field-group_mappings-0-error\""), "{}", refused.text());

    // The test says that all is well, and people come in.
    let test = format!("{page}/test");
    assert!(!words(&world.page(&test).await).contains("Nothing is wrong"));
    let report = world.submit(&test, &[]).await;
    assert_eq!(report.status, 200);
    let told = words(&report.text());
    assert!(told.contains("Nothing is wrong.") && told.contains("discovery right"), "{told}");
    let alice = Person::new("alice");
    alice.sign_in(&world.server, &idp).await;
    let list = words(&world.page("/users?provider=company").await);
    assert!(
        list.contains("Alice Admin alice@example.test active admin by the group platform-admins"),
        "{list}"
    );

    // An empty secret is the one that is stored.
    let edit = with(&[("version", "2"), ("client_secret", ""), ("allowed_email_domains", "example.test")]);
    assert_eq!(location(&world.submit(&format!("{page}/edit"), &edit).await), page);
    let form = world.page(&format!("{page}/edit")).await;
    assert!(form.contains("value=\"example.test\"") && !form.contains(&secret), "{form}");
    let other = edit.iter().map(|(name, value)| match *name {
        "issuer" => ("issuer", "https://127.0.0.1:1"),
        "version" => ("version", "3"),
        _ => (*name, *value),
    });
    let refused = world.submit(&format!("{page}/edit"), &other.collect::<Vec<_>>()).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("id=\"field-issuer-error\""), "{}", refused.text());
    let again = Person::new("alice");
    assert_eq!(location(&again.sign_in(&world.server, &idp).await), "/account", "the secret is still good");

    // Disabled, enabled, deleted.
    let signed_in = || async { again.here.get(&world.server, "/api/auth/me").await.status == 200 };
    assert!(signed_in().await);
    assert_eq!(location(&world.submit(&format!("{page}/disable"), &[]).await), page);
    assert!(!signed_in().await);
    assert_eq!(location(&world.submit(&format!("{page}/enable"), &[]).await), page);
    let asked = words(&world.page(&format!("{page}/delete")).await);
    assert!(asked.contains("Its users stay in the list of users"), "{asked}");
    assert_eq!(location(&world.submit(&format!("{page}/delete"), &[]).await), "/providers");
    assert!(words(&world.page("/providers").await).contains("The provider company is deleted."));
    let list = words(&world.page("/users").await);
    assert!(list.contains("Alice Admin alice@example.test provider gone"), "{list}");
}

async fn what_is_wrong_with_a_provider_stands_beside_its_field(engine: Engine) {
    let world = World::new(engine).await;
    let fields = [
        ("id", "Company"),
        ("name", "Company"),
        ("issuer", "https://idp.example.test"),
        ("client_id", "c"),
        ("groups_claim", "groups"),
    ];
    let refused = world.submit("/providers/new", &fields).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("id=\"field-id-error\""), "{}", refused.text());
    let fields = [
        ("id", "company"),
        ("name", ""),
        ("issuer", "http://idp.example.test"),
        ("client_id", ""),
        ("groups_claim", ""),
        ("client_secret", "hush-hush-hush"),
        ("allowed_email_domains", "@example.com"),
        ("ca_certificates", "no certificate"),
    ];
    let refused = world.submit("/providers/new", &fields).await;
    assert_eq!(refused.status, 422);
    let html = refused.text();
    for field in ["name", "issuer", "client_id", "groups_claim", "allowed_email_domains", "ca_certificates"] {
        assert!(html.contains(&format!("id=\"field-{field}-error\"")), "{field}: {html}");
    }
    assert!(html.contains("http://idp.example.test") && !html.contains("hush-hush-hush"), "{html}");
    assert_eq!(world.api.get("/api/oidc/providers/company").await.status, 404);
}

async fn the_test_asks_only_when_our_own_page_does(engine: Engine) {
    let world = World::new(engine).await;
    let idp = HostileIdp::start().await;
    idp.register(&world.server, "idp", &json!({ "groups_claim": "roles" })).await;
    let asked = || idp.asked("/.well-known/openid-configuration");
    let path = "/providers/idp/test";
    world.page(path).await;
    let forged = world.admin.submit(&world.server, path, &[("csrf_token", "x")]).await;
    assert_eq!(forged.status, 403);
    let token = world.admin.csrf_token(&world.server).await;
    let foreign = Visit::form(&world.server, path, &[("csrf_token", &token)]);
    let foreign = world.admin.send(&world.server, foreign.with("sec-fetch-site", Some("cross-site"))).await;
    assert_eq!(foreign.status, 403);
    let auditor = world.browser_of("auditor", &[]).await;
    let token = auditor.csrf_token(&world.server).await;
    assert_eq!(auditor.submit(&world.server, path, &[("csrf_token", &token)]).await.status, 403);
    assert_eq!(asked(), 0);
    // What the provider says of itself is anybody's text.
    idp.set(|b| b.metadata = std::sync::Arc::new(|m| m["issuer"] = "https://<img src=x>".into()));
    let report = world.submit(path, &[]).await;
    assert_eq!((report.status.as_u16(), asked()), (200, 1));
    let html = report.text();
    assert!(words(&html).contains("One thing is wrong.") && !html.contains("<img"), "{html}");
}

async fn break_glass_says_who_has_a_password(engine: Engine) {
    let world = World::new(engine).await;
    let page = words(&world.page("/break-glass").await);
    assert!(page.contains("disabled") && page.contains("Nobody has a password."), "{page}");
    assert!(page.contains("certctl break-glass set-password"), "{page}");
    let mut command = world.server.command(["break-glass", "set-password", "--name", "eve"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"a long enough password").unwrap();
    assert!(child.wait().unwrap().success());
    let page = words(&world.page("/break-glass").await);
    assert!(page.contains("eve") && page.contains("never"), "{page}");
    let viewer = world.browser_of("viewer", &[]).await;
    assert_eq!(viewer.get(&world.server, "/break-glass").await.status, 403);
}
