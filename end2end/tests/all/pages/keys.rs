//! Keys that are made by forms: EAB keys and API keys. Their secrets are shown once.

use end2end::browser::{Browser, Visit, location};
use end2end::{Engine, on_each_engine};
use serde_json::{Value, json};
use testkit::acme::{ExternalKey, Key, RawAcme, Signer};
use testkit::http::Response;

use super::world::{World, words};

on_each_engine!(an_eab_key_is_made_used_rotated_and_revoked, an_api_key_is_made_used_rotated_and_revoked);

/// What a browser of somebody other than the administrator gets for a form.
async fn submit_as(world: &World, browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Response {
    let token = browser.csrf_token(&world.server).await;
    let fields: Vec<_> = fields.iter().copied().chain([("csrf_token", &*token)]).collect();
    browser.send(&world.server, Visit::form(&world.server, path, &fields)).await
}

/// Follows a form to the page that tells what it made, and returns the page's path, the page, and the secret under this
/// heading. Nobody is told it again.
async fn told_once(world: &World, answer: &Response, heading: &str) -> (String, String, String) {
    let path = location(answer);
    assert!(!path.contains('?'), "no secret in an address: {path}");
    let page = world.page(&path).await;
    let under = page.split(&format!("<h3>{heading}<")).nth(1);
    let under = under.unwrap_or_else(|| panic!("no {heading}: {page}"));
    let secret = under.split("<code").nth(1).and_then(|code| code.split('>').nth(1)).unwrap();
    let secret = secret.split('<').next().unwrap().to_owned();
    assert!(secret.len() > 40, "{secret}");
    let later = world.page(&path).await;
    assert!(!later.contains(&secret) && !later.contains("shown only now"), "it is shown once: {later}");
    (path, words(&page), secret)
}

async fn an_eab_key_is_made_used_rotated_and_revoked(engine: Engine) {
    let world = World::new(engine).await;
    world.bind_an_account("a cluster").await;
    assert!(world.page("/eab-keys").await.contains("href=\"/eab-keys/new\""));
    let form = words(&world.page("/eab-keys/new").await);
    assert!(form.contains("ACME test profile") && form.contains("prof-bound"), "{form}");

    // What is wrong stands beside its field, and what was sent stays.
    let sent = [
        ("note", "cluster <east>"),
        ("profiles", "prof-bound"),
        ("max_uses", "many"),
        ("expires_at", "2020-01-31x"),
        ("permitted_names", "*.a.test\n**.b.test\nnot a name"),
        ("preauthorized", "true"),
    ];
    let refused = world.submit("/eab-keys/new", &sent).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let html = refused.text();
    for kept in [
        "value=\"cluster &lt;east&gt;\"",
        "value=\"many\"",
        "value=\"2020-01-31x\"",
        "not a name",
        "id=\"field-max_uses-error\"",
        "id=\"field-expires_at-error\"",
        "id=\"field-permitted_names-error\"",
    ] {
        assert!(html.contains(kept), "no `{kept}` in {html}");
    }
    assert_eq!(html.matches(" checked").count(), 2, "the profile and the flag: {html}");
    let past = world.submit("/eab-keys/new", &[("max_uses", "0"), ("expires_at", "2020-01-31")]).await;
    let past = words(&past.text());
    assert!(past.contains("it lies in the past") && past.contains("at least 1"), "{past}");

    let sent = [
        ("note", "cluster <east>"),
        ("profiles", "prof-bound"),
        ("max_uses", ""),
        ("expires_at", "2999-12-31"),
        ("permitted_names", " **.east.test \r\n\r\n10.0.0.0/8"),
    ];
    let answer = world.submit("/eab-keys/new", &sent).await;
    let (path, page, mac_key) = told_once(&world, &answer, "The MAC key").await;
    let id = path.rsplit('/').next().unwrap();
    for wanted in [
        &format!("stringData: secret: {mac_key}"),
        &format!("--eab --kid {id} --hmac {mac_key}"),
        &format!("--eab-kid {id} --eab-hmac-key {mac_key}"),
        "cluster <east>",
        "**.east.test",
        "prof-bound",
    ] {
        assert!(page.contains(wanted), "no `{wanted}` in {page}");
    }
    let stored = world.api.get(&format!("/api/acme{path}")).await.expect(200);
    assert_eq!(stored["permitted_names"], json!(["**.east.test", "10.0.0.0/8"]));
    assert_eq!((&stored["max_uses"], &stored["expires_at"]), (&Value::Null, &"3000-01-01T00:00:00Z".into()));
    assert!(stored["created_by"].as_str().unwrap().starts_with("key:"), "{stored}");

    // A client registers with it, and not any more with the one before a rotation.
    assert_eq!(register(&world, id, &mac_key).await, 201);
    assert!(words(&world.page(&path).await).contains("1 account"), "usage");
    let rotate = format!("{path}/rotate");
    assert!(words(&world.page(&rotate).await).contains("good for nothing at once"));
    let (_, _, fresh) = told_once(&world, &world.submit(&rotate, &[]).await, "The MAC key").await;
    assert_ne!(fresh, mac_key);
    assert_eq!(register(&world, id, &mac_key).await, 403);
    assert_eq!(register(&world, id, &fresh).await, 201);

    let revoke = format!("{path}/revoke");
    assert!(words(&world.page(&revoke).await).contains("2 accounts"));
    let endless = "x".repeat(501);
    let refused = world.submit(&revoke, &[("reason", &endless)]).await;
    assert_eq!(refused.status, 422);
    let html = refused.text();
    assert!(html.contains(&endless) && html.contains("1 to 500 characters are allowed"), "{html}");
    assert_eq!(location(&world.submit(&revoke, &[("reason", " the cluster <b>is gone</b> ")]).await), path);
    let page = world.page(&path).await;
    assert!(
        page.contains("revoked for ever") && !page.contains(&rotate) && !page.contains(&revoke),
        "{page}"
    );
    let facts = words(&page);
    assert!(facts.contains("Reason the cluster <b>is gone</b>") && facts.contains("Revoked by"), "{facts}");
    let event = world.only("/api/audit-events?action=eab_key.revoked").await;
    assert_eq!(event["details"]["reason"], "the cluster <b>is gone</b>");
    assert_eq!(register(&world, id, &fresh).await, 403);
    let again = world.submit(&rotate, &[]).await;
    assert_eq!(again.status, 409);
    assert!(words(&again.text()).contains("is revoked"), "{}", again.text());
}

/// The status that a client gets which registers with this key under the profile that wants one.
async fn register(world: &World, id: &str, mac_key: &str) -> u16 {
    let acme = RawAcme::new(world.server.client(), &world.server.directory_url("prof-bound")).await;
    let key = Key::new();
    let new_account = acme.url("newAccount");
    let binding = ExternalKey::new(id, mac_key).bind(&key, new_account);
    let payload = json!({ "externalAccountBinding": binding });
    acme.post(Signer::Jwk(&key), new_account, payload).await.status.as_u16()
}

async fn an_api_key_is_made_used_rotated_and_revoked(engine: Engine) {
    let world = World::new(engine).await;
    let list = world.page("/api-keys").await;
    assert!(list.contains("href=\"/api-keys/new\"") && words(&list).contains("bootstrap"), "{list}");
    let form = words(&world.page("/api-keys/new").await);
    assert!(form.contains("agent: Issues and reads") && form.contains("ACME test profile"), "{form}");

    let sent = [
        ("name", ""),
        ("role", "nobody-has-this"),
        ("allowed_networks", "10.0.0.0/8\nhere"),
        ("expires_at", "soon"),
    ];
    let refused = world.submit("/api-keys/new", &sent).await;
    assert_eq!(refused.status, 422);
    let html = refused.text();
    for wanted in ["value=\"soon\"", "10.0.0.0/8\nhere", "neither a network", "field-expires_at-error"] {
        assert!(html.contains(wanted), "no `{wanted}` in {html}");
    }
    let refused = world.submit("/api-keys/new", &[("name", ""), ("role", "agent")]).await;
    assert!(words(&refused.text()).contains("1 to 100 characters are allowed"), "{}", refused.text());
    let refused = world.submit("/api-keys/new", &[("name", "x"), ("role", "nobody-has-this")]).await;
    assert!(words(&refused.text()).contains("there is no role nobody-has-this"), "{}", refused.text());

    let sent = [
        ("name", "ci: <web> team"),
        ("role", "agent"),
        ("profiles", "prof-test"),
        ("allowed_networks", "127.0.0.0/8\n::1"),
        ("expires_at", "2999-12-31"),
    ];
    let answer = world.submit("/api-keys/new", &sent).await;
    let (path, page, text) = told_once(&world, &answer, "The key").await;
    for wanted in ["ci: <web> team", "agent", "prof-test", "::1/128", &format!("Bearer {text}' https://")] {
        assert!(page.contains(wanted), "no `{wanted}` in {page}");
    }
    let by_key = world.server.client().with_bearer(&text);
    assert_eq!(by_key.get("/api/certificates").await.status, 200);
    assert_eq!(by_key.get("/api/users").await.status, 403);
    assert!(words(&world.page(&path).await).contains("just now"), "when it was used last");

    // Rotation: both are good for a while, and the old one leads to the new one.
    let rotate = format!("{path}/rotate");
    let answer = world.submit(&rotate, &[("overlap_seconds", "3600")]).await;
    let (new_path, _, new_text) = told_once(&world, &answer, "The key").await;
    assert_ne!((&new_path, &new_text), (&path, &text));
    for key in [&text, &new_text] {
        let client = world.server.client().with_bearer(key);
        assert_eq!(client.get("/api/certificates").await.status, 200);
    }
    let old = world.page(&path).await;
    assert!(old.contains(&format!("href=\"{new_path}\"")) && !old.contains(&rotate), "{old}");
    let twice = world.submit(&rotate, &[("overlap_seconds", "3600")]).await;
    assert_eq!(twice.status, 409, "{}", twice.text());

    let revoke = format!("{new_path}/revoke");
    assert!(words(&world.page(&revoke).await).contains("cannot be taken back"));
    assert_eq!(location(&world.submit(&revoke, &[("reason", "  ")]).await), new_path);
    let page = words(&world.page(&new_path).await);
    assert!(page.contains("revoked") && page.contains("Revoked by") && !page.contains("Reason"), "{page}");
    let client = world.server.client().with_bearer(&new_text);
    assert_eq!(client.get("/api/certificates").await.status, 401);
    // The last administrator cannot lock everybody out.
    let last = world.api.get("/api/api-keys").await.expect(200);
    let last = last["items"].as_array().unwrap().iter().find(|key| key["role"] == "admin").unwrap();
    let revoke = format!("/api-keys/{}/revoke", last["id"].as_str().unwrap());
    let refused = world.submit(&revoke, &[]).await;
    assert_eq!(refused.status, 409);
    assert!(words(&refused.text()).contains("nobody who is an administrator"), "{}", refused.text());
    let soon = words(&world.page("/api-keys?ends_before=2999-12-31").await);
    assert!(soon.contains("ci: <web> team") && soon.contains("1 in all"), "{soon}");
    // Why a key is revoked is told, whatever it is refused afterwards.
    let revoke = format!("{path}/revoke");
    assert_eq!(location(&world.submit(&revoke, &[("reason", "it was <i>leaked</i>")]).await), path);
    assert_eq!(by_key.get("/api/certificates").await.status, 401);
    let page = words(&world.page(&path).await);
    assert!(page.contains("Reason it was <i>leaked</i>"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_for_those_who_may_make_them() {
    let world = World::new(Engine::Sqlite).await;
    let eab_key = world.bind_an_account("a cluster").await;
    let eab_key = format!("/eab-keys/{}", eab_key["id"].as_str().unwrap());
    let viewer = world.browser_of("viewer", &[]).await;
    for page in ["/eab-keys", &eab_key] {
        let html = world.page_of(&viewer, page).await;
        assert!(
            !html.contains("/new\"") && !html.contains("/rotate\"") && !html.contains("/revoke\""),
            "{html}"
        );
    }
    let auditor = world.browser_of("auditor", &[]).await;
    let keys = world.page_of(&auditor, "/api-keys").await;
    assert!(!keys.contains("/api-keys/new"), "{keys}");
    let forms = ["/eab-keys/new", "/api-keys/new", "/rate-limits/edit", "/rate-limits/reset"];
    for path in forms {
        assert_eq!(auditor.get(&world.server, path).await.status, 403, "{path}");
        assert_eq!(submit_as(&world, &auditor, path, &FITTING).await.status, 403, "{path}");
    }
    for path in [format!("{eab_key}/rotate"), format!("{eab_key}/revoke")] {
        assert_eq!(submit_as(&world, &auditor, &path, &[]).await.status, 403, "{path}");
    }
    assert_eq!(world.only("/api/acme/eab-keys").await["revoked_at"], Value::Null);

    // Within a profile: keys for it, and none that is good beyond it.
    let scoped = world.browser_of("operator", &["prof-bound"]).await;
    let form = words(&world.page_of(&scoped, "/eab-keys/new").await);
    assert!(form.contains("prof-bound") && !form.contains("prof-test"), "{form}");
    assert!(form.contains("at least one of those"), "{form}");
    let everywhere = submit_as(&world, &scoped, "/eab-keys/new", &[("note", "kept")]).await;
    assert_eq!(everywhere.status, 403);
    assert!(everywhere.text().contains("value=\"kept\""), "{}", everywhere.text());
    let answer = submit_as(&world, &scoped, "/eab-keys/new", &[("profiles", "prof-bound")]).await;
    let path = location(&answer);
    let page = world.page_of(&scoped, &path).await;
    assert!(page.contains("shown only now") && page.contains(&format!("{path}/revoke")), "{page}");

    // Who may make keys and not see them is shown the key where they made it.
    let maker = json!({ "id": "maker", "permissions": ["eab_key.create"] });
    world.api.post("/api/roles", maker).await.expect(201);
    let maker = world.browser_of("maker", &[]).await;
    let answer = submit_as(&world, &maker, "/eab-keys/new", &[("note", "for somebody")]).await;
    assert_eq!(location(&answer), "/eab-keys/new");
    let page = world.page_of(&maker, "/eab-keys/new").await;
    assert!(page.contains("shown only now"), "{page}");
    assert!(!world.page_of(&maker, "/eab-keys/new").await.contains("shown only now"));
}

/// What all forms could do something with.
const FITTING: [(&str, &str); 7] = [
    ("name", "mine"),
    ("role", "viewer"),
    ("version", "0"),
    ("network_prefix_ipv4", "24"),
    ("network_prefix_ipv6", "48"),
    ("subject", "name:a.test"),
    ("reason", "a test"),
];
