//! Lists by parts of names and contacts, by expiry, and by when an account was last seen.

use model::*;
use store::EngineKind;

use crate::fixtures::{NOW, account, after, certificate, order_at};
use crate::support::{Db, on_both_engines, unit};
use crate::{accounts, certificates};

on_both_engines! {
    certificates_are_found_by_parts_of_their_names,
    a_part_that_many_names_have_is_searched_among_the_newest,
    orders_are_found_by_parts_of_their_names,
    certificates_are_listed_by_expiry,
    accounts_are_found_by_parts_of_their_contacts,
    accounts_are_found_by_when_they_were_last_seen,
    what_was_stored_before_is_found_too,
}

fn part(text: &str) -> Option<NamePart> {
    Some(NamePart::parse(text).unwrap())
}

/// Certificates of these names, the later ones newer; each ends the sooner the newer it is.
async fn certified(db: &Db, names: &[&str]) -> Vec<CertificateSummary> {
    let owner = account("owner").id;
    let mut all = Vec::new();
    for (number, name) in (0u64..).zip(names) {
        let mut new = certificate(&owner, name, number + 1);
        new.summary.id = CertificateId::generate(after(number), &SystemEntropy);
        new.summary.not_after = after(5000 - 100 * number);
        if number % 2 == 1 {
            new.summary.profile_id = "prof-odd".parse().unwrap();
        }
        certificates::insert(db, &new).await.unwrap();
        all.push(new.summary);
    }
    all
}

async fn certificates_are_found_by_parts_of_their_names(db: Db) {
    let names =
        ["web-17.prod.example.com", "*.prod.example.com", "example.community", "10.1.2.3", "prod.test"];
    let all = certified(&db, &names).await;
    let mut reader = db.read().await.unwrap();
    for (text, expected) in [
        ("web", &[0][..]),
        ("WEB-17.PROD", &[0]),
        ("17.prod", &[]),
        ("prod", &[4, 1, 0]),
        (".prod.example.com", &[1, 0]),
        ("example.com", &[2, 1, 0]),
        ("com", &[2, 1, 0]),
        ("*.prod", &[1]),
        ("10.1", &[3]),
        ("10.1.2.3", &[3]),
        ("prod.test", &[4]),
        ("prod.tests", &[]),
    ] {
        let filter = CertificateFilter { name_part: part(text), ..CertificateFilter::default() };
        let found = reader.certificates(&filter, NOW).await.unwrap();
        let expected: Vec<_> = expected.iter().map(|&index: &usize| all[index].clone()).collect();
        assert_eq!((found.items, found.next), (expected.clone(), None), "{text}");
        let by_expiry = CertificateFilter { order: Some(CertificateOrder::Expiry), ..filter.clone() };
        assert_eq!(reader.certificates(&by_expiry, NOW).await.unwrap().items, expected, "{text} by expiry");
        let odd = CertificateFilter { profile_id: "prof-odd".parse().ok(), ..filter };
        let expected: Vec<_> = expected.into_iter().filter(|c| c.profile_id.as_str() == "prof-odd").collect();
        assert_eq!(reader.certificates(&odd, NOW).await.unwrap().items, expected, "{text} of a profile");
    }
    let both = CertificateFilter {
        name: Some("prod.test".to_owned()),
        name_part: part("web"),
        ..CertificateFilter::default()
    };
    assert_eq!(reader.certificates(&both, NOW).await.unwrap().items, []);
}

async fn a_part_that_many_names_have_is_searched_among_the_newest(db: Db) {
    let owner = account("owner").id;
    db.put(unit!(|tx| {
        for number in 0..700u64 {
            let suffix = if number % 7 == 0 { "other.test" } else { "many.test" };
            let mut new = certificate(&owner, &format!("n{number}.{suffix}"), number + 1);
            new.summary.id = CertificateId::generate(after(number), &SystemEntropy);
            tx.insert_certificate(&new).await?;
        }
        Ok(())
    }))
    .await;
    let mut reader = db.read().await.unwrap();
    let mut filter = CertificateFilter { name_part: part("many.t"), ..CertificateFilter::default() };
    filter.page.limit = 450;
    let first = reader.certificates(&filter, NOW).await.unwrap();
    filter.page.after = first.next;
    let second = reader.certificates(&filter, NOW).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next), (450, 150, None));
    let all: Vec<_> = first.items.into_iter().chain(second.items).collect();
    assert!(all.is_sorted_by(|a, b| a.id > b.id));
    assert!(all.iter().all(|c| c.identifiers[0].value().ends_with(".many.test")));
}

