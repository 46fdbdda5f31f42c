//! `kill -9` at any moment loses nothing that a client was told.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use end2end::api::{list, with_open_profile};
use end2end::certificate::Chain;
use end2end::{Engine, on_each_engine};
use futures::future::join_all;
use serde_json::Value;
use testkit::acme::{Csr, Key, LeafKey, Payload, RawAcme, Signer, finalize_payload, order_payload};
use testkit::http::{Client, Response};

on_each_engine!(nothing_that_a_client_was_told_is_lost);

const CLIENTS: usize = 16;
const KILLS: usize = 22;
const ISSUANCES: usize = 320;

async fn nothing_that_a_client_was_told_is_lost(engine: Engine) {
    let mut server = engine.server().start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let mut accounts = Vec::new();
    for _ in 0..4 {
        let key = Key::new();
        let url = acme.register(&key).await;
        accounts.push((key, url));
    }
    let accounts = Arc::new(accounts);
    let progress = Arc::new(Progress::default());

    let clients = (0..CLIENTS).map(|number| {
        let (acme, accounts, progress) = (acme.clone(), Arc::clone(&accounts), Arc::clone(&progress));
        tokio::spawn(async move {
            let (key, url) = &accounts[number % accounts.len()];
            let client = PatientClient { acme, key, account: url };
            let mut told = Vec::new();
            while !progress.enough() {
                let name = format!("c{number}-{}.crash.internal", told.len());
                told.push(client.issue(&name).await);
                progress.issued.fetch_add(1, Ordering::Relaxed);
            }
            told
        })
    });
    let clients: Vec<_> = clients.collect();

    let mut moments = Moments::new();
    for _ in 0..KILLS {
        tokio::time::sleep(moments.next()).await;
        server.restart().await;
    }
    progress.killed_enough.store(true, Ordering::Relaxed);
    let told: Vec<Told> = join_all(clients).await.into_iter().flat_map(|told| told.unwrap()).collect();
    assert!(told.len() >= ISSUANCES);

    check(&server.api(), &told).await;
    // And once more from what lies on the disk.
    server.restart().await;
    check(&server.api(), &told).await;
}

/// Compares the server's records with what clients were told.
async fn check(api: &Client, told: &[Told]) {
    let orders = settled_orders(api).await;
    let certificates = list(api, "/api/certificates").await;
    let by_hash: HashMap<&str, &Value> =
        certificates.iter().map(|certificate| (text(certificate, "sha256"), certificate)).collect();
    let issued = list(api, "/api/audit-events?action=certificate.issued").await;
    let issued: HashSet<&str> = issued.iter().map(|event| text(event, "resource_id")).collect();
    let finalized = list(api, "/api/audit-events?action=order.finalized").await;
    let finalized: HashSet<&str> = finalized.iter().map(|event| text(event, "resource_id")).collect();

    for Told { chain, order_id } in told {
        let stored = by_hash.get(chain.sha256().as_str());
        let stored = stored.unwrap_or_else(|| panic!("a downloaded certificate of {order_id} is not stored"));
        assert_eq!(text(stored, "order_id"), order_id);
        assert!(issued.contains(text(stored, "id")), "no certificate.issued for {stored}");
        assert!(finalized.contains(order_id.as_str()), "no order.finalized for {order_id}");
        let order = orders.iter().find(|order| text(order, "id") == order_id).expect("the order is stored");
        assert_eq!(text(order, "status"), "valid", "{order}");
        assert_eq!(order["certificate_id"], stored["id"]);
    }
    let of_orders: HashSet<&str> =
        certificates.iter().map(|certificate| text(certificate, "order_id")).collect();
    assert_eq!(of_orders.len(), certificates.len(), "an order has two certificates");
    let serials: HashSet<&str> = certificates.iter().map(|certificate| text(certificate, "serial")).collect();
    assert_eq!(serials.len(), certificates.len(), "two certificates have one serial number");
    assert_eq!(issued.len(), certificates.len(), "one event for each certificate");
}

/// All orders, when none is `processing` any more. What a crash interrupted is taken up soon after the start.
async fn settled_orders(api: &Client) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let orders = list(api, "/api/acme/orders").await;
        let stuck: Vec<&Value> = orders.iter().filter(|order| order["status"] == "processing").collect();
        if stuck.is_empty() {
            return orders;
        }
        assert!(start.elapsed() < Duration::from_secs(15), "stuck in processing: {stuck:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item[field].as_str().unwrap_or_else(|| panic!("no {field} in {item}"))
}

#[derive(Debug, Default)]
struct Progress {
    issued: AtomicUsize,
    killed_enough: AtomicBool,
}

impl Progress {
    fn enough(&self) -> bool {
        self.killed_enough.load(Ordering::Relaxed) && self.issued.load(Ordering::Relaxed) >= ISSUANCES
    }
}

/// Times between kills, from 20 ms to 800 ms, by a linear congruential generator of a fixed seed.
struct Moments(u32);

impl Moments {
    fn new() -> Self {
        Self(20_240_229)
    }

    fn next(&mut self) -> Duration {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Duration::from_millis(u64::from(20 + (self.0 >> 16) % 780))
    }
}

/// What a client was told: the certificate that it downloaded.
#[derive(Debug)]
struct Told {
    chain: Chain,
    order_id: String,
}

/// A client that goes on when its server dies, as real ones do: it asks again, and looks where its order stands.
struct PatientClient<'a> {
    acme: RawAcme,
    key: &'a Key,
    account: &'a str,
}

impl PatientClient<'_> {
    async fn issue(&self, name: &str) -> Told {
        let csr = Csr::new(&[name]).sign(&LeafKey::P256.generate());
        let ordered = self.insist(self.acme.url("newOrder"), order_payload(&[&format!("dns:{name}")])).await;
        assert_eq!(ordered.status, 201, "{}", ordered.text());
        let order_url = ordered.header("location").expect("a new order has a Location").to_owned();
        let finalize = text(&ordered.json(), "finalize").to_owned();
        let certificate = loop {
            let order = self.insist(&order_url, Payload::Empty).await.expect(200);
            match text(&order, "status") {
                "ready" => {
                    let answer = self.insist(&finalize, finalize_payload(&csr)).await;
                    // Taken up by the server itself after a crash, between our look and our request.
                    let late = answer.status == 403;
                    assert!(answer.status == 200 || late, "{}: {}", answer.status, answer.text());
                }
                "processing" => tokio::time::sleep(Duration::from_millis(50)).await,
                "valid" => break text(&order, "certificate").to_owned(),
                other => panic!("the order became {other}: {order}"),
            }
        };
        let downloaded = self.insist(&certificate, Payload::Empty).await;
        assert_eq!(downloaded.status, 200, "{}", downloaded.text());
        let order_id = order_url.rsplit('/').next().expect("a URL has a path").to_owned();
        Told { chain: Chain::from_pem(&downloaded.text()), order_id }
    }

    /// Repeats a request until there is an answer that is not the server's inability.
    async fn insist(&self, url: &str, payload: impl Into<Payload>) -> Response {
        let payload = payload.into();
        let start = Instant::now();
        loop {
            match self.acme.try_post(Signer::Kid(self.key, self.account), url, payload.clone()).await {
                Ok(answer) if answer.status == 503 => {}
                // Also after one more try with a new nonce: the server died again in between.
                Ok(answer) if answer.status == 400 && answer.text().contains("error:badNonce") => {}
                Ok(answer) => return answer,
                Err(error) => assert!(start.elapsed() < Duration::from_secs(30), "no answer: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
