//! The shipped binary as a process.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::http::Client;
use crate::process;

/// How long the server may take to become ready, or to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where this variable is set, servers that a test is done with are asked to stop instead of killed: what a program has
/// counted of itself, such as the lines that it ran, is written at its end.
const TO_ITS_END: &str = "TESTKIT_SERVERS_TO_THEIR_END";

/// The binary under test: `CERTCTL_BIN`, or else `certctl` in the target directory that this program was built
/// into.
///
/// # Panics
/// When there is none.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("CERTCTL_BIN") {
        return path.into();
    }
    let here = std::env::current_exe().expect("the system knows this program's path");
    // Tests lie in target/<profile>/deps, programs in target/<profile>.
    let found = here.ancestors().skip(1).take(2).map(|dir| dir.join("certctl")).find(|path| path.is_file());
    found.expect("the binary `certctl` is missing: run `cargo build -p certctl` or set CERTCTL_BIN")
}

/// The binary under test with `arguments`, without any setting that the environment of this process has.
pub fn command<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = without_settings(Command::new(binary()));
    command.args(arguments);
    command
}

fn without_settings(mut command: Command) -> Command {
    command.stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CERTCTL_")) {
            command.env_remove(name);
        }
    }
    command
}

/// A new random API key.
pub fn random_secret() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes())
}

/// A new value of `CERTCTL_ENCRYPTION_KEY`.
pub fn random_encryption_key() -> String {
    base64::engine::general_purpose::STANDARD.encode(random_bytes())
}

fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).expect("the random generator works");
    bytes
}

/// What a server is started with.
#[derive(Debug)]
pub struct ServerBuilder {
    settings: BTreeMap<String, OsString>,
    data_dir: Option<PathBuf>,
    api_key: String,
    port: Option<u16>,
    trusted_ca: Option<String>,
    wrapper: Vec<OsString>,
}

impl ServerBuilder {
    fn new() -> Self {
        let settings = BTreeMap::from([
            ("CERTCTL_ACME_SERVER_ENABLED".into(), "true".into()),
            ("CERTCTL_LOG_FORMAT".into(), "json".into()),
        ]);
        Self {
            settings,
            data_dir: None,
            api_key: random_secret(),
            port: None,
            trusted_ca: None,
            wrapper: Vec::new(),
        }
    }

    /// The setting `name` (`CERTCTL_…`), or any other environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    /// A PostgreSQL database; the default is SQLite in the data directory. The encryption key that PostgreSQL
    /// needs is made up unless it is set.
    #[must_use]
    pub fn database_url(mut self, url: &str) -> Self {
        self.settings
            .entry("CERTCTL_ENCRYPTION_KEY".into())
            .or_insert_with(|| random_encryption_key().into());
        self.env("CERTCTL_DATABASE_URL", url)
    }

    /// A data directory that outlives the server; the default is a temporary one.
    #[must_use]
    pub fn data_dir(mut self, directory: &Path) -> Self {
        self.data_dir = Some(directory.to_owned());
        self
    }

    /// The administrator's key; the default is a random one.
    #[must_use]
    pub fn api_key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.api_key);
        self
    }

    /// The TCP port to listen on; the default is a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The CA (PEM) of a server whose TLS certificate comes from files; the default is the server's own CA.
    #[must_use]
    pub fn trust(mut self, ca_pem: &str) -> Self {
        self.trusted_ca = Some(ca_pem.to_owned());
        self
    }

    /// A program with arguments that replaces itself (`exec`) by the server, whose command line follows.
    #[must_use]
    pub fn wrapper<I: Into<OsString>>(mut self, program: impl IntoIterator<Item = I>) -> Self {
        self.wrapper = program.into_iter().map(Into::into).collect();
        self
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready; its log is shown.
    pub async fn start(self) -> CertctlServer {
        let mut server = self.spawn();
        server.wait_until_ready().await;
        server
    }

    /// Starts the server and returns at once.
    ///
    /// # Panics
    /// When the binary cannot be run.
    pub fn spawn(self) -> CertctlServer {
        let scratch = TempDir::with_prefix("certctl-").expect("the temporary directory is writable");
        let port = self.port.unwrap_or_else(process::free_port);
        let data_dir = self.data_dir.unwrap_or_else(|| scratch.path().join("data"));
        let mut settings = self.settings;
        let mut set = |name: &str, value: OsString| {
            settings.entry(name.into()).or_insert(value);
        };
        set("CERTCTL_LISTEN", format!("127.0.0.1:{port}").into());
        set("CERTCTL_EXTERNAL_URL", format!("https://localhost:{port}").into());
        set("CERTCTL_DATA_DIR", data_dir.clone().into());
        set("CERTCTL_BOOTSTRAP_API_KEY", self.api_key.clone().into());
        let mut server = CertctlServer {
            settings,
            data_dir,
            api_key: self.api_key,
            port,
            trusted_ca: self.trusted_ca,
            wrapper: self.wrapper,
            scratch,
            child: None,
        };
        server.run();
        server
    }
}

/// A running server. It is killed when this is dropped; its log is shown when a test fails.
#[derive(Debug)]
pub struct CertctlServer {
    settings: BTreeMap<String, OsString>,
    data_dir: PathBuf,
    api_key: String,
    port: u16,
    trusted_ca: Option<String>,
    wrapper: Vec<OsString>,
    scratch: TempDir,
    child: Option<Child>,
}

