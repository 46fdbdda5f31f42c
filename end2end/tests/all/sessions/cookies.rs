use end2end::browser::{Browser, SESSION_COOKIE, location};
use end2end::{Engine, on_each_engine};
use testkit::Postgres;

use super::{Setup, is_signed_in, text};

on_each_engine! {
    a_key_signs_a_browser_in,
    a_session_id_from_outside_is_never_taken_over,
    a_changed_cookie_is_no_cookie,
    a_cookie_is_worth_nothing_after_sign_out,
    a_session_ends_with_its_api_key,
}

async fn a_key_signs_a_browser_in(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (server, browser) = (&setup.server, Browser::new());
    let fields = [("api_key", server.api_key()), ("return_to", "/pki")];
    let answer = browser.submit(server, "/auth/api-key", &fields).await;
    assert_eq!(location(&answer), "/pki");
    let cookie = answer.header("set-cookie").expect("a cookie");
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain") && !cookie.contains("Max-Age"), "{cookie}");
    let me = browser.get(server, "/api/auth/me").await.expect(200);
    let key = server.api().get("/api/auth/me").await.expect(200);
    assert_eq!(me["actor"], key["actor"]);
    assert_eq!((&me["permissions"], &me["roles"]), (&key["permissions"], &key["roles"]));
    assert!(key["session"].is_null());
    assert_eq!(me["session"]["method"], "api_key");

    let started = setup.events("session.started").await;
    let event = &started[0];
    assert_eq!(event["actor"], me["actor"]);
    assert_eq!(event["resource_id"], me["session"]["id"]);
    assert_eq!(event["client_ip"], "127.0.0.1");
    assert_eq!(
        (&event["details"]["method"], &event["details"]["roles"][0]["role"]),
        (&"api_key".into(), &"admin".into())
    );
    let secret = browser.cookie(SESSION_COOKIE).expect("a cookie");
    assert!(!server.log().contains(&secret) && !server.log().contains(server.api_key()));

    for wrong in ["", "certctl_wrong"] {
        let answer = Browser::new().submit(server, "/auth/api-key", &[("api_key", wrong)]).await;
        assert!(answer.status.is_client_error(), "{}", answer.status);
        assert!(answer.header("set-cookie").is_none());
    }
}

/// Session fixation: who plants a cookie must not share the session that begins under it.
async fn a_session_id_from_outside_is_never_taken_over(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (server, attacker) = (&setup.server, &setup.browser);
    let planted = attacker.cookie(SESSION_COOKIE).expect("the attacker's own, well signed");
    let victim = Browser::new();
    victim.set_cookie(SESSION_COOKIE, &planted);
    let (_, key) = setup.new_key("victim").await;
    victim.sign_in_with_key(server, &key).await;
    assert_ne!(victim.cookie(SESSION_COOKIE), Some(planted), "the id changes at sign-in");
    assert_eq!(text(&victim.get(server, "/api/auth/me").await.expect(200), "name"), "victim");
    assert!(!is_signed_in(attacker, server).await, "the planted session ended instead of being taken over");
}

async fn a_changed_cookie_is_no_cookie(engine: Engine) {
    let setup = Setup::new(engine).await;
    let cookie = setup.browser.cookie(SESSION_COOKIE).expect("a cookie");
    for at in [0, cookie.len() / 2, cookie.len() - 2] {
        let other = if cookie.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut changed = cookie.clone();
        changed.replace_range(at..=at, other);
        let browser = Browser::new();
        browser.set_cookie(SESSION_COOKIE, &changed);
        assert!(!is_signed_in(&browser, &setup.server).await, "changed at {at}");
    }
    // The id without its signature, and the signature of another.
    let id = &cookie[cookie.len() - 22..];
    for forged in [id.to_owned(), format!("{}{}", &cookie[..cookie.len() - 22], "A".repeat(22))] {
        let browser = Browser::new();
        browser.set_cookie(SESSION_COOKIE, &forged);
        assert!(!is_signed_in(&browser, &setup.server).await, "{forged}");
    }
    assert!(is_signed_in(&setup.browser, &setup.server).await);
}

