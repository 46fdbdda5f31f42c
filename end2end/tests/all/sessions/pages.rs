use end2end::browser::{Browser, SESSION_COOKIE, Visit, location};
use end2end::{Engine, on_each_engine};

use super::{Setup, is_signed_in, sign_in_by_link, text};

on_each_engine! {
    pages_show_who_is_signed_in,
    nobody_is_led_to_another_site,
}

async fn pages_show_who_is_signed_in(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (server, stranger, admin) = (&setup.server, Browser::new(), Browser::new());
    assert_eq!(location(&stranger.get(server, "/account").await), "/sign-in?return_to=%2Faccount");
    let page = stranger.get(server, "/sign-in?return_to=%2Faccount").await.text();
    assert!(page.contains(r#"name="return_to" value="/account""#), "{page}");
    assert!(!page.contains("Break-glass") && !page.contains("csrf_token"));

    sign_in_by_link(&admin, server).await;
    let start = admin.get(server, "/").await.text();
    assert!(start.contains("local administrator") && start.contains("Sign out"), "{start}");
    let other = Browser::new();
    sign_in_by_link(&other, server).await;
    let page = admin.get(server, "/account").await.text();
    assert!(page.contains("one-time link") && page.contains("session.revoke"), "{page}");
    assert_eq!(page.matches("this one").count(), 1);
    for secret in [admin.cookie(SESSION_COOKIE), other.cookie(SESSION_COOKIE)].into_iter().flatten() {
        assert!(!page.contains(&secret));
    }
    // Only its own token is in a page, in each form.
    assert!(
        page.contains(&admin.csrf_token(server).await) && !page.contains(&other.csrf_token(server).await)
    );

    let id = text(&other.get(server, "/api/auth/me").await.expect(200)["session"], "id");
    let end = format!("/auth/sessions/{id}/end");
    assert!(page.contains(&end));
    let forged = admin.submit(server, &end, &[("csrf_token", "x")]).await;
    assert_eq!(forged.status, 403);
    assert!(forged.text().contains("was not of this session"), "{}", forged.text());
    assert!(is_signed_in(&other, server).await);
    let token = admin.csrf_token(server).await;
    assert_eq!(location(&admin.submit(server, &end, &[("csrf_token", &token)]).await), "/account");
    assert!(!is_signed_in(&other, server).await);
    assert_eq!(
        location(&admin.submit(server, &end, &[("csrf_token", &token)]).await),
        "/account",
        "twice is no error"
    );
    let signed_out = admin.submit(server, "/auth/logout", &[("csrf_token", &token)]).await;
    let page = admin.get(server, &location(&signed_out)).await.text();
    assert!(page.contains("You are signed out"), "{page}");
}

async fn nobody_is_led_to_another_site(engine: Engine) {
    let setup = Setup::new(engine).await;
    let server = &setup.server;
    for target in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "evil",
    ] {
        let fields = [("api_key", server.api_key()), ("return_to", target)];
        let answer = Browser::new().submit(server, "/auth/api-key", &fields).await;
        assert_eq!(location(&answer), "/", "{target:?}");
        let query: String = target.bytes().map(|b| format!("%{b:02X}")).collect();
        let page = Browser::new().get(server, &format!("/sign-in?return_to={query}&refused={query}")).await;
        assert_eq!(page.status, 200);
        assert!(
            page.text().contains(r#"name="return_to" value="/""#) && !page.text().contains("evil"),
            "{target:?}"
        );
    }
    // A refusal keeps where to go, and shows no word of what was sent.
    let fields = [("api_key", "<b>wrong</b>"), ("return_to", "/account")];
    let refused = Browser::new().submit(server, "/auth/api-key", &fields).await;
    assert_eq!(refused.status, 403);
    let page = refused.text();
    assert!(
        page.contains(r#"value="/account""#) && page.contains("not valid") && !page.contains("wrong"),
        "{page}"
    );
    let strange = Browser::new().send(server, Visit::get("/auth/link/%3Cscript%3E")).await;
    assert!(!strange.text().contains("<script>"), "{}", strange.text());
}
