use futures::future::join_all;
use model::*;

use crate::certificates::insert;
use crate::fixtures::{NOW, PROFILE, account, after, certificate, order};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    an_order_keeps_what_it_replaces,
    a_certificate_is_replaced_by_one_order,
    renewal_is_demanded_of_valid_certificates,
    certificates_are_found_by_issuer_and_time_of_issue,
}

async fn an_order_keeps_what_it_replaces(db: Db) {
    let mut new = order(&account("owner").id, "a.example");
    new.order.replaces = Some("AQ.Ag".to_owned());
    let stored = new.clone();
    db.put(unit!(|tx| tx.insert_order(&stored).await)).await;
    let found = db.read().await.unwrap().order(&new.order.id).await.unwrap();
    assert_eq!(found, Some(new.order));
}

async fn a_certificate_is_replaced_by_one_order(db: Db) {
    let old = certificate(&account("owner").id, "a.example", 1);
    insert(&db, &old).await.unwrap();
    let new_order = || OrderId::generate(NOW, &SystemEntropy);
    let orders: Vec<_> = (0..16).map(|_| new_order()).collect();
    let claim = async |held_by: Option<OrderId>, order: &OrderId| {
        let (id, order) = (old.summary.id.clone(), order.clone());
        db.put(unit!(|tx| tx.claim_replacement(&id, &held_by, &order).await)).await
    };
    let claims = join_all(orders.iter().map(|order| claim(None, order))).await;
    assert_eq!(claims.iter().filter(|won| **won).count(), 1, "{claims:?}");
    let holder = &orders[claims.iter().position(|won| *won).unwrap()];
    let (stale, next) = (new_order(), new_order());
    assert!(!claim(Some(stale.clone()), &next).await, "another order holds it");
    assert!(claim(Some(holder.clone()), &next).await);

    let complete = async |order: &OrderId, certificate: &CertificateId| {
        let (serial, order, certificate) = (old.summary.serial.clone(), order.clone(), certificate.clone());
        db.put(unit!(|tx| tx.complete_replacement(&serial, &order, &certificate).await)).await
    };
    let new = CertificateId::generate(NOW, &SystemEntropy);
    assert!(!complete(holder, &new).await, "it lost the certificate");
    assert!(complete(&next, &new).await);
    assert!(!claim(Some(next.clone()), &stale).await, "it has been replaced");
    let mut reader = db.read().await.unwrap();
    let found = reader.certificate(&old.summary.id).await.unwrap().unwrap();
    assert_eq!((found.summary.replaced_by, found.replaced_by_order), (Some(new), Some(next)));
    for (superseded, count) in [(Some(true), 1), (Some(false), 0), (None, 1)] {
        let filter = CertificateFilter { superseded, ..CertificateFilter::default() };
        assert_eq!(reader.certificates(&filter, NOW).await.unwrap().items.len(), count, "{superseded:?}");
    }
}

async fn renewal_is_demanded_of_valid_certificates(db: Db) {
    let owner = account("owner").id;
    let [valid, mut expired, mut revoked] = [1, 2, 3].map(|number| certificate(&owner, "a.example", number));
    expired.summary.not_after = NOW - std::time::Duration::from_secs(1);
    revoked.summary.revocation = Some(Revocation { at: NOW, reason: RevocationReason::UNSPECIFIED });
    for one in [&valid, &expired, &revoked] {
        insert(&db, one).await.unwrap();
    }
    let ids = [&valid, &expired, &revoked].map(|one| one.summary.id.clone());
    let demand_within = async |within: &[&str], demand: Option<RenewalDemand>| {
        let (ids, within) = (ids.clone(), within.iter().map(|id| id.parse().unwrap()).collect::<Vec<_>>());
        db.put(unit!(|tx| tx.demand_renewal(&ids, &within, demand.as_ref(), NOW).await.map(|ids| ids.len())))
            .await
    };
    let demand = async |demand: Option<RenewalDemand>| demand_within(&[], demand).await;
    let explanation_url = Some("https://status.example".to_owned());
    let wanted = RenewalDemand { since: NOW, reason: "a reason".to_owned(), explanation_url };
    assert_eq!(demand_within(&["prof-other"], Some(wanted.clone())).await, 0);
    assert_eq!(demand_within(&["prof-other", PROFILE], Some(wanted.clone())).await, 1);
    let mut reader = db.read().await.unwrap();
    for (renewal_demanded, count) in [(Some(true), 1), (Some(false), 2), (None, 3)] {
        let filter = CertificateFilter { renewal_demanded, ..CertificateFilter::default() };
        assert_eq!(reader.certificates(&filter, NOW).await.unwrap().items.len(), count, "{filter:?}");
    }
    let found = reader.certificate(&valid.summary.id).await.unwrap().unwrap();
    assert_eq!(found.summary.renewal_demand, Some(wanted));
    assert_eq!(demand(None).await, 1);
    assert_eq!(reader.certificate(&valid.summary.id).await.unwrap(), Some(valid));
}

async fn certificates_are_found_by_issuer_and_time_of_issue(db: Db) {
    insert(&db, &certificate(&account("owner").id, "a.example", 1)).await.unwrap();
    let any = CertificateFilter::default;
    let cases = [
        (CertificateFilter { issuer_id: "iss-test".parse().ok(), ..any() }, 1),
        (CertificateFilter { issuer_id: "iss-other".parse().ok(), ..any() }, 0),
        (CertificateFilter { created_before: Some(NOW), ..any() }, 0),
        (CertificateFilter { created_before: Some(after(1)), ..any() }, 1),
        (CertificateFilter { created_after: Some(NOW), ..any() }, 1),
        (CertificateFilter { created_after: Some(after(1)), ..any() }, 0),
    ];
    let mut reader = db.read().await.unwrap();
    for (filter, count) in cases {
        assert_eq!(reader.certificates(&filter, NOW).await.unwrap().items.len(), count, "{filter:?}");
    }
}