async fn a_cookie_is_worth_nothing_after_sign_out(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (server, browser) = (&setup.server, &setup.browser);
    let stolen = browser.copy();
    assert!(is_signed_in(&stolen, server).await);
    let token = browser.csrf_token(server).await;
    let answer = browser.submit(server, "/auth/logout", &[("csrf_token", &token)]).await;
    location(&answer);
    assert_eq!(browser.cookie(SESSION_COOKIE), None, "the browser has dropped it");
    assert!(!is_signed_in(&stolen, server).await);
    let ended = setup.events("session.ended").await;
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0]["details"]["why"], "signed out");
    assert_eq!(
        browser.submit(server, "/auth/logout", &[("csrf_token", &token)]).await.status,
        303,
        "twice is no error"
    );
}

async fn a_session_ends_with_its_api_key(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (id, key) = setup.new_key("short-lived").await;
    let browser = Browser::new();
    browser.sign_in_with_key(&setup.server, &key).await;
    assert!(is_signed_in(&browser, &setup.server).await);
    assert_eq!(setup.api.delete(&format!("/api/api-keys/{id}")).await.status, 204);
    assert!(!is_signed_in(&browser, &setup.server).await);
    assert!(is_signed_in(&setup.browser, &setup.server).await, "others stay");
}

#[tokio::test]
async fn ends_are_kept_by_the_server() {
    let server = Engine::Sqlite.server();
    let server = server.env("CERTCTL_SESSION_IDLE", "2s").env("CERTCTL_SESSION_LIFETIME", "5s").start().await;
    let (idle, busy) = (Browser::new(), Browser::new());
    idle.sign_in_with_key(&server, server.api_key()).await;
    busy.sign_in_with_key(&server, server.api_key()).await;
    let begin = tokio::time::Instant::now();
    while begin.elapsed() < std::time::Duration::from_millis(3000) {
        assert!(is_signed_in(&busy, &server).await, "in use it does not end early ({:?})", begin.elapsed());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(!is_signed_in(&idle, &server).await, "idle for more than 2 s");
    tokio::time::sleep_until(begin + std::time::Duration::from_millis(5050)).await;
    assert!(!is_signed_in(&busy, &server).await, "older than 5 s");
}

/// PostgreSQL gives a row that is written another place and another transaction.
#[tokio::test]
async fn a_session_check_does_not_write() {
    let database = Postgres::shared().create_database("reads_only");
    let server = testkit::CertctlServer::builder().database_url(&database).start().await;
    let browser = Browser::new();
    browser.sign_in_with_key(&server, server.api_key()).await;
    let row = || Postgres::shared().query(&database, "SELECT xmin, ctid, last_seen_at FROM sessions");
    let before = row();
    for _ in 0..50 {
        browser.get(&server, "/api/profiles").await.expect(200);
        assert_eq!(browser.get(&server, "/account").await.status, 200);
    }
    assert_eq!(row(), before);
}

/// Time passes in the database; that is cheaper than to wait a minute.
#[tokio::test]
async fn that_a_session_was_seen_is_written_once_a_minute() {
    let database = Postgres::shared().create_database("seen");
    let server = testkit::CertctlServer::builder().database_url(&database).start().await;
    let browser = Browser::new();
    browser.sign_in_with_key(&server, server.api_key()).await;
    let query = |sql: &str| Postgres::shared().query(&database, sql);
    query("UPDATE sessions SET last_seen_at = last_seen_at - interval '61 seconds'");
    for _ in 0..20 {
        assert!(is_signed_in(&browser, &server).await);
    }
    let age = "SELECT now() - last_seen_at < interval '30 seconds' FROM sessions";
    for _ in 0..100 {
        if query(age).trim() == "t" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(query(age).trim(), "t");
    let row = query("SELECT xmin, ctid FROM sessions");
    for _ in 0..20 {
        assert!(is_signed_in(&browser, &server).await);
    }
    assert_eq!(query("SELECT xmin, ctid FROM sessions"), row, "not again within the minute");
}
