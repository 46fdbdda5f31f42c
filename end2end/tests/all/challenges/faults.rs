//! Servers that die while they validate.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use end2end::challenge::{Challenged, Manner, World, authorization, with_challenge_profile};
use end2end::{Engine, on_each_engine};
use serde_json::json;
use testkit::acme::{Key, RawAcme, Signer};
use testkit::server::{random_encryption_key, random_secret};
use testkit::{CertctlServer, Postgres, process};

on_each_engine!(a_validation_survives_kill_9, a_profile_that_hangs_does_not_hold_up_another);

async fn a_validation_survives_kill_9(engine: Engine) {
    let world = World::new().await;
    let mut server = world.server(engine).start().await;
    let directory = with_challenge_profile(&server, json!({})).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let client = Challenged { acme: &acme, signer: Signer::Kid(&key, &account) };
    world.http.set_manner(Manner::Hold);
    let (order, url) = client.order(&["dns:app.internal"]).await;
    client.answer_http(&world, authorization(&order, 0)).await;
    world.http.wait_for_requests(1).await;
    server.kill9();
    world.http.set_manner(Manner::Right);
    server.restart().await;
    client.wait_for(&url, &["ready"]).await;
}

async fn a_profile_that_hangs_does_not_hold_up_another(engine: Engine) {
    let world = World::new().await;
    let server = world.server(engine).env("CERTCTL_ACME_VALIDATION_CONCURRENCY", "2").start().await;
    let directory = with_challenge_profile(&server, json!({})).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let client = Challenged { acme: &acme, signer: Signer::Kid(&key, &account) };
    world.http.set_manner(Manner::Hold);
    for number in 0..4 {
        let (order, _) = client.order(&[&format!("dns:n{number}.internal")]).await;
        client.answer_http(&world, authorization(&order, 0)).await;
    }
    world.http.wait_for_requests(2).await;

    let other = json!({ "id": "prof-other" });
    with_challenge_profile(&server, other).await;
    let acme = RawAcme::new(server.client(), &server.directory_url("prof-other")).await;
    let client = Challenged { acme: &acme, signer: client.signer };
    let (order, url) = client.order(&["dns:other.internal"]).await;
    let challenge = client.challenge(authorization(&order, 0), "dns-01").await;
    let digest = digest(&SHA256, client.key_authorization(&challenge).as_bytes());
    world.dns.add("_acme-challenge.other.internal", "TXT", &URL_SAFE_NO_PAD.encode(digest));
    acme.post(client.signer, challenge["url"].as_str().unwrap(), json!({})).await.expect(200);
    client.wait_for(&url, &["ready"]).await;
    assert_eq!(world.http.requests(), 2, "the first profile still hangs, and has no more than its share");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_replica_takes_over_from_one_that_died() {
    let world = World::new().await;
    let database = Postgres::shared().create_database("validation");
    let (encryption_key, admin_key) = (random_encryption_key(), random_secret());
    let ports = [process::free_port(), process::free_port()];
    // What the dying one asks is not what its heir asks.
    let silent = end2end::challenge::HttpResponder::start().await;
    silent.set_manner(Manner::Hold);
    let replica = |port: u16, http_port: u16| {
        let builder = CertctlServer::builder()
            .env("CERTCTL_ENCRYPTION_KEY", &encryption_key)
            .env("CERTCTL_EXTERNAL_URL", format!("https://localhost:{}", ports[0]))
            .database_url(&database)
            .api_key(&admin_key)
            .port(port);
        world.settings(builder, http_port)
    };
    let mut dying = replica(ports[0], silent.port).start().await;
    let directory = with_challenge_profile(&dying, json!({})).await;
    let key = Key::new();
    let (url, account) = {
        let acme = RawAcme::new(dying.client(), &directory).await;
        let account = acme.register(&key).await;
        let client = Challenged { acme: &acme, signer: Signer::Kid(&key, &account) };
        let (order, url) = client.order(&["dns:app.internal"]).await;
        client.answer_http(&world, authorization(&order, 0)).await;
        (url, account)
    };
    silent.wait_for_requests(1).await;
    let heir = replica(ports[1], world.http.port).start().await;
    dying.kill9();

    let base = heir.client();
    let at_heir =
        testkit::http::Client::in_process(&format!("https://localhost:{}", ports[0]), move |request| {
            let base = base.clone();
            async move {
                let path = request.uri().path_and_query().expect("a path").as_str().to_owned();
                let answer = base.send(&path, request).await;
                let mut response = http::Response::new(answer.body);
                *response.status_mut() = answer.status;
                *response.headers_mut() = answer.headers;
                response
            }
        });
    let acme = RawAcme::new(at_heir, &directory).await;
    let client = Challenged { acme: &acme, signer: Signer::Kid(&key, &account) };
    client.wait_for(&url, &["ready"]).await;
    assert_eq!(world.http.requests(), 1);
}
