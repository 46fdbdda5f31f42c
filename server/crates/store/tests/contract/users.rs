use model::*;
use store::StoreError;

use crate::fixtures::{NOW, after, user};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    a_user_is_found_by_id_and_by_what_the_provider_calls_them,
    administrators_decide_at_a_version_and_providers_at_a_sign_in,
    users_are_listed_by_provider_and_by_grants,
}

async fn insert(db: &Db, user: &User) -> Result<(), StoreError> {
    let user = user.clone();
    db.write(unit!(|tx| tx.insert_user(&user).await)).await
}

fn granted(user: User) -> User {
    let scoped = Grant { role: "agent".parse().unwrap(), profiles: vec!["prof-a".parse().unwrap()] };
    User { grants: vec![Grant::admin(), scoped], ..user }
}

async fn a_user_is_found_by_id_and_by_what_the_provider_calls_them(db: Db) {
    let mut one = granted(user("idp-a", "subject"));
    one.email = None;
    one.deactivated_at = Some(after(7));
    one.last_sign_in_at = Some(after(3));
    let other = user("idp-b", "subject");
    for user in [&one, &other] {
        insert(&db, user).await.unwrap();
    }
    let twin = user("idp-a", "subject");
    assert!(matches!(insert(&db, &twin).await, Err(StoreError::Duplicate { .. })), "a subject is one user");
    let mut reader = db.read().await.unwrap();
    assert_eq!(reader.user(&one.id).await.unwrap().as_ref(), Some(&one));
    let found = reader.user_by_subject(&other.provider_id, "subject").await.unwrap();
    assert_eq!(found, Some(other));
    let none = reader.user_by_subject(&one.provider_id, "Subject").await.unwrap();
    assert_eq!(none, None, "subjects are compared octet by octet");
}

async fn administrators_decide_at_a_version_and_providers_at_a_sign_in(db: Db) {
    let before = user("idp-a", "subject");
    insert(&db, &before).await.unwrap();
    let groups = vec!["ops".to_owned(), "ünïcode \"quoted\"".to_owned()];
    let sign_in = |at: Timestamp| {
        let (id, groups) = (before.id.clone(), groups.clone());
        db.put(unit!(|tx| tx.note_sign_in(&id, "New Name", None, &groups, at).await))
    };
    assert!(sign_in(after(5)).await);
    let decided = User {
        deactivated_at: Some(after(9)),
        version: 2,
        name: "not theirs".to_owned(),
        ..granted(before.clone())
    };
    let decide = |expected: i64| {
        let user = decided.clone();
        db.put(unit!(|tx| tx.replace_user(&user, expected).await))
    };
    assert!(!decide(2).await);
    assert!(decide(1).await);
    assert!(!decide(1).await);
    assert!(!sign_in(after(10)).await, "a deactivated user is not let in");
    let expected =
        User { name: "New Name".to_owned(), email: None, groups, last_sign_in_at: Some(after(5)), ..decided };
    assert_eq!(db.read().await.unwrap().user(&before.id).await.unwrap(), Some(expected));
}

async fn users_are_listed_by_provider_and_by_grants(db: Db) {
    let mut users = vec![
        user("idp-a", "1"),
        granted(user("idp-a", "2")),
        user("idp-b", "3"),
        granted(user("local", "4")),
    ];
    users[3].deactivated_at = Some(NOW);
    for user in &users {
        insert(&db, user).await.unwrap();
    }
    let newest_first = |mut ids: Vec<&UserId>| {
        ids.sort_by(|a, b| b.cmp(a));
        ids.into_iter().cloned().collect::<Vec<_>>()
    };
    let mut reader = db.read().await.unwrap();
    let ids = |page: Page<User>| page.items.into_iter().map(|user| user.id).collect::<Vec<_>>();
    let all = reader.users(&UserFilter::default()).await.unwrap();
    assert_eq!(ids(all), newest_first(users.iter().map(|user| &user.id).collect()));
    let of_provider = UserFilter { provider_id: "idp-a".parse().ok(), ..UserFilter::default() };
    let found = reader.users(&of_provider).await.unwrap();
    assert_eq!(ids(found), newest_first(vec![&users[0].id, &users[1].id]));
    let some = [users[2].id.clone(), UserId::generate(NOW, &SystemEntropy), users[0].id.clone()];
    let mut found = reader.users_by_ids(&some).await.unwrap();
    found.sort_by(|a, b| a.subject.cmp(&b.subject));
    assert_eq!(found, [users[0].clone(), users[2].clone()]);
    assert_eq!(reader.users_by_ids(&[]).await.unwrap(), []);
    let expected = newest_first(vec![&users[1].id, &users[3].id]);
    let first = reader.users_with_grants(&PageRequest { after: None, limit: 1 }).await.unwrap();
    let rest = reader.users_with_grants(&PageRequest { after: first.next.clone(), limit: 1 }).await.unwrap();
    assert_eq!([ids(first), ids(rest)].concat(), expected);
}
