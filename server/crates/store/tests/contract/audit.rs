use model::*;

use crate::fixtures::{NOW, after, event};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    events_are_filtered_and_paged,
    every_filter_restricts_and_filters_combine,
    the_history_of_a_profile_has_its_changes_alone,
}

async fn events_are_filtered_and_paged(db: Db) {
    let events: Vec<_> = ["acme:a", "acme:b", "key:c"].map(|actor| event(actor, "order.created")).into();
    let stored = events.clone();
    db.put(unit!(|tx| tx.record(&stored).await)).await;
    let mut reader = db.read().await.unwrap();
    let mut filter = AuditFilter { actor: Some("acme:".to_owned()), ..AuditFilter::default() };
    assert_eq!(reader.audit_events(&filter).await.unwrap().items.len(), 2);
    filter.page.limit = 1;
    let first = reader.audit_events(&filter).await.unwrap();
    filter.page.after = first.next.clone();
    let second = reader.audit_events(&filter).await.unwrap();
    assert!(first.next.is_some() && second.next.is_none());
    assert!(first.items[0].id > second.items[0].id, "newest first");
    assert!(events.contains(&first.items[0]) && events.contains(&second.items[0]));
    assert_eq!(reader.audit_event(&events[1].id).await.unwrap().as_ref(), Some(&events[1]));
    let unknown = AuditEventId::generate(NOW, &SystemEntropy);
    assert_eq!(reader.audit_event(&unknown).await.unwrap(), None);
}

async fn every_filter_restricts_and_filters_combine(db: Db) {
    let at = |seconds, actor: &str, action: &str, outcome, resource: (&str, &str)| AuditEvent {
        id: AuditEventId::generate(after(seconds), &SystemEntropy),
        created_at: after(seconds),
        outcome,
        resource_type: resource.0.to_owned(),
        resource_id: resource.1.to_owned(),
        ..event(actor, action)
    };
    let (order, key) = (("order", "ord-1"), ("api_key", "key-1"));
    let events = [
        at(0, "acme:a", "order.created", Outcome::Success, order),
        at(1000, "acme:a", "order.refused", Outcome::Refused, order),
        at(2000, "acme:b", "order.created", Outcome::Success, ("order", "ord-2")),
        at(3000, "key:k", "api_key.created", Outcome::Success, key),
        at(4000, "key:k", "order.failed", Outcome::Failure, order),
        at(5000, "anonymous", "order.refused", Outcome::Refused, ("profile", "prof-1")),
    ];
    let stored = events.to_vec();
    db.put(unit!(|tx| tx.record(&stored).await)).await;

    let any = AuditFilter::default;
    let some = |text: &str| Some(text.to_owned());
    let cases: Vec<(AuditFilter, &[usize])> = vec![
        (any(), &[5, 4, 3, 2, 1, 0]),
        (AuditFilter { actor: some("acme:a"), ..any() }, &[1, 0]),
        (AuditFilter { actor: some("acme:"), ..any() }, &[2, 1, 0]),
        (AuditFilter { actor: some("k*"), ..any() }, &[4, 3]),
        (AuditFilter { actor: some("*"), ..any() }, &[5, 4, 3, 2, 1, 0]),
        (AuditFilter { actor: some("acme"), ..any() }, &[]),
        (AuditFilter { action: some("order.created"), ..any() }, &[2, 0]),
        (AuditFilter { resource_type: some("api_key"), ..any() }, &[3]),
        (AuditFilter { resource_id: some("ord-1"), ..any() }, &[4, 1, 0]),
        (AuditFilter { outcome: Some(Outcome::Success), ..any() }, &[3, 2, 0]),
        (AuditFilter { outcome: Some(Outcome::Refused), ..any() }, &[5, 1]),
        (AuditFilter { since: Some(after(3000)), ..any() }, &[5, 4, 3]),
        (AuditFilter { until: Some(after(3000)), ..any() }, &[2, 1, 0]),
        (AuditFilter { since: Some(after(1000)), until: Some(after(1001)), ..any() }, &[1]),
        (AuditFilter { since: Some(after(9000)), ..any() }, &[]),
        (AuditFilter { until: Some(NOW), ..any() }, &[]),
        (
            AuditFilter {
                actor: some("acme:a"),
                action: some("order.refused"),
                resource_type: some("order"),
                resource_id: some("ord-1"),
                outcome: Some(Outcome::Refused),
                since: Some(after(1)),
                until: Some(after(2000)),
                ..any()
            },
            &[1],
        ),
        (AuditFilter { actor: some("key:"), resource_id: some("ord-1"), ..any() }, &[4]),
        (AuditFilter { actor: some("acme:"), outcome: Some(Outcome::Failure), ..any() }, &[]),
    ];
    let mut reader = db.read().await.unwrap();
    for (filter, expected) in cases {
        let found = reader.audit_events(&filter).await.unwrap().items;
        let expected: Vec<_> = expected.iter().map(|&index| events[index].clone()).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

async fn the_history_of_a_profile_has_its_changes_alone(db: Db) {
    let of = |number, profile: &str, action| AuditEvent {
        id: AuditEventId::generate(after(number), &SystemEntropy),
        resource_id: profile.to_owned(),
        ..event("key:a", action)
    };
    let changes = [
        of(1, "prof-own", "profile.created"),
        of(4, "prof-own", "profile.updated"),
        of(6, "prof-own", "profile.deleted"),
    ];
    let others = [
        of(2, "prof-own", "order.refused"),
        of(3, "prof-other", "profile.created"),
        of(5, "prof-own", "profiles"),
    ];
    let stored = [changes.clone(), others].concat();
    db.put(unit!(|tx| tx.record(&stored).await)).await;
    let mut reader = db.read().await.unwrap();
    let id = "prof-own".parse::<ProfileId>().unwrap();
    let mut page = PageRequest { after: None, limit: 2 };
    let first = reader.profile_history(&id, &page).await.unwrap();
    assert_eq!(first.items, [changes[2].clone(), changes[1].clone()]);
    page.after = first.next;
    let second = reader.profile_history(&id, &page).await.unwrap();
    assert_eq!((second.items, second.next), (vec![changes[0].clone()], None));
}
