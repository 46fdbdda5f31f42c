//! Renewal information (RFC 9773): windows, incidents, and what replaces what.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use end2end::api::{certificate_by_serial, list, with_open_profile};
use end2end::certificate::Chain;
use end2end::{Engine, on_each_engine};
use futures::future::join_all;
use http::{Method, Request};
use serde_json::{Value, json};
use testkit::CertctlServer;
use testkit::acme::{Csr, Key, LeafKey, RawAcme, Signer, finalize_payload, order_payload};
use testkit::http::Response;

on_each_engine!(
    row_128_every_certificate_has_a_window,
    row_129_other_ids_are_refused,
    row_130_a_revoked_certificate_is_to_be_renewed_at_once,
    row_130_an_incident_moves_windows_into_the_past,
    row_88_what_cannot_be_replaced_is_refused,
    rows_89_90_a_certificate_is_replaced_once,
    row_89_of_many_orders_one_replaces,
);

/// A server with the usual profile, and an account.
struct Stage {
    server: CertctlServer,
    acme: RawAcme,
    key: Key,
    account: String,
}

impl Stage {
    async fn new(engine: Engine) -> Self {
        let server = engine.server().start().await;
        let directory = with_open_profile(&server).await;
        let acme = RawAcme::new(server.client(), &directory).await;
        let key = Key::new();
        let account = acme.register(&key).await;
        Self { server, acme, key, account }
    }

    fn signer(&self) -> Signer<'_> {
        Signer::Kid(&self.key, &self.account)
    }

    /// Issues a certificate and gives its chain and its order.
    async fn issue(&self, name: &str) -> Chain {
        Chain::from_pem(&self.acme.issue(self.signer(), &[&format!("dns:{name}")]).await.0)
    }

    async fn info(&self, certificate_id: &str) -> Response {
        let url = format!("{}/{certificate_id}", self.acme.url("renewalInfo"));
        self.acme.http().get(&url).await
    }

    async fn order(&self, name: &str, replaces: &str) -> Response {
        let mut payload = order_payload(&[&format!("dns:{name}")]);
        payload["replaces"] = replaces.into();
        self.acme.post(self.signer(), self.acme.url("newOrder"), payload).await
    }

    async fn finalize(&self, order: &Value, name: &str) -> Value {
        let csr = Csr::new(&[name]).sign(&LeafKey::P256.generate());
        let url = order["finalize"].as_str().unwrap();
        self.acme.post(self.signer(), url, finalize_payload(&csr)).await.expect(200)
    }

    async fn shown(&self, chain: &Chain) -> Value {
        certificate_by_serial(&self.server.api(), &chain.serial()).await
    }
}

/// Seconds since the Unix epoch of a time in an answer.
fn seconds(time: &Value) -> i64 {
    let text = time.as_str().unwrap();
    assert!(text.ends_with('Z') && text.len() == 20, "{text}");
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let month = u8::try_from(number(5..7)).unwrap();
    let day = u8::try_from(number(8..10)).unwrap();
    let date = rcgen::date_time_ymd(i32::try_from(number(0..4)).unwrap(), month, day);
    date.unix_timestamp() + number(11..13) * 3600 + number(14..16) * 60 + number(17..19)
}

#[expect(clippy::disallowed_methods, reason = "the shipped binary goes by the machine's clock")]
fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

fn window(info: &Value) -> (i64, i64) {
    let window = &info["suggestedWindow"];
    let (start, end) = (seconds(&window["start"]), seconds(&window["end"]));
    assert!(start < end, "{info}");
    (start, end)
}

async fn row_128_every_certificate_has_a_window(engine: Engine) {
    let stage = Stage::new(engine).await;
    let chain = stage.issue("a.internal").await;
    let answer = stage.info(&chain.renewal_id()).await;
    let info = answer.expect(200);
    assert_eq!(answer.header("retry-after"), Some("21600"));
    assert_eq!(answer.header("replay-nonce"), None, "a nonce for a GET");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let index = format!("<{}>;rel=\"index\"", stage.server.directory_url("prof-test"));
    assert_eq!(answer.header("link"), Some(index.as_str()));
    assert_eq!(info.get("explanationURL"), None);
    let (start, end) = window(&info);
    let (not_before, not_after) = chain.validity();
    let part = (not_after + 1 - not_before) / 24;
    assert!(not_before + 15 * part <= start && end <= not_before + 18 * part, "{info}");
    // The same each time, another one for a certificate of the same moment.
    assert_eq!(stage.info(&chain.renewal_id()).await.expect(200), info);
    let other = stage.issue("a.internal").await;
    assert_ne!(window(&stage.info(&other.renewal_id()).await.expect(200)), (start, end));
}

