//! What the pages of single things say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use end2end::certificate::Chain;
use end2end::{Engine, on_each_engine};
use http::Method;
use serde_json::json;
use testkit::acme::{Csr, LeafKey};

use super::world::{World, words};

on_each_engine!(
    a_certificate_is_told_in_full,
    a_certificate_without_an_account_names_who_asked,
    a_failed_order_says_what_happened_and_what_to_do,
    a_refused_order_says_why_and_what_to_do,
    a_change_shows_before_and_after,
    clients_get_texts_with_the_values_of_the_profile,
    the_overview_counts_and_warns,
);

#[track_caller]
fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "no `{part}` in {page}");
    }
}

fn colons(hex: &str) -> String {
    hex.to_uppercase().as_bytes().chunks(2).map(|c| String::from_utf8_lossy(c)).collect::<Vec<_>>().join(":")
}

async fn a_certificate_is_told_in_full(engine: Engine) {
    let world = World::new(engine).await;
    let c = world.only("/api/certificates?name=*.b.test").await;
    let text = |field: &str| c[field].as_str().unwrap();
    let path = format!("/certificates/{}", text("id"));
    let html = world.page(&path).await;
    let page = words(&html);
    has(&page, &["b.test", "*.b.test", "valid", "ECDSA P-256", "digitalSignature", "serverAuth"]);
    has(&page, &[&colons(text("serial")), &colons(text("sha256")), "CN=certctl internal CA", "PEM"]);
    for link in [
        format!("/orders/{}", text("order_id")),
        format!("/acme-accounts/{}", text("account_id")),
        format!("/profiles/{}", text("profile_id")),
        "/issuers/iss-internal-ca".to_owned(),
        format!("/api/certificates/{}/pem", text("id")),
        format!("/api/certificates/{}/pem?part=certificate", text("id")),
        format!("/api/certificates/{}/pem?part=chain", text("id")),
        format!("/api/certificates/{}/der", text("id")),
    ] {
        assert!(html.contains(&format!("href=\"{link}\"")), "{link}: {html}");
    }
    let download = async |part: &str| {
        let file = world.api.get(&format!("/api/certificates/{}/{part}", text("id"))).await;
        assert_eq!(file.status, 200, "{part}");
        file
    };
    let whole = Chain::from_pem(&download("pem").await.text());
    let (leaf, above) =
        (download("pem?part=certificate").await.text(), download("pem?part=chain").await.text());
    assert_eq!(format!("{leaf}{above}"), download("pem").await.text());
    assert_eq!(download("der").await.body, whole.leaf().to_vec());
    assert!(page.contains(&whole.renewal_id()), "{page}");
    let bad = world.api.get(&format!("/api/certificates/{}/pem?part=half", text("id"))).await;
    bad.expect_problem(422, "urn:certctl:error:invalid");

    let reason = json!({ "reason": "keyCompromise" });
    world.api.post(&format!("/api{path}/revoke"), reason).await.expect(200);
    has(&words(&world.page(&path).await), &["Revoked: keyCompromise"]);

    let account = words(&world.page(&format!("/acme-accounts/{}", world.account_id())).await);
    has(
        &account,
        &["test@example.com", &world.key.thumbprint(), "b.test", "a.test", "orders per hour of one account"],
    );
}

async fn a_certificate_without_an_account_names_who_asked(engine: Engine) {
    let world = World::new(engine).await;
    let key = json!({ "name": "deploy & co", "role": "agent" });
    let key = world.api.post("/api/api-keys", key).await.expect(201);
    let agent = world
        .server
        .client()
        .with_header("authorization", &format!("Bearer {}", key["api_key"].as_str().unwrap()));
    let csr = Csr::new(&["direct.test"]).sign(&LeafKey::P256.generate());
    let body = STANDARD.encode(csr);
    let csr = format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n");
    let asked = json!({ "profile_id": "prof-test", "csr": csr });
    let c = agent.post("/api/certificates", asked).await.expect(201);
    let page = words(&world.page(&format!("/certificates/{}", c["id"].as_str().unwrap())).await);
    has(&page, &["Asked by deploy & co, key:key-…"]);
}

async fn a_failed_order_says_what_happened_and_what_to_do(engine: Engine) {
    let world = World::new(engine).await;
    let id = world.fail_an_order("failing.test", "not-the-answer").await;
    let page = words(&world.page(&format!("/orders/{id}")).await);
    has(&page, &["failing.test", "invalid", "Why it failed, and what to do", "Try"]);
    has(&page, &["The client chose dns-01 for failing.test", "Attempt 1 of dns-01", "not-the-answer"]);
    has(&page, &["the client was told", "urn:ietf:params:acme:error:"]);
    let explained = page.find("Why it failed").unwrap();
    assert!(explained < page.find("What happened").unwrap(), "the reason comes first");
    let valid = world.only("/api/certificates?name=a.test").await;
    let order = words(&world.page(&format!("/orders/{}", valid["order_id"].as_str().unwrap())).await);
    has(&order, &["Order accepted for a.test", "authorized without a challenge", "Certificate issued"]);
    assert!(!order.contains("Why it failed"));
}

