use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};

use acme::{NonceMint, NonceWindow};
use model::*;
use tempfile::TempDir;

use super::*;
use crate::config::{Config, Settings};
use crate::http::acme::AccountKeys;
use crate::http::links::Links;
use crate::http::overload::InFlight;
use crate::services::api_keys::{self, NewApiKey};
use crate::services::local_users;
use crate::services::system::Process;
use crate::startup::{self, Purpose};
use crate::state::{AppState, Inner, Nonces, SpentNonces};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A core on a database of its own, whose clock a test moves.
#[derive(Debug)]
pub struct World {
    pub core: Arc<Core>,
    clock: Arc<TestClock>,
    config: Config,
    _directory: TempDir,
}

#[derive(Debug)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.0.load(Ordering::SeqCst))
    }
}

impl World {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap().to_owned();
        let settings = Settings::from_pairs([
            ("CERTCTL_DATA_DIR", &*path),
            ("CERTCTL_EXTERNAL_URL", "https://ca.example"),
            ("CERTCTL_BREAK_GLASS_ENABLED", "true"),
        ]);
        let config = Config::from_settings(&settings).unwrap();
        let opened = startup::open(&config, Purpose::Command).await.unwrap();
        let core = Arc::into_inner(opened.core).unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(core.now().unix_micros())));
        let core = Core { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..core };
        Self { core: Arc::new(core), clock, config, _directory: directory }
    }

    /// What a router is made of.
    pub fn state(&self) -> AppState {
        let core = Arc::clone(&self.core);
        let mint = NonceMint::new(&core.sealer.derive("acme nonces"), core.entropy.as_ref());
        let spent = SpentNonces::InMemory(NonceWindow::new(&mint));
        AppState::new(Inner {
            core,
            acme: self.config.acme.clone(),
            http: self.config.http.clone(),
            in_flight: InFlight::new(10, Vec::new()),
            links: Links::new(self.config.http.external_url.clone()),
            nonces: Nonces { mint, spent },
            account_keys: AccountKeys::default(),
            ca_from_files: false,
            bootstrap_ca_pem: None,
            process: Process::new(&self.core, &Settings::default()),
            identity: None,
        })
    }

    pub fn wait(&self, time: Duration) {
        self.clock.0.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
    }

    pub async fn key(&self, role: &str, networks: &[&str], ends_in: Option<Duration>) -> ApiKey {
        let text = crate::auth::ApiKeyText::generate(self.core.entropy.as_ref());
        let new = NewApiKey {
            grant: Grant { role: role.parse().unwrap(), profiles: Vec::new() },
            allowed_networks: networks.iter().map(|net| net.parse().unwrap()).collect(),
            expires_at: ends_in.map(|time| self.core.now() + time),
            ..NewApiKey::admin("test")
        };
        api_keys::create(&self.core, &Caller::system("test"), new, &text).await.unwrap()
    }

    pub async fn sign_in(&self, owner: Owner) -> Result<NewSession> {
        let sign_in = SignIn {
            owner,
            method: SignInMethod::Oidc,
            provider_session: None,
            sealed_id_token: None,
            user_agent: Some("x".repeat(1000)),
            former: None,
            details: json!({ "more": true }),
        };
        super::sign_in(&self.core, &asking("192.0.2.1"), sign_in).await
    }

    pub async fn sign_in_with(&self, key: &ApiKey) -> NewSession {
        self.sign_in(Owner::ApiKey(Box::new(key.clone()))).await.unwrap()
    }

    async fn check(&self, secret: &SessionSecret) -> Option<Checked> {
        check(&self.core, &asking("192.0.2.1"), secret).await.unwrap()
    }

    async fn write<F>(&self, work: F)
    where
        F: for<'t> FnOnce(&'t mut Tx) -> futures::future::BoxFuture<'t, Result<(), StoreError>>
            + Send
            + 'static,
    {
        self.core.store.write(work).await.unwrap();
    }

    async fn last_seen(&self, session: &SessionId) -> Timestamp {
        let mut db = self.core.store.read().await.unwrap();
        db.session(session).await.unwrap().unwrap().last_seen_at
    }

    async fn events(&self, action: &str) -> Vec<AuditEvent> {
        let filter = AuditFilter { action: Some(action.to_owned()), ..AuditFilter::default() };
        self.core.store.read().await.unwrap().audit_events(&filter).await.unwrap().items
    }
}

fn asking(ip: &str) -> Caller {
    Caller {
        actor: Actor::Anonymous,
        rights: Arc::default(),
        session: None,
        client_ip: Some(ip.parse::<IpAddr>().unwrap()),
        request_id: Some("req".to_owned()),
    }
}

fn user(groups: &[&str]) -> User {
    User {
        id: UserId::generate(Timestamp::from_unix_seconds(1), &SystemEntropy),
        provider_id: "idp".parse().unwrap(),
        subject: "subject".to_owned(),
        name: "Some Body".to_owned(),
        email: None,
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        grants: Vec::new(),
        version: 1,
        created_at: Timestamp::from_unix_seconds(1),
        last_sign_in_at: None,
        deactivated_at: None,
    }
}