async fn row_129_other_ids_are_refused(engine: Engine) {
    let stage = Stage::new(engine).await;
    let id = stage.issue("a.internal").await.renewal_id();
    let (issuer, serial) = id.split_once('.').unwrap();
    for malformed in ["x", ".", &format!("{id}="), &format!("{id}.AA"), issuer, &format!("{issuer}.AAAB")] {
        stage.info(malformed).await.expect_problem(400, "malformed");
    }
    for unknown in
        [format!("{issuer}.AQ"), format!("AQ.{serial}"), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE".to_owned()]
    {
        stage.info(&unknown).await.expect_problem(404, "malformed");
    }
    let url = format!("{}/{id}", stage.acme.url("renewalInfo"));
    let posted = stage.acme.read(stage.signer(), &url).await;
    posted.expect_problem(405, "malformed");
    assert_eq!(posted.header("allow"), Some("GET,HEAD"));
    // A browser asks first (row 9).
    let preflight =
        Request::builder().method(Method::OPTIONS).uri("/").header("origin", "https://ui.example");
    let preflight =
        preflight.header("access-control-request-method", "POST").body(Default::default()).unwrap();
    let allowed = stage.acme.http().send(stage.acme.url("newOrder"), preflight).await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("*"));
    assert_eq!(allowed.header("access-control-allow-headers"), Some("Content-Type"));
    assert_eq!(allowed.header("access-control-allow-methods"), Some("GET, HEAD, POST"));
}

async fn row_130_a_revoked_certificate_is_to_be_renewed_at_once(engine: Engine) {
    let stage = Stage::new(engine).await;
    let chain = stage.issue("a.internal").await;
    let payload = json!({ "certificate": URL_SAFE_NO_PAD.encode(chain.leaf()), "reason": 4 });
    let revoked = stage.acme.post(stage.signer(), stage.acme.url("revokeCert"), payload).await;
    assert_eq!(revoked.status, 200);
    let answer = stage.info(&chain.renewal_id()).await;
    assert!(window(&answer.expect(200)).1 < now(), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("3600"));
}

async fn row_130_an_incident_moves_windows_into_the_past(engine: Engine) {
    let stage = Stage::new(engine).await;
    let api = stage.server.api();
    let (first, second, third) =
        (stage.issue("a.internal").await, stage.issue("b.internal").await, stage.issue("c.internal").await);
    let demand = async |selection: Value| {
        let body = json!({
            "selection": selection, "reason": "the key ceremony was flawed",
            "explanation_url": "https://status.example/incident",
        });
        api.post("/api/certificates/renew-now", body).await.expect(200)["certificates"].clone()
    };
    assert_eq!(demand(json!({ "name": "a.internal" })).await, 1);
    let info = stage.info(&first.renewal_id()).await.expect(200);
    assert!(window(&info).1 < now(), "{info}");
    assert_eq!(info["explanationURL"], "https://status.example/incident");
    assert!(window(&stage.info(&second.renewal_id()).await.expect(200)).1 > now());
    let shown = stage.shown(&first).await;
    assert_eq!(shown["renew_now"]["reason"], "the key ceremony was flawed");
    assert_eq!(shown["renew_now"]["explanation_url"], "https://status.example/incident");
    let marked = list(&api, "/api/certificates?renew_now=true").await;
    assert_eq!(marked.len(), 1, "{marked:?}");

    let ids = [&second, &third].map(|c| async { stage.shown(c).await["id"].clone() });
    assert_eq!(demand(json!({ "ids": join_all(ids).await })).await, 2);
    assert_eq!(
        demand(json!({ "issuer_id": "iss-internal-ca", "created_before": "2020-01-01T00:00:00Z" })).await,
        0
    );
    assert_eq!(
        demand(json!({ "profile_id": "prof-test", "expires_after": "2020-01-01T00:00:00Z" })).await,
        3
    );
    let events = list(&api, "/api/audit-events?action=certificate.renewal_demanded").await;
    assert_eq!(events.len(), 4, "{events:?}");
    assert_eq!(events[0]["details"]["certificates"], 3);
    assert_eq!(events[0]["details"]["selection"]["profile_id"], "prof-test");
    assert_eq!(events[0]["details"]["reason"], "the key ceremony was flawed");

    let cancel = json!({ "selection": { "name": "a.internal" } });
    let cancelled = api.post("/api/certificates/renew-now/cancel", cancel).await.expect(200);
    assert_eq!(cancelled["certificates"], 1);
    let info = stage.info(&first.renewal_id()).await.expect(200);
    assert!(window(&info).1 > now() && info.get("explanationURL").is_none(), "{info}");

    let refuse = async |body: Value, field: &str| {
        let refused = api.post("/api/certificates/renew-now", body).await.expect(422);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
    };
    refuse(json!({ "selection": {}, "reason": "x" }), "selection").await;
    refuse(json!({ "selection": { "ids": [], "name": "a" }, "reason": "x" }), "selection").await;
    refuse(json!({ "selection": { "ids": ["x"] }, "reason": "x" }), "selection.ids").await;
    refuse(json!({ "selection": { "name": "a.internal" }, "reason": " " }), "reason").await;
    let plain = json!({ "selection": { "name": "a.internal" }, "reason": "x", "explanation_url": "http://a.example" });
    refuse(plain, "explanation_url").await;
    let anonymous = stage.server.client().post("/api/certificates/renew-now", json!({})).await;
    assert_eq!(anonymous.status, 401);
}

