use model::*;
use store::StoreError;

use crate::fixtures::{NOW, after, api_key};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    a_key_is_found_by_its_hash_and_revoked_once,
    a_key_is_replaced_once,
    the_last_use_moves_forward_only,
    ends_are_found_in_their_order_and_reported_once,
    administrators_and_holders_of_a_role_are_found,
}

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

async fn insert(db: &Db, key: &ApiKey) {
    let key = key.clone();
    db.put(unit!(|tx| tx.insert_api_key(&key).await)).await;
}

async fn a_key_is_replaced_once(db: Db) {
    let (old, new) = (api_key("old", [1; 32]), api_key("new", [2; 32]));
    for key in [&old, &new] {
        insert(&db, key).await;
    }
    let replace = |key: &ApiKey| {
        let (id, by) = (key.id.clone(), new.id.clone());
        db.put(unit!(|tx| tx.replace_api_key(&id, &by, after(60)).await))
    };
    assert!(replace(&old).await);
    assert!(!replace(&old).await, "it has a successor");
    let found = db.read().await.unwrap().api_key(&old.id).await.unwrap().unwrap();
    assert_eq!((&found.replaced_by, found.expires_at), (&Some(new.id.clone()), Some(after(60))));
    let revoked = ApiKey { revoked_at: Some(after(1)), ..api_key("revoked", [3; 32]) };
    insert(&db, &revoked).await;
    assert!(!replace(&revoked).await);
}

async fn the_last_use_moves_forward_only(db: Db) {
    let key = api_key("used", [1; 32]);
    insert(&db, &key).await;
    let note = |seconds: u64, from: Option<&str>| {
        let (id, from) = (key.id.clone(), from.map(|ip| ip.parse().unwrap()));
        db.put(unit!(|tx| tx.note_api_key_use(&id, after(seconds), from).await))
    };
    note(20, Some("2001:db8::1")).await;
    // Another replica was slower to write.
    note(10, Some("192.0.2.1")).await;
    let found = db.read().await.unwrap().api_key(&key.id).await.unwrap().unwrap();
    assert_eq!((found.last_used_at, found.last_used_from), (Some(after(20)), "2001:db8::1".parse().ok()));
    note(30, None).await;
    let found = db.read().await.unwrap().api_key(&key.id).await.unwrap().unwrap();
    assert_eq!((found.last_used_at, found.last_used_from), (Some(after(30)), None));
}

async fn ends_are_found_in_their_order_and_reported_once(db: Db) {
    let ending =
        |number: u8, end: Option<u64>| ApiKey { expires_at: end.map(after), ..api_key("x", [number; 32]) };
    let [late, soon, equal, over, never, mut revoked] = [
        ending(1, Some(50)),
        ending(2, Some(20)),
        ending(3, Some(20)),
        ending(4, Some(10)),
        ending(5, None),
        ending(6, Some(30)),
    ];
    revoked.revoked_at = Some(NOW);
    for key in [&late, &soon, &equal, &over, &never, &revoked] {
        insert(&db, key).await;
    }
    let mut twins = [soon.id.clone(), equal.id.clone()];
    twins.sort();
    let expected: Vec<_> = twins.into_iter().chain([late.id.clone()]).collect();
    let mut reader = db.read().await.unwrap();
    let (mut found, mut page) = (Vec::new(), PageRequest { after: None, limit: 1 });
    loop {
        let some = reader.api_keys_ending(after(10), after(51), &page).await.unwrap();
        found.extend(some.items.into_iter().map(|key| key.id));
        page.after = some.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(
        found, expected,
        "without the one that has ended, the one that never will and the revoked one"
    );
    assert_eq!(reader.count_api_keys_ending(after(10), after(51)).await.unwrap(), 3);
    assert_eq!(reader.count_api_keys_ending(after(10), after(50)).await.unwrap(), 2);

    let due = reader.api_keys_to_report(after(10), after(50), 10).await.unwrap();
    assert_eq!(due.len(), 2);
    let report = || {
        let id = soon.id.clone();
        db.put(unit!(|tx| tx.mark_api_key_reported(&id).await))
    };
    assert!(report().await);
    assert!(!report().await, "another replica was first");
    let due = reader.api_keys_to_report(after(10), after(50), 10).await.unwrap();
    assert_eq!(due.iter().map(|key| &key.id).collect::<Vec<_>>(), [&equal.id]);
    // Whoever rotated it knows of its end.
    let (id, by) = (equal.id.clone(), late.id.clone());
    db.put(unit!(|tx| tx.replace_api_key(&id, &by, after(15)).await)).await;
    assert!(reader.api_keys_to_report(after(10), after(50), 10).await.unwrap().is_empty());
    assert_eq!(reader.count_api_keys_ending(after(10), after(51)).await.unwrap(), 2);
}

async fn administrators_and_holders_of_a_role_are_found(db: Db) {
    let with = |number: u8, grant: Grant| ApiKey { grant, ..api_key("x", [number; 32]) };
    let scoped = Grant { profiles: vec!["prof-a".parse().unwrap()], ..Grant::admin() };
    let (limited, operator, admin) = (with(1, scoped), api_key("operator", [2; 32]), with(3, Grant::admin()));
    for key in [&limited, &operator] {
        insert(&db, key).await;
    }
    let mut reader = db.read().await.unwrap();
    assert!(!reader.any_active_admin_key(NOW).await.unwrap(), "within profiles nobody is an administrator");
    insert(&db, &admin).await;
    assert!(reader.any_active_admin_key(after(599)).await.unwrap());
    assert!(!reader.any_active_admin_key(after(600)).await.unwrap(), "it has ended");
    let held = operator.grant.role.clone();
    assert_eq!(reader.api_keys_of_role(&held, 1).await.unwrap(), std::slice::from_ref(&operator));
    let some = [ApiKeyId::generate(NOW, &SystemEntropy), limited.id.clone()];
    assert_eq!(reader.api_keys_by_ids(&some).await.unwrap(), std::slice::from_ref(&limited));
    for id in [&admin.id, &operator.id] {
        let id = id.clone();
        db.put(unit!(|tx| tx.revoke_api_key(&id, NOW).await)).await;
    }
    assert!(!reader.any_active_admin_key(NOW).await.unwrap());
    assert_eq!(reader.api_keys_of_role(&held, 1).await.unwrap(), []);
}
