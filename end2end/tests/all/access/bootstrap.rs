use end2end::{Engine, on_each_engine};
use serde_json::json;

use super::{NOT_FOUND, UNAUTHENTICATED, World, text};

const TOKEN: &str = "the operator's token of at least 32 characters";
const PATH: &str = "/api/auth/bootstrap";

on_each_engine! {
    the_token_makes_the_first_administrator_once,
    the_token_is_of_no_use_where_there_is_an_administrator,
}

async fn the_token_makes_the_first_administrator_once(engine: Engine) {
    let builder = engine.server().env("CERTCTL_BOOTSTRAP_API_KEY", "").env("CERTCTL_BOOTSTRAP_TOKEN", TOKEN);
    let mut server = builder.start().await;
    let anonymous = server.client();
    for round in 0..12 {
        let wrong = anonymous.post(PATH, json!({ "token": format!("{TOKEN}{round}"), "name": "x" })).await;
        match round {
            0..10 => drop(wrong.expect_problem(401, UNAUTHENTICATED)),
            _ => drop(wrong.expect_problem(429, "urn:certctl:error:too-many-attempts")),
        }
    }
    let ask = |name: &'static str| {
        let client = anonymous.clone();
        async move { client.post(PATH, json!({ "token": TOKEN, "name": name })).await }
    };
    ask("").await.expect_problem(422, "urn:certctl:error:invalid");
    let attempts = futures::future::join_all((0..4).map(|_| ask("first"))).await;
    let made: Vec<_> = attempts.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1, "wrong tokens do not keep the right one out, and it is good once");
    for answer in attempts.iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(410, "urn:certctl:error:gone");
    }
    let key = made[0].json();
    assert_eq!((&key["role"], &key["name"]), (&json!("admin"), &json!("first")));
    let admin = anonymous.clone().with_bearer(text(&key["api_key"]));
    admin.get("/api/api-keys").await.expect(200);
    server.restart().await;
    ask("again").await.expect_problem(410, "urn:certctl:error:gone");

    let log = server.log();
    assert!(!log.contains(TOKEN) && !log.contains(text(&key["api_key"])));
    let world = World { admin, server };
    assert_eq!(world.events("action=server.bootstrap_refused").await.len(), 10, "the rest was turned away");
    let used = world.events("action=server.bootstrapped").await;
    assert_eq!(used[0]["details"]["api_key_id"], key["id"]);
    assert_eq!(
        (&used[0]["actor"], &used[0]["client_ip"]),
        (&json!("system:bootstrap-token"), &json!("127.0.0.1"))
    );
}

async fn the_token_is_of_no_use_where_there_is_an_administrator(engine: Engine) {
    let mut server = engine.server().start().await;
    let asked = json!({ "token": TOKEN, "name": "x" });
    server.client().post(PATH, asked.clone()).await.expect_problem(404, NOT_FOUND);
    server.restart_with("CERTCTL_BOOTSTRAP_TOKEN", TOKEN).await;
    server.client().post(PATH, asked).await.expect_problem(410, "urn:certctl:error:gone");
    assert_eq!(end2end::api::list(&server.api(), "/api/api-keys").await.len(), 1);
}
