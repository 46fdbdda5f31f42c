use crate::fixtures::{after, issuer};
use crate::support::{Db, on_both_engines, unit};
use model::*;

on_both_engines! {
    secrets_are_written_once,
    issuers_keep_their_time_of_creation,
}

async fn secrets_are_written_once(db: Db) {
    let insert = |value: &'static [u8]| db.put(unit!(|tx| tx.insert_secret_if_absent("s", value).await));
    assert!(insert(b"one").await);
    assert!(!insert(b"two").await);
    assert_eq!(db.read().await.unwrap().secret("s").await.unwrap().as_deref(), Some(b"one".as_slice()));
    db.put(unit!(|tx| tx.put_secret("s", b"three").await)).await;
    let mut reader = db.read().await.unwrap();
    assert_eq!(reader.secret("s").await.unwrap().as_deref(), Some(b"three".as_slice()));
    assert_eq!(reader.secret("t").await.unwrap(), None);
}

async fn issuers_keep_their_time_of_creation(db: Db) {
    let first = issuer();
    let stored = first.clone();
    assert!(db.put(unit!(|tx| tx.insert_issuer_if_absent(&stored).await)).await);
    let later = Issuer { name: "Other".to_owned(), created_at: after(9), updated_at: after(9), ..issuer() };
    let ignored = later.clone();
    assert!(!db.put(unit!(|tx| tx.insert_issuer_if_absent(&ignored).await)).await);
    assert_eq!(db.read().await.unwrap().issuer(&first.id).await.unwrap().as_ref(), Some(&first));
    let replacing = Issuer { sealed_key: None, ..later };
    let stored = replacing.clone();
    db.put(unit!(|tx| tx.put_issuer(&stored).await)).await;
    let expected = Issuer { created_at: first.created_at, ..replacing };
    assert_eq!(db.read().await.unwrap().issuers().await.unwrap(), [expected]);
}
