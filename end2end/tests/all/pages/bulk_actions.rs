//! What is done to many certificates at once.

use std::time::{Duration, Instant};

use end2end::browser::{Browser, location};
use end2end::certificate::Chain;
use end2end::{Engine, on_each_engine};
use futures::future::join_all;
use serde_json::Value;
use testkit::acme::{Csr, LeafKey, order_payload};
use testkit::http::Response;

use super::world::{World, words};

on_each_engine!(
    some_certificates_are_revoked,
    all_that_a_filter_finds_are_to_be_renewed,
    rights_hold_for_each_certificate,
    an_action_survives_the_death_of_the_server,
);

async fn some_certificates_are_revoked(engine: Engine) {
    let world = World::new(engine).await;
    issue(&world, "before.test").await;
    let ids = ids(&world, "").await;
    let before = id_of(&world, "before.test").await;
    assert_eq!(
        submit(&world.admin, &world, &format!("/certificates/{before}/revoke"), &[("reason", "superseded")])
            .await
            .status,
        303
    );

    // The list says what can be done, and selects all of a page for whoever asks.
    let list = world.page("/certificates").await;
    assert_eq!(list.matches("type=\"checkbox\" form=\"selection\"").count(), 3, "{list}");
    assert!(!list.contains(" checked") && list.contains("href=\"/certificates?selected=page\""), "{list}");
    let list = world.page("/certificates?selected=page").await;
    assert_eq!(list.matches(" checked").count(), 3);
    assert!(!words(&list).contains("All that this filter finds"), "there is no filter");

    let query = ids.iter().fold("do=revoke".to_owned(), |query, id| format!("{query}&id={id}"));
    let page = world.page(&format!("/bulk-actions/new?{query}")).await;
    let told = words(&page);
    assert!(told.contains("Revoke 3 certificates") && told.contains("b.test"), "{told}");
    assert!(told.contains("answers no OCSP requests"), "{told}");
    for id in &ids {
        assert!(page.contains(&format!("name=\"id\" value=\"{id}\"")), "{page}");
    }

    // What is refused stays selected.
    let mut fields: Vec<(&str, &str)> = ids.iter().map(|id| ("id", id.as_str())).collect();
    fields.extend([("do", "revoke"), ("comment", "they are gone")]);
    let answer = submit(&world.admin, &world, NEW, &fields).await;
    assert_eq!(answer.status, 422);
    let page = answer.text();
    assert!(words(&page).contains("choose one") && page.contains("value=\"they are gone\""), "{page}");
    assert!(ids.iter().all(|id| page.contains(&format!("name=\"id\" value=\"{id}\""))), "{page}");

    fields.push(("reason", "cessationOfOperation"));
    let answer = submit(&world.admin, &world, NEW, &fields).await;
    let path = location(&answer).to_owned();
    assert!(words(&world.page(&path).await).contains("It has begun"));
    let page = wait_for_end(&world, &path).await;
    for part in [
        "Done 2",
        "Failed 1",
        "Left 0",
        "they are gone",
        "cessationOfOperation",
        "Left as they were",
        "it is revoked already",
    ] {
        assert!(page.contains(part), "no {part}: {page}");
    }
    assert!(
        words(&world.page("/bulk-actions").await).contains("Revoke 3 certificates they are gone done 2 1 0")
    );
    let action = path.rsplit('/').next().unwrap();
    let events = end2end::api::list(&world.api, "/api/audit-events?action=certificate.revoked").await;
    let of_action: Vec<_> = events.iter().filter(|event| event["details"]["bulk_action"] == action).collect();
    assert_eq!((events.len(), of_action.len()), (3, 2));
    assert!(of_action.iter().all(|event| event["details"]["comment"] == "they are gone"));
    let ended = world.only("/api/audit-events?action=bulk_action.finished").await;
    assert_eq!((&ended["resource_id"], &ended["details"]["done"]), (&action.into(), &2.into()));

    let nothing = world.admin.get(&world.server, "/bulk-actions/new?do=revoke").await;
    assert_eq!(nothing.status, 422);
    assert!(words(&nothing.text()).contains("Select at least one certificate."), "{}", nothing.text());
    let all = world.admin.get(&world.server, "/bulk-actions/new?do=revoke&all=true").await;
    assert_eq!(all.status, 422);
    assert!(words(&all.text()).contains("Set a filter first"), "{}", all.text());
    assert_eq!(world.admin.get(&world.server, "/bulk-actions/new?do=burn").await.status, 422);
}

