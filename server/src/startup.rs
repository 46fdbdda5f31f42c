//! From settings to a running server, in an order in which a fault leaves everything as it was: settings, port,
//! database, key, and only then what a first start creates.

mod encryption_key;
mod issuer;
mod lock;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use acme::{NonceMint, NonceWindow};
use ca::{CaSigner, Sealer};
use model::{ApiKey, Caller, Clock, Entropy, SystemClock, SystemEntropy};
use serde_json::json;
use store::{DatabaseUrl, Store, StoreError, StoreOptions};
use tokio::net::TcpListener;

use crate::auth::{AccountUse, ApiKeyText, BootstrapToken, KeyUse, Seldom, Throttle};
use crate::config::{Config, ConfigError, DatabaseConfig, DatabaseLocation, Settings, TlsConfig};
use crate::core::{Core, Oidc, Resource, Validation};
use crate::error::Error;
use crate::http::listener::Limits;
use crate::http::overload::InFlight;
use crate::http::{build_router, links::Links, listener};
use crate::issuance::PROCESSING_LIMIT;
use crate::jobs::{self, Jobs, Renewal, Source};
use crate::limits::RateLimiter;
use crate::metrics::Metrics;
use crate::oidc::Remotes;
use crate::services::api_keys;
use crate::services::break_glass::BreakGlass;
use crate::services::bulk_actions::work;
use crate::services::overview::FiguresCache;
use crate::services::sessions::Sessions;
use crate::services::system::Process;
use crate::signers::Signers;
use crate::state::{AppState, Inner, Nonces, SpentNonces};
use crate::tls::{self, BootstrapCa, FileIdentity, ServerIdentity};
use crate::validation::Validator;

/// Why the server did not start; one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Other(String),
}

impl From<Error> for StartError {
    fn from(error: Error) -> Self {
        Self::Other(match error {
            // Here the reader is the operator.
            Error::Unavailable(cause) => format!("the database is not available: {cause}"),
            other => other.to_string(),
        })
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Other(format!("CERTCTL_DATABASE_URL: {error}"))
    }
}

/// The services with their store, without a listener: what commands other than `serve` need.
#[derive(Debug)]
pub struct Opened {
    pub core: Arc<Core>,
    /// The data directory belongs to this process while this lives.
    _lock: Option<lock::DirectoryLock>,
    ca_from_files: bool,
}

/// What opening may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve: the only server on this SQLite database.
    Serve,
    /// To change one thing, maybe beside a server.
    Command,
}

/// Opens the store, and creates on a first start what every server needs: schema, encryption key, issuer.
pub async fn open(config: &Config, purpose: Purpose) -> Result<Opened, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let key = encryption_key::load_or_generate(config, entropy.as_ref())?;
    create_data_dir(&config.data_dir)?;
    let exclusive = purpose == Purpose::Serve && !config.database.is_shared();
    let lock = if exclusive { Some(lock::DirectoryLock::take(&config.data_dir)?) } else { None };
    let sealer = Sealer::new(&key.bytes);
    let store = connect(&config.database).await?;
    // A foreign key must change nothing, not even the schema. An empty database has no table to ask.
    if let Err(StartError::Config(foreign)) = check_encryption_key(&store, &sealer).await {
        return Err(foreign.into());
    }
    match config.database.auto_migrate {
        true => store.migrate().await?,
        false => store.check_schema().await?,
    }
    encryption_key::keep(&store, &sealer, config, &key, entropy.as_ref()).await?;
    let (mut signer, ca_from_files) =
        issuer::load_or_create(&store, &sealer, config, clock.as_ref(), &entropy).await?;
    let links = Links::new(config.http.external_url.clone());
    let validator = Validator::new(&config.validation).map_err(|e| StartError::Other(e.to_string()))?;
    let caa_identities = config.acme.caa_identities.clone();
    add_alternate_chains(&mut signer, config, clock.as_ref())?;
    let break_glass = BreakGlass::new(config.session.break_glass, entropy.as_ref());
    let core = Core {
        validation: Validation::new(validator, &config.validation, caa_identities, links.clone()),
        oidc: Oidc {
            remotes: Remotes::default(),
            links,
            bootstrap_admin_groups: config.bootstrap_admin_groups.clone(),
        },
        store,
        clock,
        entropy,
        signers: Signers::new([(model::IssuerId::internal_ca(), signer)]),
        sealer,
        key_blocklist: config.ca.key_blocklist.clone(),
        default_profile_id: config.acme.default_profile_id.clone(),
        terms_of_service: config.acme.terms_of_service.clone(),
        metrics: Metrics::new(),
        rate_limiter: RateLimiter::default(),
        sessions: Sessions::new(config.session),
        key_use: KeyUse::default(),
        account_refusals: Seldom::default(),
        account_use: AccountUse::default(),
        figures: FiguresCache::default(),
        bootstrap_token: config.bootstrap_token.as_ref().map(|token| BootstrapToken::new(token.expose())),
        break_glass,
        attempts: Throttle::default(),
        jobs: Jobs::default(),
    };
    Ok(Opened { core: Arc::new(core), _lock: lock, ca_from_files })
}

