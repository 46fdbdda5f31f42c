//! How the pages are for people: with their eyes, on a phone, by a screen reader, by the keyboard.

use std::io::Write;
use std::process::Stdio;

use end2end::chromium::{drive, screenshots};
use end2end::idp::provider;
use end2end::{Engine, challenge};
use serde_json::{Value, json};
use testkit::acme::{Key, RawAcme, Signer};

use super::world::World;

/// A server on which something of everything has happened, and what is to be looked at there beside what links lead to.
struct Busy {
    world: World,
    failed: String,
    pending: String,
    suspended: String,
    viewer: String,
}

impl Busy {
    async fn new() -> Self {
        let world = World::with(Engine::Sqlite, &[("CERTCTL_BREAK_GLASS_ENABLED", "true")]).await;
        let bound = world.bind_an_account("cluster production-eu-west-1").await;
        let path = format!("/api/acme/accounts?eab_key_id={}", bound["id"].as_str().unwrap());
        let suspended = world.only(&path).await["id"].as_str().unwrap().to_owned();
        let path = format!("/api/acme/accounts/{suspended}/suspend");
        world.api.post(&path, json!({ "reason": "its key was seen elsewhere" })).await.expect(200);
        let failed = world.fail_an_order("failing.test", "not-the-answer").await;
        let directory = world.server.directory_url(challenge::PROFILE);
        let acme = RawAcme::new(world.server.client(), &directory).await;
        let long = format!("dns:{}.a-rather-long-name-of-a-service.test", "x".repeat(60));
        let order = acme.order(world.signer(), &["dns:pending.test", &long]).await;
        let pending = order.header("location").unwrap().rsplit('/').next().unwrap().to_owned();
        // More than a page of them.
        for number in 0..52 {
            world.acme.issue(world.signer(), &[&format!("dns:host-{number}.many.test")]).await;
        }
        let revoked = world.only("/api/certificates?name=host-1.many.test").await;
        let path = format!("/api/certificates/{}/revoke", revoked["id"].as_str().unwrap());
        world.api.post(&path, json!({ "reason": "keyCompromise" })).await.expect(200);
        let idp =
            provider("company", "https://idp.example.test", None, &json!({ "name": "Example Company" }));
        world.api.post("/api/oidc/providers", idp).await.expect(201);
        world.break_glass("eve");
        let viewer = json!({ "name": "a viewer", "role": "viewer" });
        let viewer = world.api.post("/api/api-keys", viewer).await.expect(201);
        let viewer = viewer["api_key"].as_str().unwrap().to_owned();
        Self { world, failed, pending, suspended, viewer }
    }

    /// Who comes, and where they look.
    async fn visits(&self) -> Value {
        let link = String::from_utf8(self.world.server.command(["login-link"]).output().unwrap().stdout);
        let link = link.unwrap();
        let link = link.trim().strip_prefix(&self.world.server.external_url()).unwrap().to_owned();
        let revoked = self.world.only("/api/certificates?name=host-1.many.test").await;
        let valid = self.world.only("/api/certificates?name=*.b.test").await;
        json!([
            {
                "name": "stranger", "crawl": true,
                "pages": {
                    "start": "/", "refused": "/sign-in?refused=no-role", "link": link,
                    "missing": "/no/such/page",
                },
            },
            {
                "name": "viewer", "key": self.viewer, "crawl": false,
                "pages": { "overview": "/", "forbidden": "/audit" },
            },
            {
                "name": "admin", "key": self.world.server.api_key(), "crawl": true,
                "pages": {
                    "overview": "/",
                    "order-failed": format!("/orders/{}", self.failed),
                    "order-pending": format!("/orders/{}", self.pending),
                    "certificate-revoked": format!("/certificates/{}", revoked["id"].as_str().unwrap()),
                    "certificate": format!("/certificates/{}", valid["id"].as_str().unwrap()),
                    "account": format!("/acme-accounts/{}", self.world.account_id()),
                    "account-suspended": format!("/acme-accounts/{}", self.suspended),
                    "orders": "/orders",
                    "nothing-fits": "/certificates?name=nothing.test",
                    "filter-wrong": "/certificates?expires_from=tomorrow&serial=zz",
                    "certificates": "/certificates",
                    "audit": "/audit",
                    "missing": "/certificates/cert-0193a1b2c3d47e5f8a9b0c1d2e3f4a5b",
                },
            },
        ])
    }
}

