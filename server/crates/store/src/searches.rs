//! Searches that look at more rows than a page may: they go on where they ended, and miss nothing. Here a page looks at
//! fewer rows than in the product.

use std::collections::BTreeSet;

use model::*;
use testkit::postgres::Postgres;

use crate::fixtures::NOW;
use crate::plans::{Subjects, open, seed};
use crate::{DatabaseUrl, Store};

/// All items of a list and how many pages it took.
macro_rules! walk {
    ($filter:expr, |$page:ident| $read:expr) => {{
        let (mut filter, mut items, mut pages) = ($filter, Vec::new(), 0);
        loop {
            let $page = &filter;
            let page = $read.await.unwrap();
            items.extend(page.items);
            pages += 1;
            match page.next {
                Some(next) => filter.page.after = Some(next),
                None => break (items, pages),
            }
        }
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_searches_go_on_until_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(DatabaseUrl::Sqlite { path: directory.path().join("searches.db") }).await;
    searches_go_on_until_the_end(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_searches_go_on_until_the_end() {
    let url = Postgres::shared().create_database("searches");
    searches_go_on_until_the_end(open(DatabaseUrl::Postgres { url }).await).await;
}

async fn searches_go_on_until_the_end(store: Store) {
    let Subjects { account, order, certificate, .. } = seed(&store).await;
    let mut db = store.read().await.unwrap();
    let part = |text: &str| Some(NamePart::parse(text).unwrap());

    let any = CertificateFilter::default;
    let ids = |found: &[CertificateSummary]| found.iter().map(|c| c.id.clone()).collect::<BTreeSet<_>>();
    // Rare, without an index.
    let state = Some(CertificateState::Valid);
    let until = Some(NOW + std::time::Duration::from_secs(60));
    let rare =
        CertificateFilter { state, expires_before: until, order: Some(CertificateOrder::Newest), ..any() };
    let (found, pages) = walk!(rare, |filter| db.certificates(filter, NOW));
    assert_eq!(found, [], "the only one that ends soon is revoked");
    assert!(pages > 15, "{pages}");
    // Dense.
    let (found, pages) =
        walk!(CertificateFilter { name_part: part("exam"), ..any() }, |f| db.certificates(f, NOW));
    assert_eq!((found.len(), ids(&found).len()), (2001, 2001));
    assert!(found.is_sorted_by(|a, b| a.id > b.id) && pages >= 41);
    // A part that is dense, and a filter that few fit.
    let few = CertificateFilter { name_part: part("example"), profile_id: "prof-rare".parse().ok(), ..any() };
    let (found, _) = walk!(few, |filter| db.certificates(filter, NOW));
    assert_eq!(ids(&found), [certificate.summary.id.clone()].into());
    // More candidates than are looked up, along the expiry.
    let by_expiry = CertificateFilter {
        profile_id: "prof-test".parse().ok(),
        order: Some(CertificateOrder::Expiry),
        ..any()
    };
    let (found, pages) = walk!(by_expiry, |filter| db.certificates(filter, NOW));
    assert_eq!((ids(&found).len(), found.len()), (2000, 2000));
    assert!(found.is_sorted_by_key(|c| (c.not_after, c.id.clone())) && pages >= 40);

    let any = OrderFilter::default;
    let (found, _) = walk!(OrderFilter { name_part: part("challenged"), ..any() }, |f| db.orders(f));
    assert_eq!(found.len(), 2000);
    let (found, _) = walk!(OrderFilter { name_part: part("own.example"), ..any() }, |f| db.orders(f));
    assert_eq!(found.iter().map(|o| &o.id).collect::<Vec<_>>(), [&order.order.id]);
    let failed = OrderFilter { name_part: part("n1"), status: Some(OrderStatus::Invalid), ..any() };
    let (found, _) = walk!(failed, |filter| db.orders(filter));
    assert_eq!(found.len(), (0..2000).filter(|n| n % 2 == 1 && n.to_string().starts_with('1')).count());

    let contact = |text: &str| AccountFilter {
        contact_part: Some(ContactPart::parse(text).unwrap()),
        ..AccountFilter::default()
    };
    let (found, pages) = walk!(contact("a@example"), |filter| db.accounts(filter));
    assert_eq!((found.len(), pages >= 40), (2000, true));
    let (found, _) = walk!(contact("own.t"), |filter| db.accounts(filter));
    assert_eq!(found.iter().map(|a| &a.id).collect::<Vec<_>>(), [&account.id]);

    let events = AuditFilter {
        actor: Some("acme:".to_owned()),
        outcome: Some(Outcome::Refused),
        ..AuditFilter::default()
    };
    assert_eq!(walk!(events, |filter| db.audit_events(filter)).0, []);
    let (found, pages) =
        walk!(AuditFilter { actor: Some("key:*".to_owned()), ..AuditFilter::default() }, |filter| db
            .audit_events(filter));
    assert_eq!((found.len(), pages), (1, 1));
}
