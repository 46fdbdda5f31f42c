//! What every engine must do, run on SQLite and on a real PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::join_all;
use model::*;
use store::{DatabaseUrl, Store, StoreError, StoreOptions};
use testkit::postgres::Postgres;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

async fn sqlite() -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.db");
    let store = Store::connect(&StoreOptions::new(DatabaseUrl::Sqlite { path })).await.unwrap();
    store.migrate().await.unwrap();
    (store, directory)
}

async fn postgres() -> Store {
    let url = Postgres::shared().create_database("contract");
    let store = Store::connect(&StoreOptions::new(DatabaseUrl::Postgres { url })).await.unwrap();
    store.migrate().await.unwrap();
    store
}

macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let (store, _directory) = super::sqlite().await;
                super::$name(store).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(super::postgres().await).await;
            })+
        }
    };
}

on_both_engines! {
    a_failing_unit_leaves_nothing_behind,
    an_account_has_one_key_and_one_version_at_a_time,
    an_order_is_claimed_once,
    events_are_filtered_and_paged,
    secrets_are_written_once,
    a_nonce_is_redeemed_once,
    a_challenge_is_answered_claimed_and_decided_once,
    the_last_of_two_validations_makes_the_order_ready,
    each_profile_is_found_by_its_due_challenges,
    a_deactivated_authorization_takes_what_it_made_valid_along,
    nothing_is_left_of_a_deleted_order,
    rate_counters_add_up_and_are_found_by_height,
    rate_limits_are_replaced_by_version,
}

fn account(thumbprint: &str) -> Account {
    Account {
        id: AccountId::generate(NOW, &SystemEntropy),
        status: AccountStatus::Valid,
        jwk: "{}".to_owned(),
        key_thumbprint: thumbprint.to_owned(),
        contacts: vec!["mailto:a@example.com".to_owned()],
        created_at: NOW,
        created_from: None,
        version: 1,
    }
}

fn order(account: &Account) -> NewOrder {
    let identifier = Identifier::parse_any("a.example").unwrap();
    let id = OrderId::generate(NOW, &SystemEntropy);
    let authorization = Authorization {
        id: AuthorizationId::generate(NOW, &SystemEntropy),
        order_id: Some(id.clone()),
        account_id: account.id.clone(),
        profile_id: "prof-test".parse().unwrap(),
        identifier: identifier.clone(),
        wildcard: false,
        status: AuthorizationStatus::Valid,
        token: "token".to_owned(),
        offered: None,
        source_id: None,
        created_at: NOW,
        expires_at: NOW + std::time::Duration::from_secs(60),
        validated_at: Some(NOW),
    };
    let order = Order {
        id,
        account_id: account.id.clone(),
        profile_id: "prof-test".parse().unwrap(),
        status: OrderStatus::Ready,
        identifiers: vec![identifier],
        not_before: None,
        not_after: None,
        error: None,
        csr_sha256: None,
        certificate_id: None,
        authorization_ids: vec![authorization.id.clone()],
        created_at: NOW,
        expires_at: NOW + std::time::Duration::from_secs(60),
        updated_at: NOW,
    };
    NewOrder { order, authorizations: vec![authorization] }
}

fn event(actor: &str, action: &str) -> AuditEvent {
    AuditEvent {
        id: AuditEventId::generate(NOW, &SystemEntropy),
        created_at: NOW,
        actor: actor.to_owned(),
        action: action.to_owned(),
        resource_type: "order".to_owned(),
        resource_id: "x".to_owned(),
        outcome: Outcome::Success,
        client_ip: Some("192.0.2.1".parse().unwrap()),
        request_id: None,
        details: serde_json::json!({ "n": 1 }),
    }
}

async fn insert(store: &Store, account: &Account) -> Result<(), StoreError> {
    let account = account.clone();
    store.write(move |tx| Box::pin(async move { tx.insert_account(&account).await })).await
}

async fn a_failing_unit_leaves_nothing_behind(store: Store) {
    let (good, bad) = (account("good"), account("bad"));
    let failing = {
        let bad = bad.clone();
        store.write(move |tx| {
            Box::pin(async move {
                tx.insert_account(&bad).await?;
                Err::<(), _>(StoreError::Conflict)
            })
        })
    };
    let (failed, stored) = tokio::join!(failing, insert(&store, &good));
    assert!(matches!(failed, Err(StoreError::Conflict)));
    stored.unwrap();
    let mut db = store.read().await.unwrap();
    assert_eq!(db.account(&good.id).await.unwrap(), Some(good));
    assert_eq!(db.account(&bad.id).await.unwrap(), None);
}

