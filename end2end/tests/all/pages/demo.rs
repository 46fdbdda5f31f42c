//! The pictures of the README: a made-up company's CA after four weeks.

use std::collections::HashMap;
use std::path::Path;

use end2end::certificate::Chain;
use end2end::challenge::{self, Challenged};
use end2end::chromium::drive;
use end2end::idp::RealIdp;
use end2end::idp::real::Options;
use end2end::{Engine, challenge as challenges};
use serde_json::{Value, json};
use testkit::CertctlServer;
use testkit::acme::{Csr, ExternalKey, Key, LeafKey, RawAcme, Signer, finalize_payload, order_payload};

/// A library that moves the clock of a program (Debian's package `faketime`).
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// Somebody who orders.
struct Tenant {
    profile: &'static str,
    names: &'static [&'static str],
    key: Key,
    account: String,
}

const PROFILES: &[(&str, &str, &str, u32, &[&str])] = &[
    ("prof-web", "Web services", "Behind the load balancers.", 90, &["**.example.com"]),
    (
        "prof-kubernetes",
        "Kubernetes",
        "cert-manager in the production clusters.",
        30,
        &["**.svc.example.net"],
    ),
    ("prof-databases", "Databases", "Short-lived, renewed by the sidecar.", 14, &["*.db.example.net"]),
];

const TENANTS: &[(&str, &str, &[&str])] = &[
    (
        "prof-web",
        "web-team@example.com",
        &["shop.example.com", "api.example.com", "pay.example.com", "www.example.com", "help.example.com"],
    ),
    (
        "prof-kubernetes",
        "platform@example.com",
        &[
            "cart.svc.example.net",
            "search.svc.example.net",
            "billing.svc.example.net",
            "mail.svc.example.net",
            "grafana.svc.example.net",
            "registry.svc.example.net",
            "auth.svc.example.net",
        ],
    ),
    (
        "prof-databases",
        "dba@example.com",
        &["orders.db.example.net", "users.db.example.net", "ledger.db.example.net", "events.db.example.net"],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it writes docs/screenshots; run `make screenshots`"]
async fn screenshots_of_the_readme() {
    assert!(
        Path::new(FAKETIME).is_file(),
        "Debian's package faketime is missing; `make screenshots` installs it"
    );
    let world = challenge::World::new().await;
    let mut server = world
        .server(Engine::Sqlite)
        .env("LD_PRELOAD", FAKETIME)
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("FAKETIME", "-27d")
        .start()
        .await;
    let tenants = found(&server).await;
    let mut chains = HashMap::new();
    let mut turn = 0;
    for day in (0..28).rev() {
        server.restart_with("FAKETIME", format!("-{day}d")).await;
        for _ in 0..[4, 6, 5, 7, 5, 1, 2][day % 7] {
            issue(&server, &tenants[turn % tenants.len()], turn, &mut chains).await;
            turn += 1;
        }
    }
    let failed = fail(&world, &server, &tenants[0]).await;
    server.restart_with("CERTCTL_EXTERNAL_URL", "https://ca.example.com").await;
    let idp = RealIdp::start(&server, "company", &Options::default()).await;
    idp.register(&server, &json!({ "name": "Example Company" })).await;
    let steps = json!({
        "origin": server.external_url(), "port": server.port(), "provider": "company", "user": "alice",
        "folder": Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/screenshots"),
        "order": format!("/orders/{failed}"), "profile": "/profiles/prof-kubernetes",
    });
    let seen = drive("readme", &steps).await;
    assert_eq!(seen["problems"], json!([]));
}

/// The profiles, and an account bound to each.
async fn found(server: &CertctlServer) -> Vec<Tenant> {
    let api = server.api();
    for (id, name, description, days, names) in PROFILES {
        let profile = json!({
            "id": id, "name": name, "description": description, "issuer_id": "iss-internal-ca",
            "max_ttl_seconds": days * 86_400, "acme_auth_mode": "trust_authenticated", "eab_required": true,
            "permitted_names": names,
        });
        api.post("/api/profiles", profile).await.expect(201);
    }
    challenges::with_challenge_profile(server, json!({
        "name": "Public names", "description": "Each name is proven.", "permitted_names": ["**.example.com"],
    }))
    .await;
    let mut tenants = Vec::new();
    for (profile, contact, names) in TENANTS {
        let note = json!({ "note": contact.split('@').next(), "max_uses": 3 });
        let eab = api.post("/api/acme/eab-keys", note).await.expect(201);
        let external = ExternalKey::new(eab["id"].as_str().unwrap(), eab["mac_key"].as_str().unwrap());
        let acme = RawAcme::new(server.client(), &server.directory_url(profile)).await;
        let key = Key::new();
        let binding = external.bind(&key, acme.url("newAccount"));
        let payload = json!({ "contact": [format!("mailto:{contact}")], "externalAccountBinding": binding });
        let answer = acme.post(Signer::Jwk(&key), acme.url("newAccount"), payload).await;
        let account = answer.header("location").unwrap().to_owned();
        tenants.push(Tenant { profile, names, key, account });
    }
    tenants
}

/// Issues the tenant's next certificate; one for the same name is replaced.
async fn issue(
    server: &CertctlServer,
    tenant: &Tenant,
    turn: usize,
    chains: &mut HashMap<&'static str, Chain>,
) {
    let name = tenant.names[(turn / TENANTS.len()) % tenant.names.len()];
    let acme = RawAcme::new(server.client(), &server.directory_url(tenant.profile)).await;
    let signer = Signer::Kid(&tenant.key, &tenant.account);
    let mut payload = order_payload(&[&format!("dns:{name}")]);
    if let Some(chain) = chains.get(name) {
        payload["replaces"] = chain.renewal_id().into();
    }
    let order = acme.post(signer, acme.url("newOrder"), payload).await.expect(201);
    let csr = Csr::new(&[name]).sign(&LeafKey::P256.generate());
    let url = order["finalize"].as_str().unwrap();
    let order = acme.post(signer, url, finalize_payload(&csr)).await.expect(200);
    let pem = acme.read(signer, order["certificate"].as_str().unwrap()).await.text();
    chains.insert(name, Chain::from_pem(&pem));
}

/// An order whose TXT record is that of the time before; its id.
async fn fail(world: &challenge::World, server: &CertctlServer, tenant: &Tenant) -> String {
    let acme = RawAcme::new(server.client(), &server.directory_url(challenges::PROFILE)).await;
    let record = "Zm9ybWVyIGF0dGVtcHQgb2YgdGhlIHNhbWUgY2xpZW4";
    world.dns.add("_acme-challenge.status.example.com", "TXT", record);
    let client = Challenged { acme: &acme, signer: Signer::Kid(&tenant.key, &tenant.account) };
    let (order, url) = client.order(&["dns:status.example.com"]).await;
    let challenge: Value = client.challenge(challenges::authorization(&order, 0), "dns-01").await;
    acme.post(client.signer, challenge["url"].as_str().unwrap(), json!({})).await.expect(200);
    client.wait_for(&url, &["invalid"]).await;
    url.rsplit('/').next().unwrap().to_owned()
}
