use model::*;

use crate::fixtures::{after, provider};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! { a_provider_is_kept_replaced_at_a_version_and_deleted }

async fn a_provider_is_kept_replaced_at_a_version_and_deleted(db: Db) {
    let first = provider("idp");
    let id = first.id.clone();
    assert!(!db.put(unit!(|tx| tx.lock_provider(&id).await)).await, "there is none yet");
    let stored = first.clone();
    db.put(unit!(|tx| tx.insert_provider(&stored).await)).await;
    let id = first.id.clone();
    assert!(db.put(unit!(|tx| tx.lock_provider(&id).await)).await);
    let find = || async { db.read().await.unwrap().provider(&first.id).await.unwrap() };
    assert_eq!(find().await, Some(first.clone()), "the lock changes nothing");

    let mut second = Provider { version: first.version + 1, updated_at: after(5), ..first.clone() };
    second.spec.enabled = !first.spec.enabled;
    second.sealed_client_secret = Some(vec![1, 2, 3]);
    let version = first.version;
    for expected in [true, false] {
        let stored = second.clone();
        assert_eq!(db.put(unit!(|tx| tx.replace_provider(&stored, version).await)).await, expected);
    }
    assert_eq!(find().await, Some(second.clone()));
    for (version, expected) in [(version, false), (second.version, true), (second.version, false)] {
        let id = first.id.clone();
        assert_eq!(db.put(unit!(|tx| tx.delete_provider(&id, version).await)).await, expected);
    }
    assert_eq!(find().await, None);
}
