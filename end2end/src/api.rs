//! The JSON API as its users call it.

use serde_json::{Value, json};
use testkit::CertctlServer;
use testkit::http::Client;

/// The profile that tests use unless they need another.
pub const PROFILE: &str = "prof-test";

/// The walkthrough's profile: trust_authenticated, every name, 90 days.
pub fn open_profile(id: &str) -> Value {
    json!({
        "id": id,
        "name": "ACME test profile",
        "issuer_id": "iss-internal-ca",
        "max_ttl_seconds": 7_776_000,
        "acme_auth_mode": "trust_authenticated",
    })
}

/// Creates [`PROFILE`] and returns the URL of its directory.
pub async fn with_open_profile(server: &CertctlServer) -> String {
    server.api().post("/api/profiles", open_profile(PROFILE)).await.expect(201);
    server.directory_url(PROFILE)
}

/// Creates [`PROFILE`] so that it requires external account binding, and returns the URL of its directory.
pub async fn with_bound_profile(server: &CertctlServer) -> String {
    let mut profile = open_profile(PROFILE);
    profile["eab_required"] = true.into();
    let created = server.api().post("/api/profiles", profile).await.expect(201);
    assert_eq!(created["warnings"], json!([]), "only holders of keys reach the profile");
    server.directory_url(PROFILE)
}

/// Creates an EAB key; the answer has its `mac_key`.
pub async fn new_eab_key(server: &CertctlServer, key: Value) -> Value {
    server.api().post("/api/acme/eab-keys", key).await.expect(201)
}

/// Checks that this EAB key was used once, for the one account that the API shows with it.
///
/// # Panics
/// When it was not.
pub async fn must_have_bound_one_account(server: &CertctlServer, key: &Value) {
    let id = key["id"].as_str().expect("a key has an id");
    let api = server.api();
    assert_eq!(api.get(&format!("/api/acme/eab-keys/{id}")).await.expect(200)["uses"], 1);
    let accounts = list(&api, &format!("/api/acme/accounts?eab_key_id={id}")).await;
    assert_eq!(accounts.len(), 1, "{accounts:?}");
    assert_eq!(accounts[0]["eab_key_id"], id);
}

/// All items of a list, over all its pages.
///
/// # Panics
/// When the server does not answer with a list, or with one that never ends.
pub async fn list(api: &Client, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let separator = if path.contains('?') { '&' } else { '?' };
    let mut next = Value::Null;
    for _ in 0..1000 {
        let cursor = next.as_str().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = api.get(&format!("{path}{separator}limit=500{cursor}")).await.expect(200);
        items.extend(page["items"].as_array().expect("a list has items").iter().cloned());
        next = page["next"].clone();
        if next.is_null() {
            return items;
        }
    }
    panic!("{path} has no last page");
}

/// The certificate with this serial number (lower-case hexadecimal), as the API shows it.
///
/// # Panics
/// When there is not exactly one.
pub async fn certificate_by_serial(api: &Client, serial: &str) -> Value {
    let found = list(api, &format!("/api/certificates?serial={serial}")).await;
    assert_eq!(found.len(), 1, "certificates with serial {serial}: {found:?}");
    found[0].clone()
}
