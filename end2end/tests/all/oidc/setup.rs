//! Setting a provider up: the test of its settings, the first administrator, who may come in.

use std::sync::Arc;

use end2end::browser::{Browser, location};
use end2end::idp::{HostileIdp, provider};
use end2end::{Engine, on_each_engine};
use serde_json::{Value, json};
use testkit::{CertctlServer, Postgres};

use super::{World, events, roles, sign_in};

on_each_engine! { no_administrator_comes_by_group_while_there_is_one }

async fn report(world: &World) -> Value {
    world.server.api().post("/api/oidc/providers/idp/test", Value::Null).await.expect(200)
}

/// The detail of one check, which must have this outcome.
fn detail<'r>(report: &'r Value, name: &str, ok: bool) -> &'r str {
    let found = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name);
    let check = found.unwrap_or_else(|| panic!("{name} in {report}"));
    assert_eq!(check["ok"], ok, "{check}");
    check["detail"].as_str().unwrap()
}

#[tokio::test]
async fn a_good_provider_passes_the_test() {
    let world = World::new().await;
    let report = report(&world).await;
    assert_eq!(report["ok"], true, "{report}");
    for name in [
        "discovery",
        "issuer",
        "pkce",
        "algorithms",
        "client_authentication",
        "scopes",
        "keys",
        "group_mappings",
    ] {
        detail(&report, name, true);
    }
    let origin = world.server.external_url();
    assert!(detail(&report, "redirect_uri", true).ends_with(&format!("{origin}/auth/oidc/idp/callback")));
    assert!(detail(&report, "backchannel_logout", true).ends_with("/auth/oidc/idp/backchannel-logout"));
    assert!(detail(&report, "rp_initiated_logout", true).contains(&format!("{origin}/sign-in")));
    assert!(detail(&report, "keys", true).starts_with("1 keys can check signatures; 2 others"));
}

#[tokio::test]
async fn what_is_wrong_with_a_provider_is_said() {
    let world = World::new().await;
    let cases: [(&str, Value, &str, &str); 8] = [
        ("code_challenge_methods_supported", json!(["plain"]), "pkce", "switch it on"),
        ("id_token_signing_alg_values_supported", json!(["HS256"]), "algorithms", "RS256"),
        (
            "token_endpoint_auth_methods_supported",
            json!(["private_key_jwt"]),
            "client_authentication",
            "allow",
        ),
        ("scopes_supported", json!(["openid", "profile", "email"]), "scopes", "groups"),
        ("response_types_supported", json!(["id_token"]), "flow", "response_type=code"),
        ("issuer", json!("https://localhost/other"), "issuer", "`https://localhost/other`"),
        ("token_endpoint", json!("http://localhost/token"), "discovery", "token_endpoint"),
        ("jwks_uri", json!(7), "discovery", "no provider metadata"),
    ];
    for (member, value, check, words) in cases {
        world.idp.set(|b| b.metadata = Arc::new(move |m| m[member] = value.clone()));
        let report = report(&world).await;
        assert_eq!(report["ok"], false, "{report}");
        assert!(detail(&report, check, false).contains(words), "{report}");
    }
    // A hint is no fault.
    world.idp.set(|b| {
        b.metadata = Arc::new(|m| {
            m["claims_supported"] = json!(["sub"]);
            m["backchannel_logout_supported"] = false.into();
            m["end_session_endpoint"] = Value::Null;
            m["code_challenge_methods_supported"] = Value::Null;
        });
    });
    let hints = report(&world).await;
    assert_eq!(hints["ok"], true, "{hints}");
    assert!(detail(&hints, "groups_claim", true).contains("does not announce"));
    assert!(detail(&hints, "backchannel_logout", true).contains("no back-channel logout"));

    world.idp.set(|b| b.jwks = Arc::new(|set| set["keys"] = json!([])));
    assert!(detail(&report(&world).await, "keys", false).contains("no key"));
    world.idp.set(|b| b.jwks = Arc::new(|set| *set = json!([])));
    assert!(detail(&report(&world).await, "keys", false).contains("no JWK set"));
}

