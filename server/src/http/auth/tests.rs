//! The routes of `/auth` and the pages around them, called in this process.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use model::{Caller, Owner, SessionFilter};
use tower::ServiceExt;

use crate::auth::{ApiKeyText, SessionSecret};
use crate::config::Secret;
use crate::http::{FORM_ROUTES, Peer, build_router};
use crate::services::api_keys::{self, NewApiKey};
use crate::services::sessions::tests::World;
use crate::services::{break_glass, login_links};

/// A browser in front of the whole router.
struct Visitor {
    world: World,
    router: Router,
    cookie: Option<String>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.headers[header::LOCATION].to_str().unwrap()
    }
}

impl Visitor {
    async fn new() -> Self {
        let world = World::new().await;
        Self { router: build_router(world.state()), world, cookie: None }
    }

    async fn send(&mut self, request: Request<Body>) -> Answer {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(Peer(SocketAddr::from((Ipv4Addr::LOCALHOST, 1))));
        if let Some(cookie) = &self.cookie {
            parts.headers.insert(header::COOKIE, cookie.parse().unwrap());
        }
        let answer: Response<Body> =
            self.router.clone().oneshot(Request::from_parts(parts, body)).await.unwrap();
        let (parts, body) = answer.into_parts();
        if let Some(set) = parts.headers.get(header::SET_COOKIE) {
            let set = set.to_str().unwrap();
            let ended = set.contains("Max-Age=0");
            self.cookie = (!ended).then(|| set.split(';').next().unwrap().to_owned());
        }
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    async fn get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header(header::ACCEPT, "text/html");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(path, fields, "https://ca.example").await
    }

