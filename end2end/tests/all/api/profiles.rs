use end2end::api::open_profile;
use end2end::{Engine, on_each_engine};
use http::{Method, Request};
use serde_json::{Value, json};
use testkit::acme::{Csr, LeafKey, RawAcme};
use testkit::http::{Client, Response};

use super::{Setup, each, last_segment, wrong_fields};

on_each_engine! {
    a_profile_is_written_read_and_deleted,
    lost_updates_are_refused,
    wrong_fields_are_named,
    a_disabled_profile_refuses_everything_at_once,
    a_profile_with_open_orders_stays,
}

/// A write on the condition that the profile is still as it was read.
async fn conditional(api: &Client, method: Method, path: &str, etag: &str, body: Option<Value>) -> Response {
    let request = Request::builder().method(method).header("if-match", etag);
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body.to_string().into()),
        None => request.body(Default::default()),
    };
    api.send(path, request.unwrap()).await
}

async fn a_profile_is_written_read_and_deleted(engine: Engine) {
    let setup = Setup::new(engine).await;
    let api = &setup.api;
    let created = api.post("/api/profiles", open_profile("prof-a")).await;
    let profile = created.expect(201);
    assert_eq!(created.header("location"), Some("/api/profiles/prof-a"));
    assert_eq!(created.header("etag"), Some("\"v1\""));
    assert_eq!(profile["directory"], setup.server.directory_url("prof-a"));
    assert_eq!((&profile["version"], &profile["enabled"]), (&json!(1), &json!(true)));
    let warnings = profile["warnings"].as_array().unwrap();
    assert!(warnings[0].as_str().unwrap().contains("anyone who reaches the server"), "{warnings:?}");
    assert_eq!(api.get("/api/profiles/prof-a").await.expect(200), profile);
    api.post("/api/profiles", open_profile("prof-a")).await.expect_problem(409, "urn:certctl:error:conflict");
    let listed = setup.items("/api/profiles").await;
    assert_eq!(each(&listed, "id"), ["prof-a", "prof-test"]);
    let first = api.get("/api/profiles?limit=1").await.expect(200);
    let second = api.get(&format!("/api/profiles?limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!(second.expect(200)["items"][0]["id"], "prof-test");

    // Restricted to some names, the profile is not open any more; what is not given takes its default.
    let patched = api.patch("/api/profiles/prof-a", json!({ "permitted_names": ["**.internal"] })).await;
    let patched_body = patched.expect(200);
    assert_eq!(patched.header("etag"), Some("\"v2\""));
    assert_eq!((&patched_body["warnings"], &patched_body["name"]), (&json!([]), &profile["name"]));
    let unchanged = api.patch("/api/profiles/prof-a", json!({ "enabled": true })).await;
    assert_eq!(unchanged.header("etag"), Some("\"v2\""), "what changes nothing is no new version");
    let mut other = open_profile("prof-a");
    other["name"] = json!("Another name");
    other["must_staple"] = json!(true);
    let replaced = api.put("/api/profiles/prof-a", other).await.expect(200);
    assert_eq!((&replaced["permitted_names"], &replaced["version"]), (&json!([]), &json!(3)));
    assert!(replaced["warnings"].to_string().contains("must_staple"), "{replaced}");
    let reset = api.patch("/api/profiles/prof-a", json!({ "must_staple": null })).await.expect(200);
    assert_eq!(reset["must_staple"], false, "null takes a field back to its default (RFC 7396)");

    let mut unnamed = open_profile("");
    unnamed.as_object_mut().unwrap().remove("id");
    let generated = api.post("/api/profiles", unnamed).await.expect(201);
    assert!(generated["id"].as_str().unwrap().starts_with("prof-"), "{generated}");

    assert_eq!(api.delete("/api/profiles/prof-a").await.status, 204);
    for answer in [
        api.get("/api/profiles/prof-a").await,
        api.delete("/api/profiles/prof-a").await,
        api.patch("/api/profiles/prof-a", json!({})).await,
    ] {
        answer.expect_problem(404, "urn:certctl:error:not-found");
    }
    setup.server.client().get(&setup.server.directory_url("prof-a")).await.expect_problem(404, "malformed");

    let events = setup.items("/api/audit-events?resource_id=prof-a").await;
    assert_eq!(
        each(&events, "action"),
        ["profile.deleted", "profile.updated", "profile.updated", "profile.updated", "profile.created"]
    );
    assert_eq!(events[3]["details"]["before"]["permitted_names"], json!([]));
    assert_eq!(events[3]["details"]["after"]["permitted_names"], json!(["**.internal"]));
}

async fn lost_updates_are_refused(engine: Engine) {
    let setup = Setup::new(engine).await;
    let (api, path) = (&setup.api, "/api/profiles/prof-test");
    let etag = api.get(path).await.header("etag").unwrap().to_owned();
    let rename = |name: &str| Some(json!({ "name": name }));
    let first = conditional(api, Method::PATCH, path, &etag, rename("first")).await;
    first.expect(200);
    let mut whole = open_profile("prof-test");
    whole["name"] = json!("second");
    for (method, body) in
        [(Method::PATCH, rename("second")), (Method::PUT, Some(whole)), (Method::DELETE, None)]
    {
        let late = conditional(api, method, path, &etag, body).await;
        let problem = late.expect_problem(412, "urn:certctl:error:precondition-failed");
        assert!(problem["detail"].as_str().unwrap().contains("version 2"), "{problem}");
    }
    let foreign = conditional(api, Method::PATCH, path, "\"other\"", rename("second")).await;
    foreign.expect_problem(412, "urn:certctl:error:precondition-failed");
    assert_eq!(api.get(path).await.expect(200)["name"], "first");

    // Of many that have read the same version, one writes.
    let etag = first.header("etag").unwrap();
    let names: Vec<_> = (0..8).map(|number| format!("racer {number}")).collect();
    let racers = names.iter().map(|name| conditional(api, Method::PATCH, path, etag, rename(name)));
    let answers = futures::future::join_all(racers).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    let lost = answers.iter().filter(|answer| answer.status == 412).count();
    assert_eq!((won, lost), (1, 7));
    let any = conditional(api, Method::PATCH, path, "*", rename("last")).await.expect(200);
    assert_eq!((&any["version"], &any["name"]), (&json!(4), &json!("last")));
    assert_eq!(conditional(api, Method::DELETE, path, "\"v4\"", None).await.status, 204);
}

async fn wrong_fields_are_named(engine: Engine) {
    let setup = Setup::new(engine).await;
    let api = &setup.api;
    let cases: [(&str, Value); 12] = [
        ("colour", json!("red")),
        ("name", json!("")),
        ("name", json!(7)),
        ("description", json!("x".repeat(2001))),
        ("issuer_id", json!("iss-missing")),
        ("acme_auth_mode", json!("trust")),
        ("max_ttl_seconds", json!(1)),
        ("default_ttl_seconds", json!(7_776_001)),
        ("allowed_key_types[0]", json!(["dsa"])),
        ("permitted_names[1]", json!(["a.example", "a_b"])),
        ("allowed_client_networks[0]", json!(["10.0.0.0/33"])),
        ("id", json!("Not An Id")),
    ];
    for (field, value) in cases {
        let name = field.split('[').next().unwrap();
        let mut profile = open_profile("prof-wrong");
        profile[name] = value.clone();
        let refused =
            api.post("/api/profiles", profile).await.expect_problem(422, "urn:certctl:error:invalid");
        assert_eq!(wrong_fields(&refused), [field], "{refused}");
        let refused = api.patch("/api/profiles/prof-test", json!({ name: value })).await;
        let refused = refused.expect_problem(422, "urn:certctl:error:invalid");
        assert!(wrong_fields(&refused)[0].starts_with(name), "{refused}");
    }
    let mut missing = open_profile("prof-wrong");
    missing.as_object_mut().unwrap().remove("max_ttl_seconds");
    let refused = api.post("/api/profiles", missing).await.expect_problem(422, "urn:certctl:error:invalid");
    assert_eq!(wrong_fields(&refused), ["max_ttl_seconds"]);
    let several = json!({ "name": "", "max_ttl_seconds": 1, "default_ttl_seconds": 1 });
    let refused =
        api.patch("/api/profiles/prof-test", several).await.expect_problem(422, "urn:certctl:error:invalid");
    assert_eq!(wrong_fields(&refused), ["name", "max_ttl_seconds", "default_ttl_seconds"], "all at once");
    let moved = api.put("/api/profiles/prof-test", open_profile("prof-other")).await;
    assert_eq!(wrong_fields(&moved.expect_problem(422, "urn:certctl:error:invalid")), ["id"]);
    let misspelt = api.get("/api/profiles?limt=3").await.expect_problem(422, "urn:certctl:error:invalid");
    assert_eq!(wrong_fields(&misspelt), ["limt"]);
    let request = Request::post("/").header("content-type", "text/plain").body("{}".into()).unwrap();
    api.send("/api/profiles", request).await.expect(415);
    api.get("/api/profiles/prof-wrong").await.expect(404);
    assert_eq!(api.get("/api/profiles/prof-test").await.expect(200)["version"], 1, "nothing was changed");
}

async fn a_disabled_profile_refuses_everything_at_once(engine: Engine) {
    let setup = Setup::new(engine).await;
    let order = setup.acme.order(setup.signer(), &["dns:a.internal"]).await;
    let location = order.header("location").unwrap().to_owned();
    let finalize = order.expect(201)["finalize"].as_str().unwrap().to_owned();
    let csr = Csr::new(&["a.internal"]).sign(&LeafKey::P256.generate());

    setup.api.patch("/api/profiles/prof-test", json!({ "enabled": false })).await.expect(200);
    let directory = setup.server.directory_url("prof-test");
    setup.server.client().get(&directory).await.expect_problem(403, "unauthorized");
    let refused = setup.acme.order(setup.signer(), &["dns:b.internal"]).await;
    refused.expect_problem(403, "unauthorized");
    setup.acme.finalize(setup.signer(), &finalize, &csr).await.expect_problem(400, "invalidProfile");
    let read = setup.acme.read(setup.signer(), &location).await.expect(200);
    assert_eq!(read["status"], "ready", "what is there can be read");

    setup.api.patch("/api/profiles/prof-test", json!({ "enabled": true })).await.expect(200);
    RawAcme::new(setup.server.client(), &directory).await;
    let order = setup.acme.finalize(setup.signer(), &finalize, &csr).await.expect(200);
    assert_eq!(order["status"], "valid", "enabled again, the order goes on");
    let refusals = setup.items("/api/audit-events?action=order.refused").await;
    assert_eq!(refusals.len(), 2, "{refusals:?}");
    for event in refusals {
        assert_eq!((&event["outcome"], &event["details"]["rule"]), (&json!("refused"), &json!("enabled")));
    }
}

async fn a_profile_with_open_orders_stays(engine: Engine) {
    let setup = Setup::new(engine).await;
    let order = setup.acme.order(setup.signer(), &["dns:a.internal"]).await.expect(201);
    let refused = setup.api.delete("/api/profiles/prof-test").await;
    let problem = refused.expect_problem(409, "urn:certctl:error:conflict");
    assert!(problem["detail"].as_str().unwrap().contains("1 of its orders"), "{problem}");
    let csr = Csr::new(&["a.internal"]).sign(&LeafKey::P256.generate());
    let finalize = order["finalize"].as_str().unwrap();
    let order = setup.acme.finalize(setup.signer(), finalize, &csr).await.expect(200);
    assert_eq!(setup.api.delete("/api/profiles/prof-test").await.status, 204);
    // What was issued under it stays.
    let url = order["certificate"].as_str().unwrap();
    assert_eq!(setup.acme.read(setup.signer(), url).await.status, 200);
    let kept = setup.api.get(&format!("/api/certificates/{}", last_segment(url))).await.expect(200);
    assert_eq!(kept["profile_id"], "prof-test");
}