fn provider() -> Provider {
    let mapping = GroupMapping {
        group: "ops".to_owned(),
        grant: Grant { role: "operator".parse().unwrap(), profiles: Vec::new() },
    };
    Provider {
        id: "idp".parse().unwrap(),
        spec: ProviderSpec {
            name: "IdP".to_owned(),
            issuer: "https://idp.example".to_owned(),
            client_id: "x".to_owned(),
            scopes: Vec::new(),
            groups_claim: "groups".to_owned(),
            group_mappings: vec![mapping],
            allowed_email_domains: Vec::new(),
            ca_certificates: None,
            enabled: true,
        },
        sealed_client_secret: None,
        version: 1,
        created_at: Timestamp::from_unix_seconds(1),
        updated_at: Timestamp::from_unix_seconds(1),
    }
}

#[tokio::test]
async fn a_session_ends_when_idle_and_when_old() {
    let world = World::new().await;
    let key = world.key("admin", &[], None).await;
    let (idle, used) = (world.sign_in_with(&key).await, world.sign_in_with(&key).await);
    world.wait(HOUR - Duration::from_secs(1));
    assert!(world.check(&idle.secret).await.is_some());
    for _ in 0..100 {
        if world.last_seen(&idle.session.id).await == world.core.now() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.last_seen(&idle.session.id).await, world.core.now(), "it was written down");
    world.wait(Duration::from_secs(1));
    assert!(world.check(&used.secret).await.is_none(), "an hour without a request");
    world.wait(HOUR - Duration::from_secs(2));
    assert!(world.check(&idle.secret).await.is_some(), "its hour began anew");

    let old = world.sign_in_with(&key).await;
    let begin = world.core.now();
    while world.core.now().since(begin) < 8 * HOUR {
        assert!(world.check(&old.secret).await.is_some(), "{:?}", world.core.now().since(begin));
        world.wait(40 * MINUTE);
        let now = world.core.now();
        let sha256 = old.secret.sha256();
        world
            .write(move |tx| Box::pin(async move { tx.touch_session(&sha256, now, MINUTE).await.map(drop) }))
            .await;
    }
    assert!(world.check(&old.secret).await.is_none(), "eight hours after it began");
    assert_eq!(world.core.sessions.end_of(&old.session), begin + HOUR);
}