async fn an_account_has_one_key_and_one_version_at_a_time(store: Store) {
    let first = account("same");
    insert(&store, &first).await.unwrap();
    assert!(matches!(insert(&store, &account("same")).await, Err(StoreError::Duplicate { .. })));
    let update = || {
        let changed = Account { contacts: Vec::new(), ..first.clone() };
        store.write(move |tx| Box::pin(async move { tx.update_account(&changed).await }))
    };
    update().await.unwrap();
    assert!(matches!(update().await, Err::<(), _>(StoreError::Conflict)), "the version has moved on");
}

async fn an_order_is_claimed_once(store: Store) {
    let owner = account("owner");
    insert(&store, &owner).await.unwrap();
    let new = order(&owner);
    let id = new.order.id.clone();
    let stored = new.clone();
    store.write(move |tx| Box::pin(async move { tx.insert_order(&stored).await })).await.unwrap();
    assert_eq!(store.read().await.unwrap().order(&id).await.unwrap(), Some(new.order));

    let winners = Arc::new(AtomicU32::new(0));
    let claims = (0..16).map(|n| {
        let (store, id, winners) = (store.clone(), id.clone(), Arc::clone(&winners));
        async move {
            let claim = format!("claim-{n}");
            let won =
                store.write(move |tx| Box::pin(async move { tx.claim_order(&id, "csr", &claim, NOW).await }));
            if won.await.unwrap() {
                winners.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    join_all(claims).await;
    assert_eq!(winners.load(Ordering::SeqCst), 1);

    let released = store.write(move |tx| {
        Box::pin(async move {
            let later = NOW + std::time::Duration::from_secs(1);
            tx.release_stale_orders(later, later, 10).await
        })
    });
    assert_eq!(released.await.unwrap(), [id.clone()]);
    let certificate = CertificateId::generate(NOW, &SystemEntropy);
    let late = store
        .write(move |tx| Box::pin(async move { tx.complete_order(&id, "claim-0", &certificate, NOW).await }));
    assert!(!late.await.unwrap(), "a claim that was taken back completes nothing");
}

async fn events_are_filtered_and_paged(store: Store) {
    let events: Vec<_> = ["acme:a", "acme:b", "key:c"].map(|actor| event(actor, "order.created")).into();
    let stored = events.clone();
    store.write(move |tx| Box::pin(async move { tx.record(&stored).await })).await.unwrap();
    let mut db = store.read().await.unwrap();
    let mut filter = AuditFilter { actor: Some("acme:".to_owned()), ..AuditFilter::default() };
    assert_eq!(db.audit_events(&filter).await.unwrap().items.len(), 2);
    filter.page.limit = 1;
    let first = db.audit_events(&filter).await.unwrap();
    filter.page.after = first.next.clone();
    let second = db.audit_events(&filter).await.unwrap();
    assert!(first.next.is_some() && second.next.is_none());
    assert!(first.items[0].id > second.items[0].id, "newest first");
    assert!(events.contains(&first.items[0]) && events.contains(&second.items[0]));
}

async fn secrets_are_written_once(store: Store) {
    let insert = |value: &'static [u8]| {
        store.write(move |tx| Box::pin(async move { tx.insert_secret_if_absent("s", value).await }))
    };
    assert!(insert(b"one").await.unwrap());
    assert!(!insert(b"two").await.unwrap());
    assert_eq!(store.read().await.unwrap().secret("s").await.unwrap().as_deref(), Some(b"one".as_slice()));
}

async fn a_nonce_is_redeemed_once(store: Store) {
    let until = SystemClock.now() + std::time::Duration::from_secs(60);
    let uses = join_all((0..16).map(|_| store.redeem_nonce([7; 16], until))).await;
    assert_eq!(uses.into_iter().filter(|used| *used.as_ref().unwrap()).count(), 1);
}

/// An order of `names` whose authorizations are pending, stored with its account.
async fn pending_order(store: &Store, profile: &str, names: &[&str]) -> NewOrder {
    let owner = account(&format!("{profile} {names:?}"));
    insert(store, &owner).await.unwrap();
    let mut new = order(&owner);
    let profile: ProfileId = profile.parse().unwrap();
    let template = new.authorizations.remove(0);
    for name in names {
        let identifier = Identifier::parse_any(name).unwrap();
        new.authorizations.push(Authorization {
            id: AuthorizationId::generate(NOW, &SystemEntropy),
            profile_id: profile.clone(),
            identifier,
            status: AuthorizationStatus::Pending,
            offered: Some(vec![ChallengeKind::Http01, ChallengeKind::Dns01]),
            validated_at: None,
            ..template.clone()
        });
    }
    new.order.profile_id = profile;
    new.order.status = OrderStatus::Pending;
    new.order.identifiers = new.authorizations.iter().map(|a| a.identifier.clone()).collect();
    new.order.authorization_ids = new.authorizations.iter().map(|a| a.id.clone()).collect();
    let stored = new.clone();
    store.write(move |tx| Box::pin(async move { tx.insert_order(&stored).await })).await.unwrap();
    new
}

fn after(seconds: u64) -> Timestamp {
    NOW + std::time::Duration::from_secs(seconds)
}

async fn start(store: &Store, id: &AuthorizationId, kind: ChallengeKind) -> bool {
    let id = id.clone();
    let work = store.write(move |tx| Box::pin(async move { tx.start_challenge(&id, kind, after(1)).await }));
    work.await.unwrap()
}

async fn claim(store: &Store, profile: &ProfileId, claim: &str, at: Timestamp) -> Vec<Challenge> {
    let (profile, claim) = (profile.clone(), claim.to_owned());
    let until = at + std::time::Duration::from_secs(10);
    let work = store
        .write(move |tx| Box::pin(async move { tx.claim_challenges(&profile, &claim, until, at, 10).await }));
    work.await.unwrap()
}

async fn a_challenge_is_answered_claimed_and_decided_once(store: Store) {
    let new = pending_order(&store, "prof-test", &["a.example"]).await;
    let (id, profile) = (new.authorizations[0].id.clone(), new.order.profile_id.clone());
    let starts = join_all((0..8).map(|_| start(&store, &id, ChallengeKind::Http01))).await;
    assert_eq!(starts.into_iter().filter(|started| *started).count(), 1);
    assert!(start(&store, &id, ChallengeKind::Dns01).await);

    assert!(claim(&store, &profile, "early", NOW).await.is_empty(), "not due yet");
    let names: Vec<_> = (0..8).map(|n| format!("claim-{n}")).collect();
    let claims = join_all(names.iter().map(|name| claim(&store, &profile, name, after(2)))).await;
    let claimed: Vec<Challenge> = claims.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 2, "each is claimed once: {claimed:?}");
    assert!(claim(&store, &profile, "second", after(11)).await.is_empty(), "the lease holds");
    let late = claim(&store, &profile, "third", after(12)).await;
    assert_eq!(late.len(), 2, "the lease is over");

    let finish = |name: &'static str| {
        let id = id.clone();
        store.write(move |tx| {
            Box::pin(async move {
                let kind = ChallengeKind::Http01;
                tx.finish_challenge(&id, kind, name, 1, None, after(13)).await
            })
        })
    };
    assert!(!finish("claim-0").await.unwrap(), "a lost claim decides nothing");
    assert!(finish("third").await.unwrap());
    assert!(!finish("third").await.unwrap(), "decided once");
    let decided = store.read().await.unwrap().challenges_of_order(&new.order.id).await.unwrap();
    let states: Vec<_> = decided.iter().map(|c| (c.kind, c.status, c.validated_at)).collect();
    let valid = (ChallengeKind::Http01, ChallengeStatus::Valid, Some(after(13)));
    assert_eq!(states, [(ChallengeKind::Dns01, ChallengeStatus::Invalid, None), valid]);
}

async fn the_last_of_two_validations_makes_the_order_ready(store: Store) {
    for round in 0..10 {
        let new = pending_order(&store, &format!("prof-{round}"), &["a.example", "b.example"]).await;
        let validate = |authorization: &Authorization| {
            let (id, order) = (authorization.id.clone(), new.order.id.clone());
            store.write(move |tx| {
                Box::pin(async move {
                    tx.lock_order(&order).await?;
                    assert!(tx.validate_authorization(&id, after(60), after(1)).await?);
                    tx.ready_order(&order, after(1)).await
                })
            })
        };
        let [a, b] = &new.authorizations[..] else { unreachable!("there are two") };
        let (a, b): (Result<_, StoreError>, Result<_, StoreError>) = tokio::join!(validate(a), validate(b));
        assert_eq!(u32::from(a.unwrap()) + u32::from(b.unwrap()), 1, "one of them makes it ready");
        let stored = store.read().await.unwrap().order(&new.order.id).await.unwrap().unwrap();
        assert_eq!(stored.status, OrderStatus::Ready);
    }
}

async fn each_profile_is_found_by_its_due_challenges(store: Store) {
    let mut db = store.read().await.unwrap();
    assert!(db.profiles_with_due_challenges(after(5)).await.unwrap().is_empty());
    for profile in ["prof-b", "prof-a", "prof-c"] {
        let new = pending_order(&store, profile, &["a.example", "b.example"]).await;
        for authorization in &new.authorizations {
            assert!(start(&store, &authorization.id, ChallengeKind::Http01).await);
        }
    }
    assert_eq!(claim(&store, &"prof-b".parse().unwrap(), "x", after(2)).await.len(), 2);
    let due = db.profiles_with_due_challenges(after(5)).await.unwrap();
    assert_eq!(due.iter().map(ProfileId::as_str).collect::<Vec<_>>(), ["prof-a", "prof-c"]);
    assert_eq!(db.count_processing_challenges().await.unwrap(), 6);
    let taken = store.write(|tx| Box::pin(async move { tx.take_back_challenges(after(3)).await }));
    assert_eq!(taken.await.unwrap(), 2);
    assert_eq!(db.profiles_with_due_challenges(after(5)).await.unwrap().len(), 3);
}

async fn a_deactivated_authorization_takes_what_it_made_valid_along(store: Store) {
    let first = pending_order(&store, "prof-test", &["a.example"]).await;
    let source = first.authorizations[0].clone();
    let id = source.id.clone();
    let validated = store
        .write(move |tx| Box::pin(async move { tx.validate_authorization(&id, after(50), after(1)).await }));
    assert!(validated.await.unwrap());

    let mut db = store.read().await.unwrap();
    let (account, profile) = (source.account_id.clone(), source.profile_id.clone());
    let names: Vec<_> =
        ["a.example", "b.example"].iter().map(|name| Identifier::parse_any(name).unwrap()).collect();
    for (validated_after, beyond, found) in [(NOW, NOW, 1), (after(1), NOW, 0), (NOW, after(50), 0)] {
        let reusable =
            db.reusable_authorizations(&account, &profile, &names, validated_after, beyond).await.unwrap();
        assert_eq!(reusable.len(), found, "validated after {validated_after}, beyond {beyond}");
    }
    let elsewhere = "prof-else".parse().unwrap();
    let reusable = db.reusable_authorizations(&account, &elsewhere, &names, NOW, NOW).await.unwrap();
    assert!(reusable.is_empty(), "another profile's");

    let mut second = first.clone();
    second.order.id = OrderId::generate(NOW, &SystemEntropy);
    second.authorizations[0] = Authorization {
        id: AuthorizationId::generate(NOW, &SystemEntropy),
        order_id: Some(second.order.id.clone()),
        status: AuthorizationStatus::Valid,
        offered: None,
        source_id: Some(source.id.clone()),
        ..source.clone()
    };
    let stored = second.clone();
    store.write(move |tx| Box::pin(async move { tx.insert_order(&stored).await })).await.unwrap();
    let id = source.id.clone();
    let orders = store.write(move |tx| {
        Box::pin(async move {
            assert!(tx.hold_valid_authorizations(std::slice::from_ref(&id), after(2)).await?);
            assert!(tx.deactivate_authorization(&id, after(2)).await?);
            assert!(!tx.hold_valid_authorizations(std::slice::from_ref(&id), after(2)).await?);
            tx.deactivate_authorizations_made_by(&id, after(2)).await
        })
    });
    let orders: Result<_, StoreError> = orders.await;
    assert_eq!(orders.unwrap(), [second.order.id]);
    let copy = db.authorization(&second.authorizations[0].id).await.unwrap().unwrap();
    assert_eq!(copy.status, AuthorizationStatus::Deactivated);
}

async fn nothing_is_left_of_a_deleted_order(store: Store) {
    let new = pending_order(&store, "prof-test", &["a.example"]).await;
    let id = new.authorizations[0].id.clone();
    assert!(start(&store, &id, ChallengeKind::Http01).await);
    let attempt = ValidationAttempt {
        authorization_id: id.clone(),
        kind: ChallengeKind::Http01,
        number: 1,
        started_at: after(1),
        duration: std::time::Duration::from_micros(1234),
        outcome: AttemptOutcome::Failed,
        problem: Some(StoredProblem { r#type: "urn:x".to_owned(), detail: "no".to_owned(), status: 400 }),
        evidence: serde_json::json!({ "steps": [] }),
    };
    let stored = attempt.clone();
    let (order, problem) = (new.order.id.clone(), attempt.problem.clone().unwrap());
    store
        .write(move |tx| {
            Box::pin(async move {
                tx.insert_validation_attempt(&stored).await?;
                tx.fail_order(&order, OrderStatus::Pending, &problem, after(2)).await
            })
        })
        .await
        .unwrap();
    let mut db = store.read().await.unwrap();
    assert_eq!(db.validation_attempts_of_order(&new.order.id).await.unwrap(), [attempt]);

    let lone = Authorization {
        id: AuthorizationId::generate(NOW, &SystemEntropy),
        order_id: None,
        ..new.authorizations[0].clone()
    };
    let stored = lone.clone();
    store.write(move |tx| Box::pin(async move { tx.insert_authorization(&stored).await })).await.unwrap();
    let deleted = store.write(|tx| {
        Box::pin(async move {
            let orders = tx.delete_orders(after(1000), 10).await?;
            Ok::<_, StoreError>((orders, tx.delete_lone_authorizations(after(1000), 10).await?))
        })
    });
    assert_eq!(deleted.await.unwrap(), (1, 1));
    assert!(
        db.authorization(&id).await.unwrap().is_none() && db.authorization(&lone.id).await.unwrap().is_none()
    );
    assert!(db.challenges_of_authorization(&id).await.unwrap().is_empty());
    assert_eq!(db.count_processing_challenges().await.unwrap(), 0);
}

async fn rate_counters_add_up_and_are_found_by_height(store: Store) {
    let (hour, limit) = (std::time::Duration::from_secs(3600), RateLimit::NameOrders);
    let counter = |n: usize, count: i64| RateCounter {
        limit,
        subject: format!("name:n{n}.example").parse().unwrap(),
        resets_at: NOW + hour,
        count,
        refused: false,
    };
    // More than one statement takes, and from two sides at once.
    let add = || {
        let added: Vec<_> = (0..500).map(|n| counter(n, 1 + i64::from(n == 7))).collect();
        store.write(move |tx| Box::pin(async move { tx.add_to_rate_counters(added).await }))
    };
    let (first, second): (Result<Vec<_>, StoreError>, Result<Vec<_>, StoreError>) =
        tokio::join!(add(), add());
    assert_eq!((first.unwrap().len(), second.unwrap().len()), (500, 500));
    let subject = counter(7, 0).subject;
    let note = || {
        let subject = subject.clone();
        let work = store.write(move |tx| {
            Box::pin(async move { tx.note_rate_refusal(limit, &subject, NOW + hour, NOW).await })
        });
        async { Result::<bool, StoreError>::unwrap(work.await) }
    };
    let (one, other) = tokio::join!(note(), note());
    assert!(one != other && !note().await, "noted once");

    let mut db = store.read().await.unwrap();
    let found = db.rate_counter(limit, &subject, NOW + hour).await.unwrap();
    let noted = RateCounter { refused: true, ..counter(7, 4) };
    assert_eq!(found.as_ref(), Some(&noted));
    let at_least = [(limit, 3), (RateLimit::AccountOrders, 1)];
    assert_eq!(db.high_rate_counters(&at_least, NOW, 10).await.unwrap(), [noted.clone()]);
    assert_eq!(db.high_rate_counters(&[(limit, 1)], NOW, 10).await.unwrap().len(), 10);
    assert_eq!(db.high_rate_counters(&at_least, NOW + hour, 10).await.unwrap(), []);
    assert_eq!(db.rate_counters_of(&subject, NOW).await.unwrap(), [noted]);
    drop(db);

    let deleted = store.write(move |tx| {
        Box::pin(async move {
            let reset = tx.delete_rate_counters(limit, &subject).await?;
            let early = tx.delete_ended_rate_counters(NOW, 300).await?;
            let ended = tx.delete_ended_rate_counters(NOW + hour, 300).await?;
            Ok::<_, StoreError>((reset.len(), early, ended))
        })
    });
    assert_eq!(deleted.await.unwrap(), (1, 0, 300));
}

async fn rate_limits_are_replaced_by_version(store: Store) {
    assert_eq!(store.read().await.unwrap().rate_limits().await.unwrap(), StoredRateLimits::default());
    let limits =
        RateLimits { name_orders_per_hour: Some(5), account_orders_per_hour: None, ..Default::default() };
    let replace = |expected: i64| {
        let limits = limits.clone();
        let work = store
            .write(move |tx| Box::pin(async move { tx.replace_rate_limits(&limits, expected, NOW).await }));
        async { Result::<bool, StoreError>::unwrap(work.await) }
    };
    assert!(!replace(3).await);
    assert!(replace(0).await);
    assert!(!replace(0).await);
    assert!(replace(1).await);
    let stored = store.read().await.unwrap().rate_limits().await.unwrap();
    assert_eq!(stored, StoredRateLimits { limits: limits.clone(), version: 2 });
}
