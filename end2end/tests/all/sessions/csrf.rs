use end2end::browser::{Browser, SESSION_COOKIE, Visit};
use end2end::{Engine, on_each_engine};
use http::Method;
use serde_json::json;

use super::{Setup, is_signed_in};

on_each_engine! {
    a_change_needs_the_token_of_its_session,
    a_change_from_another_site_is_refused,
    another_site_cannot_sign_a_browser_in_or_out,
}

const FORBIDDEN: &str = "urn:certctl:error:forbidden";

fn new_key() -> Option<serde_json::Value> {
    Some(json!({ "name": "made by a script", "role": "viewer" }))
}

async fn a_change_needs_the_token_of_its_session(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (server, browser) = (&setup.server, &setup.browser);
    let other = Browser::new();
    other.sign_in_with_key(server, server.api_key()).await;
    let of_other = other.csrf_token(server).await;
    let stale = browser.csrf_token(server).await;
    browser.sign_in_with_key(server, server.api_key()).await;
    let token = browser.csrf_token(server).await;
    assert_ne!(stale, token, "each sign-in makes a new one");
    for (what, given) in [
        ("missing", None),
        ("empty", Some("")),
        ("stale", Some(&*stale)),
        ("of another session", Some(&*of_other)),
    ] {
        let visit = Visit::script(server, Method::POST, "/api/api-keys", new_key(), given);
        let answer = browser.send(server, visit).await;
        assert_eq!(answer.status, 403, "{what}");
        answer.expect_problem(403, FORBIDDEN);
    }
    browser.call(server, Method::POST, "/api/api-keys", new_key()).await.expect(201);
    let missing = browser.submit(server, "/auth/logout", &[("csrf_token", &of_other)]).await;
    assert_eq!(missing.status, 403);
    assert!(is_signed_in(browser, server).await);
    // A key in the header needs no token: no browser adds it by itself.
    setup.api.post("/api/api-keys", json!({ "name": "by a program", "role": "viewer" })).await.expect(201);
}

async fn a_change_from_another_site_is_refused(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (server, browser) = (&setup.server, &setup.browser);
    let token = browser.csrf_token(server).await;
    let visit = Visit::script(server, Method::POST, "/api/api-keys", new_key(), Some(&token));
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let answer = browser.send(server, visit.clone().with(name, Some(value))).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
        answer.expect_problem(403, FORBIDDEN);
    }
    browser.send(server, visit.clone().with("sec-fetch-site", None)).await.expect(201);
    browser.send(server, visit).await.expect(201);
}

async fn another_site_cannot_sign_a_browser_in_or_out(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (server, browser) = (&setup.server, &setup.browser);
    let token = browser.csrf_token(server).await;
    let cookie = browser.cookie(SESSION_COOKIE);
    let sign_in = Visit::form(server, "/auth/api-key", &[("api_key", server.api_key())]);
    let sign_out = Visit::form(server, "/auth/logout", &[("csrf_token", &token)]);
    for form in [&sign_in, &sign_out] {
        for (name, value) in
            [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")]
        {
            let answer = browser.send(server, form.clone().with(name, Some(value))).await;
            assert_eq!(answer.status, 403, "{} {name}: {value}", form.path);
        }
    }
    let silent = sign_in.with("sec-fetch-site", None).with("origin", None);
    assert_eq!(browser.send(server, silent).await.status, 403, "no browser sends neither");
    assert_eq!(browser.cookie(SESSION_COOKIE), cookie);
    assert!(is_signed_in(browser, server).await);
}
