use std::time::Duration;

use futures::future::join_all;
use model::*;
use store::{Store, StoreError};

use crate::accounts::insert;
use crate::fixtures::{NOW, account, after, order};
use crate::support::{Db, on_both_engines};

on_both_engines! {
    a_challenge_is_answered_claimed_and_decided_once,
    the_last_of_two_validations_makes_the_order_ready,
    each_profile_is_found_by_its_due_challenges,
    a_deactivated_authorization_takes_what_it_made_valid_along,
    nothing_is_left_of_a_deleted_order,
}

/// An order of `names` whose authorizations are pending, stored with its account.
async fn pending_order(store: &Store, profile: &str, names: &[&str]) -> NewOrder {
    let owner = account(&format!("{profile} {names:?}"));
    insert(store, &owner).await.unwrap();
    let mut new = order(&owner.id, "a.example");
    let profile: ProfileId = profile.parse().unwrap();
    let template = new.authorizations.remove(0);
    for name in names {
        let identifier = Identifier::parse_any(name).unwrap();
        new.authorizations.push(Authorization {
            id: AuthorizationId::generate(NOW, &SystemEntropy),
            profile_id: profile.clone(),
            identifier,
            status: AuthorizationStatus::Pending,
            offered: Some(vec![ChallengeKind::Http01, ChallengeKind::Dns01]),
            validated_at: None,
            ..template.clone()
        });
    }
    new.order.profile_id = profile;
    new.order.status = OrderStatus::Pending;
    new.order.identifiers = new.authorizations.iter().map(|a| a.identifier.clone()).collect();
    new.order.authorization_ids = new.authorizations.iter().map(|a| a.id.clone()).collect();
    let stored = new.clone();
    store.write(move |tx| Box::pin(async move { tx.insert_order(&stored).await })).await.unwrap();
    new
}

async fn start(store: &Store, id: &AuthorizationId, kind: ChallengeKind) -> bool {
    let id = id.clone();
    let work = store.write(move |tx| Box::pin(async move { tx.start_challenge(&id, kind, after(1)).await }));
    work.await.unwrap()
}

async fn claim(store: &Store, profile: &ProfileId, claim: &str, at: Timestamp) -> Vec<Challenge> {
    let (profile, claim) = (profile.clone(), claim.to_owned());
    let until = at + Duration::from_secs(10);
    let work = store
        .write(move |tx| Box::pin(async move { tx.claim_challenges(&profile, &claim, until, at, 10).await }));
    work.await.unwrap()
}

async fn a_challenge_is_answered_claimed_and_decided_once(store: Db) {
    let new = pending_order(&store, "prof-test", &["a.example"]).await;
    let (id, profile) = (new.authorizations[0].id.clone(), new.order.profile_id.clone());
    let starts = join_all((0..8).map(|_| start(&store, &id, ChallengeKind::Http01))).await;
    assert_eq!(starts.into_iter().filter(|started| *started).count(), 1);
    assert!(start(&store, &id, ChallengeKind::Dns01).await);

    assert!(claim(&store, &profile, "early", NOW).await.is_empty(), "not due yet");
    let names: Vec<_> = (0..8).map(|n| format!("claim-{n}")).collect();
    let claims = join_all(names.iter().map(|name| claim(&store, &profile, name, after(2)))).await;
    let claimed: Vec<Challenge> = claims.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 2, "each is claimed once: {claimed:?}");
    assert!(claim(&store, &profile, "second", after(11)).await.is_empty(), "the lease holds");
    let late = claim(&store, &profile, "third", after(12)).await;
    assert_eq!(late.len(), 2, "the lease is over");

    let finish = |name: &'static str| {
        let id = id.clone();
        store.write(move |tx| {
            Box::pin(async move {
                let kind = ChallengeKind::Http01;
                tx.finish_challenge(&id, kind, name, 1, None, after(13)).await
            })
        })
    };
    assert!(!finish("claim-0").await.unwrap(), "a lost claim decides nothing");
    assert!(finish("third").await.unwrap());
    assert!(!finish("third").await.unwrap(), "decided once");
    let decided = store.read().await.unwrap().challenges_of_order(&new.order.id).await.unwrap();
    let states: Vec<_> = decided.iter().map(|c| (c.kind, c.status, c.validated_at)).collect();
    let valid = (ChallengeKind::Http01, ChallengeStatus::Valid, Some(after(13)));
    assert_eq!(states, [(ChallengeKind::Dns01, ChallengeStatus::Invalid, None), valid]);
}