pub async fn connect(database: &DatabaseConfig) -> Result<Store, StartError> {
    let url = match &database.location {
        DatabaseLocation::Sqlite(path) => DatabaseUrl::Sqlite { path: path.clone() },
        DatabaseLocation::Postgres(url) => DatabaseUrl::Postgres { url: url.expose().to_owned() },
    };
    let options =
        StoreOptions { max_connections: database.max_connections as usize, ..StoreOptions::new(url) };
    Ok(Store::connect(&options).await?)
}

fn create_data_dir(path: &Path) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    let fault = |e: std::io::Error| {
        let fault = format!("`{}` cannot be used: {e}", path.display());
        ConfigError::new("CERTCTL_DATA_DIR", fault, "a directory that this user can write")
    };
    Ok(std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fault)?)
}

/// A server that is ready to take connections.
#[derive(Debug)]
pub struct Server {
    pub core: Arc<Core>,
    pub address: SocketAddr,
    /// The trust anchor of the server's own certificate, where it issues its own.
    pub server_ca_file: Option<PathBuf>,
    /// The admin key that this start created, with its id.
    pub bootstrap_key: Option<ApiKey>,
    state: AppState,
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    renewal: Renewal,
    limits: Limits,
    _opened: Opened,
}

impl Server {
    /// `bootstrap_key`: an admin key to create if there is none yet.
    pub async fn prepare(
        config: Config,
        settings: &Settings,
        bootstrap_key: Option<&ApiKeyText>,
    ) -> Result<Self, StartError> {
        let listener = bind(config.http.listen)?;
        let address = listener.local_addr().map_err(|e| StartError::Other(e.to_string()))?;
        let opened = open(&config, Purpose::Serve).await?;
        let core = Arc::clone(&opened.core);

        let host = config.http.external_url.host().to_owned();
        let (key, source, server_ca) = server_identity(&core, &config.tls, &host).await?;
        let server_ca_file =
            server_ca.as_deref().map(|pem| write_ca_file(&config.data_dir, pem)).transpose()?;
        let identity = ServerIdentity::new(key);
        let tls = tls::server_config(Arc::clone(&identity)).map_err(|e| StartError::Other(e.to_string()))?;

        let chosen = config.bootstrap_api_key.as_ref().map(|s| ApiKeyText::chosen(s.expose()));
        let bootstrap_key = match chosen.as_ref().or(bootstrap_key) {
            Some(text) => api_keys::bootstrap(&core, text).await?,
            None => None,
        };
        // On SQLite nobody else can be at work on an order; on PostgreSQL another replica can.
        let age = if config.database.is_shared() { PROCESSING_LIMIT } else { Duration::ZERO };
        jobs::recover(&core, age).await?;
        if !config.database.is_shared() {
            jobs::take_back_challenges(&core).await?;
            work::take_back(&core).await?;
        }
        // What was used up before the restart stays used up.
        core.rate_limiter.synchronise(&core.store, core.now()).await?;
        record_start(&core, settings).await?;

        let mint = NonceMint::new(&core.sealer.derive("acme nonces"), core.entropy.as_ref());
        let spent = match config.database.is_shared() {
            true => SpentNonces::InDatabase,
            false => SpentNonces::InMemory(NonceWindow::new(&mint)),
        };
        let limits = Limits {
            connections: config.http.max_connections,
            trusted_proxies: config.http.trusted_proxies.clone(),
        };
        let in_flight =
            InFlight::new(config.http.max_requests_in_flight, config.http.trusted_proxies.clone());
        let state = AppState::new(Inner {
            core: Arc::clone(&core),
            in_flight,
            links: Links::new(config.http.external_url.clone()),
            acme: config.acme,
            http: config.http,
            nonces: Nonces { mint, spent },
            account_keys: crate::http::acme::AccountKeys::default(),
            ca_from_files: opened.ca_from_files,
            bootstrap_ca_pem: server_ca,
            process: Process::new(&core, settings),
            identity: Some(Arc::clone(&identity)),
        });
        let renewal = Renewal { identity, source };
        Ok(Self {
            core,
            address,
            server_ca_file,
            bootstrap_key,
            state,
            listener,
            tls: Arc::new(tls),
            renewal,
            limits,
            _opened: opened,
        })
    }

