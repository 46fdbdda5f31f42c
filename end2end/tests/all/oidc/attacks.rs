//! Each row of the attack table: one thing that is wrong, and nobody gets in.

use std::sync::Arc;

use end2end::browser::{Browser, location};
use end2end::idp::HostileIdp;
use end2end::idp::hostile::{Signature, query_of};
use serde_json::json;

use super::{LOGIN_COOKIE, World, back, begin, events, sign_in, who};

/// Every test here is worth something only if this works.
#[tokio::test]
async fn with_nothing_wrong_alice_gets_in() {
    let world = World::new().await;
    let answer = world.sign_in().await;
    assert_eq!(location(&answer), "/account");
    let me = who(&world.browser, &world.server).await.unwrap();
    assert_eq!((&me["name"], &me["session"]["method"]), (&json!("Alice"), &json!("oidc")));
    assert_eq!(me["roles"], json!([{ "role": "admin", "profiles": null }]));
}

#[tokio::test]
async fn state_missing() {
    let world = World::new().await;
    let there = world.go_there_and_back(&world.browser).await;
    let without = there.split('&').filter(|part| !part.starts_with("state=")).collect::<Vec<_>>().join("&");
    assert_ne!(there, without);
    let answer = world.browser.get(&world.server, &without).await;
    world.was_refused(&answer, "expired").await;
}

#[tokio::test]
async fn state_given_twice() {
    let world = World::new().await;
    let there = world.go_there_and_back(&world.browser).await;
    let answer = world.browser.get(&world.server, &format!("{there}&state=x")).await;
    world.was_refused(&answer, "expired").await;
}

#[tokio::test]
async fn state_reused() {
    let world = World::new().await;
    let there = world.go_there_and_back(&world.browser).await;
    let thief = world.browser.copy();
    assert_eq!(location(&world.browser.get(&world.server, &there).await), "/");
    // With a fresh code, too: it is the sign-in that is over.
    for path in [there.clone(), there.replace("code=", "code=x")] {
        let again = thief.copy();
        let answer = again.get(&world.server, &path).await;
        assert_eq!(location(&answer), "/sign-in?refused=expired");
        assert_eq!(who(&again, &world.server).await, None);
    }
    assert_eq!(events(&world.server, "session.refused").await.len(), 2);
}

#[tokio::test]
async fn state_of_another_browser() {
    let world = World::new().await;
    let attacker = Browser::new();
    let there = world.go_there_and_back(&attacker).await;
    // Without a sign-in of its own, and with one.
    let answer = world.browser.get(&world.server, &there).await;
    world.was_refused(&answer, "expired").await;
    begin(&world.browser, &world.server, "idp", "/").await;
    let answer = world.browser.get(&world.server, &there).await;
    world.was_refused(&answer, "expired").await;
    assert_eq!(events(&world.server, "session.refused").await, [] as [serde_json::Value; 0]);
}

#[tokio::test]
async fn login_cookie_tampered() {
    let world = World::new().await;
    let there = world.go_there_and_back(&world.browser).await;
    let cookie = world.browser.cookie(LOGIN_COOKIE).unwrap();
    let last = if cookie.ends_with('A') { "Q" } else { "A" };
    world.browser.set_cookie(LOGIN_COOKIE, &format!("{}{last}", &cookie[..cookie.len() - 1]));
    let answer = world.browser.get(&world.server, &there).await;
    world.was_refused(&answer, "expired").await;
}

/// The attacker's code in the victim's sign-in: PKCE binds the code to the sign-in that asked for it.
#[tokio::test]
async fn code_injected_from_another_session() {
    let world = World::new().await;
    inject_code(&world, "invalid_grant").await;
}

/// Where a provider forgets PKCE, the nonce binds the ID token.
#[tokio::test]
async fn code_injected_at_a_provider_without_pkce() {
    let world = World::new().await;
    world.idp.set(|b| b.pkce = false);
    inject_code(&world, "nonce").await;
}

async fn inject_code(world: &World, why: &str) {
    let attacker = Browser::new();
    let stolen = world.go_there_and_back(&attacker).await;
    let code = query_of(&format!("https://x{stolen}"))["code"].clone();
    let own = world.go_there_and_back(&world.browser).await;
    let own_code = query_of(&format!("https://x{own}"))["code"].clone();
    let answer = world.browser.get(&world.server, &own.replace(&own_code, &code)).await;
    world.was_refused(&answer, "provider-refused").await;
    let event = &events(&world.server, "session.refused").await[0];
    assert!(event["details"]["why"].as_str().unwrap().contains(why), "{event}");
}

/// What was begun at one provider cannot be finished at another one's address.
#[tokio::test]
async fn mix_up_of_two_providers() {
    let world = World::new().await;
    let other = HostileIdp::start().await;
    other.register(&world.server, "other", &json!({})).await;
    let there = world.go_there_and_back(&world.browser).await;
    let moved = there.replace("/auth/oidc/idp/", "/auth/oidc/other/");
    assert_ne!(there, moved);
    let answer = world.browser.get(&world.server, &moved).await;
    world.was_refused(&answer, "expired").await;
    assert_eq!(other.asked("/token"), 0, "the code did not go to the other provider");
}

#[tokio::test]
async fn issuer_of_the_response_is_another() {
    let world = World::new().await;
    world.idp.set(|b| b.response_issuer = Some(Some("https://evil.example".to_owned())));
    world.must_refuse("provider-refused", "another provider (iss)").await;
    assert_eq!(world.idp.asked("/token"), 0);
}

#[tokio::test]
async fn issuer_of_the_response_is_missing() {
    let world = World::new().await;
    world.idp.set(|b| b.response_issuer = Some(None));
    world.must_refuse("provider-refused", "does not say from whom").await;
}

