//! The whole way of an administrator with a client: the pages in Chromium, sign-in by a real provider, a real ACME client.

use end2end::chromium::drive;
use end2end::idp::RealIdp;
use end2end::idp::real::Options;
use end2end::{Engine, on_each_engine};
use serde_json::{Map, Value, json};
use testkit::CertctlServer;

use crate::lego::Lego;

on_each_engine!(an_administrator_serves_suspends_and_revokes_a_client);

const NAMES: [&str; 2] = ["app.story.test", "db.story.test"];

async fn an_administrator_serves_suspends_and_revokes_a_client(engine: Engine) {
    let server = engine.server().start().await;
    let idp = RealIdp::start(&server, "company", &Options::default()).await;
    idp.register(&server, &json!({})).await;
    let lego = Lego::new(&server, server.directory_url("prof-story"));
    let command = lego.command(&["NAME"], &["OPTIONS"], &["run"]);
    let text = |word: &std::ffi::OsStr| word.to_str().unwrap().to_owned();
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).map(text).collect();
    let env: Map<_, _> =
        command.get_envs().filter_map(|(name, value)| Some((text(name), text(value?).into()))).collect();
    let steps = json!({
        "origin": server.external_url(), "provider": "company", "user": "alice", "names": NAMES,
        "lego": { "words": words, "env": env, "cwd": command.get_current_dir() },
        "roles": keys_of_roles(&server).await,
    });
    let seen = drive("story", &steps).await;
    let has = |step: &str, parts: &[&str]| {
        let text = seen[step].as_str().unwrap_or_else(|| panic!("{step} in {seen}"));
        for part in parts {
            assert!(text.contains(part), "{step} has no `{part}`: {text}");
        }
    };
    assert_eq!(seen["problems"], json!([]));
    has("refused", &["Longest validity"]);
    has("kept", &["**.story.test"]);
    has("profile", &["The story"]);
    has("key", &["the story"]);
    assert_eq!(seen["gone"], true, "a secret is shown once");

    assert_eq!(seen["first"]["code"], 0, "{}", seen["first"]["text"]);
    let heading = seen["certificate"]["heading"].as_str().unwrap();
    assert!(heading.contains(NAMES[0]) && heading.contains("valid"), "{heading}");
    let order = &seen["order"];
    assert!(order["heading"].as_str().unwrap().contains("valid"), "{order}");
    assert!(order["told"].as_str().unwrap().contains("Certificate issued"), "{order}");
    has("account", &["ops@example.com", NAMES[0]]);
    has("audit", &["account created"]);

    has("suspended", &["suspended"]);
    assert_ne!(seen["second"]["code"], 0, "{}", seen["second"]["text"]);
    assert!(
        seen["second"]["text"].as_str().unwrap().contains("suspended by the administrator"),
        "{}",
        seen["second"]
    );
    has("explained", &["Why its client gets nothing", "Resume"]);
    has("refusal", &["refused", "the account is suspended by the administrator of this CA", "/new-order"]);
    assert_eq!(seen["third"]["code"], 0, "{}", seen["third"]["text"]);
    has("revoked", &[NAMES[0], "revoked"]);
    has(
        "csv",
        &[
            "profile.created",
            "eab_key.created",
            "certificate.issued",
            "account.suspended",
            "account.refused",
            "account.resumed",
            "certificate.revoked",
            "its key was seen elsewhere",
        ],
    );
    must_lead_to_what_is_shown(&seen["roles"]);
}

/// An API key for each role that is built in.
async fn keys_of_roles(server: &CertctlServer) -> Value {
    let mut keys = Map::new();
    for role in end2end::api::list(&server.api(), "/api/roles").await {
        let role = role["id"].as_str().unwrap();
        let key = json!({ "name": format!("a {role}"), "role": role });
        let key = server.api().post("/api/api-keys", key).await.expect(201);
        keys.insert(role.to_owned(), key["api_key"].clone());
    }
    keys.into()
}

/// The navigation has exactly the places that answer. `roles`: where each is led, and what each place answers to it.
fn must_lead_to_what_is_shown(roles: &Value) {
    let roles = roles.as_object().unwrap();
    assert!(roles.len() >= 5, "{roles:?}");
    for (role, seen) in roles {
        let led: Vec<_> = seen["led"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for (place, status) in seen["answers"].as_object().unwrap() {
            // Their own sessions are everybody's.
            let theirs = led.contains(&place.as_str()) || place == "/sessions";
            let wanted = if theirs { 200 } else { 403 };
            assert_eq!(*status, wanted, "{role} at {place}, led to {led:?}");
        }
        let may_audit = matches!(role.as_str(), "admin" | "auditor");
        assert_eq!(led.contains(&"/audit"), may_audit, "{role}: {led:?}");
        assert_eq!(led.contains(&"/acme-accounts"), role != "agent", "{role}: {led:?}");
    }
}
