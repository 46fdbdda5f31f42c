//! Text from clients and administrators is anybody's: no page may take it for its own.

use std::sync::Arc;

use end2end::browser::{Browser, Visit, location};
use end2end::idp::HostileIdp;
use end2end::{Engine, on_each_engine};
use serde_json::json;
use testkit::acme::{Key, Signer};

use super::world::World;
use super::{assert_is_a_light_and_harmless_page, is_page, people};

on_each_engine!(
    hostile_text_stays_text_on_every_page,
    hostile_input_stays_text_where_it_is_refused,
    hostile_input_of_keys_and_limits_stays_text,
);

/// A script that says where it came from.
fn payload(field: &str) -> String {
    format!("</title></code></textarea>\"'><script>{field}</script><img src=x onerror={field}>")
}

async fn hostile_text_stays_text_on_every_page(engine: Engine) {
    let world = World::new(engine).await;
    let api = &world.api;
    let fields = [
        "profile_name",
        "profile_description",
        "note",
        "reason",
        "key_revocation",
        "key_name",
        "user_agent",
        "record",
        "user_name",
        "email",
        "subject",
        "group",
        "revocation",
        "renewal",
        "bulk",
        "provider_name",
        "client_id",
        "role_description",
    ];
    let mut profile = end2end::api::open_profile("prof-hostile");
    profile["name"] = format!("{:.100}", payload("profile_name")).into();
    profile["description"] = payload("profile_description").into();
    api.post("/api/profiles", profile).await.expect(201);
    let key = api.post("/api/acme/eab-keys", json!({ "note": payload("note") })).await.expect(201);
    let revoke = format!("/api/acme/eab-keys/{}/revoke", key["id"].as_str().unwrap());
    api.post(&revoke, json!({ "reason": payload("key_revocation") })).await.expect(200);
    let reason = json!({ "reason": payload("reason") });
    api.post(&format!("/api/acme/accounts/{}/suspend", world.account_id()), reason.clone()).await.expect(200);
    api.post(&format!("/api/acme/accounts/{}/resume", world.account_id()), reason).await.expect(200);
    world.fail_an_order("failing.test", &payload("record")).await;
    world.demand_renewal("a.test", &payload("renewal")).await;
    let id = world.only("/api/certificates?name=b.test").await["id"].as_str().unwrap().to_owned();
    let fields_of_action = [("do", "renew"), ("id", &*id), ("reason", &*payload("bulk"))];
    assert_eq!(world.submit("/bulk-actions/new", &fields_of_action).await.status, 303);
    let comment = json!({ "reason": "superseded", "comment": payload("revocation") });
    api.post(&format!("/api/certificates/{id}/revoke"), comment).await.expect(200);
    // A contact is an address, so it has no brackets.
    let contact = json!({ "contact": ["mailto:o'hara&co@example.com"] });
    world.acme.post(Signer::Jwk(&Key::new()), world.acme.url("newAccount"), contact).await.expect(201);
    let key = json!({ "name": format!("{:.100}", payload("key_name")), "role": "admin" });
    let key = api.post("/api/api-keys", key).await.expect(201);
    let browser = Browser::new();
    let form = [("api_key", key["api_key"].as_str().unwrap())];
    let sign_in = Visit::form(&world.server, "/auth/api-key", &form);
    let agent = payload("user_agent");
    assert_eq!(browser.send(&world.server, sign_in.with("user-agent", Some(&agent))).await.status, 303);

    let role = json!({ "id": "hostile", "description": payload("role_description"), "permissions": [] });
    api.post("/api/roles", role).await.expect(201);
    let other = json!({ "name": "Other", "client_id": payload("client_id") });
    let other = end2end::idp::provider("other", "https://127.0.0.1:1", None, &other);
    api.post("/api/oidc/providers", other).await.expect(201);
    let idp = HostileIdp::start().await;
    let mappings = json!([{ "group": payload("group"), "role": "viewer" }]);
    let hostile = json!({ "name": format!("{:.100}", payload("provider_name")), "group_mappings": mappings });
    idp.register(&world.server, "idp", &hostile).await;
    idp.set(|b| {
        b.subject = payload("subject");
        b.claims = Arc::new(|claims| {
            claims["name"] = payload("user_name").into();
            claims["email"] = payload("email").into();
            claims["groups"] = json!([payload("group")]);
        });
    });
    assert_eq!(location(&people::sign_in(&world, &idp, &Browser::new()).await), "/");

    let seen = world.crawl(&browser).await;
    for field in fields {
        let mut shown = 0;
        for (path, answer) in seen.iter().filter(|(_, answer)| is_page(answer)) {
            let page = answer.text();
            assert!(!page.contains(&format!("<script>{field}")), "{path} runs {field}");
            assert!(!page.contains(&format!("<img src=x onerror={field}")), "{path} runs {field}");
            // A title ends at the first end tag, whatever it stands in.
            assert_eq!(page.matches("</title>").count(), 1, "{path}");
            shown += usize::from(page.contains(&format!("&lt;script&gt;{field}")));
        }
        assert!(shown > 0, "{field} is on no page, so this proves nothing about it");
    }
    let accounts = seen["/acme-accounts"].text();
    assert!(accounts.contains("o'hara&amp;co@example.com"), "{accounts}");
}

