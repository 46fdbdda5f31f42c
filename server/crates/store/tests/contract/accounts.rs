use model::*;
use store::{Store, StoreError};

use crate::fixtures::account;
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    an_account_has_one_key_and_one_version_at_a_time,
    accounts_are_found_by_id_and_by_key,
    accounts_are_listed_by_status_page_by_page,
}

pub async fn insert(store: &Store, account: &Account) -> Result<(), StoreError> {
    let account = account.clone();
    store.write(unit!(|tx| tx.insert_account(&account).await)).await
}

async fn an_account_has_one_key_and_one_version_at_a_time(db: Db) {
    let first = account("same");
    insert(&db, &first).await.unwrap();
    match insert(&db, &account("same")).await {
        Err(StoreError::Duplicate { what }) => assert_eq!(what, "accounts.key_thumbprint"),
        other => panic!("{other:?}"),
    }
    let update = || {
        let changed = Account { contacts: Vec::new(), status: AccountStatus::Suspended, ..first.clone() };
        db.write(unit!(|tx| tx.update_account(&changed).await))
    };
    update().await.unwrap();
    assert!(matches!(update().await, Err::<(), _>(StoreError::Conflict)), "the version has moved on");
    let stored = db.read().await.unwrap().account(&first.id).await.unwrap().unwrap();
    assert_eq!(
        stored,
        Account { contacts: Vec::new(), status: AccountStatus::Suspended, version: 2, ..first.clone() }
    );

    insert(&db, &account("taken")).await.unwrap();
    let rolled = Account { key_thumbprint: "taken".to_owned(), version: 2, ..first };
    let refused = db.write(unit!(|tx| tx.update_account(&rolled).await)).await;
    assert!(matches!(refused, Err(StoreError::Duplicate { .. })), "a key belongs to one account");
}

async fn accounts_are_found_by_id_and_by_key(db: Db) {
    let stored = Account { created_from: None, ..account("one") };
    insert(&db, &stored).await.unwrap();
    insert(&db, &account("two")).await.unwrap();
    let mut reader = db.read().await.unwrap();
    assert_eq!(reader.account(&stored.id).await.unwrap().as_ref(), Some(&stored));
    assert_eq!(reader.account_by_thumbprint("one").await.unwrap().as_ref(), Some(&stored));
    assert_eq!(reader.account_by_thumbprint("One").await.unwrap(), None, "letters differ by case");
    let unknown = AccountId::generate(stored.created_at, &SystemEntropy);
    assert_eq!(reader.account(&unknown).await.unwrap(), None);
}

async fn accounts_are_listed_by_status_page_by_page(db: Db) {
    let mut ids = Vec::new();
    for number in 0..7 {
        let status = if number % 2 == 0 { AccountStatus::Valid } else { AccountStatus::Suspended };
        let stored = Account { status, ..account(&number.to_string()) };
        insert(&db, &stored).await.unwrap();
        ids.push((stored.id, status));
    }
    ids.sort_by(|a, b| b.0.cmp(&a.0));
    let mut reader = db.read().await.unwrap();
    for wanted in
        [None, Some(AccountStatus::Valid), Some(AccountStatus::Suspended), Some(AccountStatus::Deactivated)]
    {
        let page = PageRequest { limit: 2, after: None };
        let mut filter = AccountFilter { status: wanted, page, ..AccountFilter::default() };
        let mut seen = Vec::new();
        loop {
            let found = reader.accounts(&filter).await.unwrap();
            assert!(found.items.len() <= 2);
            seen.extend(found.items.into_iter().map(|account| account.id));
            match found.next {
                Some(next) => filter.page.after = Some(next),
                None => break,
            }
        }
        let expected: Vec<_> =
            ids.iter().filter(|(_, s)| wanted.is_none_or(|w| w == *s)).map(|(id, _)| id.clone()).collect();
        assert_eq!(seen, expected, "{wanted:?}, newest first, each once");
    }
}