async fn a_refused_order_says_why_and_what_to_do(engine: Engine) {
    let world = World::new(engine).await;
    world.bind_an_account("a cluster").await;
    has(&words(&world.page("/orders/refused").await), &["Nothing was refused."]);
    let change = json!({ "permitted_names": ["**.a.test"] });
    world.api.call(Method::PATCH, "/api/profiles/prof-test", Some(change)).await.expect(200);
    for _ in 0..3 {
        world.acme.order(world.signer(), &["dns:elsewhere.test", "dns:x.a.test"]).await.expect(400);
    }
    let overview = words(&world.page("/").await);
    let why = "elsewhere.test is not among the permitted names. Order other names, or change permitted_names";
    has(&overview, &["refused Order for elsewhere.test", "the newest of 3", why]);
    let html = world.page("/orders/refused").await;
    let page = words(&html);
    has(&page, &["elsewhere.test x.a.test elsewhere.test is not among the permitted names", "3 in all"]);
    assert!(html.contains("href=\"/audit/evt-") && html.contains("href=\"/profiles/prof-test\""), "{html}");
    for (filter, fits) in [
        ("profile=prof-test", true),
        ("profile=prof-bound", false),
        (&*format!("account={}", world.account_id()), true),
        ("account=acc-0193a1b2c3d47e5f8a9b0c1d2e3f4a5b", false),
        ("until=2020-01-31", false),
    ] {
        let page = words(&world.page(&format!("/orders/refused?{filter}")).await);
        assert_eq!(page.contains("elsewhere.test"), fits, "{filter}: {page}");
    }
    // Whoever may read the orders of the profile, without the audit trail, and nobody else.
    let operator = world.browser_of("operator", &["prof-test"]).await;
    let html = world.page_of(&operator, "/orders/refused").await;
    assert!(html.contains("elsewhere.test") && !html.contains("/audit/"), "{html}");
    let other = world.browser_of("operator", &["prof-bound"]).await;
    has(&words(&world.page_of(&other, "/orders/refused").await), &["Nothing was refused."]);
    assert!(!world.page_of(&other, "/").await.contains("elsewhere.test"));
}

async fn a_change_shows_before_and_after(engine: Engine) {
    let world = World::new(engine).await;
    let profile = words(&world.page("/profiles/prof-test").await);
    has(&profile, &["Take care", "The profile is open", "every name", "90 days", "trust the account"]);
    let change = json!({ "permitted_names": ["**.a.test"], "max_ttl_seconds": 129_600 });
    world.api.call(Method::PATCH, "/api/profiles/prof-test", Some(change)).await.expect(200);
    let profile = words(&world.page("/profiles/prof-test").await);
    has(&profile, &["**.a.test", "36 hours", "Version 2"]);
    assert!(!profile.contains("Take care"));
    let event = world.only("/api/audit-events?action=profile.updated").await;
    let page = words(&world.page(&format!("/audit/{}", event["id"].as_str().unwrap())).await);
    has(&page, &["profile updated", "permitted names none **.a.test", "max ttl seconds 7776000 129600"]);
    assert!(!page.contains("eab required false"), "what did not change is not a change");
}

async fn clients_get_texts_with_the_values_of_the_profile(engine: Engine) {
    let world = World::new(engine).await;
    let directory = world.server.directory_url("prof-test");
    let page = words(&world.page("/profiles/prof-test/connect").await);
    let ca = world.server.client().get("/pki/server-ca.pem").await;
    has(&page, &[&directory, &format!("caBundle: {}", STANDARD.encode(&ca.body)), "solvers: []"]);
    has(&page, &["cert-manager", "lego --server", "certbot certonly", "acme_ca", "caServer:"]);
    assert!(!page.contains("KEY_ID"), "no key is needed");
    world.bind_an_account("a cluster").await;
    let page = words(&world.page("/profiles/prof-bound/connect").await);
    has(&page, &["externalAccountBinding", "--eab --kid KEY_ID --hmac MAC_KEY", "acme_eab", "hmacEncoded"]);
    let key = world.only("/api/acme/eab-keys").await;
    let path = format!("/eab-keys/{}", key["id"].as_str().unwrap());
    has(&words(&world.page(&path).await), &["a cluster", "1 of 3 accounts", "acc-…"]);
}

async fn the_overview_counts_and_warns(engine: Engine) {
    let world = World::new(engine).await;
    world.fail_an_order("failing.test", "not-the-answer").await;
    let html = world.page("/").await;
    let page = words(&html);
    has(
        &page,
        &["Needs attention", "Order for failing.test", "Profile ACME test profile", "The profile is open"],
    );
    has(
        &page,
        &["End within 90 days 2 and 0 that are replaced", "Issued in 24 hours 2", "certctl internal CA"],
    );
    has(
        &html,
        &[
            "In the next 90 days 2 certificates in use end",
            "In the last 28 days 2 certificates were issued, and 1 orders failed",
        ],
    );
    let c = world.only("/api/certificates?name=a.test").await;
    let reason = json!({ "reason": "superseded" });
    world
        .api
        .post(&format!("/api/certificates/{}/revoke", c["id"].as_str().unwrap()), reason)
        .await
        .expect(200);
    // On a busy machine the figures are kept for some seconds.
    let mut page = words(&world.page("/").await);
    for _ in 0..60 {
        if page.contains("End within 90 days 1 and 0 that are replaced") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        page = words(&world.page("/").await);
    }
    has(&page, &["End within 90 days 1 and 0 that are replaced", "This server's own certificate"]);
}
