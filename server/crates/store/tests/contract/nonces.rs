use std::time::Duration;

use futures::future::join_all;
use model::*;
use store::StoreError;

use crate::fixtures::{NOW, after};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    a_nonce_is_redeemed_once,
    a_nonce_of_a_unit_that_fails_is_not_redeemed,
    expired_nonces_are_forgotten_in_batches,
}

async fn a_nonce_is_redeemed_once(db: Db) {
    let until = SystemClock.now() + Duration::from_secs(60);
    let uses = join_all((0..16).map(|_| db.redeem_nonce([7; 16], until))).await;
    assert_eq!(uses.into_iter().filter(|used| *used.as_ref().unwrap()).count(), 1);
}

async fn a_nonce_of_a_unit_that_fails_is_not_redeemed(db: Db) {
    let until = SystemClock.now() + Duration::from_secs(60);
    let failed: Result<(), StoreError> = db
        .write(move |tx| {
            Box::pin(async move {
                assert!(tx.redeem_nonce([8; 16], until).await?);
                Err(StoreError::Conflict)
            })
        })
        .await;
    failed.unwrap_err();
    assert!(db.put(unit!(|tx| tx.redeem_nonce([8; 16], until).await)).await);
    assert!(!db.put(unit!(|tx| tx.redeem_nonce([8; 16], until).await)).await);
    assert!(!db.redeem_nonce([8; 16], until).await.unwrap(), "in a unit and outside, it is one nonce");
}

async fn expired_nonces_are_forgotten_in_batches(db: Db) {
    for number in 0..5 {
        assert!(db.redeem_nonce([number; 16], after(number.into())).await.unwrap());
    }
    let forget = |now, limit| db.put(unit!(|tx| tx.delete_expired_nonces(now, limit).await));
    assert_eq!(forget(NOW - Duration::from_secs(1), 10).await, 0);
    assert_eq!(forget(after(2), 2).await, 2, "no more than asked");
    assert_eq!(forget(after(2), 2).await, 1, "the rest of those that have expired");
    assert!(!db.redeem_nonce([4; 16], after(4)).await.unwrap(), "others stay");
}
