use end2end::browser::{Browser, Visit, location};
use end2end::{Engine, on_each_engine};

use super::{Setup, is_signed_in, login_link, text};

on_each_engine! {
    a_link_signs_in_once,
    a_visit_does_not_spend_a_link,
}

async fn a_link_signs_in_once(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (server, browser) = (&setup.server, Browser::new());
    let path = login_link(server);
    let token = path.strip_prefix("/auth/link/").expect("the path of links").to_owned();
    assert!(token.len() >= 43, "256 bits: {token}");
    let answer = browser.submit(server, "/auth/link", &[("token", &token)]).await;
    assert_eq!(location(&answer), "/");
    let me = browser.get(server, "/api/auth/me").await.expect(200);
    assert_eq!((&me["name"], &me["user"]["provider"]), (&"local administrator".into(), &"local".into()));
    assert_eq!(me["roles"][0]["role"], "admin");
    browser.get(server, "/api/users").await.expect(200);

    let second = Browser::new();
    for token in [&*token, &token[1..], "", "-", "../../x"] {
        let answer = second.submit(server, "/auth/link", &[("token", token)]).await;
        assert_eq!(answer.status, 403, "{token}");
        assert!(answer.text().contains("was used or has expired"), "{}", answer.text());
        assert!(!is_signed_in(&second, server).await);
    }
    assert!(is_signed_in(&browser, server).await);
    let refused = setup.events("session.refused").await;
    assert_eq!(
        (&refused[0]["outcome"], &refused[0]["resource_id"]),
        (&"refused".into(), &"login_link".into())
    );
    let started = &setup.events("session.started").await[0];
    assert_eq!((&started["details"]["method"], &started["actor"]), (&"login_link".into(), &me["actor"]));
    let created = setup.events("login_link.created").await;
    assert_eq!((created.len(), text(&created[0], "actor")), (1, "system:login-link".to_owned()));
    assert!(!serde_json::json!([refused, started, created]).to_string().contains(&token));
    assert!(!server.log().contains(&token));
}

/// Scanners of mail and previews of chats visit links.
async fn a_visit_does_not_spend_a_link(engine: Engine) {
    let setup = Setup::new(engine).await;
    let server = &setup.server;
    let path = login_link(server);
    for _ in 0..3 {
        let page = Browser::new().get(server, &path).await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains("action=\"/auth/link\"") && page.header("set-cookie").is_none());
    }
    // Many browsers press the button at the same moment; one is signed in.
    let token = path.rsplit('/').next().expect("a token");
    let tries = (0..8).map(|_| async {
        let browser = Browser::new();
        browser.send(server, Visit::form(server, "/auth/link", &[("token", token)])).await.status.as_u16()
    });
    let statuses = futures::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    let page = Browser::new().get(server, &path).await;
    assert!(
        page.text().contains("was used, has expired")
            && !page.text().contains("<form method=\"post\" action=\"/auth/link\"")
    );
}

/// The database is told that the link is old; nobody waits ten minutes.
#[tokio::test]
async fn a_link_ends_after_ten_minutes() {
    let setup = Setup::new(Engine::Sqlite).await;
    let path = login_link(&setup.server);
    let token = path.rsplit('/').next().expect("a token").to_owned();
    let database = setup.server.data_dir().join("certctl.db");
    let minutes = sqlite(
        &database,
        "SELECT (expires_at - strftime('%s', 'now') * 1000000) / 60000000 FROM login_links",
    );
    assert!(["9", "10"].contains(&minutes.trim()), "{minutes}");
    sqlite(&database, "UPDATE login_links SET expires_at = expires_at - 600000000");
    let browser = Browser::new();
    let answer = browser.submit(&setup.server, "/auth/link", &[("token", &token)]).await;
    assert_eq!(answer.status, 403);
    assert!(!is_signed_in(&browser, &setup.server).await);
}

fn sqlite(database: &std::path::Path, sql: &str) -> String {
    let mut command = std::process::Command::new("sqlite3");
    command.args(["-bail", "-batch", "-cmd", ".timeout 5000"]).arg(database).arg(sql);
    let output = command.output().unwrap_or_else(|e| panic!("sqlite3: {e}; install Debian package sqlite3"));
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
