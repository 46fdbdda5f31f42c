//! A start that cannot work ends at once: exit code 2, one clear line on standard error, nothing changed.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use end2end::program::{Finished, run};
use tempfile::TempDir;
use testkit::{CertctlServer, server};

#[tokio::test]
async fn a_wrong_setting_is_named() {
    let cases: &[(&str, &str, &str)] = &[
        ("CERTCTL_LISTEN", "here", "CERTCTL_LISTEN"),
        ("CERTCTL_EXTERNAL_URL", "http://ca.example.com", "CERTCTL_EXTERNAL_URL"),
        ("CERTCTL_EXTERNAL_URL", "https://ca.example.com/acme", "CERTCTL_EXTERNAL_URL"),
        ("CERTCTL_DATABASE_URL", "mysql://root@localhost/x", "CERTCTL_DATABASE_URL"),
        ("CERTCTL_DATABASE_URL", "postgres://localhost/x", "CERTCTL_ENCRYPTION_KEY"),
        ("CERTCTL_DATABASE_MAX_CONNECTIONS", "many", "CERTCTL_DATABASE_MAX_CONNECTIONS"),
        ("CERTCTL_ENCRYPTION_KEY", "c2hvcnQ=", "CERTCTL_ENCRYPTION_KEY"),
        ("CERTCTL_ENCRYPTION_KEY", "not base64!", "CERTCTL_ENCRYPTION_KEY"),
        ("CERTCTL_ENCRYPTION_KEY_FILE", "/nonexistent/key", "CERTCTL_ENCRYPTION_KEY_FILE"),
        ("CERTCTL_BOOTSTRAP_API_KEY", "admin", "CERTCTL_BOOTSTRAP_API_KEY"),
        ("CERTCTL_TLS_CERT_FILE", "/nonexistent/tls.crt", "CERTCTL_TLS_"),
        ("CERTCTL_CA_KEY_FILE", "/nonexistent/ca.key", "CERTCTL_CA_"),
        ("CERTCTL_CA_KEY_ALGORITHM", "dsa-1024", "CERTCTL_CA_KEY_ALGORITHM"),
        ("CERTCTL_ACME_SERVER_ENABLED", "perhaps", "CERTCTL_ACME_SERVER_ENABLED"),
        ("CERTCTL_ACME_SERVER_DEFAULT_PROFILE_ID", "No Id!", "CERTCTL_ACME_SERVER_DEFAULT_PROFILE_ID"),
        ("CERTCTL_TRUSTED_PROXIES", "10.0.0.0/99", "CERTCTL_TRUSTED_PROXIES"),
        ("CERTCTL_MAX_CONNECTIONS", "0", "CERTCTL_MAX_CONNECTIONS"),
        ("CERTCTL_LOG_FORMAT", "xml", "CERTCTL_LOG_FORMAT"),
    ];
    for (setting, value, named) in cases {
        let directory = TempDir::new().unwrap();
        let finished = serve(directory.path(), &[(setting, value)]).await;
        assert_refused(&finished, named);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{setting}={value} left files behind");
        // A value that may be a secret is not repeated.
        if setting.contains("KEY") && !setting.ends_with("FILE") && !setting.ends_with("ALGORITHM") {
            assert!(!finished.stderr.contains(value), "{}", finished.stderr);
        }
    }
}

#[tokio::test]
async fn a_setting_that_does_not_exist_is_no_flag() {
    let mut command = server::command(["serve", "--no-such-setting", "1"]);
    let directory = TempDir::new().unwrap();
    command.current_dir(directory.path());
    let finished = run(command).await;
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("--no-such-setting"), "{}", finished.stderr);
}

#[tokio::test]
async fn a_secret_and_its_file_exclude_each_other() {
    let directory = TempDir::new().unwrap();
    let key = server::random_encryption_key();
    let file = secret_file(directory.path(), &key, 0o600);
    let settings = [("CERTCTL_ENCRYPTION_KEY", key.as_str()), ("CERTCTL_ENCRYPTION_KEY_FILE", file.as_str())];
    assert_refused(&serve(directory.path(), &settings).await, "CERTCTL_ENCRYPTION_KEY_FILE");
}

