//! The states of orders, authorizations and challenges (RFC 8555 §7.1.6) under random interleavings of what clients,
//! validations, administrators, time and crashes do, on the real store. After every step, whatever changed must have
//! moved as [`acme::transition`] allows, and what is stored must fit together.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use acme::transition::{authorization_may_become, challenge_may_become, order_may_become};
use acme::{Jwk, Problem};
use model::{
    Account, AccountStatus, Actor, Authorization, AuthorizationId, AuthorizationStatus, Caller, Challenge,
    ChallengeKind, ChallengeStatus, Clock, Identifier, Order, OrderFilter, OrderId, OrderStatus, Timestamp,
};
use proptest::collection::vec;
use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use crate::config::{Config, Settings};
use crate::core::Core;
use crate::error::Error;
use crate::issuance::validate::{self, Work};
use crate::issuance::{authorization, challenge, finalize, order};
use crate::services::registration::{NewRegistration, Registration, register};
use crate::services::{accounts, profiles};
use crate::startup::{self, Purpose};
use crate::validation::{Attempt, Evidence, Failure};

const NAMES: [&str; 3] = ["a.internal", "b.internal", "*.b.internal"];
const KINDS: [ChallengeKind; 2] = [ChallengeKind::Http01, ChallengeKind::Dns01];

/// What somebody does. Numbers choose among what there is at that time.
#[derive(Debug, Clone)]
enum Step {
    Order(Vec<usize>),
    NewAuthorization(usize),
    Answer(usize, usize),
    /// A worker claims everything that is due.
    Claim,
    /// An attempt that is under way ends.
    Conclude(usize, Verdict),
    Deactivate(usize),
    Finalize(usize),
    /// Seconds.
    Wait(u64),
    /// The clean-up job comes by.
    Expire,
    Suspend,
    Resume,
    /// The process dies, and all attempts with it; another one starts.
    Crash,
}

#[derive(Debug, Clone, Copy)]
enum Verdict {
    Right,
    WrongForNow,
    WrongForGood,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::sample::subsequence((0..NAMES.len()).collect::<Vec<_>>(), 1..=NAMES.len()).prop_map(Step::Order),
        1 => (0..2_usize).prop_map(Step::NewAuthorization),
        8 => (any::<usize>(), any::<usize>()).prop_map(|(a, k)| Step::Answer(a, k)),
        6 => Just(Step::Claim),
        10 => (any::<usize>(), prop_oneof![
            3 => Just(Verdict::Right), 1 => Just(Verdict::WrongForNow), 1 => Just(Verdict::WrongForGood),
        ]).prop_map(|(n, verdict)| Step::Conclude(n, verdict)),
        2 => any::<usize>().prop_map(Step::Deactivate),
        3 => any::<usize>().prop_map(Step::Finalize),
        4 => prop_oneof![4 => 0..30_u64, 1 => 3_600..50_000_u64].prop_map(Step::Wait),
        1 => Just(Step::Expire),
        1 => Just(Step::Suspend),
        2 => Just(Step::Resume),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_interleaving_keeps_to_the_state_machine(steps in vec(step(), 20..60), reuse in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(reuse).await;
            world.seen = world.look().await;
            for step in &steps {
                world.take_and_check(step).await;
            }
            world.settle().await;
            let settled = &world.seen;
            let open: Vec<_> =
                settled.challenges().filter(|c| c.status == ChallengeStatus::Processing).collect();
            assert!(open.is_empty(), "nobody decides {open:?}");
        });
    }
}

/// A clock that a test moves.
#[derive(Debug)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.0.load(Ordering::SeqCst))
    }
}

struct World {
    core: Option<Arc<Core>>,
    directory: TempDir,
    clock: Arc<TestClock>,
    caller: Caller,
    account: Account,
    account_key: Vec<u8>,
    leaf_key: KeyPair,
    under_way: Vec<Work>,
    /// What was stored after the last step.
    seen: Stored,
}

/// Everything that is stored.
#[derive(Default)]
struct Stored {
    now: Option<Timestamp>,
    orders: Vec<Order>,
    authorizations: HashMap<AuthorizationId, (Authorization, Vec<Challenge>)>,
    account: Option<AccountStatus>,
}

impl Stored {
    fn challenges(&self) -> impl Iterator<Item = &Challenge> {
        self.authorizations.values().flat_map(|(_, challenges)| challenges)
    }
}

