use std::time::Duration;

use model::*;
use store::StoreError;

use crate::fixtures::{after, api_key, provider, session, user};
use crate::support::{Db, on_both_engines, unit};

on_both_engines!(
    a_session_brings_whose_it_is,
    a_session_is_rekeyed_touched_and_deleted,
    sessions_end_by_user_key_and_provider,
    all_sessions_but_one_end_at_once,
    ended_sessions_are_deleted_a_batch_at_a_time,
    what_a_provider_ended_is_remembered_for_a_while,
);

fn of(principal: Principal, number: u8) -> Session {
    session(principal, [number; 32])
}

async fn put(db: &Db, sessions: &[Session]) {
    for session in sessions {
        let session = session.clone();
        db.put(unit!(|tx| tx.insert_session(&session).await)).await;
    }
}

async fn a_session_brings_whose_it_is(db: Db) {
    let (vouched, local, key) = (user("idp", "a"), user("local", "b"), api_key("k", [9; 32]));
    let idp = provider("idp");
    let nobody = UserId::generate(after(0), &SystemEntropy);
    let principals = [
        Principal::User(vouched.id.clone()),
        Principal::User(local.id.clone()),
        Principal::ApiKey(key.id.clone()),
        Principal::User(nobody),
    ];
    let sessions: Vec<_> = (1..).zip(principals).map(|(n, principal)| of(principal, n)).collect();
    put(&db, &sessions).await;
    let stored = (vouched.clone(), local.clone(), key.clone(), idp.clone());
    db.put(unit!(|tx| {
        tx.insert_user(&stored.0).await?;
        tx.insert_user(&stored.1).await?;
        tx.insert_api_key(&stored.2).await?;
        tx.insert_provider(&stored.3).await
    }))
    .await;
    let owners = [
        Owner::User(Box::new(vouched), Some(Box::new(idp))),
        Owner::User(Box::new(local), None),
        Owner::ApiKey(Box::new(key)),
        Owner::Nobody,
    ];
    let mut reader = db.read().await.unwrap();
    for (session, owner) in sessions.into_iter().zip(owners) {
        let found = reader.signed_in(&session.id_sha256).await.unwrap();
        assert_eq!(reader.session(&session.id).await.unwrap().as_ref(), Some(&session));
        assert_eq!(found, Some(SignedIn { session, owner }));
    }
    assert_eq!(reader.signed_in(&[7; 32]).await.unwrap(), None);
    let twin = of(Principal::User(UserId::generate(after(0), &SystemEntropy)), 1);
    let refused = db.write(unit!(|tx| tx.insert_session(&twin).await)).await;
    assert!(matches!(refused, Err(StoreError::Duplicate { .. })), "{refused:?}");
}

async fn a_session_is_rekeyed_touched_and_deleted(db: Db) {
    let first = of(Principal::User(user("local", "a").id), 1);
    put(&db, std::slice::from_ref(&first)).await;
    let mut rekeyed = Session { id_sha256: [2; 32], ..first.clone() };
    rekeyed.data.rights_digest = "other".to_owned();
    let rekey = || {
        let rekeyed = rekeyed.clone();
        db.put(unit!(|tx| tx.rekey_session(&[1; 32], &rekeyed).await))
    };
    assert!(rekey().await);
    assert!(!rekey().await, "another request was first");
    let touch = |seconds| {
        db.put(unit!(|tx| tx.touch_session(&[2; 32], after(seconds), Duration::from_secs(60)).await))
    };
    assert!(!touch(60).await, "too soon");
    assert!(touch(61).await);
    assert!(!touch(61).await);
    let stored = db.read().await.unwrap().session(&first.id).await.unwrap();
    assert_eq!(stored, Some(Session { last_seen_at: after(61), ..rekeyed }));
    let delete = |sha256: [u8; 32]| db.put(unit!(|tx| tx.delete_session_of_cookie(&sha256).await));
    assert!(!delete([1; 32]).await && delete([2; 32]).await && !delete([2; 32]).await);
    put(&db, std::slice::from_ref(&first)).await;
    let delete = || {
        let id = first.id.clone();
        db.put(unit!(|tx| tx.delete_session(&id).await))
    };
    assert!(delete().await && !delete().await);
}

