//! The steps of docs/operator/oidc-runbooks/keycloak.md. `make test-keycloak` fetches Keycloak and runs them.

use end2end::browser::location;
use end2end::idp::Keycloak;
use serde_json::json;
use testkit::CertctlServer;

use super::person::{Person, wait_for};
use super::{events, roles, who};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "make test-keycloak fetches Keycloak and runs this"]
async fn keycloak_by_its_runbook() {
    let folder = std::env::var_os("CERTCTL_TEST_KEYCLOAK").expect("run it by make test-keycloak");
    let server = CertctlServer::start().await;
    let idp = Keycloak::start(folder.as_ref(), &server, "keycloak").await;
    idp.register(&server).await;
    let report = server.api().post("/api/oidc/providers/keycloak/test", json!(null)).await.expect(200);
    assert_eq!(report["ok"], true, "{report:#}");

    // Sign in: groups become roles, and without a group there is no entry.
    let (alice, bob, mallory) = (Person::new("alice"), Person::new("bob"), Person::new("mallory"));
    assert_eq!(location(&alice.sign_in(&server, &idp).await), "/account");
    assert_eq!(location(&bob.sign_in(&server, &idp).await), "/account");
    assert_eq!(location(&mallory.sign_in(&server, &idp).await), "/sign-in?refused=no-role");
    assert_eq!(roles(&alice.here, &server).await, ["admin"]);
    assert_eq!(roles(&bob.here, &server).await, ["auditor"]);
    assert_eq!(who(&mallory.here, &server).await, None);

    // Keys are rotated in the middle of sessions.
    idp.rotate().await;
    let second = Person::new("bob");
    assert_eq!(location(&second.sign_in(&server, &idp).await), "/account");
    idp.retire().await;
    assert!(who(&alice.here, &server).await.is_some(), "sessions go on");
    let late = Person::new("alice");
    assert_eq!(location(&late.sign_in(&server, &idp).await), "/account");

    // An administrator ends the sessions of one person.
    idp.end_sessions_of("bob").await;
    wait_for(&server, "provider.logout").await;
    for _ in 0..50 {
        if who(&second.here, &server).await.is_none() && who(&bob.here, &server).await.is_none() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    for gone in [&bob, &second] {
        assert_eq!(who(&gone.here, &server).await, None);
    }
    assert!(who(&alice.here, &server).await.is_some(), "nobody else is signed out");

    // Signing out here ends the session there: the next sign-in asks for the password again.
    let end = late.sign_out(&server, &idp).await;
    assert!(end.starts_with(&format!("{}/sign-in", server.external_url())), "{end}");
    assert_eq!(who(&late.here, &server).await, None);
    assert!(!events(&server, "session.ended").await.is_empty());
}
