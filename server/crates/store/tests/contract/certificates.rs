use std::collections::BTreeSet;

use model::*;
use store::{Counted, StoreError};

use crate::fixtures::{NOW, account, after, certificate, order_at};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    an_order_and_a_serial_number_have_one_certificate,
    a_certificate_is_revoked_once,
    every_filter_restricts_and_filters_combine,
    lists_have_each_certificate_once_over_all_pages,
    chains_are_kept_as_they_were_first_stored,
    certificates_are_counted_by_spans_of_time,
}

pub async fn insert(db: &Db, certificate: &Certificate) -> Result<(), StoreError> {
    let certificate = certificate.clone();
    db.write(unit!(|tx| tx.insert_certificate(&certificate).await)).await
}

async fn an_order_and_a_serial_number_have_one_certificate(db: Db) {
    let owner = account("owner").id;
    let order = OrderId::generate(NOW, &SystemEntropy);
    let mut first = certificate(&owner, "a.example", 1);
    first.summary.order_id = Some(order.clone());
    first.summary.common_name = Some("a.example".to_owned());
    insert(&db, &first).await.unwrap();

    let mut same_order = certificate(&owner, "a.example", 2);
    same_order.summary.order_id = Some(order);
    let mut same_serial = certificate(&owner, "a.example", 3);
    same_serial.summary.serial.clone_from(&first.summary.serial);
    for (twin, column) in [(same_order, "certificates.order_id"), (same_serial, "certificates.serial")] {
        match insert(&db, &twin).await {
            Err(StoreError::Duplicate { what }) => assert_eq!(what, column),
            other => panic!("{other:?}"),
        }
    }
    let mut reader = db.read().await.unwrap();
    let (id, serial, sha256) = (&first.summary.id, &first.summary.serial, &first.summary.sha256);
    for found in [
        reader.certificate(id).await,
        reader.certificate_by_serial(serial).await,
        reader.certificate_by_sha256(sha256).await,
    ] {
        assert_eq!(found.unwrap().as_ref(), Some(&first));
    }
    assert_eq!(reader.certificate_by_sha256("not hexadecimal").await.unwrap(), None);
    assert_eq!(reader.certificate_by_serial("00").await.unwrap(), None);
}

async fn a_certificate_is_revoked_once(db: Db) {
    let stored = certificate(&account("owner").id, "a.example", 1);
    insert(&db, &stored).await.unwrap();
    let revoke = |code, at| {
        let revocation = Revocation { at, reason: RevocationReason::from_code(code).unwrap() };
        let id = stored.summary.id.clone();
        db.put(unit!(|tx| tx.revoke_certificate(&id, &revocation).await))
    };
    assert!(revoke(4, after(1)).await);
    assert!(!revoke(1, after(2)).await, "the first revocation stays");
    let found = db.read().await.unwrap().certificate(&stored.summary.id).await.unwrap().unwrap();
    let revocation = found.summary.revocation.unwrap();
    assert_eq!((revocation.at, revocation.reason.name()), (after(1), "superseded"));
}

/// Six certificates that differ in everything that a filter looks at.
async fn six(db: &Db) -> Vec<CertificateSummary> {
    let owners = [account("a").id, account("b").id];
    let mut all = Vec::new();
    for number in 0..6u64 {
        let mut new =
            certificate(&owners[usize::from(number >= 3)], &format!("n{number}.example"), number + 1);
        new.summary.identifiers.push(Identifier::parse_any("shared.example").unwrap());
        new.summary.id = CertificateId::generate(after(number), &SystemEntropy);
        new.summary.not_after = after(100 * number);
        new.summary.order_id = Some(OrderId::generate(NOW, &SystemEntropy));
        if number % 2 == 1 {
            new.summary.profile_id = "prof-odd".parse().unwrap();
        }
        if number == 2 || number == 5 {
            new.summary.revocation = Some(Revocation { at: NOW, reason: RevocationReason::UNSPECIFIED });
        }
        insert(db, &new).await.unwrap();
        all.push(new.summary);
    }
    all
}