async fn sessions_end_by_user_key_and_provider(db: Db) {
    let (a, b, key) = (user("idp", "a").id, user("idp", "b").id, api_key("k", [9; 32]).id);
    let mut sessions = vec![
        of(Principal::User(a.clone()), 1),
        of(Principal::User(a.clone()), 2),
        of(Principal::User(b.clone()), 3),
        of(Principal::User(b.clone()), 4),
        of(Principal::ApiKey(key.clone()), 5),
    ];
    for (session, sid) in sessions.iter_mut().zip(["sid-1", "sid-2", "sid-3", "sid-4"]) {
        session.provider_id = Some("idp".parse().unwrap());
        session.provider_session = Some(sid.to_owned());
    }
    put(&db, &sessions).await;
    let ids =
        |numbers: &[usize]| -> Vec<SessionId> { numbers.iter().map(|n| sessions[*n].id.clone()).collect() };
    let sorted = |mut ids: Vec<SessionId>| {
        ids.sort();
        ids
    };
    let listed = async |filter: SessionFilter| {
        let page = db.read().await.unwrap().sessions(&filter).await.unwrap();
        page.items.into_iter().map(|s| s.id).collect::<Vec<_>>()
    };
    let of_user = listed(SessionFilter { user_id: Some(a.clone()), ..SessionFilter::default() }).await;
    assert_eq!(sorted(of_user), sorted(ids(&[0, 1])));
    let of_key = listed(SessionFilter { api_key_id: Some(key.clone()), ..SessionFilter::default() }).await;
    assert_eq!(of_key, ids(&[4]));
    assert_eq!(listed(SessionFilter::default()).await.len(), 5);

    let idp: ProviderId = "idp".parse().unwrap();
    let ended = db.put(unit!(|tx| tx.delete_sessions_of_user(&a).await)).await;
    assert_eq!(sorted(ended), sorted(ids(&[0, 1])));
    let (provider, key_id) = (idp.clone(), key.clone());
    let ended = db
        .put(unit!(|tx| {
            let of_sid = tx.delete_sessions_of_provider_session(&provider, "sid-3").await?;
            let of_nobody = tx.delete_sessions_of_provider_session(&provider, "sid-1").await?;
            let of_key = tx.delete_sessions_of_api_key(&key_id).await?;
            Ok([of_sid, of_nobody, of_key])
        }))
        .await;
    assert_eq!(ended, [ids(&[2]), Vec::new(), ids(&[4])]);
    assert_eq!(db.put(unit!(|tx| tx.delete_sessions_of_provider(&idp).await)).await, ids(&[3]));
}

async fn all_sessions_but_one_end_at_once(db: Db) {
    let user = user("idp", "a").id;
    let sessions: Vec<_> = (1..=3).map(|number| of(Principal::User(user.clone()), number)).collect();
    put(&db, &sessions).await;
    let kept = sessions[1].id.clone();
    assert_eq!(db.put(unit!(|tx| tx.delete_all_sessions(Some(&kept)).await)).await, 2);
    let left = db.read().await.unwrap().sessions(&SessionFilter::default()).await.unwrap().items;
    assert_eq!(left, [sessions[1].clone()]);
    assert_eq!(db.put(unit!(|tx| tx.delete_all_sessions(None).await)).await, 1);
}

async fn ended_sessions_are_deleted_a_batch_at_a_time(db: Db) {
    let principal = || Principal::User(user("local", "a").id);
    let mut sessions: Vec<_> = (1..=6).map(|n| of(principal(), n)).collect();
    for old in &mut sessions[..3] {
        old.expires_at = after(10);
    }
    sessions[3].last_seen_at = after(0) - Duration::from_secs(100);
    put(&db, &sessions).await;
    let idle_since = after(0) - Duration::from_secs(50);
    let delete = || db.put(unit!(|tx| tx.delete_ended_sessions(after(10), idle_since, 2).await));
    assert_eq!((delete().await, delete().await, delete().await), (3, 1, 0));
    let left = db.read().await.unwrap().sessions(&SessionFilter::default()).await.unwrap();
    assert_eq!(left.items.len(), 2);
}

async fn what_a_provider_ended_is_remembered_for_a_while(db: Db) {
    let idp: ProviderId = "idp".parse().unwrap();
    let note = |ended: &'static str, at| {
        let idp = idp.clone();
        db.put(unit!(|tx| tx.note_provider_session_ended(&idp, ended, after(at), after(at + 60)).await))
    };
    note("sid:1", 1).await;
    note("sub:a", 2).await;
    note("sid:1", 5).await;
    let ended_at = |ended: &'static str| {
        let idp = idp.clone();
        let db = &db;
        async move { db.read().await.unwrap().provider_session_ended_at(&idp, ended).await.unwrap() }
    };
    assert_eq!((ended_at("sid:1").await, ended_at("sub:a").await), (Some(after(5)), Some(after(2))));
    assert_eq!(ended_at("sub:1").await, None);
    assert_eq!(db.put(unit!(|tx| tx.forget_ended_provider_sessions(after(62), 50).await)).await, 1);
    assert_eq!((ended_at("sid:1").await, ended_at("sub:a").await), (Some(after(5)), None));
}