impl World {
    async fn new(reuse: bool) -> Self {
        let directory = TempDir::new().unwrap();
        let now = model::SystemClock.now().truncated_to_second();
        let clock = Arc::new(TestClock(AtomicI64::new(now.unix_micros())));
        let core = open(&directory, &clock).await;
        let system = Caller::system("test");
        let spec = serde_json::from_value::<model::ProfileSpec>(serde_json::json!({
            "name": "test", "issuer_id": "iss-internal-ca", "acme_auth_mode": "challenge",
            "max_ttl_seconds": 3600, "reuse_authorizations_hours": if reuse { 12 } else { 0 },
        }));
        let id = "prof-test".parse().unwrap();
        let profile = profiles::create(&core, &system, Some(id), spec.unwrap()).await.unwrap();
        let (key, jwk) = account_key();
        let asked = NewRegistration {
            key: &jwk,
            url: "https://localhost/acme/new-account",
            profile: &profile,
            only_existing: false,
            contacts: Vec::new(),
            agrees_to_terms: true,
            binding: None,
        };
        let registered = register(&core, &system, asked).await.unwrap();
        let (Registration::Created(account) | Registration::Existing(account)) = registered;
        Self {
            caller: system.with_actor(Actor::AcmeAccount(account.id.clone())),
            core: Some(core),
            directory,
            clock,
            account,
            account_key: key,
            leaf_key: KeyPair::generate().unwrap(),
            under_way: Vec::new(),
            seen: Stored::default(),
        }
    }

    fn core(&self) -> &Arc<Core> {
        self.core.as_ref().unwrap()
    }

    async fn take(&mut self, step: &Step) {
        let profile = "prof-test".parse().unwrap();
        let stored = self.look().await;
        let mut ids: Vec<_> = stored.authorizations.keys().cloned().collect();
        ids.sort_unstable();
        let suspended = stored.account == Some(AccountStatus::Suspended);
        let pick = |n: usize| ids.get(n % ids.len().max(1));
        let core = Arc::clone(self.core());
        match step {
            // The face lets nobody in whose account is suspended.
            Step::Order(_)
            | Step::NewAuthorization(_)
            | Step::Answer(..)
            | Step::Deactivate(_)
            | Step::Finalize(_)
                if suspended => {}
            Step::Order(names) => {
                let identifiers = names.iter().map(|n| identifier(*n)).collect();
                let request = order::OrderRequest {
                    identifiers,
                    not_before: None,
                    not_after: None,
                    profile: None,
                    replaces: None,
                };
                order::create(&core, &self.caller, &self.account, &profile, request).await.unwrap();
            }
            Step::NewAuthorization(name) => {
                let name = identifier(*name);
                let made = authorization::create(&core, &self.caller, &self.account, &profile, &name);
                made.await.unwrap();
            }
            Step::Answer(n, kind) => {
                let Some(id) = pick(*n) else { return };
                let kind = KINDS[kind % KINDS.len()];
                let answered = challenge::respond(&core, &self.caller, &self.account, id, kind).await;
                allow_refusal(answered);
            }
            Step::Claim => {
                for challenge in validate::claim(&core, &profile, 10).await.unwrap() {
                    self.under_way.extend(validate::prepare(&core, challenge).await.unwrap());
                }
            }
            Step::Conclude(n, verdict) => {
                if self.under_way.is_empty() {
                    return;
                }
                let work = self.under_way.swap_remove(n % self.under_way.len());
                validate::conclude(&core, work, core.now(), attempt(*verdict)).await.unwrap();
            }
            Step::Deactivate(n) => {
                let Some(id) = pick(*n) else { return };
                authorization::deactivate(&core, &self.caller, &self.account, id).await.unwrap();
            }
            Step::Finalize(n) => {
                let Some(order) = stored.orders.get(n % stored.orders.len().max(1)) else { return };
                let csr = self.csr(order);
                let (account, key) = (&self.account, &self.account_key);
                allow_refusal(finalize::finalize(&core, &self.caller, account, key, &order.id, &csr).await);
            }
            Step::Wait(seconds) => {
                let micros = i64::try_from(*seconds).unwrap() * 1_000_000;
                self.clock.0.fetch_add(micros, Ordering::SeqCst);
            }
            Step::Expire => {
                let now = core.now();
                let expired: Result<_, Error> = core
                    .store
                    .write(move |tx| Box::pin(async move { Ok(tx.expire_orders(now, 100).await?) }))
                    .await;
                expired.unwrap();
            }
            Step::Suspend => {
                accounts::suspend(&core, &Caller::system("test"), &self.account.id, "test").await.unwrap();
            }
            Step::Resume => {
                accounts::resume(&core, &Caller::system("test"), &self.account.id, "test").await.unwrap();
            }
            Step::Crash => {
                self.under_way.clear();
                drop(core);
                self.core.take().unwrap().store.close().await;
                let core = open(&self.directory, &self.clock).await;
                let now = core.now();
                let taken: Result<u64, Error> = core
                    .store
                    .write(move |tx| Box::pin(async move { Ok(tx.take_back_challenges(now).await?) }))
                    .await;
                taken.unwrap();
                self.core = Some(core);
            }
        }
    }