async fn every_filter_restricts_and_filters_combine(db: Db) {
    let all = six(&db).await;
    let any = CertificateFilter::default;
    let now = after(250);
    let state = |state| CertificateFilter { state: Some(state), ..any() };
    let account_of = |index: usize| all[index].account_id.clone();
    let name = |text: &str| Some(text.to_owned());
    let cases: Vec<(CertificateFilter, &[usize])> = vec![
        (any(), &[5, 4, 3, 2, 1, 0]),
        (CertificateFilter { name: name("n3.example"), ..any() }, &[3]),
        (CertificateFilter { name: name("N3.EXAMPLE"), ..any() }, &[3]),
        (CertificateFilter { name: name("shared.example"), ..any() }, &[5, 4, 3, 2, 1, 0]),
        (CertificateFilter { name: name("example"), ..any() }, &[]),
        (CertificateFilter { serial: Some(all[1].serial.clone()), ..any() }, &[1]),
        (CertificateFilter { sha256: Some(all[2].sha256.clone()), ..any() }, &[2]),
        (CertificateFilter { sha256: name("zz"), ..any() }, &[]),
        (CertificateFilter { order_id: all[4].order_id.clone(), ..any() }, &[4]),
        (CertificateFilter { account_id: account_of(0), ..any() }, &[2, 1, 0]),
        (CertificateFilter { profile_id: Some("prof-odd".parse().unwrap()), ..any() }, &[5, 3, 1]),
        (state(CertificateState::Valid), &[4, 3]),
        (state(CertificateState::Expired), &[1, 0]),
        (state(CertificateState::Revoked), &[5, 2]),
        (CertificateFilter { expires_after: Some(after(300)), ..any() }, &[3, 4, 5]),
        (CertificateFilter { expires_before: Some(after(300)), ..any() }, &[0, 1, 2]),
        (
            CertificateFilter {
                expires_after: Some(after(100)),
                expires_before: Some(after(400)),
                account_id: account_of(0),
                ..any()
            },
            &[2, 1],
        ),
        (CertificateFilter { expires_before: Some(after(350)), ..state(CertificateState::Valid) }, &[3]),
        (
            CertificateFilter {
                name: name("shared.example"),
                account_id: account_of(5),
                profile_id: Some("prof-odd".parse().unwrap()),
                ..state(CertificateState::Revoked)
            },
            &[5],
        ),
        (CertificateFilter { name: name("n3.example"), serial: Some(all[1].serial.clone()), ..any() }, &[]),
    ];
    let mut reader = db.read().await.unwrap();
    for (filter, expected) in cases {
        let found = reader.certificates(&filter, now).await.unwrap().items;
        let expected: Vec<_> = expected.iter().map(|&index| all[index].clone()).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    // At the last moment of its life a certificate is valid still, in the list as by itself (RFC 5280 §4.1.2.5).
    let found = reader.certificates(&state(CertificateState::Valid), after(300)).await.unwrap().items;
    assert_eq!(found, [all[4].clone(), all[3].clone()]);
    assert_eq!(all[3].state(after(300)), CertificateState::Valid);
}

async fn lists_have_each_certificate_once_over_all_pages(db: Db) {
    let all: BTreeSet<_> = six(&db).await.into_iter().map(|c| c.id).collect();
    let mut reader = db.read().await.unwrap();
    let drivers = [
        CertificateFilter::default(),
        CertificateFilter { name: Some("shared.example".to_owned()), ..CertificateFilter::default() },
        CertificateFilter { expires_after: Some(NOW), ..CertificateFilter::default() },
    ];
    for mut filter in drivers {
        filter.page.limit = 4;
        let first = reader.certificates(&filter, NOW).await.unwrap();
        filter.page.after = first.next;
        let second = reader.certificates(&filter, NOW).await.unwrap();
        assert_eq!((first.items.len(), second.items.len(), second.next), (4, 2, None), "{filter:?}");
        let seen: Vec<_> = first.items.into_iter().chain(second.items).map(|c| c.id).collect();
        let newest_first = filter.order() == CertificateOrder::Newest;
        assert!(seen.is_sorted_by(|a, b| (a > b) == newest_first), "in order: {filter:?}");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all);
    }
}

async fn chains_are_kept_as_they_were_first_stored(db: Db) {
    let chain = vec![vec![1; 300], vec![2; 70_000]];
    for stored in [chain.clone(), vec![vec![9]]] {
        db.put(unit!(|tx| tx.put_chain("some", &stored).await)).await;
    }
    let mut reader = db.read().await.unwrap();
    assert_eq!(reader.chain("some").await.unwrap(), Some(chain));
    assert_eq!(reader.chain("other").await.unwrap(), None);
}

async fn certificates_are_counted_by_spans_of_time(db: Db) {
    let owner = account("owner").id;
    let mut all = Vec::new();
    for (number, seconds) in [(1, 10), (2, 10), (3, 19), (4, 20), (5, 35)] {
        let mut new = certificate(&owner, "a.example", number);
        new.summary.id = CertificateId::generate(after(seconds - 10), &SystemEntropy);
        new.summary.not_after = after(seconds);
        insert(&db, &new).await.unwrap();
        all.push(new.summary);
    }
    let revocation = Revocation { at: NOW, reason: RevocationReason::UNSPECIFIED };
    let (revoked, replaced, successor) = (all[1].id.clone(), all[2].clone(), all[3].id.clone());
    let order = OrderId::generate(NOW, &SystemEntropy);
    db.put(unit!(|tx| {
        tx.revoke_certificate(&revoked, &revocation).await?;
        tx.claim_replacement(&replaced.id, &None, &order).await?;
        tx.complete_replacement(&replaced.serial, &order, &successor).await.map(drop)
    }))
    .await;
    let mut reader = db.read().await.unwrap();
    let counted = |all, replaced| Counted { all, replaced };
    // A span has its beginning and not its end; what lies outside of all spans is not counted.
    let ends = reader.expiry_counts(&[after(10), after(20), after(30), after(34)]).await.unwrap();
    assert_eq!(ends, [counted(2, 1), counted(1, 0), counted(0, 0)]);
    let issued = reader.issuance_counts(&[NOW, after(9), after(20)]).await.unwrap();
    assert_eq!(issued, [2, 2]);
    assert_eq!(reader.expiry_counts(&[NOW]).await.unwrap(), []);
    for (seconds, status) in [
        (0, OrderStatus::Invalid),
        (1, OrderStatus::Valid),
        (2, OrderStatus::Invalid),
        (9, OrderStatus::Invalid),
    ] {
        let mut new = order_at(&owner, "a.example", after(seconds));
        new.order.status = status;
        db.put(unit!(|tx| tx.insert_order(&new).await)).await;
    }
    let failed = reader.failure_counts(&[NOW, after(3), after(9), after(20)]).await.unwrap();
    assert_eq!(failed, [2, 0, 1]);
}
