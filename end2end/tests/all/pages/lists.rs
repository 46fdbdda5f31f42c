//! Lists: filters, pages, and words for nothing.

use std::collections::BTreeSet;

use end2end::browser::Browser;
use end2end::{Engine, on_each_engine};
use serde_json::json;
use testkit::CertctlServer;

use super::world::{World, words};

on_each_engine!(filters_find_what_they_say, a_long_list_is_read_page_by_page);

async fn filters_find_what_they_say(engine: Engine) {
    let world = World::new(engine).await;
    world.bind_an_account("a cluster").await;
    let failed = world.fail_an_order("failing.test", "wrong").await;
    let a = world.only("/api/certificates?name=a.test").await;
    let text = |field: &str| a[field].as_str().unwrap();
    let reason = json!({ "reason": "keyCompromise" });
    world.api.post(&format!("/api/certificates/{}/revoke", text("id")), reason).await.expect(200);
    let account = world.account_id().to_owned();
    let thumbprint = world.key.thumbprint();
    let certificate = |query: String| format!("/certificates?{query}");
    // Each list, what it has, and what it has not.
    let cases = [
        (certificate("name=A.test".to_owned()), ">a.test<", ">b.test<"),
        (certificate("name=*.b.test".to_owned()), ">b.test<", ">a.test<"),
        (certificate("name=tes&status=revoked".to_owned()), ">a.test<", ">b.test<"),
        (certificate("name=.te&sort=expiry".to_owned()), "the next to expire first", "newest first"),
        (certificate("name=est".to_owned()), "Nothing fits these filters", ">a.test<"),
        (certificate(format!("serial={}", text("serial"))), ">a.test<", ">b.test<"),
        (certificate(format!("sha256={}", text("sha256").to_uppercase())), ">a.test<", ">b.test<"),
        (certificate("status=revoked".to_owned()), ">a.test<", ">b.test<"),
        (certificate("status=valid&profile=prof-test".to_owned()), ">b.test<", ">a.test<"),
        (certificate("profile=prof-bound".to_owned()), ">bound.test<", ">a.test<"),
        (certificate(format!("account={account}")), ">a.test<", ">bound.test<"),
        (certificate("expires_until=2020-01-31".to_owned()), "Nothing fits these filters", ">a.test<"),
        (certificate("expires_from=2020-01-31".to_owned()), ">b.test<", "Nothing fits"),
        ("/orders?name=fail".to_owned(), ">failing.test<", ">a.test<"),
        ("/orders?name=test&status=valid".to_owned(), ">a.test<", ">failing.test<"),
        ("/orders?status=invalid".to_owned(), ">failing.test<", ">a.test<"),
        ("/orders?profile=prof-bound".to_owned(), ">bound.test<", ">failing.test<"),
        ("/orders?from=2020-01-31&until=2020-02-01".to_owned(), "Nothing fits", ">a.test<"),
        (format!("/acme-accounts?key={account}"), "mailto:test@example.com", "eab-…"),
        (format!("/acme-accounts?key={thumbprint}"), "mailto:test@example.com", "eab-…"),
        ("/acme-accounts?contact=test@ex".to_owned(), "mailto:test@example.com", "Nothing fits"),
        ("/acme-accounts?contact=xample".to_owned(), "Nothing fits", "mailto:"),
        ("/acme-accounts?sort=last_seen".to_owned(), "longest unseen first", "newest first"),
        ("/acme-accounts?not_seen_since=2020-01-31".to_owned(), "Nothing fits", "mailto:"),
        (format!("/acme-accounts?key={account}&contact=nobody"), "Nothing fits", "mailto:"),
        (format!("/acme-accounts?key={account}&status=suspended"), "Nothing fits", "mailto:"),
        (format!("/audit?resource={failed}&outcome=failure"), "order invalidated", "order created"),
        ("/audit?actor=acme:&action=certificate.revoked".to_owned(), "Nothing fits", "certificate revoked"),
        ("/audit?action=certificate.revoked".to_owned(), "certificate revoked", "order created"),
    ];
    for (path, has, has_not) in cases {
        let page = world.page(&path).await;
        let (_, filters) = page.split_once("role=\"search\"").unwrap();
        let (_, rows) = filters.split_once("</form>").unwrap();
        assert!(rows.contains(has), "{path} has no {has}: {}", words(&page));
        assert!(!rows.contains(has_not), "{path} has {has_not}: {}", words(&page));
    }
}

