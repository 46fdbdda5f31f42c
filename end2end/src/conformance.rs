//! certctl as the conformance suite tests it: two modes, two engines, and the administrator that rows ask for.

use std::collections::HashMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conformance::eab;
use conformance::{Act, Admin, EabKey, EabState, Granted, Missing, Options, Place, PlaceKind, Ports, Report};
use rcgen::PublicKeyData as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::acme::{Key, RawAcme, Signer};
use testkit::process::free_port;
use testkit::server::{ServerBuilder, random_encryption_key};
use testkit::{CertctlServer, Postgres};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::Engine;
use crate::api::{certificate_by_serial, open_profile};
use crate::authority::CrossSigned;
use crate::program::{program, succeed};
use crate::socket;

/// How a profile decides who may have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Trust,
    Challenge,
}

/// The profile under test, and the default one.
const MAIN: &str = "conformance";
/// A name under it is refused by policy.
const DENIED: &str = "denied.example.com";
/// Loopback is allowed as target of validation, but for this address.
const FORBIDDEN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 99);

const TERMS: &str = "CERTCTL_ACME_TERMS_OF_SERVICE_URL";

/// Runs the whole suite against certctl.
///
/// # Panics
/// When the server does not start, or the suite cannot begin.
pub async fn run(engine: Engine, mode: Mode) -> Report {
    let administrator = Administrator::start(engine, mode).await;
    let options = administrator.options().await;
    conformance::run(options, Arc::new(administrator)).await.expect("the suite can begin")
}

/// Everything that a run needs besides the suite itself.
#[derive(Debug)]
struct Administrator {
    main: CertctlServer,
    engine: Engine,
    mode: Mode,
    ports: [u16; 3],
    database: Option<String>,
    encryption_key: String,
    compromised: Arc<Key>,
    files: TempDir,
    /// Servers with other settings, started when a row needs them.
    others: Mutex<HashMap<PlaceKind, CertctlServer>>,
    /// The CA of the place with alternate chains.
    cross_signed: CrossSigned,
    /// A request that is half sent: it fills the place that sheds load.
    load: Mutex<Option<TlsStream<TcpStream>>>,
}

impl Administrator {
    async fn start(engine: Engine, mode: Mode) -> Self {
        let files = TempDir::new().expect("the temporary directory is writable");
        let compromised = Arc::new(Key::new());
        let spki = compromised.to_leaf_key().subject_public_key_info();
        let blocklist = format!("{}\n", hex::encode(digest(&SHA256, &spki)));
        fs::write(files.path().join("blocklist"), blocklist).expect("our own directory is writable");
        let database =
            (engine == Engine::Postgres).then(|| Postgres::shared().create_database("conformance"));
        let ports = [free_port(), free_port(), free_port()];
        let encryption_key = random_encryption_key();
        let blocklist = files.path().join("blocklist");
        let main = settings(database.as_deref(), &encryption_key, &ports, &blocklist).start().await;
        let administrator = Self {
            main,
            engine,
            mode,
            ports,
            database,
            encryption_key,
            compromised,
            files,
            others: Mutex::default(),
            cross_signed: CrossSigned::new(),
            load: Mutex::default(),
        };
        administrator.profile(&administrator.main, MAIN, json!({})).await;
        administrator
    }

    async fn options(&self) -> Options {
        let mut options = Options::new(place(&self.main, MAIN));
        let [http01, tls_alpn01, dns] = self.ports;
        options.ports = Ports { http01: Some(http01), tls_alpn01: Some(tls_alpn01), dns: Some(dns) };
        options.denied_name = Some(format!("a.{DENIED}"));
        options.forbidden_address = Some(FORBIDDEN);
        options.compromised_key = Some(Arc::clone(&self.compromised));
        options
    }

