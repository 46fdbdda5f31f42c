//! `make conformance-peers`: the conformance suite against certctl, Pebble and step-ca, and docs/conformance.md from
//! what came of it.
//!
//! Peers are started with what they need to do well: their resolver and validation ports led to the suite, random
//! refusals and delays off, a policy that denies a name, EAB keys, alternate roots. What a row cannot try on a peer is
//! `not applicable` there, not a failure.

mod pebble;
mod step_ca;
mod table;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use conformance::{Options, Place, Ports, Report};
use end2end::Engine;
use end2end::conformance::{Mode, run};
use testkit::http::Client;
use testkit::process::free_port;

/// How long a peer may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let mut next = |what: &str| {
        arguments.next().unwrap_or_else(|| panic!("usage: conformance_peers PEBBLE PEBBLE_VERSION STEP_CA STEP_CA_VERSION REPORT; {what} is missing"))
    };
    let (pebble, pebble_version) = (next("PEBBLE"), next("PEBBLE_VERSION"));
    let (step_ca, step_ca_version) = (next("STEP_CA"), next("STEP_CA_VERSION"));
    let page = next("REPORT");
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let columns = runtime.block_on(async {
        let mut own = Vec::new();
        for engine in [Engine::Sqlite, Engine::Postgres] {
            for mode in [Mode::Trust, Mode::Challenge] {
                own.push(run(engine, mode).await);
            }
        }
        vec![
            table::Column::merged("certctl", env!("CARGO_PKG_VERSION"), &own),
            table::Column::one("Pebble", &text(&pebble_version), pebble::test(&pebble).await),
            table::Column::one("step-ca", &text(&step_ca_version), step_ca::test(&step_ca).await),
        ]
    });
    fs::write(&page, table::page(&columns)).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    for column in &columns {
        println!("{}", column.summary());
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A peer's process. It ends when this is dropped.
#[derive(Debug)]
struct Peer(Child);

impl Peer {
    /// Starts `command` and waits until the directory at `place` answers. What it prints goes to `log`.
    async fn start(mut command: Command, log: &Path, place: &Place) -> Self {
        let file = File::create(log).expect("our own directory is writable");
        let errors = file.try_clone().expect("a file descriptor can be copied");
        command.stdin(Stdio::null()).stdout(file).stderr(errors);
        let peer = Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let client = Client::https("", &place.ca_pem).with_header("user-agent", "acme-conformance");
        let start = Instant::now();
        loop {
            match client.try_send(&place.directory, http::Request::default()).await {
                Ok(answer) if answer.status == 200 => return peer,
                _ if start.elapsed() > PATIENCE => {
                    panic!(
                        "{} does not start:\n{}",
                        place.directory,
                        fs::read_to_string(log).unwrap_or_default()
                    )
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ports for the suite's responder.
fn responder_ports() -> Ports {
    Ports { http01: Some(free_port()), tls_alpn01: Some(free_port()), dns: Some(free_port()) }
}

fn options(place: &Place, ports: Ports) -> Options {
    let mut options = Options::new(place.clone());
    options.ports = ports;
    options
}

async fn suite(options: Options, admin: std::sync::Arc<dyn conformance::Admin>) -> Report {
    conformance::run(options, admin).await.unwrap_or_else(|why| panic!("the suite cannot begin: {why}"))
}
