//! The pages, as a browser gets them.

mod accounts;
mod bulk_actions;
mod certificates;
mod demo;
mod detail;
mod forms;
mod frame;
mod hostile;
mod keys;
mod lists;
mod looks;
mod people;
mod profile_forms;
mod profile_tools;
mod providers;
mod rate_limits;
mod rights;
mod roles;
mod story;
mod system;
mod world;

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use end2end::api::with_open_profile;
use end2end::{Engine, on_each_engine};
use http::Request;
use testkit::CertctlServer;
use testkit::http::{Client, Response};

on_each_engine!(every_link_of_the_pages_leads_somewhere, the_trust_page_shows_what_is_downloaded);

async fn every_link_of_the_pages_leads_somewhere(engine: Engine) {
    let server = engine.server().env("CERTCTL_ACME_SERVER_DEFAULT_PROFILE_ID", "prof-test").start().await;
    with_open_profile(&server).await;
    let browser = browser(&server);
    let mut waiting = vec!["/".to_owned()];
    let mut seen = BTreeSet::new();
    let mut pages = 0;
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        if is_page(&answer) {
            pages += 1;
            assert_is_a_light_and_harmless_page(&path, &answer);
            waiting.extend(links(&answer.text(), &server.base_url()));
        }
    }
    assert_eq!(pages, 3, "start, trust and sign-in: {seen:?}");
    let has = |part: &str| seen.iter().any(|path| path.contains(part));
    for wanted in ["/pki/iss-internal-ca.pem", "/pki/server-ca.cabundle", "/style/main.", "/acme/directory"] {
        assert!(has(wanted), "no link to {wanted}: {seen:?}");
    }
}

async fn the_trust_page_shows_what_is_downloaded(engine: Engine) {
    let server = engine.server().start().await;
    let browser = browser(&server);
    let page = browser.get("/pki").await.text();
    for name in ["iss-internal-ca", "server-ca"] {
        let der = browser.get(&format!("/pki/{name}.der")).await;
        let fingerprint: Vec<_> =
            digest(&SHA256, &der.body).as_ref().iter().map(|octet| format!("{octet:02X}")).collect();
        assert!(page.contains(&fingerprint.join(":")), "{name}: {page}");
    }
    assert!(page.contains(&server.base_url()), "commands name the server as clients reach it");
}

#[tokio::test]
async fn a_disabled_acme_server_is_said_to_be_one() {
    let server = CertctlServer::builder().env("CERTCTL_ACME_SERVER_ENABLED", "false").start().await;
    let page = browser(&server).get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("CERTCTL_ACME_SERVER_ENABLED"), "{}", page.text());
    assert!(!page.text().contains("/directory"), "{}", page.text());
}

#[tokio::test]
async fn unknown_paths_answer_people_with_a_page_and_programs_with_a_document() {
    let server = CertctlServer::start().await;
    let page = browser(&server).get("/no/such/page").await;
    assert_eq!(page.status, 404);
    assert!(page.text().contains("There is no such page"), "{}", page.text());
    assert_is_a_light_and_harmless_page("/no/such/page", &page);
    for path in ["/api/no-such-thing", "/acme/no-such-thing"] {
        let answer = browser(&server).get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
    }
    server.client().get("/no/such/page").await.expect_problem(404, "urn:certctl:error:not-found");
}

fn browser(server: &CertctlServer) -> Client {
    server.client().with_header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
}

fn is_page(answer: &Response) -> bool {
    answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
}

/// No script but our own file, nothing from elsewhere, and small.
fn assert_is_a_light_and_harmless_page(path: &str, page: &Response) {
    let html = page.text();
    assert!(html.starts_with("<!DOCTYPE html>"), "{path}: {html}");
    for forbidden in ["style=", "javascript:", "onclick"] {
        assert!(!html.contains(forbidden), "{path} has {forbidden}");
    }
    let scripts: Vec<_> = html.split("<script").skip(1).collect();
    let own = scripts.iter().all(|rest| rest.starts_with(" type=\"module\" src=\"/style/main."));
    let empty = scripts.iter().all(|rest| rest.contains(".js\"></script>"));
    assert!(scripts.len() == 1 && own && empty, "{path} has other scripts than our own: {html}");
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{path}");
    assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
    assert!(html.len() < 60 * 1024, "{path} has {} bytes", html.len());
    assert_eq!(html.matches("<h1").count(), 1, "{path} has one heading");
}

/// The targets of a page's links, as paths of this server.
///
/// # Panics
/// When one leads elsewhere.
fn links(html: &str, base: &str) -> Vec<String> {
    html.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|link| link.replace("&amp;", "&"))
        .map(|link| link.strip_prefix(base).unwrap_or(&link).to_owned())
        .filter(|link| !link.starts_with('#') && !link.starts_with("data:"))
        .map(|link| {
            assert!(link.starts_with('/'), "a link leads elsewhere: {link}");
            link
        })
        .collect()
}

#[tokio::test]
async fn the_script_is_small_and_no_other_one_may_run() {
    let server = CertctlServer::start().await;
    let page = browser(&server).get("/").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self';") && policy.contains("connect-src 'self';"), "{policy}");
    let html = page.text();
    let script = html.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let answer = browser(&server).get(script).await;
    assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("cache-control").unwrap().contains("immutable"));
    assert!(answer.body.len() < 6 * 1024, "{} bytes", answer.body.len());
}

#[tokio::test]
async fn the_style_sheet_is_kept_for_ever_under_the_name_of_its_content() {
    let server = CertctlServer::start().await;
    let browser = browser(&server);
    let page = browser.get("/").await.text();
    let style = links(&page, &server.base_url()).into_iter().find(|l| l.ends_with(".css")).unwrap();
    let answer = browser.send(&style, Request::new(Bytes::new())).await;
    assert!(answer.header("cache-control").unwrap().contains("immutable"));
    assert!(page.len() + answer.body.len() < 120 * 1024, "page and style sheet together");
    assert_eq!(browser.get("/style/main.0000000000000000.css").await.status, 404);
}
