use std::time::Duration;

use futures::future::join_all;
use model::*;
use store::{BulkFailure, BulkStep};

use crate::certificates::insert;
use crate::fixtures::{NOW, account, after, bulk_action, certificate};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    an_action_is_kept_with_all_that_it_means,
    a_step_is_claimed_by_one_and_made_once,
    a_stopped_action_takes_no_further_step,
    what_became_of_each_certificate_is_told,
    several_certificates_are_revoked_once,
    ended_actions_are_deleted_a_part_at_a_time,
}

async fn put(db: &Db, action: &BulkAction) {
    let action = action.clone();
    db.put(unit!(|tx| tx.insert_bulk_action(&action).await)).await;
}

async fn find(db: &Db, id: &BulkActionId) -> BulkAction {
    db.read().await.unwrap().bulk_action(id).await.unwrap().unwrap()
}

async fn claim(db: &Db, claim: &str, at: Timestamp) -> Option<BulkAction> {
    let (claim, until) = (claim.to_owned(), at + Duration::from_secs(5));
    db.put(unit!(|tx| tx.claim_bulk_action(&claim, until, at).await)).await
}

async fn advance(db: &Db, id: &BulkActionId, claim: &str, step: BulkStep) -> bool {
    let (id, claim) = (id.clone(), claim.to_owned());
    db.put(unit!(|tx| tx.advance_bulk_action(&id, &claim, &step, after(3)).await)).await
}

fn step(done: u64, ended: bool) -> BulkStep {
    BulkStep { done, failed: 1, position: None, ended, due_at: (!ended).then_some(after(3)) }
}

async fn an_action_is_kept_with_all_that_it_means(db: Db) {
    let by_filter = BulkAction {
        selection: BulkSelection::Filter(Box::new(CertificateFilter {
            name: Some("a.example".to_owned()),
            state: Some(CertificateState::Valid),
            created_before: Some(NOW),
            ..CertificateFilter::default()
        })),
        change: BulkChange::Renew { reason: "a reason".to_owned(), explanation_url: None },
        replaced: Some((7, after(4))),
        ended_at: Some(after(3)),
        note: Some("somebody stopped it".to_owned()),
        position: Some(CertificateId::generate(NOW, &SystemEntropy)),
        state: BulkActionState::Stopped,
        ..bulk_action("usr")
    };
    let other = bulk_action("key");
    for action in [&by_filter, &other] {
        put(&db, action).await;
        assert_eq!(&find(&db, &action.id).await, action);
    }
    let mut reader = db.read().await.unwrap();
    for (actor, found) in [(None, 2), (Some(other.actor.clone()), 1), (Some(Actor::Anonymous), 0)] {
        let filter = BulkActionFilter { actor, page: PageRequest::default() };
        assert_eq!(reader.bulk_actions(&filter).await.unwrap().items.len(), found, "{filter:?}");
    }
}

async fn a_step_is_claimed_by_one_and_made_once(db: Db) {
    let action = bulk_action("usr");
    put(&db, &action).await;
    assert_eq!(claim(&db, "early", NOW - Duration::from_secs(1)).await, None, "not due yet");
    let names: Vec<_> = (0..8).map(|n| format!("claim-{n}")).collect();
    let claims = join_all(names.iter().map(|name| claim(&db, name, after(1)))).await;
    assert_eq!(claims.iter().flatten().count(), 1, "{claims:?}");
    let holder = &names[claims.iter().position(Option::is_some).unwrap()];
    assert_eq!(claim(&db, "second", after(5)).await, None, "the lease holds");
    let late = claim(&db, "late", after(6)).await.expect("the lease is over");
    assert_eq!(late.claim.as_deref(), Some("late"));

    assert!(!advance(&db, &action.id, holder, step(5, false)).await, "it lost the action");
    assert!(advance(&db, &action.id, "late", step(5, false)).await);
    assert!(!advance(&db, &action.id, "late", step(5, false)).await, "once for each claim");
    let found = find(&db, &action.id).await;
    assert_eq!((found.done, found.failed, found.claim, found.due_at), (5, 1, None, Some(after(3))));

    claim(&db, "last", after(4)).await.unwrap();
    assert!(advance(&db, &action.id, "last", step(2, true)).await);
    let found = find(&db, &action.id).await;
    assert_eq!((found.state, found.done, found.failed), (BulkActionState::Done, 7, 2));
    assert_eq!((found.due_at, found.ended_at), (None, Some(after(3))));
    assert_eq!(claim(&db, "never", after(1000)).await, None);
}

