use end2end::{Engine, on_each_engine};
use serde_json::json;

use super::{Setup, each, wrong_fields};

on_each_engine!(events_are_filtered_by_who_what_when_and_how_it_ended);

async fn events_are_filtered_by_who_what_when_and_how_it_ended(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (_, order) = setup.acme.issue(setup.signer(), &["dns:a.internal"]).await;
    setup
        .api
        .patch("/api/profiles/prof-test", json!({ "permitted_names": ["**.internal"] }))
        .await
        .expect(200);
    let refused = setup.acme.order(setup.signer(), &["dns:a.example"]).await;
    refused.expect_problem(400, "rejectedIdentifier");

    let all = setup.items("/api/audit-events?limit=500").await;
    let actions = each(&all, "action");
    for expected in [
        "server.started",
        "api_key.created",
        "profile.created",
        "account.created",
        "order.created",
        "certificate.issued",
        "order.finalized",
        "profile.updated",
        "order.refused",
    ] {
        assert!(actions.contains(&expected), "{expected} in {actions:?}");
    }
    // The order is that of the ids, which are made at the same time and know it to the millisecond.
    let milliseconds = "2026-01-31T00:00:00.000".len();
    let to_the_millisecond = |time: &&str| time.get(..milliseconds).unwrap_or(time).to_owned();
    assert!(each(&all, "id").is_sorted_by(|a, b| a > b), "newest first");
    let times: Vec<_> = each(&all, "created_at").iter().map(to_the_millisecond).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "newest first: {times:?}");
    let select = |keep: &dyn Fn(&serde_json::Value) -> bool| -> Vec<String> {
        all.iter().filter(|event| keep(event)).map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    };
    let starts =
        |event: &serde_json::Value, prefix: &str| event["actor"].as_str().unwrap().starts_with(prefix);
    let account = format!("acme:{}", setup.account_id());
    let order_id = order["finalize"].as_str().unwrap().rsplit('/').nth(1).unwrap();
    let update = all.iter().find(|event| event["action"] == "profile.updated").unwrap();
    let time = update["created_at"].as_str().unwrap();
    let cases: Vec<(String, Vec<String>)> = vec![
        ("actor=acme:".into(), select(&|e| starts(e, "acme:"))),
        ("actor=key:".into(), select(&|e| starts(e, "key:"))),
        ("actor=sys*".into(), select(&|e| starts(e, "system:"))),
        (format!("actor={account}"), select(&|e| e["actor"] == account.as_str())),
        ("actor=acme".into(), Vec::new()),
        ("action=order.created".into(), select(&|e| e["action"] == "order.created")),
        ("resource_type=order".into(), select(&|e| e["resource_type"] == "order")),
        (format!("resource_id={order_id}"), select(&|e| e["resource_id"] == order_id)),
        ("outcome=refused".into(), select(&|e| e["action"] == "order.refused")),
        ("outcome=failure".into(), Vec::new()),
        ("outcome=success".into(), select(&|e| e["outcome"] == "success")),
        (format!("since={time}"), select(&|e| e["created_at"].as_str().unwrap() >= time)),
        (format!("until={time}"), select(&|e| e["created_at"].as_str().unwrap() < time)),
        ("since=2100-01-01T00:00:00Z".into(), Vec::new()),
        (
            format!("actor=acme:&outcome=refused&action=order.refused&since={time}"),
            select(&|e| e["action"] == "order.refused"),
        ),
    ];
    for (query, expected) in cases {
        let found = setup.items(&format!("/api/audit-events?limit=500&{query}")).await;
        assert_eq!(each(&found, "id"), expected, "{query}");
        assert_eq!(
            expected.is_empty(),
            query.ends_with("=acme") || query.ends_with("failure") || query.starts_with("since=21"),
            "{query} tells nothing"
        );
    }

    let mut paged: Vec<String> = Vec::new();
    let mut next = String::new();
    loop {
        let page = setup.api.get(&format!("/api/audit-events?limit=2{next}")).await.expect(200);
        paged.extend(each(page["items"].as_array().unwrap(), "id").into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(paged, each(&all, "id"), "each event once, over all pages");
    for (query, field) in
        [("since=now", "since"), ("outcome=good", "outcome"), ("actr=x", "actr"), ("limit=a", "limit")]
    {
        let refused = setup.api.get(&format!("/api/audit-events?{query}")).await;
        assert_eq!(wrong_fields(&refused.expect_problem(422, "urn:certctl:error:invalid")), [field]);
    }
}
