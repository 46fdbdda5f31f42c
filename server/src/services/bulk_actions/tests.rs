use std::sync::Arc;
use std::time::Duration;

use model::*;

use super::*;
use crate::auth;
use crate::services::sessions::tests::World;

const PROFILE: &str = "prof-test";

/// So many certificates of the profile, each of a name of its own, from the oldest to the newest.
async fn issue(world: &World, profile: &str, count: u64) -> Vec<CertificateId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        world.wait(Duration::from_millis(1));
        let now = world.core.now();
        let id = CertificateId::generate(now, &SystemEntropy);
        let mut random = [0; 32];
        SystemEntropy.fill(&mut random);
        let summary = CertificateSummary {
            id: id.clone(),
            serial: hex::encode(&random[..16]),
            issuer_id: "iss-internal-ca".parse().unwrap(),
            profile_id: profile.parse().unwrap(),
            account_id: None,
            order_id: None,
            common_name: None,
            identifiers: vec![Identifier::parse_any("a.example").unwrap()],
            key_type: KeyType::EcdsaP256,
            sha256: hex::encode(random),
            not_before: now,
            not_after: now + Duration::from_secs(86_400 * 90),
            created_at: now,
            revocation: None,
            renewal_demand: None,
            replaced_by: None,
        };
        let (der, chain_id) = (vec![0], "chain".to_owned());
        let certificate = Certificate { summary, der, chain_id, replaced_by_order: None };
        let stored = world.core.store.write(move |tx| {
            Box::pin(async move { tx.insert_certificate(&certificate).await.map_err(Error::from) })
        });
        stored.await.unwrap();
        ids.push(id);
    }
    // A filter means what is older than the moment at which it was asked for.
    world.wait(Duration::from_millis(1));
    ids
}

/// Somebody with a key of this role.
async fn somebody(world: &World, role: &str) -> (ApiKey, Caller) {
    let key = world.key(role, &[], None).await;
    let actor = Actor::ApiKey(key.id.clone());
    let mut db = world.core.store.read().await.unwrap();
    let rights = Arc::new(auth::rights_now(&mut db, &actor, world.core.now()).await.unwrap());
    (key, Caller { actor, rights, ..Caller::system("test") })
}

fn revoke() -> BulkChange {
    let reason = RevocationReason::from_name("superseded").unwrap();
    BulkChange::Revoke { reason, comment: "a test".to_owned() }
}

fn renew() -> BulkChange {
    BulkChange::Renew { reason: "a test".to_owned(), explanation_url: None }
}

fn of_profile(profile: &str) -> BulkSelection {
    let profile_id = Some(profile.parse().unwrap());
    BulkSelection::Filter(Box::new(CertificateFilter { profile_id, ..CertificateFilter::default() }))
}

async fn begin(world: &World, caller: &Caller, change: BulkChange, selection: BulkSelection) -> BulkAction {
    super::start(&world.core, caller, change, selection, world.core.now()).await.unwrap()
}

async fn look(world: &World, id: &BulkActionId) -> BulkAction {
    super::find(&world.core, &Caller::system("test"), id).await.unwrap()
}

async fn step(world: &World) -> bool {
    work::step(&world.core).await.unwrap()
}

async fn claim(world: &World, name: &'static str) -> Option<BulkAction> {
    let now = world.core.now();
    let until = now + Duration::from_secs(5);
    let claimed = world.core.store.write(move |tx| {
        Box::pin(async move { tx.claim_bulk_action(name, until, now).await.map_err(Error::from) })
    });
    claimed.await.unwrap()
}

async fn events(world: &World, action: &str) -> Vec<AuditEvent> {
    let page = PageRequest { after: None, limit: PageRequest::MAX_LIMIT };
    let filter = AuditFilter { action: Some(action.to_owned()), page, ..AuditFilter::default() };
    world.core.store.read().await.unwrap().audit_events(&filter).await.unwrap().items
}

async fn revoked(world: &World, ids: &[CertificateId]) -> usize {
    let mut db = world.core.store.read().await.unwrap();
    let found = db.certificates_by_ids(ids).await.unwrap();
    found.iter().filter(|certificate| certificate.revocation.is_some()).count()
}