async fn hostile_input_stays_text_where_it_is_refused(engine: Engine) {
    let world = World::new(engine).await;
    let fields = [
        "id",
        "name",
        "description",
        "acme_auth_mode",
        "permitted_names",
        "excluded_names",
        "allowed_client_networks",
        "allowed_challenge_types",
        "issuer_id",
        "max_ttl_seconds",
        "default_ttl_seconds",
        "allowed_key_types",
        "caa",
        "reuse_authorizations_hours",
        "selectable_profiles",
    ];
    let sent: Vec<_> = fields.iter().map(|field| (*field, payload(field))).collect();
    for (path, version) in
        [("/profiles/new", "0"), ("/profiles/prof-test/edit", "1"), ("/profiles/prof-test/edit", "7")]
    {
        let sent = sent.iter().map(|(name, value)| (*name, value.as_str())).chain([("version", version)]);
        let answer = world.submit(path, &sent.collect::<Vec<_>>()).await;
        assert!(matches!(answer.status.as_u16(), 412 | 422), "{path}: {}", answer.text());
        assert_is_a_light_and_harmless_page(path, &answer);
        let page = answer.text();
        assert!(!page.contains("<img src=x"), "{path}");
        assert!(page.contains("&lt;script&gt;permitted_names"), "{path} keeps what was sent: {page}");
    }
    // The forms of people and access, each with everything that it has.
    let user = people::with_a_person(&world).await.0;
    let grants = format!("/users/{user}/grants");
    let role = json!({ "id": "own", "permissions": [] });
    world.api.post("/api/roles", role).await.expect(201);
    for (path, fields, shown) in [
        (&*grants, &["role", "profiles", "group"][..], "profiles"),
        ("/providers/idp/mappings", &["group", "role", "profiles"], "group"),
        ("/roles/own/edit", &["description", "permissions"], "description"),
        ("/roles/new", &["id", "description", "permissions"], "id"),
        (
            "/providers/new",
            &["id", "name", "issuer", "client_id", "scopes", "groups_claim", "ca_certificates"],
            "ca_certificates",
        ),
        (
            "/providers/idp/edit",
            &["name", "issuer", "allowed_email_domains", "ca_certificates"],
            "ca_certificates",
        ),
    ] {
        for version in ["1", "7"] {
            let sent: Vec<_> = fields.iter().map(|field| (*field, payload(field))).collect();
            let sent = sent.iter().map(|(name, value)| (*name, value.as_str())).chain([("version", version)]);
            let answer = world.submit(path, &sent.collect::<Vec<_>>()).await;
            assert!(matches!(answer.status.as_u16(), 412 | 422), "{path}: {}", answer.text());
            assert_is_a_light_and_harmless_page(path, &answer);
            let page = answer.text();
            assert!(!page.contains("<img src=x"), "{path}");
            assert!(page.contains(&format!("&lt;script&gt;{shown}")), "{path} keeps what was sent: {page}");
        }
    }
}

async fn hostile_input_of_keys_and_limits_stays_text(engine: Engine) {
    let world = World::new(engine).await;
    let forms: [(&str, &[&str]); 4] = [
        ("/eab-keys/new", &["note", "max_uses", "expires_at", "permitted_names"]),
        ("/api-keys/new", &["name", "allowed_networks", "expires_at"]),
        ("/rate-limits/edit", &["account_orders_per_hour", "network_prefix_ipv4"]),
        ("/rate-limits/reset", &["subject", "reason"]),
    ];
    for (path, fields) in forms {
        // What is chosen from a list is anybody's as well.
        let chosen = ["profiles", "role", "limit", "version"];
        let values: Vec<_> = fields.iter().chain(&chosen).map(|field| (*field, payload(field))).collect();
        let sent: Vec<_> = values.iter().map(|(field, value)| (*field, &**value)).collect();
        let answer = world.submit(path, &sent).await;
        assert_eq!(answer.status, 422, "{path}");
        assert_is_a_light_and_harmless_page(path, &answer);
        let page = answer.text();
        assert!(!page.contains("<img src=x"), "{path}");
        for field in fields {
            assert!(page.contains(&format!("&lt;script&gt;{field}")), "{path} keeps {field}: {page}");
        }
    }
    for path in ["/rate-limits", "/rate-limits/reset"] {
        let asked = "%3C/title%3E%22%3E%3Cscript%3Easked%3C/script%3E";
        let page = world.admin.get(&world.server, &format!("{path}?subject={asked}")).await.text();
        assert!(!page.contains("<script>asked") && page.contains("&lt;script&gt;asked"), "{path}: {page}");
    }
}