#[tokio::test]
async fn a_key_file_that_others_can_read_is_refused() {
    let directory = TempDir::new().unwrap();
    let file = secret_file(directory.path(), &server::random_encryption_key(), 0o644);
    let finished = serve(directory.path(), &[("CERTCTL_ENCRYPTION_KEY_FILE", &file)]).await;
    assert_refused(&finished, "CERTCTL_ENCRYPTION_KEY_FILE");
    assert!(finished.stderr.contains("chmod"), "it says what to do: {}", finished.stderr);

    // The same for the key that a first start made.
    let mut server = CertctlServer::start().await;
    assert!(server.terminate().await.success());
    let own = server.data_dir().join("encryption.key");
    assert_eq!(fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&own, fs::Permissions::from_mode(0o604)).unwrap();
    assert_refused(&run(server.command(["serve"])).await, "encryption.key");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o600)).unwrap();
    server.restart().await;
}

#[tokio::test]
async fn a_wrong_encryption_key_changes_nothing() {
    let mut server = CertctlServer::start().await;
    assert!(server.terminate().await.success());
    let before = snapshot(server.data_dir());
    let mut command = server.command(["serve"]);
    command.env("CERTCTL_ENCRYPTION_KEY", server::random_encryption_key());
    assert_refused(&run(command).await, "CERTCTL_ENCRYPTION_KEY");
    assert_eq!(snapshot(server.data_dir()), before);
    server.restart().await;
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let directory = TempDir::new().unwrap();
    let finished = serve(directory.path(), &[("CERTCTL_LISTEN", &address)]).await;
    assert_refused(&finished, "CERTCTL_LISTEN");
    assert!(finished.stderr.contains(&address), "{}", finished.stderr);
}

#[tokio::test]
async fn a_data_directory_that_is_a_file_is_named() {
    let directory = TempDir::new().unwrap();
    let file = secret_file(directory.path(), "x", 0o600);
    assert_refused(&serve(directory.path(), &[("CERTCTL_DATA_DIR", &file)]).await, "CERTCTL_DATA_DIR");
    assert_eq!(fs::read_to_string(file).unwrap(), "x");
}

/// Runs `serve` with settings on top of ones that would work.
async fn serve(directory: &Path, settings: &[(&str, &str)]) -> Finished {
    let mut command = server::command(["serve"]);
    command.current_dir(directory);
    command.env("CERTCTL_LISTEN", "127.0.0.1:0").env("CERTCTL_LOG", "error");
    run({
        command.envs(settings.iter().copied());
        command
    })
    .await
}

#[track_caller]
pub(super) fn assert_refused(finished: &Finished, named: &str) {
    assert_eq!(finished.code, Some(2), "{named}: {}", finished.text());
    assert_eq!(finished.stdout, "", "{named}");
    let lines: Vec<&str> = finished.stderr.lines().filter(|line| !is_log_line(line)).collect();
    assert_eq!(lines.len(), 1, "one line for {named}: {}", finished.stderr);
    assert!(lines[0].contains(named), "{named} is not in: {}", lines[0]);
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
}

fn is_log_line(line: &str) -> bool {
    line.starts_with("{\"timestamp\"")
}

fn secret_file(directory: &Path, text: &str, mode: u32) -> String {
    let file = directory.join("secret");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Names, sizes and times of change of everything in a data directory that is not in use. SQLite's shared memory
/// comes and goes with every reader.
fn snapshot(directory: &Path) -> Vec<(String, u64, SystemTime)> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let (name, metadata) = (entry.file_name().into_string().unwrap(), entry.metadata().unwrap());
        if metadata.is_dir() {
            entries.extend(snapshot(&entry.path()));
        } else if !(name.ends_with("-shm") || name.ends_with("-wal") && metadata.len() == 0) {
            entries.push((name, metadata.len(), metadata.modified().unwrap()));
        }
    }
    entries.sort();
    entries
}