async fn the_last_of_two_validations_makes_the_order_ready(store: Db) {
    for round in 0..10 {
        let new = pending_order(&store, &format!("prof-{round}"), &["a.example", "b.example"]).await;
        let validate = |authorization: &Authorization| {
            let (id, order) = (authorization.id.clone(), new.order.id.clone());
            store.write(move |tx| {
                Box::pin(async move {
                    tx.lock_order(&order).await?;
                    assert!(tx.validate_authorization(&id, after(60), after(1)).await?);
                    tx.ready_order(&order, after(1)).await
                })
            })
        };
        let [a, b] = &new.authorizations[..] else { unreachable!("there are two") };
        let (a, b): (Result<_, StoreError>, Result<_, StoreError>) = tokio::join!(validate(a), validate(b));
        assert_eq!(u32::from(a.unwrap()) + u32::from(b.unwrap()), 1, "one of them makes it ready");
        let stored = store.read().await.unwrap().order(&new.order.id).await.unwrap().unwrap();
        assert_eq!(stored.status, OrderStatus::Ready);
    }
}

async fn each_profile_is_found_by_its_due_challenges(store: Db) {
    let mut db = store.read().await.unwrap();
    assert!(db.profiles_with_due_challenges(after(5)).await.unwrap().is_empty());
    for profile in ["prof-b", "prof-a", "prof-c"] {
        let new = pending_order(&store, profile, &["a.example", "b.example"]).await;
        for authorization in &new.authorizations {
            assert!(start(&store, &authorization.id, ChallengeKind::Http01).await);
        }
    }
    assert_eq!(claim(&store, &"prof-b".parse().unwrap(), "x", after(2)).await.len(), 2);
    let due = db.profiles_with_due_challenges(after(5)).await.unwrap();
    assert_eq!(due.iter().map(ProfileId::as_str).collect::<Vec<_>>(), ["prof-a", "prof-c"]);
    assert_eq!(db.count_processing_challenges().await.unwrap(), 6);
    let taken = store.write(|tx| Box::pin(async move { tx.take_back_challenges(after(3)).await }));
    assert_eq!(taken.await.unwrap(), 2);
    assert_eq!(db.profiles_with_due_challenges(after(5)).await.unwrap().len(), 3);
}

