//! A database that goes away, is newer than the server, or must be reached over TLS.

use std::time::{Duration, Instant};

use end2end::Engine;
use end2end::api::{PROFILE, open_profile, with_open_profile};
use end2end::program::{program, run, succeed};
use serde_json::json;
use testkit::acme::{Key, RawAcme, Signer};
use testkit::{CertctlServer, Postgres};

use super::startup::assert_refused;

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_the_server_answers_503_and_recovers() {
    let cluster = Postgres::builder().fsync(false).start();
    let server = CertctlServer::builder().database_url(&cluster.create_database("gone")).start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let signer = Signer::Kid(&key, &account);
    acme.issue(signer, &["dns:before.internal"]).await;

    cluster.stop();
    let (ready, health) = (server.client().get("/readyz").await, server.client().get("/healthz").await);
    assert_eq!((ready.status.as_u16(), health.status.as_u16()), (503, 200));
    let ordered = acme.order(signer, &["dns:during.internal"]).await;
    ordered.expect_problem(503, "serverInternal");
    let listed = server.api().get("/api/profiles").await;
    listed.expect_problem(503, "urn:certctl:error:unavailable");
    let created = server.api().post("/api/profiles", open_profile("prof-late")).await;
    created.expect_problem(503, "urn:certctl:error:unavailable");
    for answer in [ready, ordered, listed, created] {
        let seconds: u32 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert!(!answer.text().contains("postgres"), "nothing of the inside is shown: {}", answer.text());
    }

    cluster.start_again();
    let start = Instant::now();
    while server.client().get("/readyz").await.status != 200 {
        assert!(start.elapsed() < Duration::from_secs(20), "no recovery");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    acme.issue(signer, &["dns:after.internal"]).await;
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// Many requests are under way when the database goes: each gets an answer, none a wrong one.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_under_load_loses_nothing() {
    let cluster = Postgres::builder().fsync(false).start();
    let server = CertctlServer::builder().database_url(&cluster.create_database("load")).start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;

    let orders = async {
        let order = |n: usize| {
            let (acme, key, account) = (&acme, &key, &account);
            async move { acme.order(Signer::Kid(key, account), &[&format!("dns:n{n}.internal")]).await }
        };
        let mut told = Vec::new();
        for batch in 0..40 {
            let answers = futures::future::join_all((0..8).map(|n| order(batch * 8 + n))).await;
            told.extend(answers);
        }
        told
    };
    let interruption = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        tokio::task::block_in_place(|| cluster.stop());
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::task::block_in_place(|| cluster.start_again());
    };
    let (answers, ()) = tokio::join!(orders, interruption);
    for answer in &answers {
        assert!(matches!(answer.status.as_u16(), 201 | 503), "{} {}", answer.status, answer.text());
    }
    for answer in answers.iter().filter(|answer| answer.status == 201) {
        let url = answer.header("location").expect("a Location");
        assert_eq!(acme.read(Signer::Kid(&key, &account), url).await.expect(200)["status"], "ready");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_newer_than_the_binary_is_refused() {
    let columns = "version, description, success, checksum, execution_time";
    let newer = |blob: &str| {
        let (time, yes) = ("installed_on", "true");
        format!(
            "INSERT INTO _sqlx_migrations ({columns}, {time})
             SELECT 9999, 'from the future', {yes}, {blob}, 1, {time} FROM _sqlx_migrations LIMIT 1"
        )
    };

    let mut server = Engine::Sqlite.server().start().await;
    assert!(server.terminate().await.success());
    let mut sqlite = program("sqlite3");
    sqlite.arg(server.data_dir().join("certctl.db")).arg(newer("x'00'"));
    succeed(sqlite).await;
    let finished = run(server.command(["serve"])).await;
    assert_refused(&finished, "newer");
    assert!(finished.stderr.contains("9999"), "{}", finished.stderr);

    let url = Postgres::shared().create_database("newer");
    let mut server = CertctlServer::builder().database_url(&url).start().await;
    assert!(server.terminate().await.success());
    Postgres::shared().query(&url, &newer("'\\x00'"));
    assert_refused(&run(server.command(["serve"])).await, "newer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_behind_tls_is_verified() {
    let cluster = Postgres::start_with_tls();
    let url = cluster.create_database("verified");
    let server = CertctlServer::builder().database_url(&url).start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    acme.issue(Signer::Kid(&key, &account), &["dns:over-tls.internal"]).await;
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                     WHERE datname LIKE 'verified%' AND client_addr IS NOT NULL AND NOT ssl";
    assert_eq!(cluster.query(&url, encrypted), "0\n");

    // Another CA, the right one under a name that the certificate does not have, and no TLS at all.
    let stranger = Postgres::start_with_tls();
    let other_ca = url.replace(cluster.ca_file().to_str().unwrap(), stranger.ca_file().to_str().unwrap());
    let other_name = url.replace("127.0.0.1", "127.0.0.2");
    let plain = url.split('?').next().unwrap().to_owned() + "?sslmode=disable";
    for wrong in [other_ca, other_name, plain] {
        let mut command = server.command(["serve"]);
        command.env("CERTCTL_DATABASE_URL", &wrong).env("CERTCTL_LISTEN", "127.0.0.1:0");
        let finished = run(command).await;
        assert_refused(&finished, "CERTCTL_DATABASE_URL");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_table_answers_the_walkthroughs_query() {
    let url = Postgres::shared().create_database("audit");
    let server = CertctlServer::builder().database_url(&url).start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    acme.issue(Signer::Kid(&key, &account), &["dns:audited.internal"]).await;

    let rows = Postgres::shared().query(
        &url,
        "SELECT created_at, action, resource_type, resource_id FROM audit_events
         WHERE actor LIKE 'acme:%' ORDER BY created_at DESC LIMIT 10",
    );
    let actions: Vec<&str> = rows.lines().map(|row| row.split('|').nth(1).unwrap()).collect();
    for action in ["account.created", "order.created", "order.finalized", "certificate.issued"] {
        assert!(actions.contains(&action), "{action} in {rows}");
    }
    let listed = server.api().get("/api/audit-events?actor=acme:&limit=10").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), actions.len());
    let columns = "SELECT id, created_at, actor, action, resource_type, resource_id, outcome, client_ip,
                   request_id, details FROM audit_events WHERE action = 'profile.created'";
    let row = Postgres::shared().query(&url, columns);
    assert!(row.contains(PROFILE) && row.contains("127.0.0.1"), "{row}");
    assert_ne!(json!(row), json!(""));
}
