use end2end::api::open_profile;
use end2end::certificate::{Chain, internal_ca};
use end2end::challenge::World as Challenges;
use end2end::program::openssl_verify;
use end2end::{Engine, on_each_engine};
use serde_json::{Value, json};
use testkit::acme::{Csr, LeafKey};

use super::{FORBIDDEN, World, detail, text};

on_each_engine! {
    a_csr_becomes_a_certificate_under_a_profile,
    the_rules_of_the_profile_hold_without_acme_too,
}

fn request(profile: &str, csr: &Csr) -> Value {
    let pem = pem(&csr.sign(&LeafKey::P256.generate()));
    json!({ "profile_id": profile, "csr": pem })
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{base64}\n-----END CERTIFICATE REQUEST-----\n")
}

/// The reasons of a refused CSR.
fn reasons(problem: &Value) -> String {
    let errors = problem["errors"].as_array().unwrap();
    assert!(errors.iter().all(|error| error["field"] == "csr"), "{problem}");
    errors.iter().map(|error| text(&error["reason"])).collect::<Vec<_>>().join("\n")
}

async fn a_csr_becomes_a_certificate_under_a_profile(engine: Engine) {
    let world = World::new(engine).await;
    for profile in ["prof-a", "prof-b"] {
        world.admin.post("/api/profiles", open_profile(profile)).await.expect(201);
    }
    let agent = world.holder("agent", &["prof-a"]).await;
    let csr = Csr::new(&["www.example.com", "*.example.com", "192.0.2.1"]).common_name("www.example.com");
    let answer = agent.post("/api/certificates", request("prof-a", &csr)).await;
    let issued = answer.expect(201);
    assert_eq!(answer.header("location"), Some(&*format!("/api/certificates/{}", text(&issued["id"]))));
    for (field, value) in [
        ("profile_id", json!("prof-a")),
        ("common_name", json!("www.example.com")),
        ("status", json!("valid")),
        ("account_id", Value::Null),
        ("order_id", Value::Null),
    ] {
        assert_eq!(issued[field], value, "{field}");
    }
    let ca = internal_ca(&world.server.client()).await;
    let directory = tempfile::tempdir().unwrap();
    let (ca_file, chain_file) = (directory.path().join("ca.pem"), directory.path().join("chain.pem"));
    std::fs::write(&ca_file, &ca).unwrap();
    std::fs::write(&chain_file, text(&issued["pem"])).unwrap();
    openssl_verify(&ca_file, &chain_file).await;
    let chain = Chain::from_pem(text(&issued["pem"]));
    chain.verify_with_webpki(&ca, "deep.example.com");
    assert_eq!(chain.serial(), text(&issued["serial"]));
    let mut names = chain.names();
    names.sort();
    assert_eq!(names, ["*.example.com", "192.0.2.1", "www.example.com"]);

    let path = format!("/api/certificates/{}", text(&issued["id"]));
    assert_eq!(agent.get(&format!("{path}/pem")).await.text(), text(&issued["pem"]));
    assert_eq!(
        world.admin.get("/api/certificates?name=www.example.com").await.expect(200)["items"][0]["id"],
        issued["id"]
    );
    let events = world.events(&format!("resource_id={}", text(&issued["id"]))).await;
    assert_eq!(events[0]["action"], "certificate.issued");
    assert!(text(&events[0]["actor"]).starts_with("key:"));
    assert_eq!(events[0]["details"]["serial"], issued["serial"]);
    let metrics = world.server.client().get("/metrics").await.text();
    assert!(metrics.contains(r#"certctl_issuances_total{outcome="issued",profile="prof-a"} 1"#), "{metrics}");
    world.admin.post(&format!("{path}/revoke"), json!({ "reason": "superseded" })).await.expect(200);

    let csr = Csr::new(&["www.example.com"]);
    let hidden = agent.post("/api/certificates", request("prof-b", &csr)).await.expect(422);
    let absent = agent.post("/api/certificates", request("prof-c", &csr)).await.expect(422);
    assert_eq!(hidden["errors"][0]["reason"], "there is no profile prof-b");
    assert_eq!(absent["errors"][0]["field"], hidden["errors"][0]["field"]);
    let viewer = world.holder("viewer", &[]).await;
    detail(&viewer.post("/api/certificates", request("prof-a", &csr)).await, 403, FORBIDDEN);
    world.server.client().post("/api/certificates", request("prof-a", &csr)).await.expect(401);
}

async fn the_rules_of_the_profile_hold_without_acme_too(engine: Engine) {
    let dns = Challenges::new().await;
    let builder = dns.server(engine).env("CERTCTL_ACME_CAA_IDENTITIES", "ca.internal");
    let world = World::of(builder.start().await);
    let profile = json!({
        "id": "prof-strict", "name": "Strict", "issuer_id": "iss-internal-ca", "max_ttl_seconds": 3600,
        "acme_auth_mode": "challenge", "caa": "enforce", "eab_required": true,
        "permitted_names": ["**.internal"], "allowed_key_types": ["ecdsa-p256"],
    });
    world.admin.post("/api/profiles", profile.clone()).await.expect(201);
    dns.dns.add("theirs.internal", "CAA", "0 issue other.example");
    dns.dns.add("bound.internal", "CAA", "0 issue ca.internal; accounturi=https://localhost/acme/account/1");
    dns.dns.add("mine.internal", "CAA", "0 issue ca.internal");
    let issue = |body: Value| {
        let admin = world.admin.clone();
        async move { admin.post("/api/certificates", body).await }
    };
    let ask = |csr: Csr| issue(request("prof-strict", &csr));
    let issued = ask(Csr::new(&["a.mine.internal"])).await.expect(201);
    let (from, to) = Chain::from_pem(text(&issued["pem"])).validity();
    assert_eq!(to - from, 3599, "the profile's validity");

    let refused = ask(Csr::new(&["a.mine.internal", "www.example.com"])).await.expect(422);
    assert!(reasons(&refused).contains("www.example.com"), "{refused}");
    for (csr, why) in [
        (Csr::new(&[]).common_name("a.mine.internal"), "no subjectAltName"),
        (Csr::new(&["a.mine.internal"]).common_name("b.mine.internal"), "common name"),
        (
            Csr::new(&["a.mine.internal"])
                .with(|csr| csr.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained)),
            "CA certificate",
        ),
    ] {
        let refused = ask(csr).await.expect(422);
        assert!(reasons(&refused).contains(why), "{refused}");
    }
    let p384 = pem(&Csr::new(&["a.mine.internal"]).sign(&LeafKey::P384.generate()));
    let refused = issue(json!({ "profile_id": "prof-strict", "csr": p384 })).await.expect(422);
    assert!(reasons(&refused).contains("does not allow"), "{refused}");
    for not_a_csr in ["", "hello", &p384[..200], &p384.replace("REQUEST", "")] {
        issue(json!({ "profile_id": "prof-strict", "csr": not_a_csr })).await.expect(422);
    }
    for name in ["theirs.internal", "bound.internal"] {
        let refused = ask(Csr::new(&[name])).await;
        refused.expect_problem(403, "caa");
    }
    let events = world.events("action=certificate.refused").await;
    let mut rules: Vec<_> = events.iter().map(|event| text(&event["details"]["rule"])).collect();
    rules.sort_unstable();
    rules.dedup();
    assert_eq!(rules, ["caa", "csr", "names"]);

    let mut disabled = profile;
    disabled.as_object_mut().unwrap().remove("id");
    disabled["enabled"] = json!(false);
    world.admin.put("/api/profiles/prof-strict", disabled).await.expect(200);
    assert!(detail(&ask(Csr::new(&["a.mine.internal"])).await, 403, FORBIDDEN).contains("disabled"));
}