    async fn take_and_check(&mut self, step: &Step) {
        self.take(step).await;
        let now = self.look().await;
        compare(&self.seen, &now, step);
        check(&now, step);
        self.seen = now;
    }

    /// Lets everything come to its end: leases, pauses and suspensions are over, and all goes well.
    async fn settle(&mut self) {
        self.under_way.clear();
        self.take_and_check(&Step::Resume).await;
        for _ in 0..3 {
            self.take_and_check(&Step::Wait(100)).await;
            self.take_and_check(&Step::Claim).await;
            while !self.under_way.is_empty() {
                self.take_and_check(&Step::Conclude(0, Verdict::Right)).await;
            }
        }
    }

    fn csr(&self, order: &Order) -> Vec<u8> {
        let names: Vec<_> = order.identifiers.iter().map(Identifier::value).collect();
        let params = CertificateParams::new(names).unwrap();
        params.serialize_request(&self.leaf_key).unwrap().der().to_vec()
    }

    async fn look(&self) -> Stored {
        let core = self.core();
        let mut db = core.store.read().await.unwrap();
        let orders = db.orders(&OrderFilter::default()).await.unwrap().items;
        let mut authorizations = HashMap::new();
        let filter = model::AuditFilter::default();
        let created = db.audit_events(&filter).await.unwrap().items;
        let alone = created.iter().filter(|event| event.action == "authorization.created");
        let alone: Vec<AuthorizationId> = alone.map(|event| event.resource_id.parse().unwrap()).collect();
        let of_orders = orders.iter().flat_map(|order| order.authorization_ids.clone());
        for id in of_orders.chain(alone) {
            let found = db.authorization(&id).await.unwrap().unwrap();
            let challenges = db.challenges_of_authorization(&id).await.unwrap();
            authorizations.insert(id, (found, challenges));
        }
        let account = db.account(&self.account.id).await.unwrap().map(|account| account.status);
        Stored { now: Some(core.now()), orders, authorizations, account }
    }
}

async fn open(directory: &TempDir, clock: &Arc<TestClock>) -> Arc<Core> {
    let path = directory.path().to_str().unwrap();
    let settings =
        Settings::from_pairs([("CERTCTL_DATA_DIR", path), ("CERTCTL_ACME_VALIDATION_ATTEMPTS", "3")]);
    let config = Config::from_settings(&settings).unwrap();
    let opened = startup::open(&config, Purpose::Command).await.unwrap();
    let core = Arc::into_inner(opened.core).unwrap();
    Arc::new(Core { clock: Arc::clone(clock) as Arc<dyn Clock>, ..core })
}

fn identifier(n: usize) -> Identifier {
    Identifier::parse_any(NAMES[n]).unwrap()
}

/// A key and its public part, which is all that services need.
fn account_key() -> (Vec<u8>, Jwk) {
    use base64::Engine as _;
    let key = KeyPair::generate().unwrap();
    let point = key.public_key_raw();
    let coordinate = |range| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&point[range]);
    let jwk =
        serde_json::json!({ "kty": "EC", "crv": "P-256", "x": coordinate(1..33), "y": coordinate(33..65) });
    let jwk = Jwk::parse(&jwk.to_string()).unwrap();
    (jwk.spki_der().to_vec(), jwk)
}

fn attempt(verdict: Verdict) -> Attempt {
    let evidence =
        Evidence { expected: "x".to_owned(), read: None, steps: Vec::new(), elapsed_ms: 0, advice: None };
    let failure = |retryable| Err(Failure { problem: Problem::unauthorized("wrong"), retryable });
    let outcome = match verdict {
        Verdict::Right => Ok(()),
        Verdict::WrongForNow => failure(true),
        Verdict::WrongForGood => failure(false),
    };
    Attempt { outcome, evidence }
}

/// The state may forbid what a client wants; it is told so, and nothing breaks.
fn allow_refusal<T>(result: Result<T, Error>) {
    match result {
        Ok(_) | Err(Error::Acme(_) | Error::NotFound(_)) => {}
        Err(other) => panic!("{other}"),
    }
}