    /// Creates a profile in the mode under test unless `changes` say otherwise.
    async fn profile(&self, server: &CertctlServer, id: &str, changes: Value) {
        let mut profile = open_profile(id);
        profile["excluded_names"] = json!([format!("**.{DENIED}")]);
        if self.mode == Mode::Challenge {
            profile["acme_auth_mode"] = "challenge".into();
            profile["caa"] = "enforce".into();
        }
        let (Some(members), Value::Object(changes)) = (profile.as_object_mut(), changes) else { return };
        members.extend(changes);
        let answer = server.api().post("/api/profiles", profile).await;
        assert!(matches!(answer.status.as_u16(), 201 | 409), "{id}: {}", answer.text());
    }

    /// A profile of the main server.
    async fn main_place(&self, id: &str, changes: Value) -> Place {
        self.profile(&self.main, id, changes).await;
        place(&self.main, id)
    }

    /// A server of its own with other settings.
    async fn other(
        &self,
        kind: PlaceKind,
        change: impl FnOnce(ServerBuilder) -> ServerBuilder,
        prepare: impl AsyncFnOnce(&CertctlServer),
    ) -> Place {
        let mut others = self.others.lock().await;
        if let Some(server) = others.get(&kind) {
            return place(server, MAIN);
        }
        let database = self.database.as_ref().map(|_| Postgres::shared().create_database("conformance"));
        let blocklist = self.files.path().join("blocklist");
        let builder = settings(database.as_deref(), &self.encryption_key, &self.ports, &blocklist);
        let server = change(builder).start().await;
        self.profile(&server, MAIN, json!({})).await;
        prepare(&server).await;
        place(others.entry(kind).or_insert(server), MAIN)
    }

    /// Another process over the database of the main server.
    async fn replica(&self) -> Granted<Place> {
        if self.engine == Engine::Sqlite {
            return Err(Missing("SQLite has one server".to_owned()));
        }
        let mut others = self.others.lock().await;
        if let Some(server) = others.get(&PlaceKind::Replica) {
            return Ok(place(server, MAIN));
        }
        let blocklist = self.files.path().join("blocklist");
        let builder = settings(self.database.as_deref(), &self.encryption_key, &self.ports, &blocklist)
            .env("CERTCTL_EXTERNAL_URL", self.main.base_url())
            .api_key(self.main.api_key());
        let server = builder.start().await;
        Ok(place(others.entry(PlaceKind::Replica).or_insert(server), MAIN))
    }

    /// Changes what no API changes.
    async fn sql(&self, statements: &str) {
        match &self.database {
            Some(url) => drop(Postgres::shared().query(url, statements)),
            None => {
                let mut sqlite = program("sqlite3");
                sqlite.args(["-cmd", ".timeout 10000"]);
                sqlite.arg(self.main.data_dir().join("certctl.db")).arg(statements);
                succeed(sqlite).await;
            }
        }
    }

    /// Puts the profile of [`PlaceKind::Signer`] under an issuer of which this process has no key, as after an update
    /// of some replicas only; and back.
    async fn signer(&self, works: bool) {
        let (from, to) = match works {
            false => ("iss-internal-ca", "iss-elsewhere"),
            true => ("iss-elsewhere", "iss-internal-ca"),
        };
        let columns = "name, chain, sealed_key, created_at, updated_at";
        let spec = match self.engine {
            Engine::Sqlite => format!("replace(spec, '{from}', '{to}')"),
            Engine::Postgres => format!("replace(spec::text, '{from}', '{to}')::jsonb"),
        };
        self.sql(&format!(
            "INSERT INTO issuers (id, {columns}) SELECT 'iss-elsewhere', {columns} FROM issuers
                 WHERE id = 'iss-internal-ca' ON CONFLICT DO NOTHING;
             UPDATE profiles SET issuer_id = '{to}', spec = {spec} WHERE id = 'signer';"
        ))
        .await;
    }
}