async fn a_stopped_action_takes_no_further_step(db: Db) {
    let action = bulk_action("usr");
    put(&db, &action).await;
    claim(&db, "claim", NOW).await.unwrap();
    let stop = async || {
        let id = action.id.clone();
        db.put(unit!(|tx| tx.stop_bulk_action(&id, "enough", Some(after(9)), after(1)).await)).await
    };
    assert!(stop().await);
    assert!(!stop().await, "it does not run any more");
    assert!(!advance(&db, &action.id, "claim", step(5, false)).await);
    let found = find(&db, &action.id).await;
    assert_eq!(
        (found.state, found.done, found.note.as_deref()),
        (BulkActionState::Stopped, 0, Some("enough"))
    );

    // It is looked at for what became of its certificates, for as long as somebody wants to know.
    claim(&db, "count", after(9)).await.unwrap();
    let keep = async |claim: &'static str| {
        let id = action.id.clone();
        db.put(unit!(|tx| tx.keep_bulk_action(&id, claim, after(20)).await)).await
    };
    assert!(keep("count").await && !keep("claim").await);
    assert_eq!(claim(&db, "other", after(15)).await, None, "it is kept");
    let note = async |claim: &'static str| {
        let id = action.id.clone();
        db.put(unit!(|tx| tx.note_bulk_replaced(&id, claim, 3, None, after(16)).await)).await
    };
    assert!(!note("claim").await && note("count").await);
    let found = find(&db, &action.id).await;
    assert_eq!((found.replaced, found.due_at, found.claim), (Some((3, after(16))), None, None));

    // What a process left that is no more.
    let left = bulk_action("usr");
    put(&db, &left).await;
    claim(&db, "dead", NOW).await.unwrap();
    assert_eq!(db.put(unit!(|tx| tx.take_back_bulk_actions(after(1)).await)).await, 1);
    assert_eq!(claim(&db, "alive", after(1)).await.unwrap().id, left.id);
}

async fn what_became_of_each_certificate_is_told(db: Db) {
    let action = bulk_action("usr");
    let owner = account("owner").id;
    let mut ids = Vec::new();
    for number in 1..=5 {
        let one = certificate(&owner, "a.example", number);
        insert(&db, &one).await.unwrap();
        ids.push(one);
    }
    // The second has been replaced by now.
    let (old, order, new) =
        (ids[1].clone(), OrderId::generate(NOW, &SystemEntropy), ids[4].summary.id.clone());
    db.put(unit!(|tx| {
        tx.claim_replacement(&old.summary.id, &None, &order).await?;
        tx.complete_replacement(&old.summary.serial, &order, &new).await
    }))
    .await;
    let mut ids: Vec<_> = ids.into_iter().map(|certificate| certificate.summary.id).collect();
    let failed = [ids.pop().unwrap(), CertificateId::generate(after(9), &SystemEntropy)];
    let failed_items = failed.iter().map(|id| (id.clone(), Some(format!("not {id}"))));
    let items: Vec<_> = ids.iter().map(|id| (id.clone(), None)).chain(failed_items).collect();
    let id = action.id.clone();
    db.put(unit!(|tx| tx.insert_bulk_items(&id, &items).await)).await;

    let mut reader = db.read().await.unwrap();
    let (mut after, mut counted, mut rounds) = (None, 0, 0);
    loop {
        let (some, last) = reader.count_bulk_replaced(&action.id, after.as_ref(), 2).await.unwrap();
        counted += some;
        rounds += 1;
        match last {
            Some(last) => after = Some(last),
            None => break,
        }
    }
    assert_eq!((counted, rounds), (1, 3), "two pages of two, and nothing more");

    let page = PageRequest { after: None, limit: 1 };
    let first = reader.bulk_failures(&action.id, &page).await.unwrap();
    let next = PageRequest { after: first.next.clone(), limit: 1 };
    let second = reader.bulk_failures(&action.id, &next).await.unwrap();
    let told: Vec<_> = first.items.into_iter().chain(second.items).collect();
    let [one, other] = failed;
    let failure = |id: CertificateId| BulkFailure { reason: format!("not {id}"), certificate_id: id };
    assert_eq!(told, [failure(other), failure(one)]);
    assert_eq!(second.next, None);
}