    /// Serves until `stop` resolves and the requests in flight have been answered.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let jobs = jobs::start(&self.core, self.renewal, self.state.acme.enabled);
        listener::serve(self.listener, self.tls, build_router(self.state), self.limits, stop).await;
        drop(jobs);
        if let Err(e) = self.core.rate_limiter.synchronise(&self.core.store, self.core.now()).await {
            tracing::warn!(error = %e, "the last counts of the rate limits could not be stored");
        }
        if let Err(e) = self.core.key_use.store(&self.core.store).await {
            tracing::warn!(error = %e, "the last uses of API keys could not be stored");
        }
        if let Err(e) = self.core.account_use.store(&self.core.store).await {
            tracing::warn!(error = %e, "when accounts were seen last could not be stored");
        }
        self.core.store.close().await;
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    let fault = |e: std::io::Error| {
        ConfigError::new(
            "CERTCTL_LISTEN",
            format!("{address} cannot be listened on: {e}"),
            "a free address and port",
        )
    };
    let listener = std::net::TcpListener::bind(address).map_err(fault)?;
    listener.set_nonblocking(true).map_err(fault)?;
    Ok(TcpListener::from_std(listener).map_err(fault)?)
}

/// The server's certificate, where the next one comes from, and its trust anchor (PEM) where that is our own.
async fn server_identity(
    core: &Core,
    config: &TlsConfig,
    host: &str,
) -> Result<(rustls::sign::CertifiedKey, Source, Option<String>), StartError> {
    match config {
        TlsConfig::OwnCertificate => {
            let ca = BootstrapCa::load_or_create(core).await?;
            let key = ca.issue(host, core.clock.as_ref(), core.entropy.as_ref())?;
            let pem = ca.pem();
            Ok((key, Source::Bootstrap { ca: Box::new(ca), host: host.to_owned() }, Some(pem)))
        }
        TlsConfig::Files { cert, key } => {
            let mut files = FileIdentity::new(cert.clone(), key.clone());
            let loaded = files.load().map_err(|e| {
                let names = "CERTCTL_TLS_CERT_FILE, CERTCTL_TLS_KEY_FILE";
                ConfigError::new(names, e.to_string(), "a certificate chain and its private key in PEM")
            })?;
            Ok((loaded, Source::Files(files), None))
        }
    }
}

