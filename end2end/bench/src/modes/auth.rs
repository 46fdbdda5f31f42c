//! What it costs to find out who asks, and to refuse them: requests that do next to nothing else.

use std::time::Duration;

use end2end::browser::{Browser, Visit, location};
use end2end::idp::HostileIdp;
use serde::Serialize;
use serde_json::{Value, json};
use testkit::CertctlServer;

use crate::error::Error;
use crate::http::{Connection, Endpoint};
use crate::measure::median;
use crate::modes::Bench;
use crate::report::{Goal, number, table};
use crate::subject::{Engine, Subject};

/// Connections that send one request after the other.
const CONNECTIONS: usize = 8;
/// Requests of a round.
const REQUESTS: usize = 8_000;
/// Rounds; the median counts.
const ROUNDS: usize = 5;

/// Sign-ins of a round.
const SIGN_INS: usize = 200;

/// Microseconds of the server's CPU time that a refusal may take.
const REFUSAL_LIMIT: f64 = 50.0;

/// A request, sent again and again.
struct Probe {
    what: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    status: u16,
}

#[derive(Debug, Serialize)]
struct Cost {
    engine: Engine,
    what: &'static str,
    status: u16,
    /// CPU time of the server per request, TLS and HTTP included.
    server_us: f64,
    /// The same beyond a request to /healthz, which asks for no credentials and does nothing.
    above_nothing_us: f64,
    database_us: f64,
}

/// # Errors
/// When a server does not start, or answers otherwise than it should.
pub async fn run(bench: &mut Bench) -> Result<(), Error> {
    let mut all = Vec::new();
    for engine in bench.engines.clone() {
        let subject = bench.start(engine).await?;
        all.extend(costs(bench, engine, &subject).await?);
        all.push(sign_ins(bench, engine, &subject).await?);
    }
    let rows = all.iter().map(|cost| {
        vec![
            cost.engine.name().to_owned(),
            cost.what.to_owned(),
            cost.status.to_string(),
            number(cost.server_us),
            number(cost.above_nothing_us),
            number(cost.database_us),
        ]
    });
    let head = ["server", "request", "answer", "server µs", "above /healthz µs", "database µs"];
    println!("\n{}", table(&head, &rows.collect::<Vec<_>>()));
    for cost in all.iter().filter(|cost| matches!(cost.status, 401 | 403)) {
        let what = format!("{}: µs of CPU to refuse: {}", cost.engine.name(), cost.what);
        bench.report.goal(Goal::at_most(what, cost.above_nothing_us, REFUSAL_LIMIT));
    }
    bench.report.set("auth", all)
}

async fn costs(bench: &mut Bench, engine: Engine, subject: &Subject) -> Result<Vec<Cost>, Error> {
    let (endpoint, server) = subject.server();
    let server = server.ok_or_else(|| Error::other("there is no server"))?;
    let probes = probes(endpoint, server).await?;
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        connections.push(endpoint.connect().await?);
    }
    let base = server.base_url();
    let (mut costs, mut nothing) = (Vec::<Cost>::new(), 0.0);
    for probe in probes {
        let url = format!("{base}{}", probe.path);
        let (mut of_server, mut of_database) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bench.floor.measure()?;
            let before = subject.read();
            repeat(&mut connections, &url, &probe).await?;
            let after = subject.read();
            let each = |spent: Duration| spent.as_secs_f64() * 1e6 / REQUESTS as f64;
            of_server.push(each(after.server - before.server));
            of_database.push(each(after.database.saturating_sub(before.database)));
        }
        let server_us = median(of_server);
        if costs.is_empty() {
            nothing = server_us;
        }
        costs.push(Cost {
            engine,
            what: probe.what,
            status: probe.status,
            server_us,
            above_nothing_us: server_us - nothing,
            database_us: median(of_database),
        });
    }
    Ok(costs)
}

