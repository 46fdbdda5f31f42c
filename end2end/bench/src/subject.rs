//! What is measured: a server of ours on one of the two engines, or any ACME server that runs already.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rustls_pki_types::CertificateDer;
use serde::Serialize;
use serde_json::json;
use testkit::http::Response;
use testkit::process;
use testkit::server::ServerBuilder;
use testkit::{CertctlServer, Postgres};

use crate::acme::{Account, Client, Directory};
use crate::error::Error;
use crate::http::Endpoint;
use crate::measure::Reading;
use crate::proc::{Disk, MachineTime, Memory};

/// The profile of the walkthrough's step 2: trust mode.
pub const TRUSTING: &str = "prof-test";

/// The same in challenge mode.
pub const CHALLENGING: &str = "prof-challenge";

/// Where the server keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A server under load. Dropped, it stops everything that it started.
pub struct Subject {
    pub name: String,
    endpoint: Endpoint,
    directory: Arc<Directory>,
    /// Known after the first chain unless it was given.
    pub anchor: Option<CertificateDer<'static>>,
    pid: Option<u32>,
    disk: Disk,
    // In this order: the server goes before its database.
    server: Option<CertctlServer>,
    postgres: Option<Postgres>,
}

impl Subject {
    /// Starts a server with new data and creates the walkthrough's profile, everything else at its default.
    ///
    /// # Errors
    /// When the profile or the directory is refused.
    ///
    /// # Panics
    /// When the server or the database does not start.
    pub async fn start(engine: Engine) -> Result<Self, Error> {
        Self::start_with(engine, CertctlServer::builder()).await
    }

    /// The same with the profile [`CHALLENGING`] too, for which http-01 goes to `http01_port` on loopback addresses.
    ///
    /// # Errors
    /// When a profile or the directory is refused.
    ///
    /// # Panics
    /// When the server or the database does not start.
    pub async fn start_to_challenge(engine: Engine, http01_port: u16) -> Result<Self, Error> {
        let builder = CertctlServer::builder()
            .env("CERTCTL_ACME_HTTP01_PORT", http01_port.to_string())
            .env("CERTCTL_ACME_VALIDATION_ALLOW_CIDRS", "127.0.0.0/8");
        let subject = Self::start_with(engine, builder).await?;
        if let Some(server) = &subject.server {
            create_profile(server, CHALLENGING, "challenge").await?;
        }
        Ok(subject)
    }

    async fn start_with(engine: Engine, builder: ServerBuilder) -> Result<Self, Error> {
        let postgres = (engine == Engine::Postgres).then(start_postgres);
        let builder = match &postgres {
            Some(postgres) => builder.database_url(&postgres.create_database("bench")),
            None => builder,
        };
        let server = builder.start().await;
        create_profile(&server, TRUSTING, "trust_authenticated").await?;
        lift_limits(&server).await?;
        let url = server.directory_url(TRUSTING);
        let endpoint = Endpoint::new(&url, server.ca_pem().as_bytes())?;
        Ok(Self {
            name: engine.name().to_owned(),
            directory: Arc::new(Directory::load(&endpoint, &url).await?),
            endpoint,
            anchor: None,
            pid: Some(server.pid()),
            disk: Disk::below(server.data_dir()),
            server: Some(server),
            postgres,
        })
    }

    /// Has the clients that are made from now on use another profile of a server that was started here.
    ///
    /// # Errors
    /// When there is no such directory.
    pub async fn use_profile(&mut self, profile: &str) -> Result<(), Error> {
        if let Some(server) = &self.server {
            let url = server.directory_url(profile);
            self.directory = Arc::new(Directory::load(&self.endpoint, &url).await?);
        }
        Ok(())
    }

    /// Takes a server that runs on this machine. Without `pid` its CPU time and memory are not known.
    ///
    /// # Errors
    /// When there is no directory.
    pub async fn running(url: &str, ca_file: &Path, pid: Option<u32>) -> Result<Self, Error> {
        let endpoint = Endpoint::new(url, &std::fs::read(ca_file)?)?;
        Ok(Self {
            name: url.to_owned(),
            directory: Arc::new(Directory::load(&endpoint, url).await?),
            endpoint,
            anchor: None,
            pid,
            disk: Disk::below(&std::env::temp_dir()),
            server: None,
            postgres: None,
        })
    }

