//! `certctl quickstart`, as somebody who tries certctl for the first time uses it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use end2end::certificate::Chain;
use end2end::program::{openssl_verify, program, run, succeed};
use rustix::process::Signal;
use tempfile::TempDir;
use testkit::{process, server};

#[tokio::test(flavor = "multi_thread")]
async fn once_leaves_a_certificate_that_openssl_accepts() {
    let directory = TempDir::new().unwrap();
    let port = process::free_port();
    let first = succeed(quickstart(directory.path(), port, &["--once", "--data-dir", "state"])).await;
    let file = |name: &str| directory.path().join(name);
    openssl_verify(&file("hello.internal.ca.crt"), &file("hello.internal.crt")).await;
    let chain = Chain::from_pem(&fs::read_to_string(file("hello.internal.crt")).unwrap());
    assert_eq!(chain.names(), ["hello.internal"]);
    chain.verify_with_webpki(&fs::read_to_string(file("hello.internal.ca.crt")).unwrap(), "hello.internal");
    for secret in ["hello.internal.key", "state/encryption.key"] {
        let mode = fs::metadata(file(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    assert_key_fits(&file("hello.internal.key"), &file("hello.internal.crt")).await;
    assert!(file("state/certctl.db").exists());

    let base = format!("https://localhost:{port}");
    for wanted in [
        &base,
        "/auth/link/",
        "/directory",
        "tls/ca.crt",
        "ClusterIssuer",
        "caBundle",
        "lego ",
        "certbot ",
        "curl ",
    ] {
        assert!(first.stdout.contains(wanted), "no {wanted} in:\n{}", first.stdout);
    }

    let again = succeed(quickstart(directory.path(), port, &["--once", "--data-dir", "state"])).await;
    let renewed = Chain::from_pem(&fs::read_to_string(file("hello.internal.crt")).unwrap());
    assert_ne!(chain.serial(), renewed.serial());
    // The same CA: what trusted the first trusts the second.
    openssl_verify(&file("hello.internal.ca.crt"), &file("hello.internal.crt")).await;
    let key = api_key(&first.stdout).expect("the first run shows the admin key");
    assert_eq!(api_key(&again.stdout), None, "the key is shown once");
    assert!(!again.text().contains(&key));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_can_be_asked_for_but_only_under_internal() {
    let directory = TempDir::new().unwrap();
    let port = process::free_port();
    succeed(quickstart(directory.path(), port, &["--once", "--domain", "shop.prod.internal"])).await;
    let chain =
        Chain::from_pem(&fs::read_to_string(directory.path().join("shop.prod.internal.crt")).unwrap());
    assert_eq!(chain.names(), ["shop.prod.internal"]);
    assert!(directory.path().join("certctl-data").exists(), "the default data directory");

    let refused = run(quickstart(directory.path(), port, &["--once", "--domain", "www.example.com"])).await;
    assert_ne!(refused.code, Some(0));
    assert!(refused.text().contains("www.example.com"), "{}", refused.text());
    assert!(!directory.path().join("www.example.com.crt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_prints_can_be_pasted() {
    let directory = TempDir::new().unwrap();
    let port = process::free_port();
    let mut serving = Serving::start(directory.path(), port);
    let printed = serving.printed_until_it_serves();
    let key = api_key(&printed).expect("the first run shows the admin key");
    for tool in ["curl", "lego", "certbot"] {
        let lines = shell_lines(&printed, tool);
        assert!(!lines.is_empty(), "no {tool} line in:\n{printed}");
        for line in lines {
            let mut shell = program("sh");
            shell.args(["-ec", &line]).current_dir(directory.path());
            shell.env("HOME", directory.path()).env("CERTCTL_API_KEY", &key);
            let finished = succeed(shell).await;
            if tool == "curl" {
                let json = finished.stdout.contains("newOrder") || finished.stdout.contains("\"items\"");
                assert!(json, "{line} printed:\n{}", finished.text());
            }
        }
    }
    let issuer = cluster_issuer(&printed);
    assert!(issuer.contains("apiVersion: cert-manager.io/v1"), "{issuer}");
    assert!(issuer.contains(&format!("https://localhost:{port}/acme/")), "{issuer}");

    process::signal(serving.child.id(), Signal::INT);
    let status = serving.child.wait().unwrap();
    assert!(status.success(), "Ctrl-C ended it with {status}");
}

fn quickstart(directory: &Path, port: u16, arguments: &[&str]) -> Command {
    let mut command = server::command(["quickstart"]);
    command.args(arguments).current_dir(directory);
    command.env("CERTCTL_LISTEN", format!("127.0.0.1:{port}"));
    command.env("CERTCTL_EXTERNAL_URL", format!("https://localhost:{port}"));
    command
}

async fn assert_key_fits(key: &Path, certificate: &Path) {
    let mut of_key = program("openssl");
    of_key.args(["pkey", "-pubout", "-in"]).arg(key);
    let mut of_certificate = program("openssl");
    of_certificate.args(["x509", "-noout", "-pubkey", "-in"]).arg(certificate);
    assert_eq!(succeed(of_key).await.stdout, succeed(of_certificate).await.stdout);
}

/// The admin API key that the output shows, if it shows one.
fn api_key(printed: &str) -> Option<String> {
    printed.split_whitespace().find(|word| word.starts_with("certctl_")).map(str::to_owned)
}

/// The lines that call `tool`, each with the lines that its backslashes continue it on.
fn shell_lines(printed: &str, tool: &str) -> Vec<String> {
    let calls = |line: &str| line.split_whitespace().find(|word| !word.contains('=')) == Some(tool);
    let whole = printed.replace("\\\n", " ");
    whole.lines().filter(|line| calls(line)).map(|line| line.trim().to_owned()).collect()
}

fn cluster_issuer(printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().collect();
    let kind = lines.iter().position(|line| line.contains("kind: ClusterIssuer")).expect("a ClusterIssuer");
    let start = kind.saturating_sub(2);
    lines[start..].iter().take_while(|line| !line.trim().is_empty()).copied().collect::<Vec<_>>().join("\n")
}

/// A quickstart that goes on serving.
struct Serving {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Serving {
    fn start(directory: &Path, port: u16) -> Self {
        let mut command = quickstart(directory, port, &[]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    /// What was printed when nothing came for a while after the paste-able lines.
    fn printed_until_it_serves(&mut self) -> String {
        let mut printed = String::new();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            match self.lines.recv_timeout(Duration::from_secs(1)) {
                Ok(line) => printed.push_str(&(line + "\n")),
                Err(mpsc::RecvTimeoutError::Timeout) if printed.contains("ClusterIssuer") => return printed,
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        panic!("quickstart did not get to serving:\n{printed}");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
