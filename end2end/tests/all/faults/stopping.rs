//! SIGTERM: requests under way are answered, new ones are not taken.

use std::time::Duration;

use end2end::api::{PROFILE, with_open_profile};
use end2end::{Engine, on_each_engine, socket};
use futures::future::join_all;
use testkit::acme::{Key, RawAcme, Signer, jws, order_payload};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

on_each_engine!(a_request_under_way_is_answered, a_busy_server_stops_and_loses_nothing);

async fn a_request_under_way_is_answered(engine: Engine) {
    let mut server = engine.server().start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;

    let url = acme.url("newOrder");
    let header = Signer::Kid(&key, &account).header(&acme.fresh_nonce().await, url);
    let body =
        jws(&key, &header.into(), order_payload(&["dns:late.internal"]).to_string().as_bytes()).to_string();
    let head = format!(
        "POST /acme/profile/{PROFILE}/new-order HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/jose+json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let (first_half, second_half) = body.split_at(body.len() / 2);
    let mut stream = socket::tls(&server, 1).await.unwrap();
    stream.write_all((head + first_half).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;

    server.ask_to_stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(socket::tls(&server, 1).await.is_err(), "a stopping server takes no new connections");
    stream.write_all(second_half.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Servers often end without TLS's close_notify, and rustls calls that an error; the answer is what counts.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.contains("\"finalize\""), "the whole answer arrives: {answer}");
    assert!(server.wait_for_exit().await.success());

    server.restart().await;
    let location =
        answer.lines().find_map(|line| line.strip_prefix("location: ")).expect("a Location").trim();
    assert_eq!(acme.read(Signer::Kid(&key, &account), location).await.expect(200)["status"], "ready");
}

async fn a_busy_server_stops_and_loses_nothing(engine: Engine) {
    let mut server = engine.server().start().await;
    let directory = with_open_profile(&server).await;
    let acme = RawAcme::new(server.client(), &directory).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    let clients = (0..8).map(|client| {
        let (acme, key, account) = (&acme, &key, &account);
        async move {
            let mut told = Vec::new();
            for number in 0..1000 {
                let payload = order_payload(&[&format!("dns:c{client}-{number}.internal")]);
                let order = acme.try_post(Signer::Kid(key, account), acme.url("newOrder"), payload).await;
                // Connections end when the server is done with them.
                let Ok(answer) = order else { break };
                assert!(matches!(answer.status.as_u16(), 201 | 503), "{}", answer.text());
                told.extend(answer.header("location").map(str::to_owned));
            }
            told
        }
    });
    let stop = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        server.ask_to_stop();
    };
    let (told, ()) = tokio::join!(join_all(clients), stop);
    assert!(server.wait_for_exit().await.success());
    if engine == Engine::Sqlite {
        let left = std::fs::read_dir(server.data_dir()).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().ends_with("-wal")).collect();
        assert!(left.is_empty(), "the write-ahead log is folded into the database: {left:?}");
    }
    server.restart().await;
    let told: Vec<String> = told.into_iter().flatten().collect();
    assert!(!told.is_empty());
    for order in told {
        acme.read(Signer::Kid(&key, &account), &order).await.expect(200);
    }
}