#[tokio::test]
async fn another_process_goes_on_where_one_died_and_each_certificate_is_revoked_once() {
    let world = World::new().await;
    let old = issue(&world, PROFILE, 250).await;
    let (_, admin) = somebody(&world, "admin").await;
    let action = begin(&world, &admin, revoke(), of_profile(PROFILE)).await;
    let new = issue(&world, PROFILE, 3).await;
    assert_eq!((action.total, action.left()), (250, Some(250)));

    assert!(step(&world).await);
    let found = look(&world, &action.id).await;
    assert_eq!((found.state, found.done, found.left()), (BulkActionState::Running, 100, Some(150)));
    claim(&world, "dead").await.expect("the next step is due at once");
    assert!(!step(&world).await, "somebody seems to be at work on it");
    world.wait(Duration::from_secs(6));
    assert!(step(&world).await && step(&world).await);
    assert!(!step(&world).await, "nothing is left to do");

    let found = look(&world, &action.id).await;
    assert_eq!((found.state, found.done, found.failed), (BulkActionState::Done, 250, 0));
    assert_eq!(found.left(), Some(0));
    assert_eq!((revoked(&world, &old).await, revoked(&world, &new).await), (250, 0));
    let events_of = events(&world, "certificate.revoked").await;
    assert_eq!(events_of.len(), 250, "one event for each");
    let (details, actor) = (&events_of[0].details, &events_of[0].actor);
    assert_eq!((&details["bulk_action"], &details["comment"]), (&json!(action.id), &json!("a test")));
    assert_eq!(*actor, admin.actor.to_string());
    let finished = events(&world, "bulk_action.finished").await;
    assert_eq!((finished.len(), &finished[0].details["done"]), (1, &json!(250)));
}

#[tokio::test]
async fn whoever_loses_the_right_does_not_go_on_using_it() {
    let world = World::new().await;
    let ids = issue(&world, PROFILE, 150).await;
    let (key, operator) = somebody(&world, "operator").await;
    let action = begin(&world, &operator, revoke(), BulkSelection::Ids(ids.clone())).await;
    assert!(step(&world).await);
    crate::services::api_keys::revoke(&world.core, &Caller::system("test"), &key.id, None).await.unwrap();
    assert!(step(&world).await && !step(&world).await);
    let found = look(&world, &action.id).await;
    assert_eq!((found.state, found.done, found.failed), (BulkActionState::Stopped, 100, 0));
    assert!(found.note.unwrap().contains("may not do this any more: certificate.revoke is required"));
    assert_eq!(revoked(&world, &ids).await, 100);
    assert_eq!(events(&world, "bulk_action.stopped").await[0].actor, "system:bulk actions");
}

#[tokio::test]
async fn what_cannot_be_done_is_told_and_the_rest_is_done() {
    let world = World::new().await;
    let mut ids = issue(&world, PROFILE, 2).await;
    let other = issue(&world, "prof-other", 1).await;
    let (_, admin) = somebody(&world, "admin").await;
    let first = begin(&world, &admin, revoke(), BulkSelection::Ids(vec![ids[0].clone()])).await;
    assert!(step(&world).await);
    assert_eq!(look(&world, &first.id).await.state, BulkActionState::Done);

    // Somebody who sees all certificates, and may revoke those of one profile.
    let (_, viewer) = somebody(&world, "viewer").await;
    let mut rights = (*viewer.rights).clone();
    let operator = BuiltInRole::find(&"operator".parse().unwrap()).unwrap().permissions;
    rights.add(operator, &[PROFILE.parse().unwrap()]);
    let action = BulkAction { actor: viewer.actor.clone(), total: 4, ..first.clone() };
    let unknown = CertificateId::generate(world.core.now(), &SystemEntropy);
    ids.extend([other[0].clone(), unknown.clone()]);
    ids.sort_unstable_by(|one, other| other.cmp(one));
    let scoped = Caller { rights: Arc::new(rights), ..viewer };
    let action = BulkAction { selection: BulkSelection::Ids(ids.clone()), ..action };
    let prepared = work::prepared(&world.core, &scoped, &action).await.unwrap();
    assert_eq!(prepared.0.len(), 1, "the one that is left: {prepared:?}");
    let mut reasons: Vec<_> = prepared.1.iter().map(|(_, reason)| reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [
            "certificate.revoke is not held within its profile prof-other",
            "it is revoked already",
            "there is no such certificate",
        ]
    );

    let all = begin(&world, &admin, revoke(), BulkSelection::Ids(ids)).await;
    assert!(step(&world).await && !step(&world).await);
    let found = look(&world, &all.id).await;
    assert_eq!((found.state, found.done, found.failed), (BulkActionState::Done, 2, 2));
    let told = failures(&world.core, &admin, &all.id, &PageRequest::default()).await.unwrap();
    assert_eq!(told.items.len(), 2);
    assert_eq!(told.items[0].certificate_id, unknown, "the newest first");
}