#[tokio::test]
async fn being_seen_is_written_after_a_minute_and_not_before() {
    let world = World::new().await;
    let new = world.sign_in_with(&world.key("viewer", &[], None).await).await;
    world.wait(MINUTE - Duration::from_secs(1));
    world.check(&new.secret).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.last_seen(&new.session.id).await, new.session.created_at);
    assert!(world.core.sessions.being_noted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_session_of_a_key_is_as_good_as_the_key() {
    let world = World::new().await;
    let scoped = world.key("operator", &["192.0.2.0/24"], Some(10 * MINUTE)).await;
    let new = world.sign_in_with(&scoped).await;
    let checked = world.check(&new.secret).await.unwrap();
    assert_eq!(checked.caller.actor, Actor::ApiKey(scoped.id.clone()));
    assert_eq!(checked.caller.session, Some(new.session.id.clone()));
    assert!(checked.new_secret.is_none());
    let elsewhere = check(&world.core, &asking("198.51.100.1"), &new.secret).await.unwrap();
    assert!(elsewhere.is_none(), "a foreign network");
    world.wait(10 * MINUTE);
    assert!(world.check(&new.secret).await.is_none(), "the key has expired");
    let unknown = SessionSecret::generate(&SystemEntropy);
    assert!(world.check(&unknown).await.is_none());
}

#[tokio::test]
async fn a_session_of_a_user_follows_groups_provider_and_user() {
    let world = World::new().await;
    let (person, idp) = (user(&["ops", "staff"]), provider());
    let stored = (person.clone(), idp.clone());
    world
        .write(move |tx| {
            Box::pin(async move {
                tx.insert_user(&stored.0).await?;
                tx.insert_provider(&stored.1).await
            })
        })
        .await;
    let owner = Owner::User(Box::new(person.clone()), Some(Box::new(idp.clone())));
    let new = world.sign_in(owner).await.unwrap();
    assert_eq!(new.session.user_agent.as_deref().map(str::len), Some(MAX_USER_AGENT));
    let event = &world.events("session.started").await[0];
    assert_eq!(event.actor, format!("user:{}", person.id));
    assert_eq!(event.details["groups"], json!(["ops", "staff"]));
    assert_eq!(
        (&event.details["roles"][0]["role"], &event.details["more"]),
        (&json!("operator"), &json!(true))
    );
    let checked = world.check(&new.secret).await.unwrap();
    assert!(checked.caller.rights.allows(Permission::ProfileEdit));

    let replace = |spec: ProviderSpec, version: i64| {
        let changed = Provider { spec, version: version + 1, ..idp.clone() };
        world.write(move |tx| Box::pin(async move { tx.replace_provider(&changed, version).await.map(drop) }))
    };
    let mut spec = idp.spec.clone();
    spec.group_mappings[0].grant.role = "viewer".parse().unwrap();
    replace(spec.clone(), 1).await;
    let (one, two) = tokio::join!(world.check(&new.secret), world.check(&new.secret));
    let found: Vec<Checked> = [one, two].into_iter().flatten().collect();
    assert!(found.iter().all(|checked| !checked.caller.rights.allows(Permission::ProfileEdit)));
    let mut secrets = found.iter().filter_map(|checked| checked.new_secret.clone());
    let secret = secrets.next().expect("other rights, another id");
    assert!(secrets.next().is_none(), "one request changes it");
    assert!(world.check(&new.secret).await.is_none(), "the old id is worth nothing");
    assert!(world.check(&secret).await.unwrap().new_secret.is_none());

    spec.enabled = false;
    replace(spec.clone(), 2).await;
    assert!(world.check(&secret).await.is_none(), "the provider is disabled");
    spec.enabled = true;
    replace(spec.clone(), 3).await;
    assert!(world.check(&secret).await.is_some());
    let off = User { deactivated_at: Some(world.core.now()), version: 2, ..person };
    world.write(move |tx| Box::pin(async move { tx.replace_user(&off, 1).await.map(drop) })).await;
    assert!(world.check(&secret).await.is_none(), "deactivated");
}

#[tokio::test]
async fn whoever_may_do_nothing_is_not_let_in() {
    let world = World::new().await;
    let owner = Owner::User(Box::new(user(&["staff"])), Some(Box::new(provider())));
    let refused = world.sign_in(owner).await.unwrap_err();
    assert!(matches!(refused, Error::Forbidden(_)), "{refused:?}");
    let event = &world.events("session.refused").await[0];
    assert_eq!((event.outcome, &event.details["reason"]), (Outcome::Refused, &json!("no role")));
    assert!(matches!(world.sign_in(Owner::Nobody).await, Err(Error::Internal(_))));
}

#[tokio::test]
async fn a_browser_has_one_session_and_signs_out_of_it_once() {
    let world = World::new().await;
    let key = world.key("admin", &[], None).await;
    let first = world.sign_in_with(&key).await;
    let again = SignIn {
        owner: Owner::ApiKey(Box::new(key)),
        method: SignInMethod::ApiKey,
        provider_session: None,
        sealed_id_token: None,
        user_agent: None,
        former: Some(first.secret.clone()),
        details: Value::Null,
    };
    let second = super::sign_in(&world.core, &asking("192.0.2.1"), again).await.unwrap();
    assert_ne!(first.session.data.csrf_token, second.session.data.csrf_token);
    assert!(world.check(&first.secret).await.is_none());
    let checked = world.check(&second.secret).await.unwrap();
    sign_out(&world.core, &checked).await.unwrap();
    sign_out(&world.core, &checked).await.unwrap();
    assert!(world.check(&second.secret).await.is_none());
    assert_eq!(world.events("session.ended").await.len(), 1);
}

#[tokio::test]
async fn ended_sessions_are_deleted_by_the_job() {
    let world = World::new().await;
    let key = world.key("admin", &[], None).await;
    for _ in 0..3 {
        world.sign_in_with(&key).await;
    }
    world.wait(30 * MINUTE);
    let young = world.sign_in_with(&key).await;
    world.wait(30 * MINUTE + Duration::from_secs(1));
    crate::jobs::sessions::delete_ended(&world.core).await.unwrap();
    let left = world.core.store.read().await.unwrap().sessions(&SessionFilter::default()).await.unwrap();
    assert_eq!(left.items.iter().map(|s| &s.id).collect::<Vec<_>>(), [&young.session.id]);
}

#[tokio::test]
async fn local_users_are_made_and_restored_on_the_command_line_alone() {
    let world = World::new().await;
    let cli = Caller::system("test");
    let refused = local_users::ensure_admin(&world.core, &asking("192.0.2.1"), "eve", "Eve").await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let made = local_users::ensure_admin(&world.core, &cli, "eve", "Eve").await.unwrap();
    assert_eq!(local_users::ensure_admin(&world.core, &cli, "eve", "Eve").await.unwrap(), made);
    let off = User { deactivated_at: Some(world.core.now()), grants: Vec::new(), version: 2, ..made.clone() };
    world.write(move |tx| Box::pin(async move { tx.replace_user(&off, 1).await.map(drop) })).await;
    let restored = local_users::ensure_admin(&world.core, &cli, "eve", "Eve").await.unwrap();
    assert_eq!(restored, User { version: 3, ..made });
    assert_eq!((world.events("user.created").await.len(), world.events("user.restored").await.len()), (1, 1));
}