async fn a_deactivated_authorization_takes_what_it_made_valid_along(store: Db) {
    let first = pending_order(&store, "prof-test", &["a.example"]).await;
    let source = first.authorizations[0].clone();
    let id = source.id.clone();
    let validated = store
        .write(move |tx| Box::pin(async move { tx.validate_authorization(&id, after(50), after(1)).await }));
    assert!(validated.await.unwrap());

    let mut db = store.read().await.unwrap();
    let (account, profile) = (source.account_id.clone(), source.profile_id.clone());
    let names: Vec<_> =
        ["a.example", "b.example"].iter().map(|name| Identifier::parse_any(name).unwrap()).collect();
    for (validated_after, beyond, found) in [(NOW, NOW, 1), (after(1), NOW, 0), (NOW, after(50), 0)] {
        let reusable =
            db.reusable_authorizations(&account, &profile, &names, validated_after, beyond).await.unwrap();
        assert_eq!(reusable.len(), found, "validated after {validated_after}, beyond {beyond}");
    }
    let elsewhere = "prof-else".parse().unwrap();
    let reusable = db.reusable_authorizations(&account, &elsewhere, &names, NOW, NOW).await.unwrap();
    assert!(reusable.is_empty(), "another profile's");

    let mut second = first.clone();
    second.order.id = OrderId::generate(NOW, &SystemEntropy);
    second.authorizations[0] = Authorization {
        id: AuthorizationId::generate(NOW, &SystemEntropy),
        order_id: Some(second.order.id.clone()),
        status: AuthorizationStatus::Valid,
        offered: None,
        source_id: Some(source.id.clone()),
        ..source.clone()
    };
    // One that newAuthz made belongs to no order.
    let lone_id = AuthorizationId::generate(NOW, &SystemEntropy);
    let lone = Authorization { id: lone_id.clone(), order_id: None, ..second.authorizations[0].clone() };
    let stored = second.clone();
    let insert = store.write(move |tx| {
        Box::pin(async move {
            tx.insert_order(&stored).await?;
            tx.insert_authorization(&lone).await
        })
    });
    insert.await.unwrap();
    let id = source.id.clone();
    let orders = store.write(move |tx| {
        Box::pin(async move {
            assert!(tx.hold_valid_authorizations(std::slice::from_ref(&id), after(2)).await?);
            assert!(tx.deactivate_authorization(&id, after(2)).await?);
            assert!(!tx.hold_valid_authorizations(std::slice::from_ref(&id), after(2)).await?);
            tx.deactivate_authorizations_made_by(&id, after(2)).await
        })
    });
    let orders: Result<_, StoreError> = orders.await;
    assert_eq!(orders.unwrap(), [second.order.id]);
    for made in [&second.authorizations[0].id, &lone_id] {
        let made = db.authorization(made).await.unwrap().unwrap();
        assert_eq!(made.status, AuthorizationStatus::Deactivated);
    }
}

async fn nothing_is_left_of_a_deleted_order(store: Db) {
    let new = pending_order(&store, "prof-test", &["a.example"]).await;
    let id = new.authorizations[0].id.clone();
    assert!(start(&store, &id, ChallengeKind::Http01).await);
    let attempt = ValidationAttempt {
        authorization_id: id.clone(),
        kind: ChallengeKind::Http01,
        number: 1,
        started_at: after(1),
        duration: Duration::from_micros(1234),
        outcome: AttemptOutcome::Failed,
        problem: Some(StoredProblem { r#type: "urn:x".to_owned(), detail: "no".to_owned(), status: 400 }),
        evidence: serde_json::json!({ "steps": [] }),
    };
    let stored = attempt.clone();
    let (order, problem) = (new.order.id.clone(), attempt.problem.clone().unwrap());
    store
        .write(move |tx| {
            Box::pin(async move {
                tx.insert_validation_attempt(&stored).await?;
                tx.fail_order(&order, OrderStatus::Pending, &problem, after(2)).await
            })
        })
        .await
        .unwrap();
    let mut db = store.read().await.unwrap();
    assert_eq!(db.validation_attempts_of_order(&new.order.id).await.unwrap(), [attempt]);

    let lone = Authorization {
        id: AuthorizationId::generate(NOW, &SystemEntropy),
        order_id: None,
        ..new.authorizations[0].clone()
    };
    let stored = lone.clone();
    store.write(move |tx| Box::pin(async move { tx.insert_authorization(&stored).await })).await.unwrap();
    let deleted = store.write(|tx| {
        Box::pin(async move {
            let orders = tx.delete_orders(after(1000), 10).await?;
            Ok::<_, StoreError>((orders, tx.delete_lone_authorizations(after(1000), 10).await?))
        })
    });
    assert_eq!(deleted.await.unwrap(), (1, 1));
    assert!(
        db.authorization(&id).await.unwrap().is_none() && db.authorization(&lone.id).await.unwrap().is_none()
    );
    assert!(db.challenges_of_authorization(&id).await.unwrap().is_empty());
    assert_eq!(db.count_processing_challenges().await.unwrap(), 0);
}
