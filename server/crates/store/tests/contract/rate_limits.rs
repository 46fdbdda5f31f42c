use std::time::Duration;

use model::*;
use store::StoreError;

use crate::fixtures::NOW;
use crate::support::{Db, on_both_engines};

on_both_engines! {
    rate_counters_add_up_and_are_found_by_height,
    rate_limits_are_replaced_by_version,
}

async fn rate_counters_add_up_and_are_found_by_height(store: Db) {
    let (hour, limit) = (Duration::from_secs(3600), RateLimit::NameOrders);
    let counter = |n: usize, count: i64| RateCounter {
        limit,
        subject: format!("name:n{n}.example").parse().unwrap(),
        resets_at: NOW + hour,
        count,
        refused: false,
    };
    // More than one statement takes, and from two sides at once.
    let add = || {
        let added: Vec<_> = (0..500).map(|n| counter(n, 1 + i64::from(n == 7))).collect();
        store.write(move |tx| Box::pin(async move { tx.add_to_rate_counters(added).await }))
    };
    let (first, second): (Result<Vec<_>, StoreError>, Result<Vec<_>, StoreError>) =
        tokio::join!(add(), add());
    assert_eq!((first.unwrap().len(), second.unwrap().len()), (500, 500));
    let subject = counter(7, 0).subject;
    let note = || {
        let subject = subject.clone();
        let work = store.write(move |tx| {
            Box::pin(async move { tx.note_rate_refusal(limit, &subject, NOW + hour, NOW).await })
        });
        async { Result::<bool, StoreError>::unwrap(work.await) }
    };
    let (one, other) = tokio::join!(note(), note());
    assert!(one != other && !note().await, "noted once");

    let mut db = store.read().await.unwrap();
    let found = db.rate_counter(limit, &subject, NOW + hour).await.unwrap();
    let noted = RateCounter { refused: true, ..counter(7, 4) };
    assert_eq!(found.as_ref(), Some(&noted));
    let at_least = [(limit, 3), (RateLimit::AccountOrders, 1)];
    assert_eq!(db.high_rate_counters(&at_least, NOW, 10).await.unwrap(), std::slice::from_ref(&noted));
    assert_eq!(db.high_rate_counters(&[(limit, 1)], NOW, 10).await.unwrap().len(), 10);
    assert_eq!(db.high_rate_counters(&at_least, NOW + hour, 10).await.unwrap(), []);
    assert_eq!(db.rate_counters_of(&subject, NOW).await.unwrap(), [noted]);
    drop(db);

    let deleted = store.write(move |tx| {
        Box::pin(async move {
            let reset = tx.delete_rate_counters(limit, &subject).await?;
            let early = tx.delete_ended_rate_counters(NOW, 300).await?;
            let ended = tx.delete_ended_rate_counters(NOW + hour, 300).await?;
            Ok::<_, StoreError>((reset.len(), early, ended))
        })
    });
    assert_eq!(deleted.await.unwrap(), (1, 0, 300));
}

async fn rate_limits_are_replaced_by_version(store: Db) {
    assert_eq!(store.read().await.unwrap().rate_limits().await.unwrap(), StoredRateLimits::default());
    let limits =
        RateLimits { name_orders_per_hour: Some(5), account_orders_per_hour: None, ..Default::default() };
    let replace = |expected: i64| {
        let limits = limits.clone();
        let work = store
            .write(move |tx| Box::pin(async move { tx.replace_rate_limits(&limits, expected, NOW).await }));
        async { Result::<bool, StoreError>::unwrap(work.await) }
    };
    assert!(!replace(3).await);
    assert!(replace(0).await);
    assert!(!replace(0).await);
    assert!(replace(1).await);
    let stored = store.read().await.unwrap().rate_limits().await.unwrap();
    assert_eq!(stored, StoredRateLimits { limits: limits.clone(), version: 2 });
}
