//! Looks at everything that a start needs, changes nothing, and says what to do.

use std::path::Path;
use std::process::ExitCode;

use ca::Sealer;
use model::{Clock, IssuerId, SystemClock, Timestamp};

use crate::config::{Config, DatabaseLocation, Settings, TlsConfig, read_private_file};
use crate::startup;
use crate::tls::FileIdentity;

/// A built binary cannot run before it was built; a clock before this is wrong.
const EARLIEST: Timestamp = Timestamp::from_unix_seconds(1_780_000_000);
const SOON_SECONDS: i64 = 30 * 86_400;

#[derive(Default)]
struct Report {
    faults: u32,
}

impl Report {
    fn good(&mut self, what: &str, detail: &str) {
        println!("ok    {what}: {detail}");
    }

    fn note(&mut self, what: &str, detail: &str) {
        println!("note  {what}: {detail}");
    }

    fn fault(&mut self, what: &str, detail: &str) {
        self.faults += 1;
        println!("FAULT {what}: {detail}");
    }
}

pub async fn run(settings: &Settings) -> ExitCode {
    let mut report = Report::default();
    match Config::from_settings(settings) {
        Err(e) => report.fault("settings", &e.to_string()),
        Ok(config) => {
            report.good("settings", "all values are well formed");
            clock(&mut report);
            port(&mut report, &config);
            data_dir(&mut report, &config.data_dir);
            ca_files(&mut report, &config);
            tls_files(&mut report, &config.tls);
            database(&mut report, &config).await;
        }
    }
    if report.faults == 0 {
        println!("No faults found.");
        return ExitCode::SUCCESS;
    }
    println!("{} fault(s) found.", report.faults);
    ExitCode::from(1)
}

fn clock(report: &mut Report) {
    let now = SystemClock.now();
    match now < EARLIEST {
        true => report
            .fault("clock", &format!("it says {now}, which is in the past; set the machine's clock (NTP)")),
        false => report.good("clock", &now.truncated_to_second().to_rfc3339()),
    }
}

fn port(report: &mut Report, config: &Config) {
    let address = config.http.listen;
    match std::net::TcpListener::bind(address) {
        Ok(_) => report.good("port", &format!("{address} is free")),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
            let detail =
                format!("{address} is in use: fine if that is a running certctl, else set CERTCTL_LISTEN");
            report.note("port", &detail);
        }
        Err(e) => report.fault("port", &format!("{address} cannot be listened on: {e}; set CERTCTL_LISTEN")),
    }
}

fn data_dir(report: &mut Report, path: &Path) {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(m) if m.permissions().readonly() => {
            report.fault("data directory", &format!("{shown} is read-only"));
        }
        Ok(m) if m.is_dir() => report.good("data directory", &shown.to_string()),
        Ok(_) => report.fault("data directory", &format!("{shown} is not a directory")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            report.note("data directory", &format!("{shown} does not exist yet; the first start makes it"));
        }
        Err(e) => report.fault("data directory", &format!("{shown} cannot be used: {e}")),
    }
}

fn ca_files(report: &mut Report, config: &Config) {
    let Some(files) = &config.ca.files else { return };
    let key = match read_private_file(&files.key) {
        Ok(key) => key,
        Err(fault) => return report.fault("CA key file", &fault),
    };
    let certificates = match std::fs::read_to_string(&files.cert) {
        Ok(text) => text,
        Err(e) => return report.fault("CA certificate file", &format!("`{}`: {e}", files.cert.display())),
    };
    match ca::CaSigner::from_pem(&certificates, &key, SystemClock.now()) {
        Ok(mut signer) => {
            expiry(report, &format!("CA files, `{}`", signer.common_name()), signer.not_after());
            if let Err(e) = startup::add_alternate_chains(&mut signer, config, &SystemClock) {
                report.fault("alternate chains", &e.to_string());
            }
        }
        Err(e) => report.fault("CA files", &e.to_string()),
    }
}

fn tls_files(report: &mut Report, config: &TlsConfig) {
    let TlsConfig::Files { cert, key } = config else { return };
    match FileIdentity::new(cert.clone(), key.clone()).load() {
        Err(e) => report.fault("server certificate", &e.to_string()),
        Ok(loaded) => match loaded.cert.first().and_then(|der| ca::not_after(der).ok()) {
            Some(end) => expiry(report, "server certificate", end),
            None => report.fault("server certificate", "its end cannot be read"),
        },
    }
}

fn expiry(report: &mut Report, what: &str, end: Timestamp) {
    let left = end.unix_seconds() - SystemClock.now().unix_seconds();
    match left {
        i64::MIN..=0 => report.fault(what, &format!("expired at {end}; renew it")),
        1..=SOON_SECONDS => report.note(what, &format!("expires soon, at {end}; renew it")),
        _ => report.good(what, &format!("valid until {end}")),
    }
}

async fn database(report: &mut Report, config: &Config) {
    if let DatabaseLocation::Sqlite(path) = &config.database.location
        && !path.exists()
    {
        return report
            .note("database", &format!("{} does not exist yet; the first start makes it", path.display()));
    }
    let store = match startup::connect(&config.database).await {
        Ok(store) => store,
        Err(e) => return report.fault("database", &e.to_string()),
    };
    if let Err(e) = store.ping().await {
        return report.fault("database", &format!("it does not answer: {e}; is CERTCTL_DATABASE_URL right?"));
    }
    report.good("database", "it answers");
    match store.check_schema().await {
        Ok(()) => report.good("schema", "up to date"),
        Err(e) => report.fault("schema", &format!("{e}; run `certctl migrate`, or a newer certctl")),
    }
    match startup::encryption_key_of(config) {
        Err(e) => report.fault("encryption key", &e.to_string()),
        Ok(None) => report.fault(
            "encryption key",
            &format!(
                "{} is missing, but the database exists; bring it back from where you keep it, or set CERTCTL_ENCRYPTION_KEY",
                config.encryption_key_file().display()
            ),
        ),
        Ok(Some(key)) => match startup::check_encryption_key(&store, &Sealer::new(&key)).await {
            Ok(()) => report.good("encryption key", "it opens this database's secrets"),
            Err(e) => report.fault("encryption key", &e.to_string()),
        },
    }
    let issuer = match store.read().await {
        Ok(mut db) => db.issuer(&IssuerId::internal_ca()).await,
        Err(e) => Err(e),
    };
    match issuer {
        Err(e) => report.fault("issuer", &e.to_string()),
        Ok(None) => report.note("issuer", "none yet; the first start makes it"),
        Ok(Some(issuer)) => {
            for der in &issuer.chain {
                match ca::describe(der) {
                    Ok(info) => {
                        expiry(report, &format!("issuer certificate `{}`", info.subject), info.not_after);
                    }
                    Err(e) => report.fault("issuer certificate", &e.to_string()),
                }
            }
        }
    }
    store.close().await;
}
