use std::collections::BTreeSet;

use end2end::{Engine, on_each_engine};
use serde_json::{Value, json};

use super::{FORBIDDEN, World, detail, text};

on_each_engine! {
    an_export_has_every_event_over_all_pages,
}

async fn an_export_has_every_event_over_all_pages(engine: Engine) {
    let world = World::new(engine).await;
    // More than two pages of the store.
    let requests = (0..1010).map(|n| {
        let (admin, body) =
            (world.admin.clone(), json!({ "permissions": [], "description": format!("a \"{n}\",\r\nb") }));
        async move { drop(admin.post("/api/roles", body).await.expect(201)) }
    });
    let mut requests: Vec<_> = requests.collect();
    while !requests.is_empty() {
        futures::future::join_all(requests.split_off(requests.len().saturating_sub(50))).await;
    }
    let listed = world.events("action=role.created").await;
    assert_eq!(listed.len(), 1010);
    let auditor = world.holder("auditor", &[]).await;
    let export = |format: &str, query: &str| {
        let (auditor, path) = (auditor.clone(), format!("/api/audit-events/export?format={format}{query}"));
        async move { auditor.get(&path).await }
    };
    let answer = export("jsonl", "&action=role.created").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/jsonl"));
    let exported: Vec<Value> =
        answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(exported, listed, "the same events in the same order");

    let answer = export("csv", "&action=role.created").await;
    assert!(answer.header("content-type").unwrap().starts_with("text/csv"));
    assert!(answer.header("content-disposition").unwrap().contains("audit-events.csv"));
    let rows = read_csv(&answer.text());
    assert_eq!(rows[0][..3], ["id", "created_at", "actor"]);
    assert_eq!(rows.len(), 1011);
    for (row, event) in rows[1..].iter().zip(&listed) {
        assert_eq!(row.len(), 10);
        assert_eq!(row[0], text(&event["id"]));
        assert_eq!(serde_json::from_str::<Value>(&row[9]).unwrap(), event["details"]);
    }
    let all = export("jsonl", "").await.text();
    let actions: BTreeSet<_> = all
        .lines()
        .map(|line| text(&serde_json::from_str::<Value>(line).unwrap()["action"]).to_owned())
        .collect();
    assert!(actions.contains("audit.exported") && actions.contains("server.started"), "{actions:?}");
    let own = world.events("action=audit.exported").await;
    assert_eq!(own.len(), 3, "each export is itself recorded");
    assert_eq!(own[2]["details"]["action"], "role.created");
    assert_eq!(
        (&own[2]["details"]["format"], &own[1]["details"]["format"]),
        (&json!("jsonl"), &json!("csv"))
    );

    export("xml", "").await.expect_problem(422, "urn:certctl:error:invalid");
    export("csv", "&limit=5").await.expect_problem(422, "urn:certctl:error:invalid");
    for role in ["operator", "viewer", "agent"] {
        let refused = world.holder(role, &[]).await.get("/api/audit-events/export?format=csv").await;
        detail(&refused, 403, FORBIDDEN);
    }
}

/// Reads RFC 4180.
fn read_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (quoted, c) {
            (true, '"') if rest.peek() == Some(&'"') => field.extend(rest.next()),
            (_, '"') => quoted = !quoted,
            (false, ',') => row.push(std::mem::take(&mut field)),
            (false, '\r') => {}
            (false, '\n') => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            (_, c) => field.push(c),
        }
    }
    assert!(!quoted && field.is_empty() && row.is_empty(), "the last line is ended");
    rows
}
