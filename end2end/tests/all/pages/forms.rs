//! What every form does, shown by one: the suspension of an ACME account.

use end2end::browser::{Visit, location};
use end2end::{Engine, on_each_engine};

use super::world::{World, words};

on_each_engine!(a_form_leads_on_and_says_what_it_did, a_form_that_is_refused_keeps_its_input);

async fn a_form_leads_on_and_says_what_it_did(engine: Engine) {
    let world = World::new(engine).await;
    let account = format!("/acme-accounts/{}", world.account_id());
    let suspend = format!("{account}/suspend");
    assert!(world.page(&account).await.contains(&format!("href=\"{suspend}\"")));
    assert!(words(&world.page(&suspend).await).contains("Every request of this account is refused"));

    let answer = world.submit(&suspend, &[("reason", "a test & its <reason>")]).await;
    assert_eq!(location(&answer), account);
    let told = words(&world.page(&account).await);
    assert!(told.contains("The account is suspended.") && told.contains("Resume"), "{told}");
    assert!(!words(&world.page(&account).await).contains("The account is suspended."), "it is said once");
    let api = format!("/api/acme/accounts/{}", world.account_id());
    assert_eq!(world.api.get(&api).await.expect(200)["status"], "suspended");
    let event = world.only("/api/audit-events?action=account.suspended").await;
    assert_eq!(event["details"]["reason"], "a test & its <reason>");

    // In another session the cookie says nothing.
    let answer = world.submit(&format!("{account}/resume"), &[("reason", "it was a test")]).await;
    assert_eq!(location(&answer), account);
    let other = world.browser_of("viewer", &[]).await;
    other.set_cookie(DONE, &world.admin.cookie(DONE).unwrap());
    assert!(!words(&world.page_of(&other, &account).await).contains("may order again"));
    assert!(words(&world.page(&account).await).contains("may order again"));
    assert!(world.admin.cookie(DONE).is_none());
}

async fn a_form_that_is_refused_keeps_its_input(engine: Engine) {
    let world = World::new(engine).await;
    let suspend = format!("/acme-accounts/{}/suspend", world.account_id());
    let long = "x".repeat(501);
    let answer = world.submit(&suspend, &[("reason", &long)]).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let html = answer.text();
    assert!(
        html.contains("Nothing was changed yet.") && html.contains("href=\"#field-reason\">Reason<"),
        "{html}"
    );
    assert!(html.contains(&format!("value=\"{long}\"")), "what was sent stays");
    assert!(html.contains("aria-invalid=\"true\"") && html.contains("1 to 500 characters are allowed"));

    // Without the token, from elsewhere, by nobody, and by those who may not.
    let stale = [("reason", "kept"), ("csrf_token", "stale")];
    let answer = world.admin.submit(&world.server, &suspend, &stale).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("value=\"kept\""), "it was our own page");
    let token = world.admin.csrf_token(&world.server).await;
    let fields = [("reason", "evil"), ("csrf_token", &*token)];
    let foreign = Visit::form(&world.server, &suspend, &fields).with("sec-fetch-site", Some("cross-site"));
    let answer = world.admin.send(&world.server, foreign).await;
    assert_eq!(answer.status, 403);
    assert!(!answer.text().contains("evil"), "nothing of another site's is shown");
    let nobody = end2end::browser::Browser::new();
    let answer = nobody.submit(&world.server, &suspend, &fields).await;
    assert!(location(&answer).starts_with("/sign-in?return_to="), "{}", location(&answer));
    let viewer = world.browser_of("viewer", &[]).await;
    let account = format!("/acme-accounts/{}", world.account_id());
    assert!(!world.page_of(&viewer, &account).await.contains(&suspend), "no way to what they may not do");
    let token = viewer.csrf_token(&world.server).await;
    let fields = [("reason", "I should like to"), ("csrf_token", &*token)];
    let answer = viewer.submit(&world.server, &suspend, &fields).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    let api = format!("/api/acme/accounts/{}", world.account_id());
    assert_eq!(world.api.get(&api).await.expect(200)["status"], "valid");
}

const DONE: &str = "__Host-certctl_done";