impl World {
    /// Gives somebody a password for emergencies.
    fn break_glass(&self, name: &str) {
        let mut command = self.server.command(["break-glass", "set-password", "--name", name]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"a long enough password").unwrap();
        assert!(child.wait().unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_for_everybody() {
    let busy = Busy::new().await;
    let folder = screenshots("pages");
    let steps = json!({
        "origin": busy.world.server.external_url(), "screenshots": folder, "visits": busy.visits().await,
    });
    let seen = drive("survey", &steps).await;
    let problems: Vec<_> = seen["problems"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    let pages: Vec<_> = seen["pages"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for wanted in
        ["stranger 200 /pki", "stranger 404 ", "viewer 403 /audit", "admin 200 /audit/evt-", "/connect"]
    {
        assert!(pages.iter().any(|page| page.contains(wanted)), "no {wanted}: {pages:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_adds_comfort_and_nothing_is_lost_without_it() {
    let world = World::new(Engine::Sqlite).await;
    let directory = challenge::with_challenge_profile(&world.server, json!({})).await;
    let acme = RawAcme::new(world.server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let order = acme.order(Signer::Kid(&key, &account), &["dns:pending.test"]).await;
    let order = order.header("location").unwrap().rsplit('/').next().unwrap().to_owned();
    let account = account.rsplit('/').next().unwrap();
    let steps = json!({
        "origin": world.server.external_url(), "key": world.server.api_key(),
        "order": format!("/orders/{order}"), "account": account,
    });
    let seen = drive("comfort", &steps).await;
    assert_eq!(seen["problems"], json!([]));
    assert_eq!((&seen["pending"], &seen["ended"]), (&json!("pending"), &json!("invalid")));
    let refused = seen["refused"].as_array().unwrap();
    assert!(
        refused.len() == 1 && refused[0].as_str().unwrap().contains("422"),
        "and nothing else: {refused:?}"
    );
    assert_eq!(seen["copied"], order);
    assert_eq!(seen["focused"], format!("/acme-accounts/{account}"), "the focus outlives what is replaced");
    assert_eq!((&seen["filtered"], &seen["url"]), (&json!(1), &json!("?name=b.test")));
    assert_eq!(
        (&seen["typing"], &seen["asked"]),
        (&json!("filter-name"), &json!(1)),
        "once, after the last key"
    );
    assert!(seen["command"].as_str().unwrap().starts_with("keytool -importcert"), "{seen}");
    assert_eq!(seen["fingerprint"].as_str().unwrap().len(), 95, "{seen}");
    assert_eq!((&seen["menu"], &seen["labelled"]), (&json!(false), &json!("\"Status\"")));
    assert_eq!(seen["plain"]["rows"], 1, "{seen}");
    assert!(seen["plain"]["url"].as_str().unwrap().contains("name=b.test"), "{seen}");
    assert_eq!(seen["plain"]["buttons"], 0, "what does nothing is not there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_done_by_the_keyboard_alone() {
    let world = World::new(Engine::Sqlite).await;
    let steps = json!({ "origin": world.server.external_url(), "key": world.server.api_key() });
    let seen = drive("keyboard", &steps).await;
    assert_eq!(seen["problems"], json!([]));
    assert_eq!((&seen["first"], &seen["second"]), (&json!("Skip to content"), &json!(true)));
    let sha256 = world.only("/api/certificates?name=b.test").await["sha256"].as_str().unwrap().to_uppercase();
    assert_eq!(seen["copied"].as_str().unwrap().replace(':', ""), sha256);
    assert_eq!(seen["out"], true, "{seen}");
}
