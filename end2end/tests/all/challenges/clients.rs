//! Debian's lego and certbot through every challenge.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use end2end::certificate::Chain;
use end2end::challenge::{World, with_challenge_profile};
use end2end::program::{program, run, succeed};
use end2end::{Engine, on_each_engine};
use serde_json::json;
use tempfile::TempDir;
use testkit::{CertctlServer, process};

on_each_engine!(
    lego_fulfils_every_challenge,
    certbot_fulfils_http_and_dns,
    what_lego_cannot_show_is_explained
);

async fn lego_fulfils_every_challenge(engine: Engine) {
    let world = World::new().await;
    let (http_port, server, directory) = start(&world, engine).await;
    let lego = |names: &[&str], how: &[&str]| lego(&server, &directory, names, how);
    let http = format!("127.0.0.1:{http_port}");
    let tls = format!("127.0.0.1:{}", world.tls_port);

    let home = lego(&["http.internal"], &["--http", "--http.port", &http]);
    assert_eq!(issued(home, "http.internal").await, ["http.internal"]);
    let home = lego(&["tls.internal"], &["--tls", "--tls.port", &tls]);
    assert_eq!(issued(home, "tls.internal").await, ["tls.internal"]);

    let resolver = world.dns.address().to_string();
    let by_dns = ["--dns", "exec", "--dns.disable-cp", "--dns.resolvers", &resolver];
    let (home, mut command) = lego(&["*.dns.internal", "dns.internal"], &by_dns);
    // One name after the other, because both have their record at the same place; by default a minute apart.
    command.env("EXEC_SEQUENCE_INTERVAL", "1");
    command.env("EXEC_PATH", lego_hook(home.path(), world.dns.records()));
    let mut names = issued((home, command), "_.dns.internal").await;
    names.sort_unstable();
    assert_eq!(names, ["*.dns.internal", "dns.internal"]);
}

async fn certbot_fulfils_http_and_dns(engine: Engine) {
    let world = World::new().await;
    let (http_port, server, directory) = start(&world, engine).await;
    let home = TempDir::new().unwrap();
    let certbot = |arguments: &[&str]| {
        let mut certbot = program("certbot");
        certbot.env("REQUESTS_CA_BUNDLE", server.ca_file()).current_dir(home.path());
        certbot.args(["certonly", "--non-interactive", "--server", &directory, "--agree-tos"]);
        certbot.args(["--register-unsafely-without-email", "--no-eff-email"]);
        for directory in ["config", "work", "logs"] {
            certbot.arg(format!("--{directory}-dir")).arg(home.path().join(directory));
        }
        certbot.args(arguments);
        certbot
    };
    let chain = |name: &str| {
        let path = home.path().join(format!("config/live/{name}/fullchain.pem"));
        Chain::from_pem(&fs::read_to_string(path).unwrap())
    };
    let port = http_port.to_string();
    let standalone = ["--standalone", "--http-01-address", "127.0.0.1", "--http-01-port", &port];
    let names = ["--cert-name", "http", "-d", "http.internal", "-d", "www.http.internal"];
    succeed(certbot(&[&standalone[..], &names[..]].concat())).await;
    assert_eq!(chain("http").names(), ["http.internal", "www.http.internal"]);

    let records = world.dns.records().display();
    let hook = format!("echo $CERTBOT_VALIDATION >> {records}/_acme-challenge.$CERTBOT_DOMAIN.TXT");
    let manual = ["--manual", "--preferred-challenges", "dns", "--manual-auth-hook", &hook];
    let names = ["--cert-name", "dns", "-d", "dns.internal", "-d", "*.dns.internal"];
    succeed(certbot(&[&manual[..], &names[..]].concat())).await;
    let mut names = chain("dns").names();
    names.sort_unstable();
    assert_eq!(names, ["*.dns.internal", "dns.internal"]);
}

async fn what_lego_cannot_show_is_explained(engine: Engine) {
    let world = World::new().await;
    let (_, server, directory) = start(&world, engine).await;
    // It listens where nobody asks.
    let elsewhere = format!("127.0.0.1:{}", process::free_port());
    let (_home, command) =
        lego(&server, &directory, &["app.internal"], &["--http", "--http.port", &elsewhere]);
    let finished = run(command).await;
    assert_ne!(finished.code, Some(0));
    assert!(finished.text().contains("urn:ietf:params:acme:error:connection"), "{}", finished.text());
    let api = server.api();
    let orders = api.get("/api/acme/orders?status=invalid").await.expect(200);
    let id = orders["items"][0]["id"].as_str().unwrap();
    let detail = api.get(&format!("/api/acme/orders/{id}")).await.expect(200);
    let explanation = detail["explanation"].to_string();
    assert!(explanation.contains("http-01 for app.internal was tried 4 times"), "{explanation}");
    assert!(explanation.contains("refused"), "{explanation}");
}

/// A server whose http-01 asks on a port that a client can listen on.
async fn start(world: &World, engine: Engine) -> (u16, CertctlServer, String) {
    let http_port = process::free_port();
    let server = world.settings(engine.server(), http_port).start().await;
    let directory = with_challenge_profile(&server, json!({})).await;
    (http_port, server, directory)
}

fn lego(server: &CertctlServer, directory: &str, names: &[&str], how: &[&str]) -> (TempDir, Command) {
    let home = TempDir::new().unwrap();
    let mut lego = program("lego");
    lego.env("LEGO_CA_CERTIFICATES", server.ca_file()).current_dir(home.path());
    lego.arg("--path").arg(home.path());
    lego.args(["--server", directory, "--email", "ops@example.com", "--accept-tos"]);
    for name in names {
        lego.args(["--domains", name]);
    }
    lego.args(how).arg("run");
    (home, lego)
}

async fn issued((home, command): (TempDir, Command), file: &str) -> Vec<String> {
    succeed(command).await;
    let path = home.path().join(format!("certificates/{file}.crt"));
    let pem = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Chain::from_pem(&pem).names()
}

/// Called with `present` or `cleanup`, the record's name with a dot at its end, and its text.
fn lego_hook(home: &Path, records: &Path) -> PathBuf {
    let hook = home.join("hook");
    let records = records.display();
    let script = format!("#!/bin/sh\n[ \"$1\" != present ] || echo \"$3\" >> \"{records}/${{2%.}}.TXT\"\n");
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o700)).unwrap();
    hook
}
