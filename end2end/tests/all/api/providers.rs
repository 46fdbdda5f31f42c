use end2end::idp::provider;
use end2end::{Engine, on_each_engine};
use http::Request;
use serde_json::{Value, json};

use super::{Setup, each, wrong_fields};

on_each_engine! {
    a_provider_is_written_read_and_deleted,
    what_cannot_be_a_provider_is_refused,
}

const PATH: &str = "/api/oidc/providers";
const ISSUER: &str = "https://127.0.0.1:1/realms/company";

fn company(more: &Value) -> Value {
    provider("company", ISSUER, None, more)
}

async fn a_provider_is_written_read_and_deleted(engine: Engine) {
    let setup = Setup::new(engine).await;
    let api = &setup.api;
    let mut written = company(&json!({ "scopes": ["openid", "groups"] }));
    let secret = written["client_secret"].as_str().unwrap().to_owned();
    let created = api.post(PATH, written.clone()).await;
    assert_eq!(created.header("location"), Some("/api/oidc/providers/company"));
    assert_eq!(created.header("etag"), Some("\"v1\""));
    let created = created.expect(201);
    assert_eq!(created["has_client_secret"], true);
    assert_eq!(created["scopes"], json!(["groups"]), "openid goes without saying");
    let callback = format!("{}/auth/oidc/company/callback", setup.server.external_url());
    assert_eq!(created["redirect_uri"], callback);
    api.post(PATH, written.clone()).await.expect_problem(409, "urn:certctl:error:conflict");

    let path = format!("{PATH}/company");
    assert_eq!(api.get(&path).await.expect(200), created);
    assert_eq!(setup.items(PATH).await, [created]);

    // Without the secret it stays; with an empty one it goes.
    written.as_object_mut().unwrap().remove("client_secret");
    written["name"] = "Company, renamed".into();
    let put = |etag: &'static str, body: &Value| {
        let request = Request::put("/").header("if-match", etag).header("content-type", "application/json");
        let request = request.body(body.to_string().into()).unwrap();
        let path = path.clone();
        async move { api.send(&path, request).await }
    };
    let renamed = put("\"v1\"", &written).await.expect(200);
    assert_eq!((&renamed["version"], &renamed["has_client_secret"]), (&json!(2), &json!(true)));
    put("\"v1\"", &written).await.expect_problem(412, "urn:certctl:error:precondition-failed");
    let same = put("\"v2\"", &written).await;
    assert_eq!(same.header("etag"), Some("\"v2\""), "nothing changed");
    written["client_secret"] = "".into();
    assert_eq!(api.put(&path, written.clone()).await.expect(200)["has_client_secret"], false);

    // Nobody is at home there, and the report says so.
    let report = api.post(&format!("{path}/test"), Value::Null).await.expect(200);
    assert_eq!(report["ok"], false);
    let discovery = &report["checks"][0];
    assert_eq!((&discovery["name"], &discovery["ok"]), (&json!("discovery"), &json!(false)));
    assert!(discovery["detail"].as_str().unwrap().contains("cannot be reached"), "{report}");
    assert!(report.to_string().contains(&callback), "what to register is said all the same: {report}");

    assert_eq!(api.delete(&path).await.status, 204);
    api.get(&path).await.expect_problem(404, "urn:certctl:error:not-found");
    api.delete(&path).await.expect_problem(404, "urn:certctl:error:not-found");
    let events = setup.items("/api/audit-events?resource_type=provider").await;
    let actions = ["provider.deleted", "provider.updated", "provider.updated", "provider.created"];
    assert_eq!(each(&events, "action"), actions);
    assert_eq!(events[2]["details"]["before"]["name"], "Provider company");
    assert_eq!(events[2]["details"]["after"]["name"], "Company, renamed");
    assert_eq!(events[1]["details"]["client_secret_changed"], true);
    assert!(!json!(events).to_string().contains(&secret));
    assert!(!setup.server.log().contains(&secret));
}

async fn what_cannot_be_a_provider_is_refused(engine: Engine) {
    let setup = Setup::new(engine).await;
    let api = &setup.api;
    for (field, value) in [
        ("id", json!("local")),
        ("id", json!("Company")),
        ("issuer", json!("http://idp.example.com")),
        ("name", json!("")),
        ("groups_claim", json!("")),
        ("scopes", json!(["two words"])),
        ("allowed_email_domains", json!(["@example.com"])),
        ("ca_certificates", json!("no certificate")),
        ("group_mappings", json!([{ "group": "a", "role": "nonsense" }])),
        ("surprise", json!(1)),
    ] {
        let refused = api.post(PATH, company(&json!({ field: value }))).await;
        let problem = refused.expect_problem(422, "urn:certctl:error:invalid");
        assert_eq!(wrong_fields(&problem), [field], "{problem}");
    }
    assert_eq!(setup.items(PATH).await, Vec::<Value>::new());
}
