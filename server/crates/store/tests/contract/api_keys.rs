use model::*;
use store::StoreError;

use crate::fixtures::{after, api_key};
use crate::support::{Db, on_both_engines, unit};

on_both_engines!(a_key_is_found_by_its_hash_and_revoked_once);

async fn a_key_is_found_by_its_hash_and_revoked_once(db: Db) {
    assert!(!db.read().await.unwrap().any_api_key().await.unwrap());
    let (first, second) = (api_key("first", [1; 32]), api_key("second", [2; 32]));
    for key in [&first, &second] {
        let key = key.clone();
        db.put(unit!(|tx| tx.insert_api_key(&key).await)).await;
    }
    let twin = api_key("twin", [1; 32]);
    let refused = db.write(unit!(|tx| tx.insert_api_key(&twin).await)).await;
    assert!(matches!(refused, Err(StoreError::Duplicate { what }) if what == "api_keys.sha256"));

    let revoke = || {
        let id = first.id.clone();
        db.put(unit!(|tx| tx.revoke_api_key(&id, after(5)).await))
    };
    assert!(revoke().await);
    assert!(!revoke().await, "it is revoked already");
    let unknown = ApiKeyId::generate(after(0), &SystemEntropy);
    assert!(!db.put(unit!(|tx| tx.revoke_api_key(&unknown, after(5)).await)).await);

    let mut reader = db.read().await.unwrap();
    let revoked = ApiKey { revoked_at: Some(after(5)), ..first };
    assert!(reader.any_api_key().await.unwrap());
    assert_eq!(reader.api_key(&revoked.id).await.unwrap().as_ref(), Some(&revoked));
    assert_eq!(reader.api_key_by_sha256(&[1; 32]).await.unwrap().as_ref(), Some(&revoked));
    assert_eq!(reader.api_key_by_sha256(&[3; 32]).await.unwrap(), None);
    let listed = reader.api_keys(&PageRequest::default()).await.unwrap();
    let mut expected = vec![revoked, second];
    expected.sort_by(|a, b| b.id.cmp(&a.id));
    assert_eq!(listed, Page { items: expected, next: None });
}