#[tokio::test]
async fn a_stopped_action_leaves_the_rest_alone() {
    let world = World::new().await;
    let ids = issue(&world, PROFILE, 150).await;
    let (_, admin) = somebody(&world, "admin").await;
    let (_, viewer) = somebody(&world, "viewer").await;
    let action = begin(&world, &admin, revoke(), of_profile(PROFILE)).await;
    assert!(step(&world).await);
    let refused = stop(&world.core, &viewer, &action.id).await.unwrap_err();
    assert!(matches!(refused, Error::Forbidden(_)), "{refused:?}");
    stop(&world.core, &admin, &action.id).await.unwrap();
    let again = stop(&world.core, &admin, &action.id).await.unwrap_err();
    assert!(matches!(again, Error::Conflict(_)), "{again:?}");
    assert!(!step(&world).await);
    assert_eq!(look(&world, &action.id).await.left(), Some(50));
    assert_eq!(revoked(&world, &ids).await, 100);
}

#[tokio::test]
async fn it_is_counted_how_many_were_replaced_until_all_are() {
    let world = World::new().await;
    let ids = issue(&world, PROFILE, 2).await;
    let (_, admin) = somebody(&world, "admin").await;
    let action = begin(&world, &admin, renew(), of_profile(PROFILE)).await;
    assert!(step(&world).await, "the demands");
    assert!(step(&world).await && !step(&world).await, "the first count");
    let found = look(&world, &action.id).await;
    assert_eq!((found.done, found.replaced), (2, Some((0, world.core.now()))));
    for (replaced, id) in (1..).zip(&ids) {
        let (id, order) = (id.clone(), OrderId::generate(world.core.now(), &SystemEntropy));
        let done = world.core.store.write(move |tx| {
            Box::pin(async move {
                let serial = tx.certificate(&id).await?.unwrap().summary.serial;
                tx.claim_replacement(&id, &None, &order).await?;
                tx.complete_replacement(&serial, &order, &id).await.map_err(Error::from)
            })
        });
        assert!(done.await.unwrap());
        world.wait(Duration::from_secs(3));
        assert!(step(&world).await && !step(&world).await);
        assert_eq!(look(&world, &action.id).await.replaced, Some((replaced, world.core.now())));
    }
    world.wait(Duration::from_secs(86_400));
    assert!(!step(&world).await, "all are replaced");
    let demanded = events(&world, "certificate.renewal_demanded").await;
    assert_eq!(demanded.len(), 2);
    assert!(ids.iter().all(|id| demanded.iter().any(|event| event.resource_id == id.as_str())));
}

#[tokio::test]
async fn what_is_no_selection_is_refused() {
    let world = World::new().await;
    let ids = issue(&world, PROFILE, 1).await;
    let (_, admin) = somebody(&world, "admin").await;
    let state = |state| CertificateFilter {
        profile_id: Some(PROFILE.parse().unwrap()),
        state: Some(state),
        ..CertificateFilter::default()
    };
    let only_state = CertificateFilter { profile_id: None, ..state(CertificateState::Valid) };
    let many: Vec<_> =
        (0..=MAX_IDS).map(|_| CertificateId::generate(world.core.now(), &SystemEntropy)).collect();
    for (selection, wrong) in [
        (BulkSelection::Ids(Vec::new()), "at least one"),
        (BulkSelection::Ids(many), "at most 1000"),
        (BulkSelection::Filter(Box::default()), "every certificate"),
        (BulkSelection::Filter(Box::new(only_state)), "every certificate"),
        (BulkSelection::Filter(Box::new(state(CertificateState::Expired))), "are expired"),
        (of_profile("prof-none"), "no certificate"),
    ] {
        let now = world.core.now();
        let refused = super::start(&world.core, &admin, revoke(), selection, now).await.unwrap_err();
        assert!(
            matches!(&refused, Error::Invalid(fields) if fields[0].reason.contains(wrong)),
            "{refused:?}"
        );
    }
    let (_, viewer) = somebody(&world, "viewer").await;
    let now = world.core.now();
    let refused = super::start(&world.core, &viewer, renew(), BulkSelection::Ids(ids), now).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    assert!(!step(&world).await);
}

#[tokio::test]
async fn an_action_is_deleted_ninety_days_after_its_end() {
    let world = World::new().await;
    let ids = issue(&world, PROFILE, 2).await;
    let (_, admin) = somebody(&world, "admin").await;
    let ended = begin(&world, &admin, renew(), BulkSelection::Ids(ids.clone())).await;
    while step(&world).await {}
    let delete = async || crate::jobs::bulk_actions::delete_ended(&world.core).await.unwrap();
    world.wait(Duration::from_secs(90 * 86_400 - 1));
    let running = begin(&world, &admin, revoke(), BulkSelection::Ids(ids)).await;
    delete().await;
    assert_eq!(look(&world, &ended.id).await.done, 2);
    world.wait(Duration::from_secs(2));
    delete().await;
    let gone = super::find(&world.core, &admin, &ended.id).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound(_)), "{gone:?}");
    assert_eq!(look(&world, &running.id).await.state, BulkActionState::Running);
    assert_eq!(events(&world, "certificate.renewal_demanded").await.len(), 2, "the audit trail stays");
}
