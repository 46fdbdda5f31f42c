use futures::future::join_all;
use model::*;
use store::Store;

use crate::accounts::insert;
use crate::fixtures::{NOW, account};
use crate::support::{Db, on_both_engines};

on_both_engines! {
    an_eab_key_is_used_as_often_as_it_may,
    an_eab_key_is_rotated_and_revoked_once,
    accounts_are_found_by_what_bound_them,
}

fn eab_key(max_uses: Option<u32>) -> EabKey {
    EabKey {
        id: EabKeyId::generate(NOW, &SystemEntropy),
        note: "team a".to_owned(),
        profiles: vec!["prof-test".parse().unwrap()],
        permitted_names: vec!["*.a.internal".parse().unwrap(), "10.0.0.0/8".parse().unwrap()],
        preauthorized: true,
        max_uses,
        uses: 0,
        sealed_mac_key: vec![1, 2, 3],
        created_by: "key:x".to_owned(),
        created_at: NOW,
        expires_at: Some(NOW + std::time::Duration::from_secs(60)),
        rotated_at: None,
        revoked_at: None,
    }
}

async fn insert_key(store: &Store, key: &EabKey) {
    let key = key.clone();
    store.write(move |tx| Box::pin(async move { tx.insert_eab_key(&key).await })).await.unwrap();
}

async fn use_key(store: &Store, key: &EabKey, now: Timestamp) -> bool {
    let key = key.clone();
    store.write(move |tx| Box::pin(async move { tx.use_eab_key(&key, now).await })).await.unwrap()
}

async fn an_eab_key_is_used_as_often_as_it_may(db: Db) {
    let (key, unlimited) = (eab_key(Some(3)), EabKey { expires_at: None, ..eab_key(None) });
    insert_key(&db, &key).await;
    insert_key(&db, &unlimited).await;
    let found = db.read().await.unwrap().eab_key(&key.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&key));
    let uses = join_all((0..16).map(|_| use_key(&db, &key, NOW))).await;
    assert_eq!(uses.into_iter().filter(|used| *used).count(), 3);
    assert_eq!(db.read().await.unwrap().eab_key(&key.id).await.unwrap().unwrap().uses, 3);

    let expired = eab_key(None);
    insert_key(&db, &expired).await;
    assert!(use_key(&db, &expired, NOW).await);
    assert!(!use_key(&db, &expired, expired.expires_at.unwrap()).await);
    assert!(use_key(&db, &unlimited, NOW + std::time::Duration::from_secs(1_000_000)).await);
    let page = db.read().await.unwrap().eab_keys(&PageRequest::default()).await.unwrap();
    assert_eq!(page.items.len(), 3);
    assert!(page.items.is_sorted_by(|a, b| a.id > b.id), "newest first");
}

async fn an_eab_key_is_rotated_and_revoked_once(db: Db) {
    let key = eab_key(None);
    insert_key(&db, &key).await;
    let rotate = |sealed: &'static [u8]| {
        let key = key.clone();
        db.write(move |tx| Box::pin(async move { tx.rotate_eab_key(&key, sealed, NOW).await }))
    };
    assert!(rotate(b"new").await.unwrap());
    assert!(!rotate(b"newer").await.unwrap(), "somebody else was first");
    assert!(!use_key(&db, &key, NOW).await, "the MAC was by the old key");
    let rotated = db.read().await.unwrap().eab_key(&key.id).await.unwrap().unwrap();
    assert_eq!((rotated.sealed_mac_key.as_slice(), rotated.rotated_at), (&b"new"[..], Some(NOW)));

    let revoke = || {
        let id = key.id.clone();
        db.write(move |tx| Box::pin(async move { tx.revoke_eab_key(&id, NOW).await }))
    };
    assert!(revoke().await.unwrap());
    assert!(!revoke().await.unwrap());
    assert!(!use_key(&db, &rotated, NOW).await);
}

async fn accounts_are_found_by_what_bound_them(db: Db) {
    let key = eab_key(None);
    let binding = r#"{ "signature":"x",  "protected":"y" }"#.to_owned();
    let external = ExternalAccount { key_id: key.id.clone(), binding };
    let bound = |thumbprint, status| Account {
        external_account: Some(external.clone()),
        terms_version: Some("2".to_owned()),
        status,
        ..account(thumbprint)
    };
    let (first, second) = (bound("1", AccountStatus::Valid), bound("2", AccountStatus::Suspended));
    for account in [&first, &second, &account("3")] {
        insert(&db, account).await.unwrap();
    }
    let mut reader = db.read().await.unwrap();
    assert_eq!(reader.account(&first.id).await.unwrap().as_ref(), Some(&first), "the binding is as it came");
    let mut filter = AccountFilter { eab_key_id: Some(key.id.clone()), ..AccountFilter::default() };
    assert_eq!(reader.accounts(&filter).await.unwrap().items.len(), 2);
    filter.status = Some(AccountStatus::Suspended);
    assert_eq!(reader.accounts(&filter).await.unwrap().items, [second]);
}
