use std::time::Duration;

use model::*;
use serde_json::json;

use super::*;
use crate::services::sessions::tests::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_is_told_however_often_the_client_asks_in_vain() {
    let world = World::new().await;
    let core = &world.core;
    let now = core.now();
    let account = Account {
        id: AccountId::generate(now, core.entropy.as_ref()),
        status: AccountStatus::Suspended,
        jwk: "{}".to_owned(),
        key_thumbprint: "a thumbprint".to_owned(),
        contacts: Vec::new(),
        external_account: None,
        terms_version: None,
        created_at: now,
        created_from: None,
        last_seen_at: now,
        version: 1,
    };
    let administrator = Caller::system("test");
    let suspended = json!({ "reason": "it ran wild" });
    let mut events = vec![core.event(&administrator, "account.suspended", resource(&account.id), suspended)];
    let client = Caller { actor: Actor::AcmeAccount(account.id.clone()), ..Caller::system("test") };
    // More than a page looks at.
    for _ in 0..5_100 {
        world.wait(Duration::from_millis(1));
        events.push(core.refusal(&client, "account.refused", resource(&account.id), json!({ "path": "/" })));
    }
    let stored = core.store.write(move |tx| Box::pin(async move { tx.record(&events).await }));
    stored.await.unwrap();
    let found = standstill(core, &administrator, &account).await.unwrap().unwrap();
    assert_eq!(found.event.details["reason"], "it ran wild");
    assert_eq!(found.refused.len(), 5);
}
