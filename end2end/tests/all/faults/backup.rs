//! `certctl backup` and `certctl restore`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use end2end::Engine;
use end2end::api::{certificate_by_serial, with_open_profile};
use end2end::certificate::{Chain, internal_ca};
use end2end::program::{program, run, succeed};
use tempfile::TempDir;
use testkit::acme::{Key, RawAcme, Signer};
use testkit::{CertctlServer, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_while_serving_restores_everything() {
    let server = CertctlServer::start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let (before, _) = acme.issue(Signer::Kid(&key, &account), &["dns:before.internal"]).await;
    let before = Chain::from_pem(&before);
    let ca = internal_ca(&server.client()).await;

    let elsewhere = TempDir::new().unwrap();
    let file = elsewhere.path().join("certctl.backup");
    let done = AtomicBool::new(false);
    let backup = async {
        let mut command = server.command(["backup"]);
        command.arg(&file);
        let finished = succeed(command).await;
        done.store(true, Ordering::Relaxed);
        finished
    };
    let load = async {
        for number in 0.. {
            acme.issue(Signer::Kid(&key, &account), &[&format!("dns:n{number}.internal")]).await;
            if done.load(Ordering::Relaxed) && number > 5 {
                break;
            }
        }
    };
    tokio::join!(backup, load);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "the backup holds sealed keys: {mode:o}");
    let mut again = server.command(["backup"]);
    again.arg(&file);
    assert_ne!(run(again).await.code, Some(0), "an existing file is not overwritten");

    let restored_to = elsewhere.path().join("data");
    let mut restore = server::command(["restore"]);
    restore.arg(&file).env("CERTCTL_DATA_DIR", &restored_to);
    succeed(restore).await;
    let database = restored_to.join("certctl.db");
    let mut check = program("sqlite3");
    check.arg(&database).arg("PRAGMA integrity_check");
    assert_eq!(succeed(check).await.stdout, "ok\n");
    // The encryption key is kept apart from backups on purpose.
    if !restored_to.join("encryption.key").exists() {
        fs::copy(server.data_dir().join("encryption.key"), restored_to.join("encryption.key")).unwrap();
    }

    let port = server.port();
    let admin_key = server.api_key().to_owned();
    drop(server);
    let server = CertctlServer::builder().data_dir(&restored_to).port(port).api_key(&admin_key).start().await;
    assert_eq!(internal_ca(&server.client()).await, ca);
    assert_eq!(certificate_by_serial(&server.api(), &before.serial()).await["status"], "valid");
    let acme = RawAcme::new(server.client(), &directory).await;
    let (after, _) = acme.issue(Signer::Kid(&key, &account), &["dns:after.internal"]).await;
    Chain::from_pem(&after).verify_with_webpki(&ca, "after.internal");

    let mut onto = server::command(["restore"]);
    onto.arg(&file).env("CERTCTL_DATA_DIR", &restored_to);
    assert_ne!(run(onto).await.code, Some(0), "a database that is there is not overwritten");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_backup_are_refused() {
    let elsewhere = TempDir::new().unwrap();
    let (file, data) = (elsewhere.path().join("file"), elsewhere.path().join("data"));
    for contents in ["", "this is no database", "SQLite format 3\0 and then nothing"] {
        fs::write(&file, contents).unwrap();
        let mut restore = server::command(["restore"]);
        restore.arg(&file).env("CERTCTL_DATA_DIR", &data);
        let finished = run(restore).await;
        assert_eq!(finished.code, Some(2), "{}", finished.text());
        assert!(!data.join("certctl.db").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_postgresql_it_says_what_to_run() {
    let server = Engine::Postgres.server().start().await;
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("certctl.backup");
    let mut backup = server.command(["backup"]);
    backup.arg(&file);
    let finished = run(backup).await;
    assert!(finished.text().contains("pg_dump"), "{}", finished.text());
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn old_backups_are_removed_and_nothing_else() {
    let server = CertctlServer::start().await;
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let back_up = async |name: &str| {
        let mut command = server.command(["backup", "--keep-days", "30"]);
        command.arg(at(name));
        succeed(command).await.stdout
    };
    for (name, days) in [("old.db", 31), ("recent.db", 29), ("old.copy", 31), ("notes.db", 31)] {
        match name {
            "notes.db" => fs::write(at(name), "no database").unwrap(),
            _ => fs::copy(server.data_dir().join("certctl.db"), at(name)).map(|_| ()).unwrap(),
        }
        let file = fs::OpenOptions::new().write(true).open(at(name)).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        file.set_modified(written - Duration::from_secs(days * 86_400)).unwrap();
    }
    let said = back_up("new.db").await;
    assert!(said.contains(&format!("Removed {}.", at("old.db").display())), "{said}");
    let mut left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["new.db", "notes.db", "old.copy", "recent.db"]);
}
