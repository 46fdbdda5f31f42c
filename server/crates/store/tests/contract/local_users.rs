use std::time::Duration;

use model::*;

use crate::fixtures::{after, user};
use crate::support::{Db, on_both_engines, unit};

on_both_engines!(passwords_count_their_failures, a_link_is_taken_once_before_its_end,);

async fn put(db: &Db, user: &User) {
    let user = user.clone();
    db.put(unit!(|tx| tx.insert_user(&user).await)).await;
}

async fn passwords_count_their_failures(db: Db) {
    let eve = user("local", "eve");
    put(&db, &eve).await;
    let id = eve.id.clone();
    assert_eq!(db.read().await.unwrap().password_by_name("eve").await.unwrap(), None);
    db.put(unit!(|tx| tx.put_password(&id, "hash", after(0)).await)).await;
    let id = eve.id.clone();
    let failures = db.put(unit!(|tx| {
        tx.note_password_failure(&id).await?;
        let failures = tx.note_password_failure(&id).await?;
        tx.lock_password(&id, after(60)).await?;
        Ok(failures)
    }));
    assert_eq!(failures.await, 2);
    let right = |hash: &'static str, at| {
        let id = eve.id.clone();
        db.put(unit!(|tx| tx.note_password_use(&id, hash, after(at)).await))
    };
    assert!(!right("hash", 59).await, "locked");
    assert!(!right("other", 60).await, "changed meanwhile");
    let locked = db.read().await.unwrap().password(&eve.id).await.unwrap().unwrap();
    assert_eq!((locked.failures, locked.locked_until), (2, Some(after(60))));
    assert!(right("hash", 60).await);
    let mut reader = db.read().await.unwrap();
    let (owner, used) = reader.password_by_name("eve").await.unwrap().unwrap();
    assert_eq!((owner, used.failures, used.locked_until), (eve.clone(), 0, None));
    assert_eq!(used.last_used_at, Some(after(60)));
    assert_eq!(reader.passwords(5).await.unwrap(), [(eve.clone(), used.clone())]);
    assert_eq!(reader.password_used_since(after(59)).await.unwrap(), Some((eve.id.clone(), after(60))));
    assert_eq!(reader.password_used_since(after(60)).await.unwrap(), None);
    drop(reader);

    let id = eve.id.clone();
    db.put(unit!(|tx| {
        tx.note_password_failure(&id).await?;
        tx.lock_password(&id, after(99)).await?;
        tx.put_password(&id, "new", after(70)).await
    }))
    .await;
    let new = db.read().await.unwrap().password(&eve.id).await.unwrap().unwrap();
    assert_eq!((new.hash.as_str(), new.failures, new.locked_until), ("new", 0, None));
    let delete = || {
        let id = eve.id.clone();
        db.put(unit!(|tx| tx.delete_password(&id).await))
    };
    assert!(delete().await && !delete().await);
    let id = eve.id.clone();
    assert_eq!(db.put(unit!(|tx| tx.note_password_failure(&id).await)).await, 0, "there is none");
}

async fn a_link_is_taken_once_before_its_end(db: Db) {
    let eve = user("local", "eve").id;
    let owner = eve.clone();
    db.put(unit!(|tx| {
        tx.insert_login_link(&[1; 32], &owner, after(60)).await?;
        tx.insert_login_link(&[2; 32], &owner, after(60)).await
    }))
    .await;
    let look =
        async |link: u8, at| db.read().await.unwrap().login_link(&[link; 32], after(at)).await.unwrap();
    let take = |link: u8, at| db.put(unit!(|tx| tx.take_login_link(&[link; 32], after(at)).await));
    assert_eq!((look(1, 59).await, look(1, 60).await, look(3, 0).await), (Some(eve.clone()), None, None));
    assert_eq!(take(1, 60).await, None, "it has expired");
    assert_eq!((take(1, 59).await, take(1, 59).await), (Some(eve), None), "once");
    let now = after(60) - Duration::from_secs(1);
    assert_eq!(db.put(unit!(|tx| tx.delete_expired_login_links(now, 50).await)).await, 0);
    assert_eq!(db.put(unit!(|tx| tx.delete_expired_login_links(after(60), 50).await)).await, 1);
}