impl CertctlServer {
    pub fn builder() -> ServerBuilder {
        ServerBuilder::new()
    }

    /// A server on SQLite with ACME switched on.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// `https://localhost:<port>`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The origin under which clients reach the server: that of [`Self::base_url`] unless the tests set another.
    pub fn external_url(&self) -> String {
        let url = self.settings.get("CERTCTL_EXTERNAL_URL").and_then(|url| url.to_str());
        url.expect("it is set").to_owned()
    }

    /// The URL of a profile's ACME directory.
    pub fn directory_url(&self, profile: &str) -> String {
        format!("{}/acme/profile/{profile}/directory", self.base_url())
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Where the server writes the CA that its own TLS certificate comes from.
    pub fn ca_file(&self) -> PathBuf {
        self.data_dir.join("tls/ca.crt")
    }

    /// The CA (PEM) that the server's TLS certificate comes from.
    ///
    /// # Panics
    /// When the server has not written it.
    pub fn ca_pem(&self) -> String {
        if let Some(pem) = &self.trusted_ca {
            return pem.clone();
        }
        let path = self.ca_file();
        fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", path.display(), self.log()))
    }

    /// An HTTPS client without credentials.
    pub fn client(&self) -> Client {
        Client::https(&self.base_url(), &self.ca_pem())
    }

    /// An HTTPS client with the administrator's key.
    pub fn api(&self) -> Client {
        self.client().with_bearer(&self.api_key)
    }

    /// What the server has written to standard output and standard error, over all its starts.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The process id.
    ///
    /// # Panics
    /// When the server was stopped.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// CPU time, user and system, since the last start.
    pub fn cpu_time(&self) -> Duration {
        process::cpu_time(self.pid())
    }

    /// Resident memory in bytes.
    pub fn rss(&self) -> u64 {
        process::resident_bytes(self.pid())
    }

    /// Asks the server to stop and gives it a few seconds.
    fn stop_in_time(&mut self) {
        let Some(child) = self.child.as_mut() else { return };
        process::signal(child.id(), Signal::TERM);
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) && matches!(child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the server at once, as a power cut would.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks the server to stop (SIGTERM) and returns at once.
    pub fn ask_to_stop(&self) {
        process::signal(self.pid(), Signal::TERM);
    }

    /// Asks the server to stop (SIGTERM) and waits for its end.
    ///
    /// # Panics
    /// When it was stopped before, or takes too long.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.ask_to_stop();
        self.wait_for_exit().await
    }

    /// Waits until the server has ended by itself.
    ///
    /// # Panics
    /// When it was stopped before, or takes too long.
    pub async fn wait_for_exit(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            let child = self.child.as_mut().expect("the server runs");
            if let Some(status) = child.try_wait().expect("our child can be waited for") {
                self.child = None;
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the server does not stop");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Kills the server if it runs, starts it with the same settings and data, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready.
    pub async fn restart(&mut self) {
        self.kill9();
        self.run();
        self.wait_until_ready().await;
    }

    /// As [`Self::restart`], with a setting changed.
    ///
    /// # Panics
    /// When it does not get ready.
    pub async fn restart_with(&mut self, name: &str, value: impl Into<OsString>) {
        self.settings.insert(name.to_owned(), value.into());
        self.restart().await;
    }

    /// Waits until /readyz answers 200.
    ///
    /// # Panics
    /// When that takes too long, or the server ends.
    pub async fn wait_until_ready(&mut self) {
        let start = Instant::now();
        let mut client = None;
        loop {
            let ended = self.child.as_mut().expect("the server runs").try_wait();
            if let Some(status) = ended.expect("our child can be waited for") {
                self.child = None;
                panic!("the server ended ({status}) before it was ready");
            }
            // With the operator's own certificate the server writes no trust anchor.
            let known = || fs::read_to_string(self.ca_file()).is_ok_and(|pem| pem.contains("END CERT"));
            if client.is_none() && (self.trusted_ca.is_some() || known()) {
                client = Some(self.client());
            }
            if let Some(client) = &client
                && let Ok(answer) = client.try_send("/readyz", ::http::Request::default()).await
                && answer.status == 200
            {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "the server does not get ready");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A command of the same binary with the same settings, e.g. `doctor` or `backup`.
    pub fn command<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = self.prepare(Command::new(binary()));
        command.args(arguments);
        command
    }

    fn prepare(&self, command: Command) -> Command {
        let mut command = without_settings(command);
        command.envs(&self.settings).current_dir(self.scratch.path());
        command
    }

    fn run(&mut self) {
        let log = File::options().create(true).append(true).open(self.log_path());
        let log = log.expect("our own directory is writable");
        let mut command = match self.wrapper.split_first() {
            None => self.command(["serve"]),
            Some((program, arguments)) => {
                let mut command = self.prepare(Command::new(program));
                command.args(arguments).arg(binary()).arg("serve");
                command
            }
        };
        command.stdout(log.try_clone().expect("a file descriptor can be copied")).stderr(log);
        self.child = Some(command.spawn().expect("the binary `certctl` can be run"));
    }

    fn log_path(&self) -> PathBuf {
        self.scratch.path().join("server.log")
    }
}

impl Drop for CertctlServer {
    fn drop(&mut self) {
        if std::env::var_os(TO_ITS_END).is_some() {
            self.stop_in_time();
        }
        self.kill9();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(60)..];
            eprintln!("--- the server's log, the last {} lines ---\n{}", last.len(), last.join("\n"));
        }
    }
}