async fn orders_are_found_by_parts_of_their_names(db: Db) {
    let owner = account("owner").id;
    let mut ids = Vec::new();
    for (number, name) in (0..).zip(["a.shop.test", "*.shop.test", "shop.test", "10.0.0.1", "a.shop.test"]) {
        let new = order_at(&owner, name, after(number));
        ids.push(new.order.id.clone());
        db.put(unit!(|tx| tx.insert_order(&new).await)).await;
    }
    let mut reader = db.read().await.unwrap();
    for (text, expected) in [
        ("a.shop", &[4, 0][..]),
        ("*.shop", &[1]),
        ("shop", &[4, 2, 1, 0]),
        ("test", &[4, 2, 1, 0]),
        ("10.", &[3]),
        ("op.test", &[]),
    ] {
        let mut filter = OrderFilter { name_part: part(text), ..OrderFilter::default() };
        let expected: Vec<_> = expected.iter().map(|&index: &usize| ids[index].clone()).collect();
        filter.page.limit = 3;
        let found = reader.orders(&filter).await.unwrap();
        let mut seen: Vec<_> = found.items.into_iter().map(|o| o.id).collect();
        assert_eq!(found.next.is_some(), expected.len() > 3, "{text}");
        if found.next.is_some() {
            filter.page.after = found.next;
            seen.extend(reader.orders(&filter).await.unwrap().items.into_iter().map(|o| o.id));
        }
        assert_eq!(seen, expected, "{text}");
    }
}