/// A test of one claim that is wrong: which one, what instead, and what the audit trail says.
macro_rules! wrong_claims {
    ($($name:ident: $claim:literal = $value:expr, $why:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let world = World::new().await;
            world.idp.set(|b| b.claims = Arc::new(|claims| claims[$claim] = $value));
            world.must_refuse("provider-refused", $why).await;
        }
    )*};
}

wrong_claims! {
    nonce_wrong: "nonce" = json!("another"), "nonce";
    nonce_missing: "nonce" = json!(null), "nonce";
    iss_wrong: "iss" = json!("https://evil.example"), "issuer";
    aud_wrong: "aud" = json!("another client"), "audience";
    aud_of_others_too: "aud" = json!([end2end::idp::CLIENT_ID, "another client"]), "audience";
    azp_wrong: "azp" = json!("another client"), "azp";
    at_hash_wrong: "at_hash" = json!("AAAAAAAAAAAAAAAAAAAAAA"), "at_hash";
    exp_past: "exp" = json!(1_700_000_000), "Expired";
    iat_past: "iat" = json!(1_700_000_000), "iat";
    iat_future: "iat" = json!(4_000_000_000_i64), "iat";
}

#[tokio::test]
async fn alg_none() {
    let world = World::new().await;
    world.idp.set(|b| b.signature = Signature::None);
    world.must_refuse("provider-refused", "No signature").await;
}

#[tokio::test]
async fn hs256_with_the_public_key() {
    let world = World::new().await;
    world.idp.set(|b| b.signature = Signature::MacWithPublicKey);
    world.must_refuse("provider-refused", "HS256").await;
}

#[tokio::test]
async fn signed_by_a_stranger() {
    let world = World::new().await;
    world.idp.set(|b| b.signature = Signature::Stranger);
    world.must_refuse("provider-refused", "Crypto error").await;
}

/// Each is worth a look at the provider's keys, and together they are worth one in half a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_kid_storm() {
    let world = World::new().await;
    world.sign_in().await;
    assert_eq!(world.idp.asked("/jwks"), 1);
    world.idp.set(|b| b.header = Arc::new(|head| head["kid"] = testkit::server::random_secret().into()));
    let tries = (0..15).map(|_| async {
        let browser = Browser::new();
        let answer = sign_in(&browser, &world.server, &world.idp, "idp").await;
        assert_eq!(location(&answer), "/sign-in?refused=provider-refused");
    });
    futures::future::join_all(tries).await;
    let tokens = (0..50).map(|_| super::logout::send(&world.server, "idp", world.idp.logout_token(|_| ())));
    for answer in futures::future::join_all(tokens).await {
        assert_eq!(answer.status, 400);
    }
    assert!(world.idp.asked("/jwks") <= 2, "{} times", world.idp.asked("/jwks"));
}

#[tokio::test]
async fn pkce_downgrade() {
    let world = World::new().await;
    let plain = json!(["plain"]);
    world.idp.set(|b| {
        b.metadata = Arc::new(move |m| m["code_challenge_methods_supported"] = plain.clone());
    });
    let answer = world.browser.get(&world.server, "/auth/oidc/idp/login").await;
    world.was_refused(&answer, "provider-refused").await;
}

#[tokio::test]
async fn redirect_open() {
    let world = World::new().await;
    for evil in ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", ""] {
        let browser = Browser::new();
        let there = world.idp.authorize(&begin(&browser, &world.server, "idp", evil).await);
        assert_eq!(location(&browser.get(&world.server, &back(&there)).await), "/", "{evil:?}");
    }
    let there =
        world.idp.authorize(&begin(&world.browser, &world.server, "idp", "/certificates?state=valid").await);
    let answer = world.browser.get(&world.server, &back(&there)).await;
    assert_eq!(location(&answer), "/certificates?state=valid");
}

/// Words from outside are shown nowhere.
#[tokio::test]
async fn error_of_the_provider_is_not_echoed() {
    let world = World::new().await;
    for (error, code) in [("access_denied", "cancelled"), ("<script>alert(1)</script>", "provider-refused")] {
        let there = begin(&world.browser, &world.server, "idp", "/").await;
        let state = query_of(&there)["state"].clone();
        let (error, issuer) = (end2end::idp::hostile::encode(error), world.idp.issuer());
        let issuer = end2end::idp::hostile::encode(issuer);
        let path = format!(
            "/auth/oidc/idp/callback?error={error}&error_description=evil&state={state}&iss={issuer}"
        );
        let answer = world.browser.get(&world.server, &path).await;
        assert!(!answer.text().contains("evil") && !answer.text().contains("script"));
        world.was_refused(&answer, code).await;
    }
    assert!(!json!(events(&world.server, "session.refused").await).to_string().contains("script"));
}

#[tokio::test]
async fn userinfo_of_somebody_else() {
    let world = World::new().await;
    world.idp.set(|b| {
        b.claims = Arc::new(|claims| drop(claims.as_object_mut().unwrap().remove("groups")));
        b.userinfo = Arc::new(|claims| *claims = json!({ "sub": "bob", "groups": ["platform-admins"] }));
    });
    world.must_refuse("provider-refused", "another person").await;
}

/// The browser's session before is not the session after, whoever knew it.
#[tokio::test]
async fn session_fixation() {
    let world = World::new().await;
    world.sign_in().await;
    let before = world.browser.cookie(end2end::browser::SESSION_COOKIE).unwrap();
    let fixed = world.browser.copy();
    world.sign_in().await;
    assert_ne!(world.browser.cookie(end2end::browser::SESSION_COOKIE).unwrap(), before);
    assert_eq!(who(&fixed, &world.server).await, None, "the session before has ended");
}
