//! The System page: how the server runs, and no secret.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use end2end::browser::Browser;
use end2end::{Engine, on_each_engine};
use serde_json::Value;
use testkit::server::random_encryption_key;
use testkit::{CertctlServer, Postgres};

use super::assert_is_a_light_and_harmless_page;
use super::world::{World, words};

on_each_engine!(no_secret_is_on_the_system_page, the_system_page_tells_how_the_server_runs);

async fn no_secret_is_on_the_system_page(engine: Engine) {
    let directory = tempfile::tempdir().unwrap();
    let encryption_key = random_encryption_key();
    let builder = CertctlServer::builder().env("CERTCTL_ENCRYPTION_KEY", &encryption_key);
    let builder = match engine {
        Engine::Sqlite => {
            builder.env("CERTCTL_DATABASE_URL", format!("sqlite:{}/a.db", directory.path().display()))
        }
        // The cluster lets everybody in, whatever their password.
        Engine::Postgres => {
            let url =
                Postgres::shared().create_database("system").replace("postgres@", "postgres:hush-hush@");
            builder.database_url(&format!("{url}?options=-csearch_path%3Dpublic"))
        }
    };
    let token = directory.path().join("token");
    let (builder, from) = match engine {
        Engine::Postgres => (builder.env("CERTCTL_BOOTSTRAP_TOKEN", "hush-hush".repeat(4)), "environment"),
        Engine::Sqlite => {
            let mut file = fs::File::options().create_new(true).write(true).mode(0o600).open(&token).unwrap();
            std::io::Write::write_all(&mut file, "hush-hush".repeat(4).as_bytes()).unwrap();
            (builder.env("CERTCTL_BOOTSTRAP_TOKEN_FILE", &token), "file /")
        }
    };
    let server = builder.start().await;
    let admin = Browser::new();
    admin.sign_in_with_key(&server, server.api_key()).await;
    let answer = admin.get(&server, "/system").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_is_a_light_and_harmless_page("/system", &answer);
    let (page, json) = (answer.text(), server.api().get("/api/system").await.text());
    for secret in ["hush-hush", encryption_key.as_str(), server.api_key(), "search_path"] {
        assert!(!page.contains(secret), "{secret}: {page}");
        assert!(!json.contains(secret), "{secret}: {json}");
    }
    let page = words(&page);
    assert!(page.contains(from), "{page}");
    // Every secret that there is, so that a new one cannot be forgotten here.
    let reference = server.command(["settings"]).output().unwrap().stdout;
    let reference = String::from_utf8(reference).unwrap();
    let secrets: Vec<_> = reference.lines().filter(|line| line.contains(" Secret; or ")).collect();
    assert_eq!(secrets.len(), 4, "set the new one above");
    for line in secrets {
        let name = line.split('`').nth(1).unwrap();
        let row = page.split(&format!(" {name} ")).nth(1).unwrap_or_else(|| panic!("{name}: {page}"));
        let row = row.split(" CERTCTL_").next().unwrap();
        assert!(row.contains(" set, hidden "), "{name}: {row}");
    }
}

async fn the_system_page_tells_how_the_server_runs(engine: Engine) {
    let world = World::new(engine).await;
    let page = words(&world.page("/system").await);
    let (name, replicas) = match engine {
        Engine::Sqlite => ("SQLite 3.", false),
        Engine::Postgres => ("PostgreSQL ", true),
    };
    for wanted in [
        name,
        "that of this binary",
        "nobody",
        "clean_up_orders",
        "every 1 minute",
        "validate_challenges",
        "done",
        "CERTCTL_LOG_FORMAT",
        "json environment",
        "CERTCTL_SESSION_IDLE",
        "1h default",
        "orders per hour of one account account_orders_per_hour 100,000 default",
    ] {
        assert!(page.contains(wanted), "no `{wanted}` in {page}");
    }
    assert_eq!(page.contains("Of all replicas"), replicas, "{page}");
    let system = world.api.get("/api/system").await.expect(200);
    assert_eq!(system["database"]["schema"], system["database"]["newest_schema"]);
    assert!(system["database"]["size_bytes"].as_u64().unwrap() > 4096, "{system}");
    let setting = |name: &str| {
        let all = system["settings"].as_array().unwrap();
        all.iter().find(|setting| setting["name"] == name).unwrap().clone()
    };
    assert_eq!(setting("CERTCTL_LOG_FORMAT")["origin"], "environment");
    assert_eq!(setting("CERTCTL_LOG_FORMAT")["value"], "json");
    assert_eq!(setting("CERTCTL_SESSION_IDLE")["origin"], "default");
    let generated = if engine == Engine::Sqlite { "generated" } else { "environment" };
    let key = setting("CERTCTL_ENCRYPTION_KEY");
    assert_eq!((&key["origin"], &key["set"]), (&generated.into(), &true.into()));
    assert!(key["value"].is_null() && setting("CERTCTL_BOOTSTRAP_API_KEY")["value"].is_null());
    // Each job runs at the start, and the metrics say so too.
    let system = after_the_first_runs(&world).await;
    let jobs = system["jobs"].as_array().unwrap();
    assert!(jobs.len() >= 9, "{system}");
    let metrics = world.server.client().get("/metrics").await.text();
    for job in jobs {
        assert_eq!((&job["last_run"]["outcome"], &job["failures"]), (&"done".into(), &0.into()), "{job}");
        let name = job["name"].as_str().unwrap();
        for metric in ["runs_total{job=", "last_success_timestamp_seconds{job="] {
            assert!(metrics.contains(&format!("certctl_job_{metric}\"{name}\"")), "{name}: {metrics}");
        }
    }
}

/// How the server runs, once the first run of every job has ended.
async fn after_the_first_runs(world: &World) -> Value {
    for _ in 0..100 {
        let system = world.api.get("/api/system").await.expect(200);
        let jobs = system["jobs"].as_array().unwrap();
        if jobs.iter().all(|job| !job["last_run"].is_null()) {
            return system;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a job has not run within ten seconds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_system_page_is_for_those_who_run_the_server() {
    let world = World::new(Engine::Sqlite).await;
    for (role, profiles, may) in [
        ("operator", &[][..], true),
        ("auditor", &[], true),
        ("viewer", &[], false),
        ("agent", &[], false),
        ("admin", &["prof-test"], false),
    ] {
        let browser = world.browser_of(role, profiles).await;
        let status = browser.get(&world.server, "/system").await.status;
        assert_eq!(status, if may { 200 } else { 403 }, "{role}");
        let front = browser.get(&world.server, "/").await.text();
        assert_eq!(front.contains("href=\"/system\""), may, "{role}");
    }
}