#[tokio::test]
async fn trust_and_mappings_are_tested_too() {
    let world = World::new().await;
    let mut written = provider("idp", world.idp.issuer(), None, &json!({ "group_mappings": [] }));
    world.server.api().put("/api/oidc/providers/idp", written.clone()).await.expect(200);
    let untrusted = report(&world).await;
    assert!(detail(&untrusted, "discovery", false).contains("not trusted"), "{untrusted}");
    assert!(detail(&untrusted, "discovery", false).contains("ca_certificates"));
    assert!(detail(&untrusted, "group_mappings", false).contains("add group_mappings"));
    written["ca_certificates"] = world.idp.ca_pem().into();
    written["issuer"] = format!("{}/realms/missing", world.idp.issuer()).into();
    written["enabled"] = false.into();
    world.server.api().put("/api/oidc/providers/idp", written).await.expect(200);
    let missing = report(&world).await;
    assert!(detail(&missing, "discovery", false).contains("404"), "{missing}");
    assert!(detail(&missing, "enabled", true).contains("disabled"));
}

/// There is one already: the API key that set the provider up.
async fn no_administrator_comes_by_group_while_there_is_one(engine: Engine) {
    let server = engine.server().env("CERTCTL_BOOTSTRAP_ADMIN_GROUPS", "founders, others").start().await;
    let browser = found(&server).await.1;
    assert_eq!(roles(&browser, &server).await, ["viewer"]);
    assert_eq!(events(&server, "user.became_admin").await.len(), 0);
}

#[tokio::test]
async fn the_first_administrator_comes_by_group_and_no_second_one() {
    let database = Postgres::shared().create_database("founders");
    let builder = CertctlServer::builder().database_url(&database);
    let server = builder.env("CERTCTL_BOOTSTRAP_ADMIN_GROUPS", "founders, others").start().await;
    let (idp, early) = found(&server).await;
    // No call would leave a server without an administrator.
    Postgres::shared().query(&database, "UPDATE api_keys SET expires_at = created_at");

    sign_in(&early, &server, &idp, "idp").await;
    assert_eq!(roles(&early, &server).await, ["admin", "viewer"], "a grant of their own, and the group's");
    idp.set(|b| b.subject = "bob".to_owned());
    let late = Browser::new();
    sign_in(&late, &server, &idp, "idp").await;
    assert_eq!(roles(&late, &server).await, ["viewer"]);
    let event = early.get(&server, "/api/audit-events?action=user.became_admin").await.expect(200);
    assert_eq!(event["items"].as_array().unwrap().len(), 1, "{event}");
    assert_eq!(event["items"][0]["details"]["group"], "founders");
}

/// A provider whose founders are viewers, and a founder who has signed in.
async fn found(server: &CertctlServer) -> (HostileIdp, Browser) {
    let (idp, browser) = (HostileIdp::start().await, Browser::new());
    let mappings = json!([{ "group": "founders", "role": "viewer" }]);
    idp.register(server, "idp", &json!({ "group_mappings": mappings })).await;
    idp.set(|b| b.claims = Arc::new(|claims| claims["groups"] = json!(["founders"])));
    sign_in(&browser, server, &idp, "idp").await;
    (idp, browser)
}

#[tokio::test]
async fn only_verified_addresses_of_allowed_domains_come_in() {
    let world = World::with(Engine::Sqlite, &json!({ "allowed_email_domains": ["Example.test"] })).await;
    let say = |email: Value, verified: Value| {
        world.idp.set(|b| {
            b.claims = Arc::new(move |claims| {
                claims["email"] = email.clone();
                claims["email_verified"] = verified.clone();
            });
        });
    };
    for (email, verified) in [
        (json!("a@other.test"), json!(true)),
        (json!("a@example.test"), json!(false)),
        (json!("a@example.test"), json!(null)),
        (json!("a@example.test.evil"), json!(true)),
    ] {
        say(email, verified);
        world.must_refuse("email-domain", "not verified, or its domain").await;
    }
    say(json!("a@EXAMPLE.test"), json!(true));
    assert_eq!(location(&world.sign_in().await), "/account");
    // Where the ID token has no address, userinfo has.
    world.idp.set(|b| {
        b.claims = Arc::new(|_| ());
        b.userinfo = Arc::new(|claims| {
            claims["email"] = "a@example.test".into();
            claims["email_verified"] = "true".into();
        });
    });
    assert_eq!(location(&world.sign_in().await), "/account");
}
