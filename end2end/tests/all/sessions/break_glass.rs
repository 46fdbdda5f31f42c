use std::io::Write;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use end2end::browser::{Browser, Visit, location};
use end2end::{Engine, on_each_engine};
use testkit::CertctlServer;
use testkit::http::Response;

use super::{Setup, is_signed_in};

const PASSWORD: &str = "a long enough password";

on_each_engine! {
    a_password_opens_the_door_loudly,
    guessing_locks_the_account_and_then_the_network,
}

/// A server that believes X-Forwarded-For, so that tests can come from many networks.
async fn start(engine: Engine) -> Setup {
    let server = engine
        .server()
        .env("CERTCTL_BREAK_GLASS_ENABLED", "true")
        .env("CERTCTL_TRUSTED_PROXIES", "127.0.0.1")
        .start()
        .await;
    let browser = Browser::new();
    browser.sign_in_with_key(&server, server.api_key()).await;
    let set = command(&server, &["set-password", "--name", "eve"], PASSWORD);
    assert!(set.status.success(), "{set:?}");
    Setup { api: server.api(), server, browser }
}

fn command(server: &CertctlServer, arguments: &[&str], input: &str) -> Output {
    let mut command = server.command([&["break-glass"], arguments].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    // It may end before it has read.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    child.wait_with_output().expect("our child can be waited for")
}

async fn attempt(server: &CertctlServer, from: &str, name: &str, password: &str) -> (Browser, Response) {
    let browser = Browser::new();
    let form = Visit::form(server, "/auth/break-glass", &[("name", name), ("password", password)]);
    let answer = browser.send(server, form.with("x-forwarded-for", Some(from))).await;
    (browser, answer)
}

async fn a_password_opens_the_door_loudly(engine: Engine) {
    let setup = start(engine).await;
    let server = &setup.server;
    let page = setup.browser.get(server, "/").await.text();
    assert!(!page.contains("class=\"banner\""), "nothing to tell yet");
    let (eve, answer) = attempt(server, "192.0.2.1", "eve", PASSWORD).await;
    assert_eq!(location(&answer), "/");
    let me = eve.get(server, "/api/auth/me").await.expect(200);
    assert_eq!((&me["name"], &me["session"]["method"]), (&"eve".into(), &"break_glass".into()));
    let used = setup.events("break_glass.used").await;
    assert_eq!(
        (used.len(), &used[0]["actor"], &used[0]["client_ip"]),
        (1, &me["actor"], &"192.0.2.1".into())
    );
    assert!(
        server
            .log()
            .lines()
            .any(|line| line.contains("ERROR") && line.contains("has signed in with a password"))
    );
    let metrics = server.client().get("/metrics").await.text();
    assert!(
        metrics.contains(r#"certctl_sign_ins_total{method="break_glass",outcome="started"} 1"#),
        "{metrics}"
    );
    for path in ["/", "/account", "/pki"] {
        let page = setup.browser.get(server, path).await.text();
        assert!(page.contains("signed in with a password at"), "every administrator is told: {page}");
        assert!(!Browser::new().get(server, path).await.text().contains("signed in with a password"));
    }
    assert!(!server.log().contains(PASSWORD));

    let other = command(server, &["set-password", "--name", "eve", "--generate"], "");
    assert!(other.status.success() && !is_signed_in(&eve, server).await, "a new password ends the sessions");
    let made = String::from_utf8(other.stdout).expect("text").trim().to_owned();
    let (_, old) = attempt(server, "192.0.2.2", "eve", PASSWORD).await;
    assert_eq!(old.status, 403);
    let (eve, _) = attempt(server, "192.0.2.2", "eve", &made).await;
    assert!(is_signed_in(&eve, server).await);
    assert!(command(server, &["remove", "--name", "eve"], "").status.success());
    assert!(!is_signed_in(&eve, server).await);
    assert_eq!(attempt(server, "192.0.2.2", "eve", &made).await.1.status, 403);
    let again = command(server, &["remove", "--name", "eve"], "");
    assert_eq!(again.status.code(), Some(2), "{again:?}");
}

async fn guessing_locks_the_account_and_then_the_network(engine: Engine) {
    let setup = start(engine).await;
    let server = &setup.server;
    let mut words = Vec::new();
    for guess in 0..5 {
        let (_, wrong) = attempt(server, &format!("192.0.2.{guess}"), "eve", "not the right one").await;
        words.push((wrong.status, wrong.text()));
    }
    let (browser, locked) = attempt(server, "192.0.2.100", "eve", PASSWORD).await;
    words.push((locked.status, locked.text()));
    assert!(!is_signed_in(&browser, server).await, "locked, also for the right password");
    let (_, unknown) = attempt(server, "192.0.2.101", "nobody", PASSWORD).await;
    words.push((unknown.status, unknown.text()));
    assert_eq!(words[0].0, 403);
    assert!(words.iter().all(|w| *w == words[0]), "unknown, wrong and locked look the same: {words:#?}");

    let refused = setup.events("break_glass.refused").await;
    let reason =
        |event: &serde_json::Value| event["details"]["reason"].as_str().unwrap_or_default().to_owned();
    let reasons: Vec<_> = refused.iter().rev().map(reason).collect();
    assert_eq!(reasons[..5], ["the password is wrong"; 5]);
    assert_eq!(reasons[5..], ["it is locked", "the name is unknown"]);
    assert!(refused[2]["details"]["locked_until"].is_string(), "the fifth locks: {refused:#?}");
    assert!(server.log().lines().any(|line| line.contains("ERROR") && line.contains("was refused")));

    // A new password from the command line unlocks; the network that guessed stays out for a while.
    assert!(command(server, &["set-password", "--name", "eve"], PASSWORD).status.success());
    for _ in 0..9 {
        attempt(server, "198.51.100.7", "nobody", "x").await;
    }
    let (_, last) = attempt(server, "198.51.100.7", "eve", "wrong").await;
    assert_eq!(last.status, 403);
    let (_, refused) = attempt(server, "198.51.100.7", "eve", PASSWORD).await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some() && refused.text().contains("Too many attempts"));
    let (browser, _) = attempt(server, "198.51.100.8", "eve", PASSWORD).await;
    assert!(is_signed_in(&browser, server).await, "others are let in");
}

/// Who does not exist must cost as much as who does.
#[tokio::test]
async fn the_time_does_not_tell_which_names_exist() {
    let setup = start(Engine::Sqlite).await;
    let server = &setup.server;
    for name in ["one", "two", "three"] {
        assert!(command(server, &["set-password", "--name", name], PASSWORD).status.success());
    }
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for round in 0..4 {
        for (i, name) in ["eve", "one", "two", "three"].into_iter().enumerate() {
            for (name, times) in [(name, &mut known), (&*format!("no {name}"), &mut unknown)] {
                let begin = Instant::now();
                let (_, answer) = attempt(server, &format!("192.0.{round}.{i}"), name, "wrong").await;
                times.push(begin.elapsed());
                assert_eq!(answer.status, 403);
            }
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    };
    let (known, unknown) = (median(&mut known), median(&mut unknown));
    assert!(unknown > 0.7 * known && known > 0.7 * unknown, "known {known} s, unknown {unknown} s");
}

#[tokio::test]
async fn by_default_there_is_no_such_door() {
    let server = CertctlServer::start().await;
    let (_, answer) = attempt(&server, "192.0.2.1", "eve", PASSWORD).await;
    assert_eq!(answer.status, 404);
    assert!(!Browser::new().get(&server, "/sign-in").await.text().contains("break-glass"));
    for (arguments, input) in [
        (&["set-password", "--name", "eve"][..], "too short"),
        (&["set-password", "--name", ""], PASSWORD),
        (&["remove", "--name", "eve"], ""),
    ] {
        let refused = command(&server, arguments, input);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?} {refused:?}");
    }
}