async fn a_long_list_is_read_page_by_page(engine: Engine) {
    let world = World::new(engine).await;
    for number in 0..60 {
        let key = json!({ "note": format!("key {number}") });
        world.api.post("/api/acme/eab-keys", key).await.expect(201);
    }
    let mut ids = BTreeSet::new();
    let (mut path, mut pages) = ("/audit?action=eab_key.created".to_owned(), 0);
    loop {
        let page = world.page(&path).await;
        pages += 1;
        let found: Vec<_> = page.split("href=\"/audit/").skip(1).map(|rest| rest[..36].to_owned()).collect();
        assert!(found.len() <= 50 && !found.is_empty(), "{path}");
        let before = ids.len();
        ids.extend(found.iter().cloned());
        assert_eq!(ids.len(), before + found.len(), "no event stands on two pages");
        assert_eq!(page.contains("First page"), pages > 1);
        match page.split("rel=\"next\"").next().filter(|before| before.len() < page.len()) {
            Some(before) => {
                let link = before.rsplit("href=\"").next().unwrap().split('"').next().unwrap();
                path = link.replace("&amp;", "&");
                assert!(path.contains("action=eab_key.created"), "the filter stays: {path}");
            }
            None => break,
        }
    }
    assert_eq!((ids.len(), pages), (60, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_filter_is_kept_and_says_what_is_wrong() {
    let world = World::new(Engine::Sqlite).await;
    for (path, value, wrong) in [
        ("/certificates?serial=xyz", "xyz", "not a number in hexadecimal"),
        ("/certificates?name=a..b", "a..b", "empty label"),
        ("/certificates?status=fine", "fine", "fine"),
        ("/certificates?sort=age", "age", "none of"),
        ("/orders?name=a_b", "a_b", "letters, digits"),
        ("/certificates?expires_from=tomorrow", "tomorrow", "2026-01-31"),
        ("/orders?account=acc-1", "acc-1", "acc-1"),
        ("/acme-accounts?key=%3Cb%3E", "&lt;b&gt;", "thumbprint"),
        ("/audit?from=31.1.2026", "31.1.2026", "not a day"),
        ("/audit?cursor=%3Cb%3E", "", "not that of a page of this list"),
    ] {
        let answer = world.admin.get(&world.server, path).await;
        assert_eq!(answer.status, 422, "{path}");
        let page = answer.text();
        let kept = page.contains(&format!("value=\"{}\"", value.replace("&gt;", ">")))
            || page.contains(&format!("value=\"{value}\""));
        assert!(value.is_empty() || kept, "{path} keeps {value}: {page}");
        assert!(words(&page).contains(wrong), "{path}: {}", words(&page));
        assert!(!page.contains("<tbody>"), "{path} lists nothing");
        assert!(!page.contains("<b>"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_server_says_what_to_do_first() {
    let server = CertctlServer::start().await;
    let browser = Browser::new();
    browser.sign_in_with_key(&server, server.api_key()).await;
    for (path, wanted) in [
        ("/", "What to do first"),
        ("/certificates", "No certificate was issued yet"),
        ("/orders", "No client has ordered yet"),
        ("/acme-accounts", "No client has registered yet"),
        ("/eab-keys", "There is no EAB key yet"),
        ("/profiles", "There is no profile yet"),
    ] {
        let answer = browser.get(&server, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(words(&answer.text()).contains(wanted), "{path}: {}", words(&answer.text()));
    }
}
