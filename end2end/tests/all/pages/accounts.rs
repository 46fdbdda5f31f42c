//! What is said of an ACME account that may do nothing, and of what it asks for all the same.

use end2end::challenge::{self, with_challenge_profile};
use end2end::{Engine, on_each_engine};
use serde_json::json;
use testkit::acme::RawAcme;

use super::world::{World, words};

on_each_engine!(a_suspended_account_says_why_and_what_it_asked_for);

async fn a_suspended_account_says_why_and_what_it_asked_for(engine: Engine) {
    let world = World::new(engine).await;
    with_challenge_profile(&world.server, json!({})).await;
    let acme = RawAcme::new(world.server.client(), &world.server.directory_url(challenge::PROFILE)).await;
    let open = acme.order(world.signer(), &["dns:waits.test"]).await;
    let open = open.header("location").unwrap().rsplit('/').next().unwrap().to_owned();
    let account = format!("/acme-accounts/{}", world.account_id());
    assert!(!world.page(&account).await.contains("id=\"why\""));
    let reason = [("reason", "it asks for too much")];
    assert_eq!(world.submit(&format!("{account}/suspend"), &reason).await.status, 303);
    world.page(&account).await;
    let page = words(&world.page(&account).await);
    assert!(page.contains("It was suspended by key:"), "{page}");
    assert!(page.contains("it asks for too much") && !page.contains("What it has asked for since"), "{page}");

    // The client is told, and so is whoever looks after it.
    let refused = world.acme.order(world.signer(), &["dns:next.test", "dns:*.next.test"]).await;
    let problem = refused.expect_problem(401, "unauthorized");
    assert!(problem["detail"].as_str().unwrap().contains("suspended by the administrator"), "{problem}");
    let event = world.only("/api/audit-events?action=account.refused").await;
    let html = world.page(&account).await;
    let page = words(&html);
    for part in [
        "What it has asked for since",
        "/acme/profile/prof-test/new-order",
        "Resume it when the cause is gone",
    ] {
        assert!(page.contains(part), "no {part}: {page}");
    }
    assert!(html.contains(&format!("href=\"/audit/{}\"", event["id"].as_str().unwrap())), "{html}");
    let page = words(&world.page(&format!("/orders/{open}")).await);
    assert!(page.contains("The order waits because its account is suspended."), "{page}");
    assert!(page.contains("Resume the account if its client may go on"), "{page}");

    let reason = [("reason", "it was mended")];
    assert_eq!(world.submit(&format!("{account}/resume"), &reason).await.status, 303);
    assert!(!world.page(&account).await.contains("id=\"why\""));
    world.acme.order(world.signer(), &["dns:next.test"]).await.expect(201);
    let reason = [("reason", "it is gone")];
    assert_eq!(world.submit(&format!("{account}/deactivate"), &reason).await.status, 303);
    let page = words(&world.page(&account).await);
    assert!(page.contains("It was deactivated by key:"), "{page}");
    assert!(
        !page.contains("What it has asked for since"),
        "what it was refused before is another story: {page}"
    );
}
