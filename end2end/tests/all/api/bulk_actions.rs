//! What is done to many certificates at once, for scripts.

use std::time::{Duration, Instant};

use end2end::api::list;
use end2end::{Engine, on_each_engine};
use serde_json::{Value, json};
use testkit::acme::Signer;

use super::{Setup, each, wrong_fields};

on_each_engine! {
    a_script_revokes_many_certificates_and_sees_how_far_it_is,
    a_script_has_all_renewed_that_a_filter_finds,
    what_is_no_bulk_action_is_refused,
}

const PATH: &str = "/api/bulk-actions";

async fn a_script_revokes_many_certificates_and_sees_how_far_it_is(engine: Engine) {
    let setup = Setup::new(engine).await;
    let ids = issue(&setup, &["a.internal", "b.internal", "c.internal"]).await;
    let alone = json!({ "reason": "superseded" });
    setup.api.post(&format!("/api/certificates/{}/revoke", ids[0]), alone).await.expect(200);

    let change = json!({ "kind": "revoke", "reason": "cessationOfOperation", "comment": " they are gone " });
    let input = json!({ "change": change, "selection": { "ids": &ids[..2] } });
    let answer = setup.api.post(PATH, input).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let started: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!(location, format!("{PATH}/{}", started["id"].as_str().unwrap()));
    let kept = json!({ "kind": "revoke", "reason": "cessationOfOperation", "comment": "they are gone" });
    assert_eq!((&started["change"], &started["total"]), (&kept, &json!(2)));
    assert_eq!(started["selection"], json!({ "ids": 2, "filter": null }));

    let ended = wait_for_end(&setup, &location).await;
    assert_eq!((&ended["status"], &ended["done"], &ended["failed"]), (&json!("done"), &json!(1), &json!(1)));
    assert_eq!((&ended["left"], &ended["replaced"]), (&json!(0), &Value::Null), "{ended}");
    let failures = setup.items(&format!("{location}/failures")).await;
    assert_eq!(failures, [json!({ "certificate_id": ids[0], "reason": "it is revoked already" })]);
    assert_eq!(setup.items(PATH).await, [ended]);
    let valid = setup.items("/api/certificates?status=valid").await;
    assert_eq!(each(&valid, "id"), [&ids[2]]);
    let events = list(&setup.api, "/api/audit-events?action=certificate.revoked").await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["details"]["bulk_action"], started["id"]);
    assert_eq!(events[0]["details"]["comment"], "they are gone");
    let begun = list(&setup.api, "/api/audit-events?action=bulk_action.started").await;
    assert_eq!((begun.len(), &begun[0]["resource_id"]), (1, &started["id"]));

    let late = setup.api.post(&format!("{location}/stop"), json!({})).await;
    late.expect_problem(409, "urn:certctl:error:conflict");
    setup.api.get(&format!("{PATH}/none")).await.expect_problem(404, "urn:certctl:error:not-found");
}

async fn a_script_has_all_renewed_that_a_filter_finds(engine: Engine) {
    let setup = Setup::new(engine).await;
    let ids = issue(&setup, &["a.shop.internal", "b.shop.internal", "a.internal"]).await;
    let change =
        json!({ "kind": "renew", "reason": "weak keys", "explanation_url": "https://example.com/why" });
    let selection = json!({ "account_id": setup.account_id(), "name_part": "shop.internal" });
    let input = json!({ "change": change, "selection": selection });
    let started = setup.api.post(PATH, input).await.expect(201);
    let filter = &started["selection"]["filter"];
    assert_eq!(
        (&filter["name_part"], &filter["account_id"]),
        (&json!("shop.internal"), &selection["account_id"])
    );
    assert!(filter["created_before"].is_string() && filter.get("serial").is_none(), "{filter}");
    let ended = wait_for_end(&setup, &format!("{PATH}/{}", started["id"].as_str().unwrap())).await;
    assert_eq!((&ended["done"], &ended["total"], &ended["change"]), (&json!(2), &json!(2), &change));
    let wanted = setup.items("/api/certificates?renew_now=true").await;
    assert_eq!(each(&wanted, "id"), [&ids[1], &ids[0]]);
    assert_eq!(wanted[0]["renew_now"]["explanation_url"], "https://example.com/why");
}

async fn what_is_no_bulk_action_is_refused(engine: Engine) {
    let setup = Setup::new(engine).await;
    let ids = issue(&setup, &["a.internal"]).await;
    let revoke =
        |reason: &str, comment: &str| json!({ "kind": "revoke", "reason": reason, "comment": comment });
    let renew = |reason: &str| json!({ "kind": "renew", "reason": reason });
    let many: Vec<_> = std::iter::repeat_n(&ids[0], 1001).collect();
    for (change, selection, field) in [
        (revoke("superseded", " "), json!({ "ids": ids }), "comment"),
        (revoke("superseded", &"x".repeat(501)), json!({ "ids": ids }), "comment"),
        (revoke("boredom", "x"), json!({ "ids": ids }), "reason"),
        (renew(""), json!({ "ids": ids }), "reason"),
        (renew("x"), json!({}), "selection"),
        (renew("x"), json!({ "ids": [] }), "selection.ids"),
        (renew("x"), json!({ "ids": many }), "selection.ids"),
        (renew("x"), json!({ "ids": ids, "name": "a.internal" }), "selection"),
        (renew("x"), json!({ "name": "b.internal" }), "selection"),
        (renew("x"), json!({ "expires_after": "soon" }), "selection.expires_after"),
        (renew("x"), json!({ "nmae": "a.internal" }), "nmae"),
    ] {
        let answer = setup.api.post(PATH, json!({ "change": change, "selection": selection })).await;
        assert_eq!(wrong_fields(&answer.expect(422)), [field], "{change} {selection}");
    }
    let wrong = json!({ "kind": "burn" });
    setup.api.post(PATH, json!({ "change": wrong, "selection": { "ids": ids } })).await.expect(422);
    let surplus = json!({ "kind": "renew", "reason": "x", "comment": "x" });
    setup.api.post(PATH, json!({ "change": surplus, "selection": { "ids": ids } })).await.expect(422);
    assert!(setup.items(PATH).await.is_empty());
}

/// The ids of certificates that the account gets for these names, one for each.
async fn issue(setup: &Setup, names: &[&str]) -> Vec<String> {
    for name in names {
        setup.acme.issue(Signer::Kid(&setup.key, &setup.account), &[&format!("dns:{name}")]).await;
    }
    let mut ids: Vec<_> =
        each(&setup.items("/api/certificates").await, "id").iter().map(|id| (*id).to_owned()).collect();
    ids.reverse();
    ids
}

async fn wait_for_end(setup: &Setup, path: &str) -> Value {
    let start = Instant::now();
    loop {
        let action = setup.api.get(path).await.expect(200);
        if action["status"] != "running" {
            return action;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{action}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