async fn certificates_are_listed_by_expiry(db: Db) {
    // Numbers 0 to 4; number 0 ends last.
    let all = certified(&db, &["a.test", "b.test", "c.test", "d.test", "e.test"]).await;
    let mut reader = db.read().await.unwrap();
    let any = || CertificateFilter { order: Some(CertificateOrder::Expiry), ..CertificateFilter::default() };
    let expired = Some(CertificateState::Expired);
    let odd = || vec!["prof-odd".parse().unwrap()];
    for (filter, now, expected) in [
        (any(), NOW, &[4, 3, 2, 1, 0][..]),
        // From now on.
        (any(), after(4750), &[2, 1, 0]),
        (CertificateFilter { expires_after: Some(NOW), ..any() }, after(4750), &[4, 3, 2, 1, 0]),
        (CertificateFilter { expires_before: Some(after(4800)), ..any() }, NOW, &[4, 3]),
        (CertificateFilter { state: expired, ..any() }, after(4850), &[2, 3, 4]),
        (CertificateFilter { state: expired, order: None, ..any() }, after(4850), &[2, 3, 4]),
        (CertificateFilter { state: Some(CertificateState::Valid), ..any() }, after(4850), &[1, 0]),
        (CertificateFilter { profile_id: "prof-odd".parse().ok(), ..any() }, NOW, &[3, 1]),
        (CertificateFilter { within: odd(), ..any() }, NOW, &[3, 1]),
        (CertificateFilter { name: Some("b.test".to_owned()), ..any() }, NOW, &[1]),
        (CertificateFilter { serial: Some(all[1].serial.clone()), ..any() }, after(9000), &[1]),
        (CertificateFilter { account_id: all[1].account_id.clone(), ..any() }, NOW, &[4, 3, 2, 1, 0]),
    ] {
        let expected: Vec<_> = expected.iter().map(|&index: &usize| all[index].clone()).collect();
        assert_eq!(reader.certificates(&filter, now).await.unwrap().items, expected, "{filter:?}");
        // Page by page.
        let (mut filter, mut seen) = (filter, Vec::new());
        filter.page.limit = 2;
        loop {
            let page = reader.certificates(&filter, now).await.unwrap();
            assert!(page.items.len() <= 2);
            seen.extend(page.items);
            filter.page.after = page.next;
            if filter.page.after.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{filter:?}");
    }
}

async fn accounts_are_found_by_parts_of_their_contacts(db: Db) {
    let mut all = Vec::new();
    for (number, contacts) in (0..).zip([
        &["mailto:Web.Team@example.com", "mailto:second@other.test"][..],
        &["mailto:web_50%25@example.com"],
        &[],
        &["mailto:ops@team.example.com"],
    ]) {
        let contacts = contacts.iter().map(|&contact: &&str| contact.to_owned()).collect();
        let id = AccountId::generate(after(number), &SystemEntropy);
        let new = Account { contacts, id, ..account(&number.to_string()) };
        accounts::insert(&db, &new).await.unwrap();
        all.push(new);
    }
    let find = async |text: &str| {
        let contact_part = Some(ContactPart::parse(text).unwrap());
        let filter = AccountFilter { contact_part, ..AccountFilter::default() };
        let found = db.read().await.unwrap().accounts(&filter).await.unwrap().items;
        assert!(found.iter().all(|account| filter.fits(account)));
        found.iter().map(|a| all.iter().position(|known| known.id == a.id).unwrap()).collect::<Vec<_>>()
    };
    for (text, expected) in [
        ("web", &[1, 0][..]),
        ("web.team@example.com", &[0]),
        ("team", &[3, 0]),
        ("@example.com", &[3, 1, 0]),
        ("mailto:ops", &[3]),
        ("second@OTHER", &[0]),
        ("web_50%", &[1]),
        ("web%", &[]),
        ("xample", &[]),
    ] {
        assert_eq!(find(text).await, expected, "{text}");
    }
    let changed = Account { contacts: vec!["mailto:new@third.test".to_owned()], ..all[0].clone() };
    db.put(unit!(|tx| tx.update_account(&changed).await)).await;
    assert_eq!(find("second").await, [0usize; 0]);
    assert_eq!(find("third").await, [0]);
}

async fn accounts_are_found_by_when_they_were_last_seen(db: Db) {
    let mut ids = Vec::new();
    for number in 0..4u64 {
        let id = AccountId::generate(after(number), &SystemEntropy);
        let new = Account { id, last_seen_at: after(number), ..account(&number.to_string()) };
        accounts::insert(&db, &new).await.unwrap();
        ids.push(new.id);
    }
    let seen = [ids[0].clone(), ids[3].clone()];
    db.put(unit!(|tx| tx.note_accounts_seen(&seen, after(2)).await)).await;
    let mut reader = db.read().await.unwrap();
    let stored = reader.account(&ids[3]).await.unwrap().unwrap();
    assert_eq!(
        (stored.last_seen_at, stored.version),
        (after(3), 1),
        "never set back, and no change of the account"
    );
    let any = AccountFilter::default;
    let by_use = Some(AccountOrder::LastSeen);
    for (filter, expected) in [
        (AccountFilter { order: by_use, ..any() }, &[1, 0, 2, 3][..]),
        (AccountFilter { not_seen_since: Some(after(3)), ..any() }, &[1, 0, 2]),
        (
            AccountFilter { not_seen_since: Some(after(3)), order: Some(AccountOrder::Newest), ..any() },
            &[2, 1, 0],
        ),
        (
            AccountFilter { not_seen_since: Some(after(3)), status: Some(AccountStatus::Valid), ..any() },
            &[2, 1, 0],
        ),
        (AccountFilter { status: Some(AccountStatus::Suspended), order: by_use, ..any() }, &[]),
    ] {
        let (mut paged, mut seen) = (filter.clone(), Vec::new());
        paged.page.limit = 1;
        loop {
            let page = reader.accounts(&paged).await.unwrap();
            seen.extend(page.items.into_iter().map(|a| ids.iter().position(|id| *id == a.id).unwrap()));
            paged.page.after = page.next;
            if paged.page.after.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{filter:?}");
    }
}

/// The statements of the migration that fill the new tables, on rows as they were before it.
async fn what_was_stored_before_is_found_too(db: Db) {
    let names = ["web.example.com", "*.example.com", "10.0.0.1", "localhost"];
    let all = certified(&db, &names).await;
    let ordered = order_at(&account("x").id, "never.issued.test", NOW);
    let holder = Account {
        contacts: vec!["mailto:A.B@Example.com".to_owned(), "mailto:c@d".to_owned()],
        ..account("holder")
    };
    accounts::insert(&db, &holder).await.unwrap();
    db.put(unit!(|tx| tx.insert_order(&ordered).await)).await;
    let migration = match db.engine() {
        EngineKind::Sqlite => include_str!("../../../../../migrations/sqlite/0011_search.sql"),
        EngineKind::Postgres => include_str!("../../../../../migrations/postgres/0011_search.sql"),
    };
    for table in ["name_parts", "account_contacts"] {
        let rows = || db.query(&format!("SELECT * FROM {table} ORDER BY 1, 2"));
        let expected = rows();
        assert!(expected.len() > 4);
        let start = migration.find(&format!("INSERT INTO {table}")).unwrap();
        let statement = &migration[start..];
        let statement = &statement[..=statement.find(';').unwrap()];
        db.query(&format!("DELETE FROM {table}; {statement}"));
        assert_eq!(rows(), expected);
    }
    let filter = CertificateFilter { name_part: part("example"), ..CertificateFilter::default() };
    let found = db.read().await.unwrap().certificates(&filter, NOW).await.unwrap().items;
    assert_eq!(found, [all[1].clone(), all[0].clone()]);
}