    async fn post_from(&mut self, path: &str, fields: &[(&str, &str)], origin: &str) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header(header::ORIGIN, origin)
            .header(header::USER_AGENT, "a test")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(body.into()).unwrap()).await
    }

    /// The CSRF token of the session, as the forms of the pages have it.
    async fn csrf_token(&mut self) -> String {
        let page = self.get("/account").await.text;
        let rest = page.split("name=\"csrf_token\" value=\"").nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_key_opens_the_pages_until_the_visitor_signs_out() {
    let mut visitor = Visitor::new().await;
    let text = ApiKeyText::generate(visitor.world.core.entropy.as_ref());
    let cli = Caller::system("test");
    api_keys::create(&visitor.world.core, &cli, NewApiKey::admin("mine"), &text).await.unwrap();
    assert_eq!(visitor.get("/account").await.location(), "/sign-in?return_to=%2Faccount");

    let fields = [("api_key", text.expose()), ("return_to", "/account")];
    let foreign = visitor.post_from("/auth/api-key", &fields, "https://evil.example").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let wrong = visitor.post("/auth/api-key", &[("api_key", "wrong"), ("return_to", "/account")]).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.text.contains("not valid") && wrong.text.contains("value=\"/account\""), "{}", wrong.text);
    assert!(visitor.cookie.is_none());
    assert_eq!(visitor.post("/auth/api-key", &fields).await.location(), "/account");
    let page = visitor.get("/account").await;
    assert!(page.text.contains("API key mine") && page.text.contains("this one"), "{}", page.text);
    assert_eq!(visitor.get("/api/auth/me").await.status, StatusCode::OK);

    let stale = visitor.post("/auth/logout", &[("csrf_token", "stale")]).await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN);
    let token = visitor.csrf_token().await;
    let foreign = visitor.post_from("/auth/logout", &[("csrf_token", &token)], "null").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(
        visitor.post("/auth/logout", &[("csrf_token", &token)]).await.location(),
        "/sign-in?signed_out"
    );
    assert!(visitor.cookie.is_none());
    assert!(visitor.get("/sign-in?signed_out").await.text.contains("You are signed out"));
    assert_eq!(
        visitor.post("/auth/logout", &[("csrf_token", &token)]).await.location(),
        "/sign-in?signed_out"
    );
    assert_eq!(visitor.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_link_is_spent_by_its_button() {
    let mut visitor = Visitor::new().await;
    let link = login_links::create(&visitor.world.core, &Caller::system("test")).await.unwrap();
    let path = format!("/auth/link/{}", link.token);
    for _ in 0..2 {
        assert!(visitor.get(&path).await.text.contains(&link.token));
    }
    let foreign = visitor.post_from("/auth/link", &[("token", &link.token)], "https://evil.example").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(visitor.post("/auth/link", &[("token", &link.token)]).await.location(), "/");
    assert!(visitor.get("/").await.text.contains("local administrator"));
    let again = visitor.post("/auth/link", &[("token", &link.token)]).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    assert!(again.text.contains("was used or has expired"), "{}", again.text);
    assert!(visitor.get("/auth/link/made-up").await.text.contains("was used, has expired"));
    assert!(!visitor.get("/auth/link/%22%3E%3Cb%3E").await.text.contains("<b>"));

    let late = login_links::create(&visitor.world.core, &Caller::system("test")).await.unwrap();
    visitor.world.wait(std::time::Duration::from_secs(600));
    assert_eq!(visitor.post("/auth/link", &[("token", &late.token)]).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_password_opens_until_it_is_locked() {
    let mut visitor = Visitor::new().await;
    let (core, cli) = (std::sync::Arc::clone(&visitor.world.core), Caller::system("test"));
    break_glass::set_password(&core, &cli, "eve", Secret::new("a long enough password")).await.unwrap();
    assert!(break_glass::used_lately(&core).await.unwrap().is_none());
    let right = [("name", "eve"), ("password", "a long enough password")];
    let wrong = [("name", "eve"), ("password", "not the right one")];
    assert_eq!(visitor.post_from("/auth/break-glass", &right, "null").await.status, StatusCode::FORBIDDEN);
    assert_eq!(visitor.post("/auth/break-glass", &right).await.location(), "/");
    assert!(visitor.get("/").await.text.contains("signed in with a password at"));
    visitor.cookie = None;
    for _ in 0..5 {
        assert_eq!(visitor.post("/auth/break-glass", &wrong).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(visitor.post("/auth/break-glass", &right).await.status, StatusCode::FORBIDDEN, "locked");
    visitor.world.wait(std::time::Duration::from_secs(15 * 60));
    assert_eq!(visitor.post("/auth/break-glass", &right).await.location(), "/", "fifteen minutes later");
    for _ in 0..10 {
        visitor.post("/auth/break-glass", &[("name", "nobody"), ("password", "x")]).await;
    }
    let refused = visitor.post("/auth/break-glass", &right).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    let short = break_glass::set_password(&core, &cli, "eve", Secret::new("short")).await;
    assert_eq!(short.unwrap_err().status(), StatusCode::UNPROCESSABLE_ENTITY);
    break_glass::remove_password(&core, &cli, "eve").await.unwrap();
    let twice = break_glass::remove_password(&core, &cli, "eve").await;
    assert_eq!(twice.unwrap_err().status(), StatusCode::NOT_FOUND);
    visitor.world.wait(std::time::Duration::from_secs(86_400));
    assert!(break_glass::used_lately(&core).await.unwrap().is_none(), "a day later");
}

#[tokio::test]
async fn one_session_can_end_another() {
    let mut visitor = Visitor::new().await;
    let core = std::sync::Arc::clone(&visitor.world.core);
    let link = login_links::create(&core, &Caller::system("test")).await.unwrap();
    visitor.post("/auth/link", &[("token", &link.token)]).await.location();
    let user = core.store.read().await.unwrap().users(&Default::default()).await.unwrap().items.remove(0);
    let other = visitor.world.sign_in(Owner::User(Box::new(user), None)).await.unwrap();
    let end = format!("/auth/sessions/{}/end", other.session.id);
    assert!(visitor.get("/account").await.text.contains(&end));
    assert_eq!(visitor.post(&end, &[("csrf_token", "x")]).await.status, StatusCode::FORBIDDEN);
    let token = visitor.csrf_token().await;
    for path in [&*end, &*end] {
        assert_eq!(visitor.post(path, &[("csrf_token", &token)]).await.location(), "/account");
    }
    let none = visitor.post("/auth/sessions/nonsense/end", &[("csrf_token", &token)]).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let left = core.store.read().await.unwrap().sessions(&SessionFilter::default()).await.unwrap();
    assert_eq!(left.items.len(), 1);
    visitor.cookie = None;
    let stranger = visitor.post(&end, &[("csrf_token", &token)]).await;
    assert_eq!(stranger.location(), "/sign-in?return_to=/account");
}

#[tokio::test]
async fn a_script_needs_the_token_of_its_session() {
    let mut visitor = Visitor::new().await;
    let link = login_links::create(&visitor.world.core, &Caller::system("test")).await.unwrap();
    visitor.post("/auth/link", &[("token", &link.token)]).await.location();
    let token = visitor.csrf_token().await;
    let call = |token: Option<&str>, site: &str| {
        let request = Request::post("/api/sessions/revoke")
            .header("sec-fetch-site", site)
            .header(header::CONTENT_TYPE, "application/json");
        let request = token.into_iter().fold(request, |request, token| request.header("x-csrf-token", token));
        request.body(Body::from("{}")).unwrap()
    };
    for (given, site) in [(None, "same-origin"), (Some("x"), "same-origin"), (Some(&*token), "cross-site")] {
        assert_eq!(visitor.send(call(given, site)).await.status, StatusCode::FORBIDDEN, "{given:?} {site}");
    }
    let understood = visitor.send(call(Some(&token), "same-origin")).await;
    assert_eq!(understood.status, StatusCode::UNPROCESSABLE_ENTITY, "now its body is looked at");
}

#[tokio::test]
async fn no_form_does_anything_without_the_token_of_its_session() {
    let mut visitor = Visitor::new().await;
    let link = login_links::create(&visitor.world.core, &Caller::system("test")).await.unwrap();
    for route in FORM_ROUTES {
        let path = route.path.replace("{id}", "made-up");
        assert_eq!(route.method, "post", "{path}");
        assert!(visitor.post(&path, &[]).await.location().starts_with("/sign-in?return_to="), "{path}");
    }
    visitor.post("/auth/link", &[("token", &link.token)]).await.location();
    let token = visitor.csrf_token().await;
    for route in FORM_ROUTES {
        let path = route.path.replace("{id}", "made-up");
        for (given, origin) in [("stale", "https://ca.example"), (&*token, "https://evil.example")] {
            let refused = visitor.post_from(&path, &[("csrf_token", given)], origin).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}: {}", refused.text);
        }
        let page = visitor.get(&path).await;
        assert_ne!(page.status, StatusCode::METHOD_NOT_ALLOWED, "{path} has a page");
    }
}

#[tokio::test]
async fn a_cookie_of_nobody_opens_nothing() {
    let mut visitor = Visitor::new().await;
    for cookie in [
        "__Host-certctl_session=",
        "__Host-certctl_session=x",
        "__Host-certctl_session=AAAAAAAAAAAAAAAAAAAAAA",
    ] {
        visitor.cookie = Some(cookie.to_owned());
        assert_eq!(visitor.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(format!("{:?}", SessionSecret::from_bytes([0; 16])), "(session secret)");
    let json = Request::post("/auth/link").header(header::CONTENT_TYPE, "application/json");
    let answer = visitor.send(json.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let huge = visitor.post("/auth/link", &[("token", &"x".repeat(20_000))]).await;
    assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
}
