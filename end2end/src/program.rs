//! Programs that tests run: real clients, openssl, the shell.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// How long a program may take before its test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a program printed, and how it ended.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Both outputs, for messages.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// A command of the program `name`.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    Command::new(name)
}

/// Runs `command` to its end.
///
/// # Panics
/// When it cannot be run, or does not end; it is killed then.
pub async fn run(command: Command) -> Finished {
    run_within(command, PATIENCE).await
}

async fn run_within(command: Command, patience: Duration) -> Finished {
    let shown = format!("{command:?}");
    let mut command = tokio::process::Command::from(command);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    match tokio::time::timeout(patience, output).await {
        Ok(Ok(output)) => output.into(),
        Ok(Err(error)) => panic!("{shown}: {error}; `make test` installs the programs that tests run"),
        Err(_) => panic!("{shown}: does not end"),
    }
}

/// As [`run`], for commands that must succeed.
///
/// # Panics
/// When the command fails.
pub async fn succeed(command: Command) -> Finished {
    succeed_within(command, PATIENCE).await
}

/// The same for commands that may take longer than others.
///
/// # Panics
/// When the command fails.
pub async fn succeed_within(command: Command, patience: Duration) -> Finished {
    let shown = format!("{command:?}");
    let finished = run_within(command, patience).await;
    assert!(finished.code == Some(0), "{shown} ended with {:?}:\n{}", finished.code, finished.text());
    finished
}

/// Checks that openssl accepts `chain_file` (leaf first) under the root in `ca_file`.
///
/// # Panics
/// When it does not.
pub async fn openssl_verify(ca_file: &Path, chain_file: &Path) {
    let mut command = program("openssl");
    command.args(["verify", "-x509_strict", "-purpose", "sslserver"]);
    command.arg("-CAfile").arg(ca_file).arg("-untrusted").arg(chain_file).arg(chain_file);
    succeed(command).await;
}