impl Administrator {
    /// Half a request to the place that serves one at a time, and proof that the next is shed.
    async fn overload(&self) -> TlsStream<TcpStream> {
        let others = self.others.lock().await;
        let server = others.get(&PlaceKind::Loadable).expect("the place was asked for");
        let mut stream = socket::tls(server, 1).await.expect("a TLS connection");
        let head = "POST /acme/new-account HTTP/1.1\r\nHost: localhost\r\n\
                    Content-Type: application/jose+json\r\nContent-Length: 1000\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.expect("the server reads");
        stream.flush().await.expect("the server reads");
        for _ in 0..500 {
            if server.client().get("/acme/new-nonce").await.status == 503 {
                return stream;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the server sheds nothing");
    }
}

/// The serial number of a certificate (DER) as the API writes it.
fn serial_of(der: &[u8]) -> String {
    let (_, certificate) = X509Certificate::from_der(der).expect("a certificate");
    hex::encode(certificate.raw_serial()).trim_start_matches("00").to_owned()
}

/// A time in RFC 3339 that is over in a second.
#[expect(clippy::disallowed_methods, reason = "the server under test has the system's clock")]
fn soon() -> String {
    let time = OffsetDateTime::now_utc() + Duration::from_secs(1);
    time.format(&Rfc3339).expect("a date")
}

/// What all servers of a run have in common.
fn settings(
    database: Option<&str>,
    encryption_key: &str,
    ports: &[u16; 3],
    blocklist: &Path,
) -> ServerBuilder {
    let [http01, tls_alpn01, dns] = ports;
    let builder = CertctlServer::builder()
        .env("CERTCTL_ACME_HTTP01_PORT", http01.to_string())
        .env("CERTCTL_ACME_TLSALPN01_PORT", tls_alpn01.to_string())
        .env("CERTCTL_ACME_DNS_RESOLVERS", format!("127.0.0.1:{dns}"))
        .env("CERTCTL_ACME_VALIDATION_ALLOW_CIDRS", "127.0.0.0/8")
        .env("CERTCTL_ACME_VALIDATION_DENY_CIDRS", format!("{FORBIDDEN}/32"))
        // Quick, and yet slow enough for a client to see a challenge between two attempts.
        .env("CERTCTL_ACME_VALIDATION_ATTEMPTS", "3")
        .env("CERTCTL_ACME_VALIDATION_RETRY_INTERVAL", "400ms")
        .env("CERTCTL_ACME_CAA_IDENTITIES", "ca.example.com")
        .env("CERTCTL_ENCRYPTION_KEY", encryption_key)
        .env("CERTCTL_ACME_SERVER_DEFAULT_PROFILE_ID", MAIN)
        .env("CERTCTL_ACME_WEBSITE_URL", "https://ca.example.com/")
        .env("CERTCTL_KEY_BLOCKLIST_FILE", blocklist);
    match database {
        Some(url) => builder.database_url(url),
        None => builder,
    }
}

fn place(server: &CertctlServer, profile: &str) -> Place {
    Place { directory: server.directory_url(profile), ca_pem: server.ca_pem() }
}

/// The last segment of a URL: the id under which the API knows the resource.
fn id_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

#[async_trait]
impl Admin for Administrator {
    async fn place(&self, kind: PlaceKind) -> Granted<Place> {
        match kind {
            PlaceKind::Replica => self.replica().await,
            PlaceKind::Signer => Ok(self.main_place("signer", json!({})).await),
            PlaceKind::Withdrawable => Ok(self.main_place("withdrawable", json!({})).await),
            PlaceKind::Eab => Ok(self.main_place("eab", json!({ "eab_required": true })).await),
            PlaceKind::Preauthorization => {
                Ok(self.main_place("challenge", json!({ "acme_auth_mode": "challenge" })).await)
            }
            PlaceKind::Profiles => {
                self.main_place("short", json!({ "max_ttl_seconds": 21_600 })).await;
                Ok(self.main_place("profiles", json!({ "selectable_profiles": ["short"] })).await)
            }
            PlaceKind::Terms => {
                let with_terms = |server: ServerBuilder| server.env(TERMS, "https://ca.example.com/terms/1");
                Ok(self.other(kind, with_terms, async |_| ()).await)
            }
            PlaceKind::Alternates => {
                Ok(self.other(kind, |server| self.cross_signed.settings(server), async |_| ()).await)
            }
            PlaceKind::RateLimited => {
                let few = json!({ "account_orders_per_hour": 5 });
                let limit = async |server: &CertctlServer| {
                    server.api().put("/api/acme/rate-limits", few).await.expect(200);
                };
                Ok(self.other(kind, |server| server, limit).await)
            }
            PlaceKind::Loadable => {
                let narrow = |server: ServerBuilder| server.env("CERTCTL_MAX_REQUESTS_IN_FLIGHT", "2");
                Ok(self.other(kind, narrow, async |_| ()).await)
            }
        }
    }

    async fn act(&self, act: Act<'_>) -> Granted {
        let api = self.main.api();
        match act {
            Act::SuspendAccount(url) => {
                let path = format!("/api/acme/accounts/{}/suspend", id_of(url));
                api.post(&path, json!({ "reason": "conformance" })).await.expect(200);
            }
            Act::ExpireOrder(url) => {
                let id = id_of(url);
                self.sql(&format!("UPDATE orders SET expires_at = created_at WHERE id = '{id}';")).await;
            }
            Act::StopSigner => self.signer(false).await,
            Act::StartSigner => self.signer(true).await,
            Act::WithdrawProfile => {
                let off = json!({ "enabled": false });
                api.patch("/api/profiles/withdrawable", off).await.expect(200);
            }
            Act::ChangeTerms => {
                let mut others = self.others.lock().await;
                if let Some(server) = others.get_mut(&PlaceKind::Terms) {
                    server.restart_with(TERMS, "https://ca.example.com/terms/2").await;
                }
            }
            Act::Overload => *self.load.lock().await = Some(self.overload().await),
            Act::Unload => drop(self.load.lock().await.take()),
            Act::Incident(certificate, explanation) => {
                let found = certificate_by_serial(&api, &serial_of(certificate)).await;
                let demand = json!({
                    "selection": { "ids": [found["id"]] },
                    "explanation_url": explanation,
                    "reason": "conformance",
                });
                api.post("/api/certificates/renew-now", demand).await.expect(200);
            }
        }
        Ok(())
    }

    async fn eab_key(&self, state: EabState) -> Granted<EabKey> {
        let api = self.main.api();
        let mut wanted = json!({ "note": "conformance", "max_uses": null });
        match state {
            EabState::Used => wanted["max_uses"] = 1.into(),
            EabState::Expired => wanted["expires_at"] = soon().into(),
            EabState::Good | EabState::Revoked => {}
        }
        let created = api.post("/api/acme/eab-keys", wanted).await.expect(201);
        let (id, secret) = (created["id"].as_str().unwrap_or(""), created["mac_key"].as_str().unwrap_or(""));
        let hmac = URL_SAFE_NO_PAD.decode(secret).expect("base64url");
        let eab = EabKey { kid: id.to_owned(), hmac };
        match state {
            EabState::Good => {}
            EabState::Revoked => {
                api.post(&format!("/api/acme/eab-keys/{id}/revoke"), json!({})).await.expect(200);
            }
            EabState::Expired => tokio::time::sleep(Duration::from_millis(1100)).await,
            EabState::Used => {
                let place = self.place(PlaceKind::Eab).await?;
                let acme = RawAcme::new(self.main.client(), &place.directory).await;
                let key = Key::new();
                let url = acme.url("newAccount");
                let binding = eab::binding(&eab, &key, url);
                let account = json!({ "externalAccountBinding": binding });
                acme.post(Signer::Jwk(&key), url, account).await.expect(201);
            }
        }
        Ok(eab)
    }
}