async fn several_certificates_are_revoked_once(db: Db) {
    let owner = account("owner").id;
    let [valid, mut expired, mut revoked] = [1, 2, 3].map(|number| certificate(&owner, "a.example", number));
    expired.summary.not_after = NOW - Duration::from_secs(1);
    let before = Revocation { at: NOW - Duration::from_secs(60), reason: RevocationReason::UNSPECIFIED };
    revoked.summary.revocation = Some(before.clone());
    for one in [&valid, &expired, &revoked] {
        insert(&db, one).await.unwrap();
    }
    let ids: Vec<_> = [&valid, &expired, &revoked].map(|one| one.summary.id.clone()).into();
    let wanted = Revocation { at: NOW, reason: RevocationReason::from_code(1).unwrap() };
    let revoke = async || {
        let (ids, wanted) = (ids.clone(), wanted.clone());
        db.put(unit!(|tx| tx.revoke_certificates(&ids, &wanted).await)).await
    };
    assert_eq!(revoke().await, std::slice::from_ref(&valid.summary.id));
    assert!(revoke().await.is_empty());
    let mut reader = db.read().await.unwrap();
    let mut found = reader.certificates_by_ids(&ids).await.unwrap();
    found.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let of = |id: &CertificateId| found.iter().find(|c| c.id == *id).unwrap().revocation.clone();
    assert_eq!([&ids[0], &ids[1], &ids[2]].map(of), [Some(wanted), None, Some(before)]);
    assert_eq!(found.len(), 3);
    let unknown = [CertificateId::generate(NOW, &SystemEntropy)];
    assert!(reader.certificates_by_ids(&unknown).await.unwrap().is_empty());
}

async fn ended_actions_are_deleted_a_part_at_a_time(db: Db) {
    let ended = |at| BulkAction {
        state: BulkActionState::Done,
        due_at: None,
        ended_at: Some(after(at)),
        ..bulk_action("usr")
    };
    let (first, second, kept, running) = (ended(1), ended(2), ended(3), bulk_action("usr"));
    let items: Vec<_> = (0..5).map(|_| (CertificateId::generate(NOW, &SystemEntropy), None)).collect();
    for action in [&second, &kept, &first, &running] {
        put(&db, action).await;
        let (id, items) = (action.id.clone(), items.clone());
        db.put(unit!(|tx| tx.insert_bulk_items(&id, &items).await)).await;
    }
    let delete = async || db.put(unit!(|tx| tx.delete_ended_bulk_action(after(3), 3).await)).await;
    let left = async || {
        let mut db = db.read().await.unwrap();
        let filter = BulkActionFilter { actor: None, page: PageRequest::default() };
        let mut ids: Vec<_> =
            db.bulk_actions(&filter).await.unwrap().items.into_iter().map(|action| action.id).collect();
        ids.sort_unstable();
        ids
    };
    let all = |actions: &[&BulkAction]| {
        let mut ids: Vec<_> = actions.iter().map(|action| action.id.clone()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(delete().await, 3, "what came of some certificates");
    assert_eq!(left().await, all(&[&first, &second, &kept, &running]));
    assert_eq!(delete().await, 3, "of the others, and the action");
    assert_eq!(left().await, all(&[&second, &kept, &running]));
    assert_eq!((delete().await, delete().await, delete().await), (3, 3, 0));
    assert_eq!(left().await, all(&[&kept, &running]), "the one ended too late, the other has not ended");
    // Of those that stay, all stays.
    let page = PageRequest { after: None, limit: 10 };
    let id = kept.id.clone();
    let again = db.store.write(unit!(|tx| tx.insert_bulk_items(&id, &items[..1]).await)).await;
    assert!(again.is_err(), "it is there");
    assert!(db.read().await.unwrap().bulk_failures(&first.id, &page).await.unwrap().items.is_empty());
}
