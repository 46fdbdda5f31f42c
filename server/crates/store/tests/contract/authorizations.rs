use model::*;

use crate::fixtures::{NOW, account, after, order};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    authorizations_come_in_the_order_of_the_identifiers,
    an_account_holds_what_is_valid_and_not_expired,
}

async fn authorizations_come_in_the_order_of_the_identifiers(db: Db) {
    let owner = account("owner").id;
    let names: Vec<String> = (0..300).map(|number| format!("n{}.example", number * 7919 % 300)).collect();
    let mut new = order(&owner, &names[0]);
    for name in &names[1..] {
        let next = order(&owner, name).authorizations.remove(0);
        new.authorizations.push(Authorization { order_id: Some(new.order.id.clone()), ..next });
    }
    let stored = new.clone();
    db.put(unit!(|tx| tx.insert_order(&stored).await)).await;
    let mut reader = db.read().await.unwrap();
    assert_eq!(reader.authorizations_of_order(&new.order.id).await.unwrap(), new.authorizations);
    let one = &new.authorizations[42];
    assert_eq!(reader.authorization(&one.id).await.unwrap().as_ref(), Some(one));
}

async fn an_account_holds_what_is_valid_and_not_expired(db: Db) {
    let (owner, other) = (account("owner").id, account("other").id);
    let mut deactivated = None;
    for name in ["a.example", "*.w.example", "10.0.0.1", "gone.example"] {
        let new = order(&owner, name);
        deactivated = Some(new.authorizations[0].id.clone());
        db.put(unit!(|tx| tx.insert_order(&new).await)).await;
    }
    let last = deactivated.unwrap();
    let deactivate = || {
        let id = last.clone();
        db.put(unit!(|tx| tx.deactivate_authorization(&id, NOW).await))
    };
    assert!(deactivate().await);
    assert!(!deactivate().await, "once is enough");

    let mut reader = db.read().await.unwrap();
    let cases: [(&AccountId, &[&str], Timestamp, bool); 10] = [
        (&owner, &["a.example"], NOW, true),
        (&owner, &["a.example", "*.w.example", "10.0.0.1"], NOW, true),
        (&owner, &["a.example"], after(60), false),
        (&other, &["a.example"], NOW, false),
        (&owner, &["a.example", "b.example"], NOW, false),
        (&owner, &["w.example"], NOW, false),
        (&owner, &["*.a.example"], NOW, false),
        (&owner, &["gone.example"], NOW, false),
        (&owner, &[], NOW, false),
        (&owner, &["10.0.0.2"], NOW, false),
    ];
    for (holder, names, now, expected) in cases {
        let identifiers: Vec<_> = names.iter().map(|name| Identifier::parse_any(name).unwrap()).collect();
        let held = reader.holds_authorizations(holder, &identifiers, now).await.unwrap();
        assert_eq!(held, expected, "{names:?} at {now}");
    }
    let many = vec![Identifier::parse_any("a.example").unwrap(); 120];
    assert!(
        reader.holds_authorizations(&owner, &many, NOW).await.unwrap(),
        "more than one statement's worth"
    );
}
