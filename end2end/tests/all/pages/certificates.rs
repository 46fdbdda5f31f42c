//! What is done to single certificates.

use end2end::browser::{Browser, location};
use end2end::{Engine, on_each_engine};
use serde_json::Value;

use super::world::{World, words};

on_each_engine!(a_certificate_is_revoked_once, a_certificate_is_to_be_renewed_until_it_is_not);

async fn a_certificate_is_revoked_once(engine: Engine) {
    let world = World::new(engine).await;
    let c = world.only("/api/certificates?name=a.test").await;
    let path = path(&c);
    let revoke = format!("{path}/revoke");
    assert!(world.page(&path).await.contains(&format!("href=\"{revoke}\"")));
    let page = words(&world.page(&revoke).await);
    for reason in REASONS {
        assert!(page.contains(reason), "{reason}: {page}");
    }
    assert!(page.contains("This cannot be taken back.") && page.contains("until it expires, in 89 days"));

    // Refused: nothing was chosen, and then more than can be kept.
    let long = "x".repeat(501);
    for (fields, wrong) in [
        (&[("comment", "the laptop is gone")][..], "choose one"),
        (&[("reason", "certificateHold"), ("comment", "the laptop is gone")], "`certificateHold` is none of"),
        (&[("reason", "keyCompromise"), ("comment", &long)], "at most 500 characters"),
    ] {
        let answer = world.submit(&revoke, fields).await;
        assert_eq!(answer.status, 422);
        let (page, kept) = (answer.text(), fields.last().unwrap().1);
        assert!(words(&page).contains(wrong) && page.contains(&format!("value=\"{kept}\"")), "{page}");
    }

    let fields = [("reason", "keyCompromise"), ("comment", "the laptop is gone")];
    let answer = world.submit(&revoke, &fields).await;
    assert_eq!(location(&answer), path);
    let page = world.page(&path).await;
    assert!(words(&page).contains("The certificate is revoked.") && words(&page).contains("keyCompromise"));
    assert!(!page.contains(&revoke) && !page.contains("/renew-now"), "nothing is left to do");
    let event = world.only("/api/audit-events?action=certificate.revoked").await;
    assert_eq!(event["details"]["reason"], "keyCompromise");
    assert_eq!(event["details"]["comment"], "the laptop is gone");

    // Once is enough.
    assert!(words(&world.page(&revoke).await).contains("It is revoked already: keyCompromise"));
    let answer = world.submit(&revoke, &[("reason", "superseded")]).await;
    assert_eq!(answer.status, 409);
    assert!(words(&answer.text()).contains("is revoked already"));
    let answer = world.submit(&format!("{path}/renew-now"), &[("reason", "too late")]).await;
    assert_eq!(answer.status, 409);
    assert!(words(&answer.text()).contains("is revoked and cannot be renewed"));
}

async fn a_certificate_is_to_be_renewed_until_it_is_not(engine: Engine) {
    let world = World::new(engine).await;
    let c = world.only("/api/certificates?name=a.test").await;
    let path = path(&c);
    let (demand, cancel) = (format!("{path}/renew-now"), format!("{path}/renew-now/cancel"));
    let wrong = [("reason", "weak keys"), ("explanation_url", "http://example.com")];
    let answer = world.submit(&demand, &wrong).await;
    assert_eq!(answer.status, 422);
    assert!(words(&answer.text()).contains("an https URL"), "{}", answer.text());

    let fields = [("reason", "weak keys"), ("explanation_url", "https://example.com/why")];
    assert_eq!(location(&world.submit(&demand, &fields).await), path);
    let page = words(&world.page(&path).await);
    assert!(page.contains("To be renewed at once weak keys") && page.contains("Renew as usual"), "{page}");
    let event = world.only("/api/audit-events?action=certificate.renewal_demanded").await;
    assert_eq!((&event["resource_id"], &event["details"]["reason"]), (&c["id"], &"weak keys".into()));
    assert!(words(&world.page(&cancel).await).contains("weak keys"));
    assert_eq!(location(&world.submit(&cancel, &[]).await), path);
    assert!(!words(&world.page(&path).await).contains("To be renewed at once"));
    assert_eq!(world.submit(&cancel, &[]).await.status, 409, "there is nothing to take back");

    // Within profiles: what lies outside cannot be told from what does not exist.
    world.bind_an_account("a cluster").await;
    let scoped = world.browser_of("operator", &["prof-bound"]).await;
    let own = self::path(&world.only("/api/certificates?name=bound.test").await);
    assert_eq!(submit(&world, &scoped, &format!("{own}/renew-now"), &fields).await, 303);
    for form in [&demand, &cancel, &format!("{path}/revoke")] {
        assert_eq!(scoped.get(&world.server, form).await.status, 404);
        assert_eq!(submit(&world, &scoped, form, &[("reason", "superseded")]).await, 404);
    }
    // Who may only look has no way there, and is refused.
    let viewer = world.browser_of("viewer", &[]).await;
    let page = world.page_of(&viewer, &path).await;
    assert!(!page.contains("/renew-now") && !page.contains("/revoke"));
    assert_eq!(submit(&world, &viewer, &demand, &fields).await, 403);
    assert_eq!(submit(&world, &viewer, &format!("{path}/revoke"), &[("reason", "superseded")]).await, 403);
}

/// Those that can be given and not taken back (RFC 5280 §5.3.1).
const REASONS: [&str; 6] = [
    "unspecified",
    "keyCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
];

fn path(certificate: &Value) -> String {
    format!("/certificates/{}", certificate["id"].as_str().unwrap())
}

/// The status that a browser gets for a form with these fields.
async fn submit(world: &World, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> u16 {
    let token = browser.csrf_token(&world.server).await;
    let fields: Vec<_> = fields.iter().copied().chain([("csrf_token", &*token)]).collect();
    browser.submit(&world.server, path, &fields).await.status.as_u16()
}