/// Whole sign-ins through a provider in this process: the start, the code's exchange, the checks, the new session. What
/// the provider does is not the server's, but the server's TLS towards it is.
async fn sign_ins(bench: &mut Bench, engine: Engine, subject: &Subject) -> Result<Cost, Error> {
    let (_, server) = subject.server();
    let server = server.ok_or_else(|| Error::other("there is no server"))?;
    let idp = HostileIdp::start().await;
    idp.register(server, "idp", &json!({})).await;
    let client = server.client();
    let (mut of_server, mut of_database) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bench.floor.measure()?;
        let before = subject.read();
        for _ in 0..SIGN_INS {
            let browser = Browser::new();
            let begun =
                browser.send_by(&client, Visit::get("/auth/oidc/idp/login?return_to=%2Faccount")).await;
            let callback = idp.authorize(&location(&begun));
            let path = callback.strip_prefix(&server.external_url()).unwrap_or(&callback);
            let end = location(&browser.send_by(&client, Visit::get(path)).await);
            if end != "/account" {
                return Err(Error::other(format!("the sign-in ended at {end}")));
            }
        }
        let after = subject.read();
        let each = |spent: Duration| spent.as_secs_f64() * 1e6 / SIGN_INS as f64;
        of_server.push(each(after.server - before.server));
        of_database.push(each(after.database.saturating_sub(before.database)));
    }
    let server_us = median(of_server);
    Ok(Cost {
        engine,
        what: "a whole sign-in by OpenID Connect (two requests here, one to the provider)",
        status: 303,
        server_us,
        above_nothing_us: server_us,
        database_us: median(of_database),
    })
}

async fn repeat(connections: &mut [Connection], url: &str, probe: &Probe) -> Result<(), Error> {
    let headers: Vec<(&str, &str)> = probe.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let (headers, each) = (&headers, REQUESTS / connections.len());
    let work = connections.iter_mut().map(|connection| async move {
        for _ in 0..each {
            let answer = connection.send_with("GET", url, headers, None).await?;
            if answer.status != probe.status {
                let body = String::from_utf8_lossy(&answer.body);
                return Err(Error::other(format!("{}: {} {body}", probe.what, answer.status)));
            }
        }
        Ok(())
    });
    futures::future::try_join_all(work).await.map(drop)
}

/// The first one is what all are compared with.
async fn probes(endpoint: &Endpoint, server: &CertctlServer) -> Result<Vec<Probe>, Error> {
    let viewer = create_key(server, "viewer").await?;
    let revoked = create_key(server, "viewer").await?;
    let id = revoked["id"].as_str().unwrap_or_default();
    server.api().delete(&format!("/api/api-keys/{id}")).await;
    let (key, revoked) = (text(&viewer), text(&revoked));
    let session = sign_in(endpoint, server, &key).await?;
    let mut mistyped = key.clone();
    // A wrong last letter is a wrong checksum.
    let last = if mistyped.pop() == Some('a') { 'b' } else { 'a' };
    mistyped.push(last);
    let forged = forge(&session);

    let bearer = |key: &str| vec![("authorization", format!("Bearer {key}"))];
    let cookie = |cookie: &str| vec![("cookie", cookie.to_owned())];
    let probe = |what, path, headers, status| Probe { what, path, headers, status };
    let (mine, forbidden) = ("/api/auth/me", "/api/audit-events");
    Ok(vec![
        probe("nothing: /healthz", "/healthz", Vec::new(), 200),
        probe("no credentials", mine, Vec::new(), 401),
        probe("API key with a wrong checksum", mine, bearer(&mistyped), 401),
        probe("API key that was revoked", mine, bearer(&revoked), 401),
        probe("API key without the permission", forbidden, bearer(&key), 403),
        probe("API key, allowed", mine, bearer(&key), 200),
        probe("session cookie with a wrong signature (no database)", mine, cookie(&forged), 401),
        probe("session without the permission", forbidden, cookie(&session), 403),
        probe("session, allowed (database)", mine, cookie(&session), 200),
    ])
}

async fn create_key(server: &CertctlServer, role: &str) -> Result<Value, Error> {
    let answer = server.api().post("/api/api-keys", json!({ "name": role, "role": role })).await;
    match answer.status.as_u16() {
        201 => Ok(answer.json()),
        status => Err(Error::other(format!("no API key was created: {status} {}", answer.text()))),
    }
}

fn text(key: &Value) -> String {
    key["api_key"].as_str().unwrap_or_default().to_owned()
}

/// The cookie of a new session of the key.
pub async fn sign_in(endpoint: &Endpoint, server: &CertctlServer, key: &str) -> Result<String, Error> {
    let base = server.base_url();
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", base.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    // A key has no character that a form would have to encode.
    let form = format!("api_key={key}");
    let url = format!("{base}/auth/api-key");
    let answer = endpoint.connect().await?.send_with("POST", &url, &headers, Some(form.as_bytes())).await?;
    answer.cookie.ok_or_else(|| Error::other(format!("the sign-in was refused: {}", answer.status)))
}

/// The cookie with another letter in the middle of its signature.
fn forge(cookie: &str) -> String {
    let (name, value) = cookie.split_once('=').unwrap_or((cookie, ""));
    let at = value.len() / 4;
    let other = if value[at..].starts_with('A') { "B" } else { "A" };
    format!("{name}={}{other}{}", &value[..at], &value[at + 1..])
}