async fn all_that_a_filter_finds_are_to_be_renewed(engine: Engine) {
    let world = World::new(engine).await;
    let filter = format!("account={}", world.account_id());
    let list = world.page(&format!("/certificates?{filter}")).await;
    let ask = format!("/bulk-actions/new?{filter}&do=renew&all=true");
    assert!(list.contains(&format!("href=\"{}\"", ask.replace('&', "&amp;"))), "{list}");
    let page = world.page(&ask).await;
    assert!(words(&page).contains("Have 2 certificates renewed now"), "{page}");
    assert!(words(&page).contains("those issued later are left alone"), "{page}");
    let sent_along = |name: &str| {
        let (_, rest) =
            page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{name}: {page}"));
        rest.split('"').next().unwrap().to_owned()
    };
    let as_of = sent_along("as_of");
    assert_eq!(sent_along("account"), world.account_id());
    tokio::time::sleep(Duration::from_millis(5)).await;
    issue(&world, "later.test").await;

    let fields = [
        ("do", "renew"),
        ("all", "true"),
        ("account", world.account_id()),
        ("as_of", &as_of),
        ("reason", "weak keys"),
        ("explanation_url", "https://example.com/why"),
    ];
    let path = location(&submit(&world.admin, &world, NEW, &fields).await).to_owned();
    let page = wait_for_end(&world, &path).await;
    for part in ["Done 2", "Failed 0", "weak keys", "https://example.com/why", "Issued before"] {
        assert!(page.contains(part), "no {part}: {page}");
    }
    let demanded = end2end::api::list(&world.api, "/api/certificates?renew_now=true").await;
    assert_eq!(demanded.len(), 2);
    assert!(demanded.iter().all(|c| c["identifiers"] != serde_json::json!(["later.test"])), "{demanded:?}");

    // A client comes and renews.
    let old = world.only("/api/certificates?name=a.test").await;
    renew(&world, &old, "a.test").await;
    let start = Instant::now();
    loop {
        let page = words(&world.page(&path).await);
        if page.contains("Replaced 1 by their clients; counted") {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{page}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn rights_hold_for_each_certificate(engine: Engine) {
    let world = World::new(engine).await;
    world.bind_an_account("a cluster").await;
    let (own, foreign) = (id_of(&world, "bound.test").await, id_of(&world, "a.test").await);
    let scoped = world.browser_of("operator", &["prof-bound"]).await;
    let fields =
        [("do", "revoke"), ("id", &*own), ("id", &*foreign), ("reason", "superseded"), ("comment", "mine")];
    let path = location(&submit(&scoped, &world, NEW, &fields).await).to_owned();
    let page = wait_for_end(&world, &path).await;
    assert!(page.contains("Done 1") && page.contains("there is no such certificate"), "{page}");
    assert_eq!(world.api.get(&format!("/api/certificates/{foreign}")).await.expect(200)["status"], "valid");
    assert!(words(&world.page_of(&scoped, &path).await).contains("Done 1"), "one's own");

    // Who sees nothing but profiles sees no actions of others; who may do nothing is offered nothing.
    let other = world.browser_of("operator", &["prof-bound"]).await;
    assert_eq!(other.get(&world.server, &path).await.status, 404);
    assert!(!words(&world.page_of(&other, "/bulk-actions").await).contains("mine"));
    let viewer = world.browser_of("viewer", &[]).await;
    assert!(words(&world.page_of(&viewer, &path).await).contains("Done 1"));
    let list = world.page_of(&viewer, "/certificates").await;
    assert!(!list.contains("checkbox") && !list.contains("/bulk-actions"), "{list}");
    assert_eq!(submit(&viewer, &world, NEW, &fields).await.status, 403);
    assert_eq!(viewer.get(&world.server, &format!("{NEW}?do=revoke&id={own}")).await.status, 403);
}

/// `kill -9` in the middle, twice: afterwards each certificate is revoked once, and has one event.
async fn an_action_survives_the_death_of_the_server(engine: Engine) {
    let mut world = World::new(engine).await;
    join_all((0..8).map(|client| {
        let world = &world;
        async move {
            for number in 0..40 {
                issue(world, &format!("c{client}-{number}.test")).await;
            }
        }
    }))
    .await;
    let account = world.account_id().to_owned();
    let fields = [
        ("do", "revoke"),
        ("all", "true"),
        ("account", &*account),
        ("reason", "superseded"),
        ("comment", "x"),
    ];
    let path = location(&submit(&world.admin, &world, NEW, &fields).await).to_owned();
    for _ in 0..2 {
        let start = Instant::now();
        let before = words(&world.page(&path).await);
        // Whatever it has done when it dies.
        while words(&world.page(&path).await) == before && start.elapsed() < Duration::from_secs(3) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world.server.restart().await;
    }
    let page = wait_for_end(&world, &path).await;
    assert!(page.contains("Done 322") && page.contains("Failed 0"), "{page}");
    let revoked = end2end::api::list(&world.api, "/api/certificates?status=revoked").await;
    assert_eq!(revoked.len(), 322);
    let events = end2end::api::list(&world.api, "/api/audit-events?action=certificate.revoked").await;
    let mut resources: Vec<_> = events.iter().map(|event| event["resource_id"].as_str().unwrap()).collect();
    resources.sort_unstable();
    resources.dedup();
    assert_eq!((events.len(), resources.len()), (322, 322), "one event for each");
    world.only("/api/audit-events?action=bulk_action.finished").await;
}

const NEW: &str = "/bulk-actions/new";

async fn issue(world: &World, name: &str) {
    world.acme.issue(world.signer(), &[&format!("dns:{name}")]).await;
}

/// A new certificate for the name, by an order that says which one it replaces.
async fn renew(world: &World, old: &Value, name: &str) {
    let path = format!("/api/certificates/{}/pem", old["id"].as_str().unwrap());
    let chain = Chain::from_pem(&world.api.get(&path).await.text());
    let mut payload = order_payload(&[&format!("dns:{name}")]);
    payload["replaces"] = chain.renewal_id().into();
    let order = world.acme.post(world.signer(), world.acme.url("newOrder"), payload).await.expect(201);
    let csr = Csr::new(&[name]).sign(&LeafKey::P256.generate());
    world.acme.finalize(world.signer(), order["finalize"].as_str().unwrap(), &csr).await.expect(200);
}

async fn ids(world: &World, query: &str) -> Vec<String> {
    let all = end2end::api::list(&world.api, &format!("/api/certificates{query}")).await;
    all.iter().map(|certificate| certificate["id"].as_str().unwrap().to_owned()).collect()
}

async fn id_of(world: &World, name: &str) -> String {
    ids(world, &format!("?name={name}")).await.remove(0)
}

async fn submit(browser: &Browser, world: &World, path: &str, fields: &[(&str, &str)]) -> Response {
    let token = browser.csrf_token(&world.server).await;
    let fields: Vec<_> = fields.iter().copied().chain([("csrf_token", &*token)]).collect();
    browser.submit(&world.server, path, &fields).await
}

/// The words of an action's page once it does not run any more.
async fn wait_for_end(world: &World, path: &str) -> String {
    let start = Instant::now();
    loop {
        let html = world.page(path).await;
        if !html.contains("data-live") {
            return words(&html);
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{html}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
