//! The whole way in a real browser: its rules for cookies, redirections and forms are not ours to imitate.

use std::path::Path;

use end2end::idp::RealIdp;
use end2end::idp::real::Options;
use end2end::program::{program, succeed};
use serde_json::{Value, json};
use testkit::CertctlServer;

use super::person::wait_for;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_signs_in_and_out() {
    let server = CertctlServer::start().await;
    let idp = RealIdp::start(&server, "company", &Options::default()).await;
    idp.register(&server, &json!({})).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/sign-in.mjs");
    let steps = json!({ "origin": server.external_url(), "provider": "company", "user": "alice" });
    let mut command = program("node");
    command.arg(script).arg(steps.to_string());
    let seen: Value = serde_json::from_str(&succeed(command).await.stdout).expect("JSON");

    assert!(seen["account"].as_str().unwrap().contains("Alice Admin"), "{seen}");
    let session = json!({
        "name": end2end::browser::SESSION_COOKIE, "secure": true, "httpOnly": true, "sameSite": "Lax",
    });
    assert_eq!(seen["cookies"], json!([session]), "and none of the sign-in is left");
    assert_eq!((&seen["after"], &seen["me"]), (&json!("/sign-in"), &json!(401)));
    assert_eq!(seen["problems"], json!([]), "nothing was blocked by the pages' own rules");
    wait_for(&server, "provider.logout").await;
}