    /// `count` clients, each with an account of its own.
    ///
    /// # Errors
    /// When the server refuses one.
    pub async fn clients(&self, count: usize) -> Result<Vec<Client>, Error> {
        let mut clients = Vec::with_capacity(count);
        for _ in 0..count {
            clients.extend(self.clients_of_one_account(1).await?);
        }
        Ok(clients)
    }

    /// `count` clients that share one new account.
    ///
    /// # Errors
    /// When the server refuses it.
    pub async fn clients_of_one_account(&self, count: usize) -> Result<Vec<Client>, Error> {
        let account = Account::register(&self.endpoint, &self.directory).await?;
        let mut clients = Vec::with_capacity(count);
        for _ in 0..count {
            clients.push(Client::connect(&self.endpoint, &self.directory, &account).await?);
        }
        Ok(clients)
    }

    /// Where its requests go, and the server itself where it was started here.
    pub fn server(&self) -> (&Endpoint, Option<&CertctlServer>) {
        (&self.endpoint, self.server.as_ref())
    }

    pub fn read(&self) -> Reading {
        Reading {
            at: Instant::now(),
            server: self.pid.map_or(Duration::ZERO, process::cpu_time),
            database: self.postgres.as_ref().map_or(Duration::ZERO, Postgres::postgres_cpu_time),
            generator: process::cpu_time(std::process::id()),
            machine: MachineTime::now(),
            flushes: self.disk.flushes(),
        }
    }

    /// The server's, without the database's own processes.
    pub fn memory(&self) -> Memory {
        self.pid.map(Memory::of).unwrap_or_default()
    }

    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The last lines of the server's log.
    pub fn last_log_lines(&self, count: usize) -> String {
        let log = self.server.as_ref().map(CertctlServer::log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}

/// A durable cluster with PostgreSQL's own defaults.
pub fn start_postgres() -> Postgres {
    Postgres::builder().fsync(true).start()
}

/// Starts a server and waits until /readyz answers 200. Returns how long that took from before the exec, with an
/// error of up to the polling interval of 1 ms and one TLS handshake.
///
/// # Errors
/// When it takes too long or the server ends.
pub async fn time_to_ready(builder: ServerBuilder) -> Result<(CertctlServer, Duration), Error> {
    const LIMIT_SECONDS: u64 = 20;
    let start = Instant::now();
    let mut server = builder.spawn();
    let (base, ca_file) = (server.base_url(), server.ca_file());
    let ready = tokio::time::timeout(Duration::from_secs(LIMIT_SECONDS), poll_until_ready(&base, &ca_file));
    tokio::select! {
        ready = ready => match ready {
            Ok(()) => Ok((server, start.elapsed())),
            Err(_) => Err(Error::TooSlow("starting", LIMIT_SECONDS)),
        },
        status = server.wait_for_exit() => Err(Error::other(format!("the server ended with {status}"))),
    }
}

async fn poll_until_ready(base: &str, ca_file: &Path) {
    let url = format!("{base}/readyz");
    loop {
        if let Ok(ca_pem) = std::fs::read(ca_file)
            && let Ok(endpoint) = Endpoint::new(&url, &ca_pem)
            && let Ok(mut connection) = endpoint.connect().await
            && let Ok(answer) = connection.send("GET", &url, None).await
            && answer.status == 200
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn create_profile(server: &CertctlServer, id: &str, mode: &str) -> Result<(), Error> {
    let profile = json!({
        "id": id, "name": "ACME test profile", "issuer_id": "iss-internal-ca",
        "max_ttl_seconds": 7_776_000, "acme_auth_mode": mode,
    });
    accepted("profile", &server.api().post("/api/profiles", profile).await)
}

async fn lift_limits(server: &CertctlServer) -> Result<(), Error> {
    // Out of reach, but not off: counting is part of what is measured.
    let limits = json!({
        "account_orders_per_hour": 1_000_000_000, "name_orders_per_hour": 1_000_000_000,
        "network_orders_per_hour": 1_000_000_000, "network_new_accounts_per_hour": 1_000_000_000,
    });
    accepted("rate limits", &server.api().put("/api/acme/rate-limits", limits).await)
}

fn accepted(what: &str, answer: &Response) -> Result<(), Error> {
    if answer.status.is_success() {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&answer.body);
    Err(Error::other(format!("the {what} were refused: {} {body}", answer.status)))
}
