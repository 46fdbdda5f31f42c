//! Several servers on one PostgreSQL database, with nothing shared beside it.

use end2end::api::{list, with_open_profile};
use end2end::certificate::internal_ca;
use end2end::replicas::Replicas;
use futures::future::join_all;
use serde_json::json;
use testkit::CertctlServer;
use testkit::acme::{Key, Payload, RawAcme, Signer, jws, order_payload};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_share_nonces_accounts_and_ca() {
    let replicas = Replicas::start(2).await;
    let [a, b] = &replicas.servers[..] else { unreachable!("two were started") };
    assert_eq!(a.ca_pem(), b.ca_pem(), "one CA for the TLS certificates of all");
    assert_eq!(internal_ca(&a.client()).await, internal_ca(&b.client()).await);
    let directory = with_open_profile(a).await;

    let at_a = RawAcme::new(a.client(), &directory).await;
    let key = Key::new();
    let account = at_a.register(&key).await;
    let signer = Signer::Kid(&key, &account);

    // A nonce of A, used at both at the same time, many times over: exactly one succeeds.
    for round in 0..20 {
        let nonce = at_a.fresh_nonce().await;
        let url = account.as_str();
        let body = jws(&key, &signer.header(&nonce, url).into(), &Payload::Empty.bytes());
        let path = url.strip_prefix(&a.base_url()).expect("URLs are under the external URL");
        let post = |server: &CertctlServer| {
            let (client, body) = (server.client(), body.to_string());
            async move {
                let request = http::Request::post("/").header("content-type", "application/jose+json");
                client.send(path, request.body(body.into()).unwrap()).await
            }
        };
        let answers = tokio::join!(post(b), post(a), post(b), post(a));
        let answers = [answers.0, answers.1, answers.2, answers.3];
        let accepted = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(accepted, 1, "round {round}: {:?}", answers.map(|answer| answer.text()));
        for refused in answers.iter().filter(|answer| answer.status != 200) {
            refused.expect_problem(400, "badNonce");
        }
    }
}

/// As behind a load balancer without sticky sessions: each request goes to another replica.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_issuance_can_go_through_all_replicas() {
    let replicas = Replicas::start(3).await;
    let directory = with_open_profile(&replicas.servers[0]).await;
    let balanced = replicas.balanced();
    let acme = RawAcme::new(balanced, &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let issuances = (0..40).map(|number| {
        let (acme, key, account) = (acme.clone(), &key, &account);
        async move { acme.issue(Signer::Kid(key, account), &[&format!("dns:n{number}.internal")]).await }
    });
    join_all(issuances).await;
    let certificates = list(&replicas.servers[2].api(), "/api/certificates").await;
    assert_eq!(certificates.len(), 40);
    let accounts = list(&replicas.servers[1].api(), "/api/acme/accounts").await;
    assert_eq!(accounts.len(), 1);
}

/// Limits, counts and resets reach all replicas.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_share_a_rate_limit() {
    const LIMITS: &str = "/api/acme/rate-limits";
    let replicas = Replicas::start(2).await;
    let [a, b] = &replicas.servers[..] else { unreachable!("two were started") };
    let directory = with_open_profile(a).await;
    let path = directory.strip_prefix(&a.base_url()).expect("URLs are under the external URL");
    a.api().put(LIMITS, json!({ "account_orders_per_hour": 5 })).await.expect(200);
    // B reads changed limits by itself.
    let help = "/acme/rate-limits/account_orders_per_hour";
    eventually(async || b.client().get(help).await.text().contains("5 orders per hour")).await;

    let acme = RawAcme::new(a.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let signer = Signer::Kid(&key, &account);
    for n in 0..5 {
        acme.order(signer, &[&format!("dns:n{n}.internal")]).await.expect(201);
    }
    let subject = format!("account:{}", account.rsplit('/').next().expect("an id"));
    let used = format!("{LIMITS}/usage?subject={subject}");
    // A stores its counts by itself …
    eventually(async || b.api().get(&used).await.expect(200)["items"][0]["count"] == 5).await;
    // … and B takes them over every second, and for this list.
    let all = b.api().get(&format!("{LIMITS}/usage")).await.expect(200);
    assert_eq!(all["items"][0]["subject"], subject.as_str());
    let order_url = acme.url("newOrder").to_owned();
    let order_at_b = async || {
        let nonce = acme.fresh_nonce().await;
        let payload = Payload::Json(order_payload(&["dns:at-b.internal"]));
        let body = jws(&key, &signer.header(&nonce, &order_url).into(), &payload.bytes());
        let request = http::Request::post("/").header("content-type", "application/jose+json");
        let path = path.replace("/directory", "/new-order");
        b.client().send(&path, request.body(body.to_string().into()).unwrap()).await
    };
    order_at_b().await.expect_problem(429, "rateLimited");
    acme.order(signer, &["dns:at-a.internal"]).await.expect_problem(429, "rateLimited");
    let events = list(&a.api(), "/api/audit-events?action=rate_limit.exceeded").await;
    assert_eq!(events.len(), 1, "one event, whichever replicas refuse: {events:?}");

    let reset = json!({ "subject": subject, "reason": "a test" });
    b.api().post(&format!("{LIMITS}/reset"), reset).await.expect(200);
    acme.order(signer, &["dns:at-a.internal"]).await.expect(201);
    order_at_b().await.expect(201);
}

async fn eventually(mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if condition().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it does not come about in ten seconds");
}
