use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::join_all;
use model::*;

use crate::accounts;
use crate::fixtures::{NOW, account, after, order, order_at};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    pending_orders_of_an_account_are_counted,
    an_order_is_claimed_once,
    only_ready_orders_of_valid_accounts_are_claimed,
    every_filter_restricts_and_filters_combine,
    an_account_sees_its_orders_but_the_invalid_ones,
    open_orders_of_an_account_end_together,
    orders_expire_in_batches_the_earliest_first,
    ended_orders_are_deleted_in_batches_with_their_authorizations,
}

async fn insert(db: &Db, new: &NewOrder) {
    let new = new.clone();
    db.put(unit!(|tx| tx.insert_order(&new).await)).await;
}

async fn insert_as(db: &Db, status: OrderStatus, mut new: NewOrder) -> Order {
    new.order.status = status;
    insert(db, &new).await;
    new.order
}

async fn read(db: &Db, id: &OrderId) -> Order {
    db.read().await.unwrap().order(id).await.unwrap().unwrap()
}

fn problem() -> StoredProblem {
    StoredProblem { r#type: "urn:x".to_owned(), detail: "ended".to_owned(), status: 403 }
}

async fn an_order_is_claimed_once(db: Db) {
    let owner = account("owner");
    accounts::insert(&db, &owner).await.unwrap();
    let new = order(&owner.id, "a.example");
    let id = new.order.id.clone();
    insert(&db, &new).await;
    assert_eq!(read(&db, &id).await, new.order);

    let winners = Arc::new(AtomicU32::new(0));
    let claims = (0..16).map(|n| {
        let (store, id, winners) = (db.store.clone(), id.clone(), Arc::clone(&winners));
        async move {
            let claim = format!("claim-{n}");
            let won = store.write(unit!(|tx| tx.claim_order(&id, "csr", &claim, NOW).await));
            if won.await.unwrap() {
                winners.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    join_all(claims).await;
    assert_eq!(winners.load(Ordering::SeqCst), 1);

    let released = db.put(unit!(|tx| tx.release_stale_orders(after(1), after(1), 10).await)).await;
    assert_eq!(released, std::slice::from_ref(&id));
    let certificate = CertificateId::generate(NOW, &SystemEntropy);
    for n in 0..16 {
        let (id, certificate, claim) = (id.clone(), certificate.clone(), format!("claim-{n}"));
        let late = db.put(unit!(|tx| tx.complete_order(&id, &claim, &certificate, NOW).await)).await;
        assert!(!late, "a claim that was taken back completes nothing");
    }
}

async fn only_ready_orders_of_valid_accounts_are_claimed(db: Db) {
    let (valid, suspended) = (account("valid"), account("suspended"));
    let suspended = Account { status: AccountStatus::Suspended, ..suspended };
    for owner in [&valid, &suspended] {
        accounts::insert(&db, owner).await.unwrap();
    }
    let claim = |id: OrderId, now| db.put(unit!(|tx| tx.claim_order(&id, "csr", "me", now).await));
    for status in OrderStatus::ALL {
        let stored = insert_as(&db, *status, order(&valid.id, "a.example")).await;
        let claimed = claim(stored.id, NOW).await;
        assert_eq!(claimed, *status == OrderStatus::Ready, "{status}");
    }
    let stored = insert_as(&db, OrderStatus::Ready, order(&suspended.id, "a.example")).await;
    assert!(!claim(stored.id, NOW).await, "the account is suspended");
    let stored = insert_as(&db, OrderStatus::Ready, order(&valid.id, "a.example")).await;
    assert!(!claim(stored.id.clone(), after(60)).await, "it has expired");

    // What a claim can become: given back, then taken again and completed or failed.
    let id = stored.id;
    assert!(claim(id.clone(), NOW).await);
    let release = |claim: &'static str| {
        let id = id.clone();
        db.put(unit!(|tx| tx.release_order(&id, claim, after(1)).await))
    };
    assert!(!release("somebody else").await);
    assert!(release("me").await);
    let released = read(&db, &id).await;
    assert_eq!(
        (released.status, released.csr_sha256, released.updated_at),
        (OrderStatus::Ready, None, after(1))
    );
    assert!(claim(id.clone(), NOW).await);
    let certificate = CertificateId::generate(NOW, &SystemEntropy);
    let complete = || {
        let (id, certificate) = (id.clone(), certificate.clone());
        db.put(unit!(|tx| tx.complete_order(&id, "me", &certificate, after(2)).await))
    };
    assert!(complete().await);
    assert!(!complete().await, "once");
    let done = read(&db, &id).await;
    assert_eq!((done.status, done.certificate_id), (OrderStatus::Valid, Some(certificate)));
    assert_eq!(done.csr_sha256.as_deref(), Some("csr"));
    let fail = |from| {
        let id = id.clone();
        db.put(unit!(|tx| tx.fail_order(&id, from, &problem(), after(3)).await))
    };
    assert!(!fail(OrderStatus::Processing).await, "it is valid by now");
    let other = insert_as(&db, OrderStatus::Processing, order(&valid.id, "a.example")).await;
    let failed = other.id.clone();
    assert!(
        db.put(unit!(|tx| tx.fail_order(&failed, OrderStatus::Processing, &problem(), after(3)).await)).await
    );
    let failed = read(&db, &other.id).await;
    assert_eq!((failed.status, failed.error), (OrderStatus::Invalid, Some(problem())));
}

async fn every_filter_restricts_and_filters_combine(db: Db) {
    let owners = [account("a").id, account("b").id];
    let mut all = Vec::new();
    for number in 0..8u64 {
        let mut new = order_at(&owners[usize::from(number >= 4)], "a.example", after(number));
        new.order.status = if number % 2 == 0 { OrderStatus::Ready } else { OrderStatus::Invalid };
        if number % 4 >= 2 {
            new.order.profile_id = "prof-other".parse().unwrap();
        }
        insert(&db, &new).await;
        all.push(new.order);
    }
    let any = OrderFilter::default;
    let account_id = Some(owners[0].clone());
    let profile_id = Some("prof-other".parse::<ProfileId>().unwrap());
    let status = Some(OrderStatus::Ready);
    let ended = Some(OrderStatus::Invalid);
    let cases: Vec<(OrderFilter, &[usize])> = vec![
        (any(), &[7, 6, 5, 4, 3, 2, 1, 0]),
        (OrderFilter { account_id: account_id.clone(), ..any() }, &[3, 2, 1, 0]),
        (OrderFilter { profile_id: profile_id.clone(), ..any() }, &[7, 6, 3, 2]),
        (OrderFilter { status, ..any() }, &[6, 4, 2, 0]),
        (OrderFilter { status: ended, ..any() }, &[7, 5, 3, 1]),
        (OrderFilter { status: Some(OrderStatus::Valid), ..any() }, &[]),
        (OrderFilter { account_id: account_id.clone(), status, ..any() }, &[2, 0]),
        (OrderFilter { account_id: account_id.clone(), status: ended, ..any() }, &[3, 1]),
        (OrderFilter { profile_id: profile_id.clone(), status: ended, ..any() }, &[7, 3]),
        (OrderFilter { account_id, profile_id, status, ..any() }, &[2]),
        (OrderFilter { created_after: Some(after(5)), ..any() }, &[7, 6, 5]),
        (OrderFilter { created_before: Some(after(2)), ..any() }, &[1, 0]),
        (
            OrderFilter { created_after: Some(after(2)), created_before: Some(after(6)), status, ..any() },
            &[4, 2],
        ),
    ];
    let mut reader = db.read().await.unwrap();
    for (mut filter, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|&index| all[index].clone()).collect();
        assert_eq!(reader.orders(&filter).await.unwrap().items, expected, "{filter:?}");
        filter.page.limit = 1;
        let first = reader.orders(&filter).await.unwrap();
        assert_eq!(first.items, expected[..expected.len().min(1)], "{filter:?}");
        assert_eq!(first.next.is_some(), expected.len() > 1, "{filter:?}");
    }
}

async fn an_account_sees_its_orders_but_the_invalid_ones(db: Db) {
    let (owner, other) = (account("a").id, account("b").id);
    let mut expected = Vec::new();
    for (number, status) in (0..).zip(OrderStatus::ALL) {
        let id = insert_as(&db, *status, order_at(&owner, "a.example", after(number))).await.id;
        insert_as(&db, *status, order(&other, "a.example")).await;
        if *status != OrderStatus::Invalid {
            expected.insert(0, id);
        }
    }
    let mut reader = db.read().await.unwrap();
    let mut page = PageRequest { limit: 3, after: None };
    let first = reader.order_ids_of_account(&owner, &page).await.unwrap();
    assert_eq!(first.items, expected[..3]);
    page.after = first.next;
    assert_eq!(reader.order_ids_of_account(&owner, &page).await.unwrap().items, expected[3..]);
}

async fn open_orders_of_an_account_end_together(db: Db) {
    let (owner, other) = (account("a").id, account("b").id);
    let mut open = Vec::new();
    for status in OrderStatus::ALL {
        let id = insert_as(&db, *status, order(&owner, "a.example")).await.id;
        if !matches!(status, OrderStatus::Valid | OrderStatus::Invalid) {
            open.push(id);
        }
    }
    let spared = insert_as(&db, OrderStatus::Ready, order(&other, "a.example")).await.id;
    let end = || {
        let owner = owner.clone();
        db.put(unit!(|tx| tx.invalidate_open_orders(&owner, &problem(), after(1)).await))
    };
    let mut ended = end().await;
    ended.sort();
    open.sort();
    assert_eq!(ended, open);
    assert_eq!(end().await, []);
    for id in &open {
        let order = read(&db, id).await;
        assert_eq!((order.status, order.error), (OrderStatus::Invalid, Some(problem())));
    }
    assert_eq!(read(&db, &spared).await.status, OrderStatus::Ready);
    let one = |id: OrderId| db.put(unit!(|tx| tx.invalidate_order_if_open(&id, &problem(), after(2)).await));
    assert!(one(spared.clone()).await);
    assert!(!one(spared).await, "it has ended");
}

async fn orders_expire_in_batches_the_earliest_first(db: Db) {
    let owner = account("a").id;
    let mut ids = Vec::new();
    for number in 0..5 {
        let status = if number % 2 == 0 { OrderStatus::Pending } else { OrderStatus::Ready };
        ids.push(insert_as(&db, status, order_at(&owner, "a.example", after(number))).await.id);
    }
    for status in [OrderStatus::Processing, OrderStatus::Valid] {
        insert_as(&db, status, order(&owner, "a.example")).await;
    }
    let expire = |now, limit| db.put(unit!(|tx| tx.expire_orders(now, limit).await));
    assert_eq!(expire(after(59), 10).await, []);
    let mut first = expire(after(62), 2).await;
    first.sort();
    assert_eq!(first, ids[..2], "no more than asked, the earliest first");
    assert_eq!(expire(after(62), 2).await, ids[2..3]);
    assert_eq!(expire(after(1000), 10).await.len(), 2, "orders in other hands do not expire here");
    assert_eq!(read(&db, &ids[4]).await.status, OrderStatus::Invalid);

    let release = |before, limit| db.put(unit!(|tx| tx.release_stale_orders(before, after(9), limit).await));
    insert_as(&db, OrderStatus::Processing, order(&owner, "a.example")).await;
    assert_eq!(release(NOW, 5).await, [], "they were touched since");
    assert_eq!(release(after(1), 1).await.len(), 1);
    assert_eq!(release(after(1), 5).await.len(), 1);
}

async fn ended_orders_are_deleted_in_batches_with_their_authorizations(db: Db) {
    let owner = account("a").id;
    let mut ended = Vec::new();
    for number in 0..6 {
        let status = if number % 2 == 0 { OrderStatus::Valid } else { OrderStatus::Invalid };
        ended.push(insert_as(&db, status, order(&owner, "a.example")).await);
    }
    let open = insert_as(&db, OrderStatus::Pending, order(&owner, "a.example")).await;
    let mut lasting = order(&owner, "a.example");
    lasting.authorizations[0].expires_at = after(100_000);
    let lasting = insert_as(&db, OrderStatus::Valid, lasting).await;

    let delete = |before, limit| db.put(unit!(|tx| tx.delete_orders(before, limit).await));
    assert_eq!(delete(after(30), 10).await, 0, "their authorizations can still be used");
    let before = after(1000);
    assert_eq!(delete(before, 4).await, 4, "no more than asked");
    assert_eq!(delete(before, 4).await, 2);
    assert_eq!(delete(before, 4).await, 0);
    let mut reader = db.read().await.unwrap();
    for order in ended {
        assert_eq!(reader.order(&order.id).await.unwrap(), None);
        assert_eq!(reader.authorization(&order.authorization_ids[0]).await.unwrap(), None);
    }
    for order in [open, lasting] {
        assert!(reader.order(&order.id).await.unwrap().is_some());
        assert!(reader.authorization(&order.authorization_ids[0]).await.unwrap().is_some());
    }
}

async fn pending_orders_of_an_account_are_counted(db: Db) {
    let [own, other] = [(); 2].map(|()| AccountId::generate(NOW, &SystemEntropy));
    for status in [OrderStatus::Pending, OrderStatus::Ready, OrderStatus::Pending, OrderStatus::Invalid] {
        insert_as(&db, status, order(&own, "a.example")).await;
    }
    insert_as(&db, OrderStatus::Pending, order(&other, "a.example")).await;
    let mut db = db.read().await.unwrap();
    assert_eq!(db.count_pending_orders(&own, 100).await.unwrap(), 2);
    assert_eq!(db.count_pending_orders(&own, 1).await.unwrap(), 1, "no further than asked");
}
