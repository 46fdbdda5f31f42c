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
        order_id: id.clone(),
        account_id: account.id.clone(),
        identifier: identifier.clone(),
        wildcard: false,
        status: AuthorizationStatus::Valid,
        token: "token".to_owned(),
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
