//! Providers that are down, slow or odd, and clocks that differ.

use std::sync::Arc;
use std::time::{Duration, Instant};

use end2end::browser::location;
use end2end::idp::hostile::Failure;
use serde_json::json;

use super::{World, events, roles, who};

#[tokio::test]
async fn clock_90_seconds_off() {
    for clock in [-90, 90] {
        let world = World::new().await;
        world.idp.set(|b| b.clock = clock);
        assert_eq!(location(&world.sign_in().await), "/account", "{clock}");
    }
}

#[tokio::test]
async fn clock_150_seconds_off() {
    let world = World::new().await;
    world.idp.set(|b| b.clock = 150);
    world.must_refuse("provider-refused", "clocks").await;
    // Behind, and with tokens that live for no time.
    world.idp.set(|b| {
        b.clock = -150;
        b.claims = Arc::new(|claims| claims["exp"] = claims["iat"].clone());
    });
    world.must_refuse("provider-refused", "Expired").await;
}

#[tokio::test]
async fn idp_down() {
    let world = World::new().await;
    let closed = format!("https://localhost:{}", testkit::process::free_port());
    world.idp.register(&world.server, "down", &json!({ "issuer": closed })).await;
    let answer = world.browser.get(&world.server, "/auth/oidc/down/login").await;
    world.was_refused(&answer, "provider-unavailable").await;
    // The other provider is not affected.
    assert_eq!(location(&world.sign_in().await), "/account");
}

#[tokio::test]
async fn idp_slow() {
    let world = World::new().await;
    world.idp.fail("/token", Failure::Slow);
    let started = Instant::now();
    world.must_refuse("provider-unavailable", "did not answer").await;
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[tokio::test]
async fn idp_answers_garbage() {
    let world = World::new().await;
    world.idp.fail("/.well-known/openid-configuration", Failure::Garbage);
    let answer = world.browser.get(&world.server, "/auth/oidc/idp/login").await;
    world.was_refused(&answer, "provider-unavailable").await;

    let world = World::new().await;
    world.idp.fail("/token", Failure::Garbage);
    world.must_refuse("provider-refused", "not understood").await;
    world.idp.fail("/token", Failure::Status(500));
    world.must_refuse("provider-refused", "told_so").await;
    world.idp.fail("/jwks", Failure::Garbage);
    world.must_refuse("provider-unavailable", "not JSON").await;
    world.idp.fail("/jwks", Failure::Status(302));
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.must_refuse("provider-unavailable", "302").await;
}

#[tokio::test]
async fn idp_answers_10_mb() {
    let world = World::new().await;
    for endpoint in ["/token", "/jwks"] {
        world.idp.fail(endpoint, Failure::Huge);
        world.must_refuse("provider-unavailable", "larger than 1024 KiB").await;
    }
}

#[tokio::test]
async fn groups_absent_null_or_empty_are_no_groups() {
    for groups in [json!(null), json!([])] {
        let world = World::new().await;
        let shown = groups.clone();
        world.idp.set(|b| b.claims = Arc::new(move |claims| claims["groups"] = groups.clone()));
        world.must_refuse("no-role", "alice").await;
        assert_eq!(world.idp.asked("/userinfo"), usize::from(shown.is_null()), "asked for what is not there");
        let event = &events(&world.server, "session.refused").await[0];
        assert_eq!(event["details"]["groups"], json!([]));
        assert_eq!(events(&world.server, "user.created").await.len(), 0, "no role, no entry");
    }
}

#[tokio::test]
async fn a_string_is_one_group_and_userinfo_is_asked_when_there_is_none() {
    let world = World::new().await;
    world.idp.set(|b| b.claims = Arc::new(|claims| claims["groups"] = "auditors".into()));
    world.sign_in().await;
    assert_eq!(roles(&world.browser, &world.server).await, ["auditor"]);
    world.idp.set(|b| {
        b.claims = Arc::new(|claims| drop(claims.as_object_mut().unwrap().remove("groups")));
        b.userinfo = Arc::new(|claims| claims["groups"] = json!(["auditors", "platform-admins"]));
    });
    world.sign_in().await;
    assert_eq!(
        roles(&world.browser, &world.server).await,
        ["admin", "auditor"],
        "in the order of the mappings"
    );
}

#[tokio::test]
async fn too_many_groups_for_the_token_are_explained() {
    let world = World::new().await;
    world.idp.set(|b| {
        b.claims = Arc::new(|claims| {
            claims.as_object_mut().unwrap().remove("groups");
            claims["_claim_names"] = json!({ "groups": "src1" });
            claims["_claim_sources"] = json!({ "src1": { "endpoint": "https://graph.example.com/" } });
        });
    });
    world.must_refuse("too-many-groups", "assigned to this application").await;
}

#[tokio::test]
async fn a_provider_that_is_disabled_or_deleted_ends_its_sessions() {
    let world = World::new().await;
    let api = world.server.api();
    let mut written = api.get("/api/oidc/providers/idp").await.expect(200);
    for field in [
        "has_client_secret",
        "redirect_uri",
        "backchannel_logout_uri",
        "post_logout_redirect_uri",
        "version",
        "created_at",
        "updated_at",
    ] {
        written.as_object_mut().unwrap().remove(field);
    }
    for disable in [true, false] {
        world.sign_in().await;
        assert!(who(&world.browser, &world.server).await.is_some());
        match disable {
            true => {
                written["enabled"] = false.into();
                api.put("/api/oidc/providers/idp", written.clone()).await.expect(200);
            }
            false => assert_eq!(api.delete("/api/oidc/providers/idp").await.status, 204),
        }
        assert_eq!(who(&world.browser, &world.server).await, None);
        let answer = world.browser.get(&world.server, "/auth/oidc/idp/login").await;
        assert_eq!(location(&answer), "/sign-in?refused=provider-disabled");
        if disable {
            written["enabled"] = true.into();
            api.put("/api/oidc/providers/idp", written.clone()).await.expect(200);
            assert_eq!(who(&world.browser, &world.server).await, None, "what has ended stays ended");
        }
    }
    // Alice may not become somebody else's Alice.
    let again = end2end::idp::provider("idp", "https://evil.example", None, &json!({}));
    api.post("/api/oidc/providers", again).await.expect_problem(409, "urn:certctl:error:conflict");
}

#[tokio::test]
async fn another_issuer_does_not_inherit_the_people() {
    let world = World::new().await;
    world.sign_in().await;
    let moved = end2end::idp::provider("idp", "https://evil.example", None, &json!({}));
    let refused = world.server.api().put("/api/oidc/providers/idp", moved).await;
    refused.expect_problem(409, "urn:certctl:error:conflict");
}
