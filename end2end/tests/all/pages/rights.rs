//! Each built-in role sees what it should: the navigation, and the ways to what it may do.

use std::collections::{BTreeMap, BTreeSet};

use end2end::Engine;
use serde_json::json;

use super::world::World;

/// Who sees which entry of the navigation and which page with a form, by links. `*` stands for an id.
const WHO: &str = include_str!("rights.txt");

const ROLES: [&str; 5] = ["admin", "operator", "auditor", "viewer", "agent"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_sees_what_it_should() {
    let world = World::new(Engine::Sqlite).await;
    world.bind_an_account("a cluster").await;
    super::people::with_a_person(&world).await;
    let role = json!({ "id": "own", "permissions": ["certificate.revoke"] });
    world.api.post("/api/roles", role).await.expect(201);
    let mut seen: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for role in ROLES {
        let browser = world.browser_of(role, &[]).await;
        for path in navigation(&world.page_of(&browser, "/").await) {
            seen.entry(format!("entry {path}")).or_default().insert(role);
        }
        for (path, answer) in world.crawl(&browser).await {
            let html = answer.text();
            let main = html.split("<main").nth(1).unwrap_or_default();
            if main.contains("method=\"post\"") {
                seen.entry(format!("form  {}", kind(&path))).or_default().insert(role);
            }
        }
    }
    let width = seen.keys().map(String::len).max().unwrap_or(0);
    let line = |(what, who): (&String, &BTreeSet<&str>)| {
        let marks = ROLES.map(|role| format!("{:<9}", if who.contains(role) { role } else { "-" })).concat();
        format!("{what:<width$}  {}", marks.trim_end())
    };
    let found = seen.iter().map(line).collect::<Vec<_>>().join("\n") + "\n";
    if std::env::var_os("CERTCTL_WRITE_RIGHTS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/pages/rights.txt"), &found).unwrap();
    }
    assert_eq!(found, WHO, "what the roles see differs from tests/all/pages/rights.txt");
}

/// The entries of the navigation.
fn navigation(html: &str) -> Vec<String> {
    let side = html.split("class=\"side\"").nth(1).and_then(|rest| rest.split("</nav>").next()).unwrap();
    let entries = side.split("<li><a href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    entries.map(str::to_owned).collect()
}

/// The path with a star for each id.
fn kind(path: &str) -> String {
    let path = path.split('?').next().unwrap_or(path);
    let is_id = |part: &str, before: &str| {
        matches!(before, "profiles" | "roles" | "providers" | "issuers") && !matches!(part, "new" | "compare")
            || part.split_once('-').is_some_and(|(_, rest)| rest.len() == 32)
    };
    let parts: Vec<_> = path.split('/').collect();
    let stars =
        parts.iter().enumerate().map(|(i, part)| match i.checked_sub(1).map(|before| parts[before]) {
            Some(before) if is_id(part, before) => "*",
            _ => part,
        });
    stars.collect::<Vec<_>>().join("/")
}