async fn row_88_what_cannot_be_replaced_is_refused(engine: Engine) {
    let stage = Stage::new(engine).await;
    let id = stage.issue("a.internal").await.renewal_id();
    let refused = async |answer: Response, status: u16| {
        let problem = answer.expect_problem(status, "malformed");
        // By this word cert-manager knows to order again without it.
        assert!(problem["detail"].as_str().unwrap().contains("replaces"), "{problem}");
    };
    refused(stage.order("a.internal", "nonsense").await, 400).await;
    refused(stage.order("a.internal", &format!("{id}=")).await, 400).await;
    refused(stage.order("a.internal", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE").await, 404).await;
    refused(stage.order("b.internal", &id).await, 403).await;
    let stranger = Key::new();
    let account = stage.acme.register(&stranger).await;
    let mut payload = order_payload(&["dns:a.internal"]);
    payload["replaces"] = id.as_str().into();
    let url = stage.acme.url("newOrder");
    refused(stage.acme.post(Signer::Kid(&stranger, &account), url, payload).await, 403).await;
    // None of them took the certificate away.
    stage.order("a.internal", &id).await.expect(201);
}

async fn rows_89_90_a_certificate_is_replaced_once(engine: Engine) {
    let stage = Stage::new(engine).await;
    let chain = stage.issue("a.internal").await;
    let id = chain.renewal_id();
    let first = stage.order("a.internal", &id).await.expect(201);
    assert_eq!(first["replaces"], id.as_str());
    stage.order("a.internal", &id).await.expect_problem(409, "alreadyReplaced");

    // An order that becomes invalid gives the certificate back.
    let authorization = first["authorizations"][0].as_str().unwrap();
    let deactivate = json!({ "status": "deactivated" });
    stage.acme.post(stage.signer(), authorization, deactivate).await.expect(200);
    let created = stage.order("a.internal", &id).await;
    let second = created.expect(201);
    let url = created.header("location").unwrap();
    assert_eq!(stage.acme.read(stage.signer(), url).await.expect(200)["replaces"], id.as_str());
    assert_eq!(stage.shown(&chain).await["replaced_by"], Value::Null);
    let done = stage.finalize(&second, "a.internal").await;
    assert_eq!(done["replaces"], id.as_str());
    stage.order("a.internal", &id).await.expect_problem(409, "alreadyReplaced");

    let replaced = stage.shown(&chain).await;
    let api = stage.server.api();
    let successor = list(&api, "/api/certificates?name=a.internal&superseded=false").await;
    assert_eq!(successor.len(), 1, "{successor:?}");
    assert_eq!(replaced["replaced_by"], successor[0]["id"]);
    let superseded = list(&api, "/api/certificates?superseded=true").await;
    assert_eq!(superseded[0]["id"], replaced["id"]);
    let orders = list(&api, "/api/acme/orders?status=valid").await;
    assert_eq!(orders[0]["replaces"], id.as_str());
}

async fn row_89_of_many_orders_one_replaces(engine: Engine) {
    let stage = Stage::new(engine).await;
    let id = stage.issue("a.internal").await.renewal_id();
    let answers = join_all((0..16).map(|_| stage.order("a.internal", &id))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    for lost in answers.iter().filter(|answer| answer.status != 201) {
        lost.expect_problem(409, "alreadyReplaced");
    }
}
