use std::collections::BTreeSet;

use end2end::{Engine, on_each_engine};
use serde_json::json;

use super::Setup;

on_each_engine!(health_and_metrics_tell_how_the_server_does);

async fn health_and_metrics_tell_how_the_server_does(engine: Engine) {
    let setup = Setup::new(engine).await;
    let client = setup.server.client();
    for path in ["/healthz", "/readyz"] {
        let answer = client.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    setup.acme.issue(setup.signer(), &["dns:a.internal"]).await;
    setup.acme.order(setup.signer(), &["dns:b.internal"]).await.expect(201);
    setup
        .api
        .patch("/api/profiles/prof-test", json!({ "permitted_names": ["**.internal"] }))
        .await
        .expect(200);
    setup.acme.order(setup.signer(), &["dns:a.example"]).await.expect_problem(400, "rejectedIdentifier");
    client.get("/no/such/path").await.expect(404);

    let answer = client.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let text = answer.text();
    let value = |series: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} in\n{text}")).parse().unwrap()
    };
    let issuances =
        |outcome| value(&format!("certctl_issuances_total{{outcome=\"{outcome}\",profile=\"prof-test\"}}"));
    assert_eq!((issuances("issued"), issuances("refused")), (1.0, 1.0));
    assert_eq!(value("certctl_open_orders{status=\"ready\"}"), 1.0);
    assert_eq!(value("certctl_open_orders{status=\"processing\"}"), 0.0);
    assert!(value("certctl_database{what=\"open\"}") >= 1.0);
    assert!(value("certctl_database{what=\"idle\"}") >= 0.0);
    assert_eq!(value("certctl_database{what=\"queue\"}"), 0.0);
    let orders = "/acme/profile/{profile_id}/new-order";
    let counted = |status| {
        value(&format!(
            "certctl_http_requests_total{{method=\"POST\",route=\"{orders}\",status=\"{status}\"}}"
        ))
    };
    assert_eq!((counted(201), counted(400)), (2.0, 1.0));
    assert_eq!(value(&format!("certctl_http_request_duration_seconds_count{{route=\"{orders}\"}}")), 3.0);
    // A path that somebody makes up is no label of its own.
    assert!(!text.contains("/no/such/path") && !text.contains(setup.account_id()));
    #[expect(clippy::disallowed_methods, reason = "the shipped binary goes by the machine's clock")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let expiries: BTreeSet<_> = text
        .lines()
        .filter(|line| line.starts_with("certctl_certificate_not_after_timestamp_seconds{"))
        .map(|line| {
            let (series, end) = line.rsplit_once(' ').unwrap();
            assert!(end.parse::<f64>().unwrap() > now, "{line}");
            series.split('"').nth(1).unwrap()
        })
        .collect();
    assert!(expiries.contains("iss-internal-ca") && expiries.len() == 2, "{expiries:?}");
}
