use model::*;
use store::StoreError;

use crate::fixtures::{account, after, issuer, order, profile};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    a_profile_is_replaced_and_deleted_in_the_version_that_was_read,
    profiles_are_listed_by_id,
    profiles_are_found_by_their_ids,
    open_orders_of_a_profile_are_counted,
}

async fn insert(db: &Db, profile: &Profile) -> Result<(), StoreError> {
    let profile = profile.clone();
    db.write(unit!(|tx| tx.insert_profile(&profile).await)).await
}

async fn with_issuer(db: &Db) {
    db.put(unit!(|tx| tx.put_issuer(&issuer()).await)).await;
}

async fn a_profile_is_replaced_and_deleted_in_the_version_that_was_read(db: Db) {
    let first = profile("prof-a");
    let refused = insert(&db, &first).await;
    assert!(matches!(refused, Err(StoreError::Reference { .. })), "there is no issuer yet: {refused:?}");
    with_issuer(&db).await;
    insert(&db, &first).await.unwrap();
    assert!(
        matches!(insert(&db, &first).await, Err(StoreError::Duplicate { what }) if what == "profiles.id")
    );

    let mut second = Profile { version: 2, updated_at: after(1), ..first.clone() };
    second.spec.enabled = false;
    second.spec.permitted_names = vec!["**.example".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
    let replace = |expected| {
        let stored = second.clone();
        db.put(unit!(|tx| tx.replace_profile(&stored, expected).await))
    };
    assert!(!replace(7).await);
    assert!(replace(1).await);
    assert!(!replace(1).await, "another writer was first");
    assert_eq!(db.read().await.unwrap().profile(&first.id).await.unwrap(), Some(second.clone()));

    let delete = |expected| {
        let id = first.id.clone();
        db.put(unit!(|tx| tx.delete_profile(&id, expected).await))
    };
    assert!(!delete(Some(1)).await);
    assert!(delete(Some(2)).await);
    assert!(!delete(None).await, "it is gone");
    assert_eq!(db.read().await.unwrap().profile(&first.id).await.unwrap(), None);
}

async fn profiles_are_listed_by_id(db: Db) {
    with_issuer(&db).await;
    for id in ["prof-b", "prof-c", "prof-a"] {
        insert(&db, &profile(id)).await.unwrap();
    }
    let mut reader = db.read().await.unwrap();
    let mut page = PageRequest { limit: 2, after: None };
    let first = reader.profiles(&page).await.unwrap();
    assert_eq!(first.items, [profile("prof-a"), profile("prof-b")]);
    page.after = first.next;
    let second = reader.profiles(&page).await.unwrap();
    assert_eq!(second, Page { items: vec![profile("prof-c")], next: None });
}

async fn profiles_are_found_by_their_ids(db: Db) {
    with_issuer(&db).await;
    for id in ["prof-b", "prof-c", "prof-a"] {
        insert(&db, &profile(id)).await.unwrap();
    }
    let mut reader = db.read().await.unwrap();
    let ids = ["prof-c", "prof-a", "missing"].map(|id| id.parse().unwrap());
    assert_eq!(reader.profiles_by_ids(&ids).await.unwrap(), [profile("prof-a"), profile("prof-c")]);
    assert_eq!(reader.profiles_by_ids(&[]).await.unwrap(), []);
}

async fn open_orders_of_a_profile_are_counted(db: Db) {
    let owner = account("owner").id;
    for status in OrderStatus::ALL {
        for profile in ["prof-test", "prof-other"] {
            let mut new = order(&owner, "a.example");
            new.order.status = *status;
            new.order.profile_id = profile.parse().unwrap();
            db.put(unit!(|tx| tx.insert_order(&new).await)).await;
        }
    }
    let mut reader = db.read().await.unwrap();
    let count = reader.count_open_orders_of_profile(&"prof-test".parse().unwrap()).await.unwrap();
    assert_eq!(count, 3, "pending, ready and processing");
    let mut counts = reader.open_order_counts().await.unwrap();
    counts.sort();
    let open = [OrderStatus::Pending, OrderStatus::Ready, OrderStatus::Processing];
    assert_eq!(counts, open.map(|status| (status, 2)));
}
