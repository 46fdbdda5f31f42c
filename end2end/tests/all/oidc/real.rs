//! Through a real provider's own forms: npm oidc-provider.

use end2end::browser::{Visit, location};
use end2end::idp::real::Options;
use end2end::idp::{Pages, RealIdp};
use end2end::{Engine, on_each_engine};
use serde_json::json;
use testkit::CertctlServer;
use testkit::server::random_encryption_key;

use super::person::{Person, at_provider, submit, wait_for};
use super::{back, begin, events, roles, who};

on_each_engine! { people_sign_in_and_out }

async fn people_sign_in_and_out(engine: Engine) {
    let server = engine.server().start().await;
    let idp = RealIdp::start(&server, "company", &Options::default()).await;
    idp.register(&server, &json!({})).await;
    let report = server.api().post("/api/oidc/providers/company/test", json!(null)).await.expect(200);
    assert_eq!(report["ok"], true, "{report}");

    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    assert_eq!(location(&alice.sign_in(&server, &idp).await), "/account");
    assert_eq!(location(&bob.sign_in(&server, &idp).await), "/account");
    assert_eq!(roles(&alice.here, &server).await, ["admin"]);
    assert_eq!(roles(&bob.here, &server).await, ["auditor"]);
    let me = who(&alice.here, &server).await.unwrap();
    assert_eq!((&me["name"], &me["user"]["email"]), (&json!("Alice Admin"), &json!("alice@example.test")));
    assert_eq!(me["user"]["groups"], json!(["everybody", "platform-admins"]));
    let started = &events(&server, "session.started").await[1];
    assert_eq!(started["details"]["groups"], me["user"]["groups"]);
    assert_eq!(started["actor"], me["actor"]);

    for nobody in ["mallory", "nemo"] {
        let nobody = Person::new(nobody);
        assert_eq!(location(&nobody.sign_in(&server, &idp).await), "/sign-in?refused=no-role");
        assert_eq!(who(&nobody.here, &server).await, None);
    }

    // The provider's session ends with ours, and it tells us by the back channel, too.
    let others = alice.here.copy();
    let end = alice.sign_out(&server, &idp).await;
    assert!(end.starts_with(&format!("{}/sign-in?state=", server.external_url())), "{end}");
    assert_eq!(who(&alice.here, &server).await, None);
    assert_eq!(who(&others, &server).await, None);
    assert!(who(&bob.here, &server).await.is_some());
    wait_for(&server, "provider.logout").await;
}

/// The same browser signs out elsewhere, at the provider: our session ends by the back channel alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_provider_ends_sessions_by_the_back_channel() {
    let server = CertctlServer::start().await;
    let idp = RealIdp::start(&server, "company", &Options::default()).await;
    idp.register(&server, &json!({})).await;
    let bob = Person::new("bob");
    bob.sign_in(&server, &idp).await;
    at_provider_sign_out(&idp, &bob).await;
    wait_for(&server, "provider.logout").await;
    assert_eq!(who(&bob.here, &server).await, None);
}

/// Signs out at the provider without any client; it ends with a page.
async fn at_provider_sign_out(idp: &RealIdp, person: &Person) {
    let question = person.there.send_by(&idp.client(), Visit::get("/session/end")).await;
    let answer = submit(idp, &person.there, &question, person.name).await;
    assert!(answer.status.is_redirection() || answer.status == 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_signature_and_groups_in_userinfo_only() {
    for (algorithm, id_token_claims) in [("ES256", true), ("EdDSA", false), ("PS256", true)] {
        let server = CertctlServer::start().await;
        let idp = RealIdp::start(&server, "company", &Options { algorithm, id_token_claims }).await;
        // The address, too, is in userinfo only.
        idp.register(&server, &json!({ "allowed_email_domains": ["example.test"] })).await;
        let alice = Person::new("alice");
        assert_eq!(location(&alice.sign_in(&server, &idp).await), "/account", "{algorithm}");
        assert_eq!(roles(&alice.here, &server).await, ["admin"], "{algorithm}");
        for outsider in ["bob", "eve"] {
            let outsider = Person::new(outsider);
            assert_eq!(location(&outsider.sign_in(&server, &idp).await), "/sign-in?refused=email-domain");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_in_the_middle() {
    let server = CertctlServer::start().await;
    let idp = RealIdp::start(&server, "company", &Options::default()).await;
    idp.register(&server, &json!({})).await;
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    alice.sign_in(&server, &idp).await;
    idp.rotate().await;
    assert_eq!(location(&bob.sign_in(&server, &idp).await), "/account");
    idp.retire().await;
    assert!(who(&alice.here, &server).await.is_some(), "sessions go on");
    assert_eq!(location(&Person::new("bob").sign_in(&server, &idp).await), "/account");
    // A logout token by the new key, for a session that began under the old one.
    at_provider_sign_out(&idp, &alice).await;
    wait_for(&server, "provider.logout").await;
    assert_eq!(who(&alice.here, &server).await, None);
}

/// Without any affinity: begun at A, finished at B, used at both, ended at both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas() {
    let database = testkit::Postgres::shared().create_database("oidc_replicas");
    let (key, admin) = (random_encryption_key(), testkit::server::random_secret());
    let (port_a, port_b) = (testkit::process::free_port(), testkit::process::free_port());
    let origin = format!("https://localhost:{port_a}");
    let replica = |port| {
        let builder = CertctlServer::builder().env("CERTCTL_ENCRYPTION_KEY", &key);
        let builder = builder.env("CERTCTL_EXTERNAL_URL", &origin).database_url(&database);
        builder.api_key(&admin).port(port).start()
    };
    let (a, b) = (replica(port_a).await, replica(port_b).await);
    let idp = RealIdp::start(&a, "company", &Options::default()).await;
    idp.register(&b, &json!({})).await;

    let alice = Person::new("alice");
    let start = begin(&alice.here, &a, &idp.id, "/").await;
    let callback = at_provider(&idp, &alice.there, start.strip_prefix(&idp.issuer).unwrap(), "alice").await;
    let thief = alice.here.copy();
    assert_eq!(location(&alice.here.get(&b, &back(&callback)).await), "/");
    assert_eq!(location(&thief.get(&a, &back(&callback)).await), "/sign-in?refused=expired");
    for server in [&a, &b] {
        assert_eq!(roles(&alice.here, server).await, ["admin"]);
    }
    // The provider's call arrives at A.
    at_provider_sign_out(&idp, &alice).await;
    wait_for(&b, "provider.logout").await;
    for server in [&a, &b] {
        assert_eq!(who(&alice.here, server).await, None);
    }
}
