//! Terms of service (RFC 8555 §7.3, §7.3.3).

use end2end::api::{list, with_open_profile};
use end2end::{Engine, on_each_engine};
use serde_json::json;
use testkit::acme::{Csr, Key, LeafKey, RawAcme, Signer};
use testkit::http::Response;

on_each_engine!(rows_12_56_57_terms_are_agreed_to_by_version);

const URL: &str = "https://ca.example/terms";

/// 403 userActionRequired, with the terms in `instance` and in a Link.
#[track_caller]
fn must_ask_for_agreement(answer: &Response) {
    let problem = answer.expect_problem(403, "userActionRequired");
    assert_eq!(problem["instance"], URL, "{problem}");
    let link = format!("<{URL}>;rel=\"terms-of-service\"");
    assert!(answer.headers.get_all("link").iter().any(|value| *value == link), "{:?}", answer.headers);
}

async fn rows_12_56_57_terms_are_agreed_to_by_version(engine: Engine) {
    let mut server = engine.server().env("CERTCTL_ACME_TERMS_OF_SERVICE_URL", URL).start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    assert_eq!(acme.directory()["meta"]["termsOfService"], URL);

    let key = Key::new();
    let new_account = acme.url("newAccount").to_owned();
    for refusing in [json!({}), json!({ "termsOfServiceAgreed": false })] {
        must_ask_for_agreement(&acme.post(Signer::Jwk(&key), &new_account, refusing).await);
    }
    let created = acme.post(Signer::Jwk(&key), &new_account, json!({ "termsOfServiceAgreed": true })).await;
    assert_eq!(created.expect(201)["termsOfServiceAgreed"], true);
    let account = created.header("location").unwrap().to_owned();
    let signer = Signer::Kid(&key, &account);
    let order = acme.order(signer, &["dns:a.internal"]).await.expect(201);

    server.restart_with("CERTCTL_ACME_TERMS_OF_SERVICE_VERSION", "2").await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let known = acme.post(Signer::Jwk(&key), &new_account, json!({ "onlyReturnExisting": true })).await;
    assert_eq!(known.expect(200)["termsOfServiceAgreed"], false, "the lookup needs no agreement");
    must_ask_for_agreement(&acme.order(signer, &["dns:a.internal"]).await);
    let csr = Csr::new(&["a.internal"]).sign(&LeafKey::P256.generate());
    acme.finalize(signer, order["finalize"].as_str().unwrap(), &csr).await.expect(200);

    let agreed = acme.post(signer, &account, json!({ "termsOfServiceAgreed": true })).await;
    assert_eq!(agreed.expect(200)["termsOfServiceAgreed"], true);
    acme.issue(signer, &["dns:a.internal"]).await;
    let api = server.api();
    assert_eq!(list(&api, "/api/acme/accounts").await[0]["terms_of_service_version"], "2");
    let events = list(&api, "/api/audit-events?action=account.terms_agreed").await;
    assert_eq!((events.len(), &events[0]["details"]["version"]), (1, &json!("2")));
    let refused = list(&api, "/api/audit-events?action=order.refused").await;
    assert_eq!((refused.len(), &refused[0]["details"]["rule"]), (1, &json!("terms_of_service")));
}