/// Whatever changed, moved as it may, maybe in several moves.
fn compare(before: &Stored, after: &Stored, step: &Step) {
    for old in &before.orders {
        let new = after.orders.iter().find(|new| new.id == old.id).unwrap();
        assert!(
            leads(OrderStatus::ALL, order_may_become, old.status, new.status),
            "{step:?}: order {} → {}",
            old.status,
            new.status
        );
    }
    for (id, (old, old_challenges)) in &before.authorizations {
        let (new, new_challenges) = &after.authorizations[id];
        assert!(
            leads(AuthorizationStatus::ALL, authorization_may_become, old.status, new.status),
            "{step:?}: authorization {} → {}",
            old.status,
            new.status
        );
        for old in old_challenges {
            let new = new_challenges.iter().find(|new| new.kind == old.kind).unwrap();
            assert!(
                leads(ChallengeStatus::ALL, challenge_may_become, old.status, new.status),
                "{step:?}: challenge {} → {}",
                old.status,
                new.status
            );
            assert!(new.attempts >= old.attempts);
        }
        let decided = old.status == AuthorizationStatus::Pending
            && matches!(new.status, AuthorizationStatus::Valid | AuthorizationStatus::Invalid);
        if decided {
            assert_eq!(before.account, Some(AccountStatus::Valid), "{step:?}: decided while suspended");
            assert!(old.expires_at > before.now.unwrap(), "{step:?}: decided after its end");
        }
    }
}

/// Whether moves lead from `from` to `to`; staying is none.
fn leads<S: Copy + PartialEq>(all: &[S], may: impl Fn(S, S) -> bool + Copy, from: S, to: S) -> bool {
    from == to || all.iter().any(|next| *next != from && may(from, *next) && leads(all, may, *next, to))
}

/// What is stored fits together.
fn check(stored: &Stored, step: &Step) {
    let now = stored.now.unwrap();
    for (found, challenges) in stored.authorizations.values() {
        let count = |status| challenges.iter().filter(|c| c.status == status).count();
        let (processing, valid) = (count(ChallengeStatus::Processing), count(ChallengeStatus::Valid));
        match (found.status, found.offered.is_some()) {
            (AuthorizationStatus::Pending, offered) => {
                assert!(offered && valid == 0, "{step:?}: {found:?} {challenges:?}");
                // Those of one that is over have ended, or will when a worker looks at them.
                let over = found.expires_at <= now;
                assert!(over || processing == challenges.len(), "{step:?}: {challenges:?}");
            }
            (AuthorizationStatus::Valid, true) => {
                assert_eq!((processing, valid), (0, 1), "{step:?}: {challenges:?}");
                assert!(found.validated_at.is_some());
            }
            (AuthorizationStatus::Valid, false) => {
                let (source, _) = &stored.authorizations[found.source_id.as_ref().unwrap()];
                let alive = source.status == AuthorizationStatus::Valid;
                assert!(alive, "{step:?}: made valid by one that is {}", source.status);
                assert!(found.expires_at <= source.expires_at);
            }
            (AuthorizationStatus::Invalid, _) => {
                assert_eq!((processing, valid), (0, 0), "{step:?}: {challenges:?}");
                assert!(challenges.iter().any(|challenge| challenge.error.is_some()));
            }
            _ => assert_eq!(processing, 0, "{step:?}: {challenges:?}"),
        }
    }
    for order in &stored.orders {
        let states: Vec<_> = authorizations(stored, &order.id).map(|a| a.status).collect();
        let all_valid = states.iter().all(|status| *status == AuthorizationStatus::Valid);
        match order.status {
            OrderStatus::Pending => {
                let waits = states
                    .iter()
                    .all(|s| matches!(s, AuthorizationStatus::Valid | AuthorizationStatus::Pending));
                let over = order.expires_at <= now;
                assert!(over || (waits && !all_valid), "{step:?}: pending with {states:?}");
            }
            OrderStatus::Ready => assert!(all_valid, "{step:?}: ready with {states:?}"),
            OrderStatus::Processing => panic!("{step:?}: nobody is at work on {}", order.id),
            OrderStatus::Valid => assert!(order.certificate_id.is_some()),
            OrderStatus::Invalid => {}
        }
        assert_eq!(order.certificate_id.is_some(), order.status == OrderStatus::Valid);
    }
}

fn authorizations<'a>(stored: &'a Stored, order: &OrderId) -> impl Iterator<Item = &'a Authorization> {
    let order = order.clone();
    let all = stored.authorizations.values().map(|(found, _)| found);
    all.filter(move |found| found.order_id.as_ref() == Some(&order))
}
