//! The whole way in a real browser: its rules for cookies, redirections and forms are not ours to imitate.

use end2end::chromium::drive;
use end2end::idp::RealIdp;
use end2end::idp::real::Options;
use serde_json::json;
use testkit::CertctlServer;

use super::person::wait_for;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_signs_in_and_out() {
    let server = CertctlServer::start().await;
    let idp = RealIdp::start(&server, "company", &Options::default()).await;
    idp.register(&server, &json!({})).await;
    let steps = json!({ "origin": server.external_url(), "provider": "company", "user": "alice" });
    let seen = drive("sign-in", &steps).await;

    assert!(seen["account"].as_str().unwrap().contains("Alice Admin"), "{seen}");
    let session = json!({
        "name": end2end::browser::SESSION_COOKIE, "secure": true, "httpOnly": true, "sameSite": "Lax",
    });
    assert_eq!(seen["cookies"], json!([session]), "and none of the sign-in is left");
    assert_eq!((&seen["after"], &seen["me"]), (&json!("/sign-in"), &json!(401)));
    assert_eq!(seen["problems"], json!([]), "nothing was blocked by the pages' own rules");
    wait_for(&server, "provider.logout").await;
}
