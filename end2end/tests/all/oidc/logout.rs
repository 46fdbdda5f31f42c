//! Back-channel logout (OpenID Connect Back-Channel Logout 1.0).

use std::sync::Arc;

use end2end::browser::{Browser, location};
use end2end::{Engine, on_each_engine};
use http::Request;
use serde_json::{Value, json};
use testkit::CertctlServer;
use testkit::http::Response;

use super::{World, back, begin, events, sign_in, who};

on_each_engine! {
    the_provider_ends_a_session,
    the_provider_ends_all_sessions_of_a_person,
    a_logout_that_comes_before_the_browser_counts,
}

/// As a provider sends it.
pub async fn send(server: &CertctlServer, id: &str, token: String) -> Response {
    let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(format!("logout_token={token}").into()).unwrap();
    server.client().send(&format!("/auth/oidc/{id}/backchannel-logout"), request).await
}

async fn the_provider_ends_a_session(engine: Engine) {
    let world = World::with(engine, &json!({})).await;
    world.sign_in().await;
    let other = Browser::new();
    let own_session = world.idp.session();
    world.idp.set(|b| b.subject = "bob".to_owned());
    sign_in(&other, &world.server, &world.idp, "idp").await;

    let answer = send(
        &world.server,
        "idp",
        world.idp.logout_token(|claims| claims["sid"] = own_session.clone().into()),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(who(&world.browser, &world.server).await, None);
    assert!(who(&other, &world.server).await.is_some());
    let event = &events(&world.server, "provider.logout").await[0];
    assert_eq!(event["details"]["ended_sessions"].as_array().unwrap().len(), 1, "{event}");
}

async fn the_provider_ends_all_sessions_of_a_person(engine: Engine) {
    let world = World::with(engine, &json!({})).await;
    let browsers = [Browser::new(), Browser::new()];
    for browser in &browsers {
        sign_in(browser, &world.server, &world.idp, "idp").await;
        assert!(who(browser, &world.server).await.is_some());
    }
    let token = world.idp.logout_token(|claims| drop(claims.as_object_mut().unwrap().remove("sid")));
    assert_eq!(send(&world.server, "idp", token).await.status, 200);
    for browser in &browsers {
        assert_eq!(who(browser, &world.server).await, None);
    }
    // Who signs in afterwards is let in.
    world.idp.set(|b| b.clock = 2);
    assert_eq!(location(&world.sign_in().await), "/account");
}

async fn a_logout_that_comes_before_the_browser_counts(engine: Engine) {
    let world = World::with(engine, &json!({})).await;
    for by_session in [true, false] {
        let there = world.idp.authorize(&begin(&world.browser, &world.server, "idp", "/").await);
        let token = world.idp.logout_token(|claims| {
            let claims = claims.as_object_mut().unwrap();
            claims.remove(if by_session { "sub" } else { "sid" });
        });
        assert_eq!(send(&world.server, "idp", token).await.status, 200);
        let answer = world.browser.get(&world.server, &back(&there)).await;
        world.was_refused(&answer, "session-ended").await;
        world.idp.set(|b| b.subject = "bob".to_owned());
    }
}

#[tokio::test]
async fn logout_token_replayed() {
    let world = World::new().await;
    world.sign_in().await;
    let token = world.idp.logout_token(|claims| claims["sid"] = "another".into());
    assert_eq!(send(&world.server, "idp", token.clone()).await.status, 200);
    let again = send(&world.server, "idp", token).await;
    assert_eq!(again.expect(400)["error_description"], "the token was used before");
    assert_eq!(again.header("cache-control"), Some("no-store"));
    assert!(who(&world.browser, &world.server).await.is_some());
}

/// A test of one claim that is wrong.
macro_rules! wrong_logout_tokens {
    ($($name:ident: $change:expr, $why:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let change: fn(&mut Value) = $change;
            must_refuse(change, $why).await;
        }
    )*};
}

async fn must_refuse(change: fn(&mut Value), why: &str) {
    let world = World::new().await;
    world.sign_in().await;
    let answer = send(&world.server, "idp", world.idp.logout_token(change)).await;
    let said = answer.expect(400);
    assert_eq!(said["error"], "invalid_request");
    assert!(said["error_description"].as_str().unwrap().contains(why), "{said}");
    assert!(who(&world.browser, &world.server).await.is_some(), "nobody was signed out");
    assert_eq!(events(&world.server, "provider.logout").await.len(), 0);
}

wrong_logout_tokens! {
    logout_token_without_events: |claims| drop(claims.as_object_mut().unwrap().remove("events")), "events";
    logout_token_with_nonce: |claims| claims["nonce"] = "n".into(), "nonce";
    logout_token_of_another_issuer: |claims| claims["iss"] = "https://evil.example".into(), "iss";
    logout_token_for_another_client: |claims| claims["aud"] = "another".into(), "aud";
    logout_token_too_old: |claims| claims["iat"] = json!(1_700_000_000), "iat";
    logout_token_expired: |claims| claims["exp"] = json!(1_700_000_000), "expired";
    logout_token_without_jti: |claims| drop(claims.as_object_mut().unwrap().remove("jti")), "jti";
}

#[tokio::test]
async fn what_is_no_logout_token() {
    let world = World::new().await;
    world.sign_in().await;
    assert_eq!(send(&world.server, "idp", "x".to_owned()).await.status, 400);
    assert_eq!(send(&world.server, "nobody", world.idp.logout_token(|_| ())).await.status, 400);
    let empty = world.server.client().post("/auth/oidc/idp/backchannel-logout", json!({})).await;
    assert_eq!(empty.status, 400);
    world.idp.set(|b| b.header = Arc::new(|head| head["alg"] = "none".into()));
    assert_eq!(send(&world.server, "idp", world.idp.logout_token(|_| ())).await.status, 400);
    assert!(who(&world.browser, &world.server).await.is_some());
}
