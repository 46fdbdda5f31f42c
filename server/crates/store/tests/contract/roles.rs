use model::*;
use store::{StoreError, Tx};

use crate::fixtures::{NOW, after};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    a_role_is_replaced_and_deleted_at_the_version_that_was_read,
    roles_are_listed_by_id_and_found_together,
    changes_of_administrators_wait_for_each_other,
}

fn role(id: &str) -> Role {
    Role {
        id: id.parse().unwrap(),
        description: format!("the role {id}"),
        permissions: Permissions::of(&[Permission::OrderRead, Permission::UserRead]),
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

async fn insert(db: &Db, role: &Role) -> Result<(), StoreError> {
    let role = role.clone();
    db.write(unit!(|tx| tx.insert_role(&role).await)).await
}

async fn a_role_is_replaced_and_deleted_at_the_version_that_was_read(db: Db) {
    let first = role("helpdesk");
    insert(&db, &first).await.unwrap();
    assert!(matches!(insert(&db, &first).await, Err(StoreError::Duplicate { .. })));
    let second = Role {
        description: "another".to_owned(),
        permissions: Permissions::NONE,
        version: 2,
        updated_at: after(5),
        ..first.clone()
    };
    let replace = |expected: i64| {
        let role = second.clone();
        db.put(unit!(|tx| tx.replace_role(&role, expected).await))
    };
    assert!(!replace(2).await);
    assert!(replace(1).await);
    assert!(!replace(1).await);
    let found = db.read().await.unwrap().role(&first.id).await.unwrap();
    assert_eq!(found, Some(second));
    let delete = |expected: i64| {
        let id = first.id.clone();
        db.put(unit!(|tx| tx.delete_role(&id, expected).await))
    };
    assert!(!delete(1).await);
    assert!(delete(2).await);
    assert!(!delete(2).await);
    assert_eq!(db.read().await.unwrap().role(&first.id).await.unwrap(), None);
}

async fn roles_are_listed_by_id_and_found_together(db: Db) {
    let [b, a, c] = ["b-role", "a-role", "c-role"].map(role);
    for one in [&b, &a, &c] {
        insert(&db, one).await.unwrap();
    }
    let mut reader = db.read().await.unwrap();
    let first = reader.roles(&PageRequest { after: None, limit: 2 }).await.unwrap();
    assert_eq!(first.items, [a.clone(), b]);
    let rest = reader.roles(&PageRequest { after: first.next, limit: 2 }).await.unwrap();
    assert_eq!(rest, Page { items: vec![c.clone()], next: None });
    let mut found =
        reader.roles_by_ids(&[c.id.clone(), "none".parse().unwrap(), a.id.clone()]).await.unwrap();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(found, [a, c]);
    assert_eq!(reader.roles_by_ids(&[]).await.unwrap(), []);
}

/// Of two units that each look whether the other's role is there before they delete their own, one finds it gone.
async fn changes_of_administrators_wait_for_each_other(db: Db) {
    async fn remove_unless_last(tx: &mut Tx, own: &RoleId, other: &RoleId) -> Result<bool, StoreError> {
        tx.lock_administration().await?;
        // Long enough for the other one to come by.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        Ok(tx.role(other).await?.is_some() && tx.delete_role(own, 1).await?)
    }
    let [one, other] = ["one", "other"].map(role);
    for role in [&one, &other] {
        insert(&db, role).await.unwrap();
    }
    let (a, b) = (one.id.clone(), other.id.clone());
    let (c, d) = (other.id.clone(), one.id.clone());
    let (first, second) = tokio::join!(
        db.put(unit!(|tx| remove_unless_last(tx, &a, &b).await)),
        db.put(unit!(|tx| remove_unless_last(tx, &c, &d).await)),
    );
    assert!(first ^ second, "{first} {second}");
}