/// Where the server keeps the CA of its own certificate for clients on its machine.
pub fn server_ca_file(data_dir: &Path) -> PathBuf {
    data_dir.join("tls").join("ca.crt")
}

/// Writes the bootstrap CA where clients' operators look for it.
fn write_ca_file(data_dir: &Path, pem: &str) -> Result<PathBuf, StartError> {
    let path = server_ca_file(data_dir);
    let fault = |e: std::io::Error| {
        let fault = format!("`{}` cannot be written: {e}", path.display());
        ConfigError::new("CERTCTL_DATA_DIR", fault, "a directory that this user can write")
    };
    if std::fs::read_to_string(&path).is_ok_and(|found| found == pem) {
        return Ok(path);
    }
    std::fs::create_dir_all(data_dir.join("tls")).map_err(fault)?;
    std::fs::write(&path, pem).map_err(fault)?;
    Ok(path)
}

async fn record_start(core: &Core, settings: &Settings) -> Result<(), StartError> {
    let details = json!({ "version": env!("CARGO_PKG_VERSION"), "settings": settings.shown() });
    let event =
        core.event(&Caller::system("serve"), "server.started", Resource("server", "certctl"), details);
    core.store.write(move |tx| Box::pin(async move { tx.record(&[event]).await })).await?;
    Ok(())
}

/// A CA from the operator's files.
fn load_ca_files(config: &Config, clock: &dyn Clock) -> Result<Option<CaSigner>, ConfigError> {
    let Some(files) = &config.ca.files else { return Ok(None) };
    let cert_fault = |fault: String| {
        ConfigError::new("CERTCTL_CA_CERT_FILE", fault, "a CA certificate and the chain above it in PEM")
    };
    let key = crate::config::read_private_file(&files.key).map_err(|fault| {
        ConfigError::new("CERTCTL_CA_KEY_FILE", fault, "an unencrypted private key in PEM")
    })?;
    let certificates = std::fs::read_to_string(&files.cert)
        .map_err(|e| cert_fault(format!("`{}` cannot be read: {e}", files.cert.display())))?;
    let signer = CaSigner::from_pem(&certificates, &key, clock.now())
        .map_err(|e| cert_fault(format!("`{}`: {e}", files.cert.display())))?;
    Ok(Some(signer))
}

/// The other chains of the CA, from the operator's files.
pub fn add_alternate_chains(
    signer: &mut CaSigner,
    config: &Config,
    clock: &dyn Clock,
) -> Result<(), ConfigError> {
    for path in &config.ca.alternate_chains {
        let fault = |fault: String| {
            ConfigError::new(
                "CERTCTL_CA_ALTERNATE_CHAIN_FILE",
                format!("`{}`: {fault}", path.display()),
                "another certificate for the CA's name and key, and the chain above it in PEM",
            )
        };
        let certificates =
            std::fs::read_to_string(path).map_err(|e| fault(format!("it cannot be read: {e}")))?;
        signer.add_alternate(&certificates, clock.now()).map_err(|e| fault(e.to_string()))?;
    }
    Ok(())
}

/// Takes the data directory for a command that must not run beside a server.
pub fn lock_data_dir(data_dir: &Path) -> Result<impl Sized, StartError> {
    Ok(lock::DirectoryLock::take(data_dir)?)
}

/// The encryption key that a start would use; `None` where a start would make one.
pub fn encryption_key_of(config: &Config) -> Result<Option<zeroize::Zeroizing<[u8; 32]>>, ConfigError> {
    encryption_key::load(config)
}

/// Whether `sealer` has the key that the database is sealed with. A database that no server has used yet has none.
pub async fn check_encryption_key(store: &Store, sealer: &Sealer) -> Result<(), StartError> {
    match store.read().await?.secret(encryption_key::CHECK).await? {
        Some(check) => Ok(encryption_key::verify(sealer, &check)?),
        None => Ok(()),
    }
}
