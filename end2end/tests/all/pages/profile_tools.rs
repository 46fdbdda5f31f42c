//! What there is to do with a profile beside changing it.

use end2end::browser::{Visit, location};
use end2end::certificate::Chain;
use end2end::{Engine, on_each_engine};
use http::Method;
use serde_json::{Value, json};
use testkit::acme::{Csr, LeafKey, RawAcme};
use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

use super::world::{World, words};

on_each_engine!(
    a_dry_run_shows_what_is_then_issued,
    a_dry_run_names_the_rule_that_refuses,
    a_disabled_profile_accepts_nothing_until_it_is_enabled,
    a_profile_in_use_is_not_deleted_and_the_page_says_by_what,
    every_version_of_a_profile_is_told,
    the_texts_of_clients_are_files_too,
);

/// A field of a leaf: its name, whether it is critical, and its values.
type Fields = Vec<(String, bool, Vec<String>)>;

async fn previewed(world: &World, profile: &str, asked: Value) -> Fields {
    let answer = world.api.post(&format!("/api/profiles/{profile}/preview"), asked).await.expect(200);
    let list =
        |value: &Value| value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect();
    let fields = answer["certificate"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
    let fields = fields.map(|field| {
        let name = field["name"].as_str().unwrap().to_owned();
        (name, field["critical"].as_bool().unwrap(), list(&field["values"]))
    });
    fields.collect()
}

/// The same of a certificate, read by other code.
fn issued(chain: &Chain) -> Fields {
    let (_, leaf) = X509Certificate::from_der(chain.leaf()).unwrap();
    let one = |name: &str, value: String| (name.to_owned(), false, vec![value]);
    let mut all = vec![
        one("Version", "3".to_owned()),
        one("Serial number", String::new()),
        one("Signature algorithm", leaf.signature_algorithm.algorithm.to_id_string()),
        one("Issuer", leaf.issuer().to_string()),
        one("Not before", String::new()),
        one("Not after", String::new()),
        one(
            "Subject",
            if leaf.subject().as_raw() == [0x30, 0] {
                "empty".to_owned()
            } else {
                leaf.subject().to_string()
            },
        ),
        one("Public key", leaf.public_key().algorithm.algorithm.to_id_string()),
    ];
    let text =
        |list: &[(bool, &str)]| list.iter().filter(|(set, _)| *set).map(|(_, t)| (*t).to_owned()).collect();
    for extension in leaf.extensions() {
        let (name, values): (&str, Vec<String>) = match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                ("Authority key identifier", vec![hex::encode(id.key_identifier.as_ref().unwrap().0)])
            }
            ParsedExtension::SubjectKeyIdentifier(_) => ("Subject key identifier", vec![String::new()]),
            ParsedExtension::KeyUsage(usage) => (
                "Key usage",
                text(&[
                    (usage.digital_signature(), "digitalSignature"),
                    (usage.key_encipherment(), "keyEncipherment"),
                ]),
            ),
            ParsedExtension::ExtendedKeyUsage(usage) => (
                "Extended key usage",
                text(&[(usage.server_auth, "serverAuth"), (usage.client_auth, "clientAuth")]),
            ),
            ParsedExtension::BasicConstraints(basic) => {
                assert!(!basic.ca);
                ("Basic constraints", vec!["not a CA".to_owned()])
            }
            ParsedExtension::SubjectAlternativeName(_) => {
                let kind = |name: &String| match name.parse::<std::net::IpAddr>() {
                    Ok(_) => format!("IP {name}"),
                    Err(_) => format!("DNS {name}"),
                };
                ("Subject alternative name", chain.names().iter().map(kind).collect())
            }
            _ if extension.value == [0x30, 3, 2, 1, 5] => {
                ("TLS feature", vec!["status_request (must staple)".to_owned()])
            }
            other => panic!("{other:?}"),
        };
        all.push((name.to_owned(), extension.critical, values));
    }
    all
}

/// What both have: all but what belongs to the one certificate, and the times, which are compared by their distance.
fn comparable(fields: Fields) -> Fields {
    let own = ["Serial number", "Subject key identifier", "Not before", "Not after"];
    let words = [
        ("1.2.840.10045.4.3.2", "ECDSA with SHA-256"),
        ("1.2.840.10045.4.3.3", "ECDSA with SHA-384"),
        ("1.2.840.10045.2.1", "ECDSA P-384"),
        ("1.2.840.113549.1.1.1", "RSA, the client's, of 2048 to 8192 bits"),
    ];
    let word = |value: String| {
        words.iter().find(|(oid, _)| *oid == value).map_or(value, |(_, word)| (*word).to_owned())
    };
    let fields = fields.into_iter().map(|(name, critical, values)| {
        let values =
            if own.contains(&name.as_str()) { Vec::new() } else { values.into_iter().map(word).collect() };
        (name, critical, values)
    });
    fields.collect()
}

fn length(fields: &Fields) -> i64 {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;
    let at = |wanted: &str| {
        let (_, _, values) = fields.iter().find(|(name, ..)| name == wanted).unwrap();
        OffsetDateTime::parse(&values[0], &Rfc3339).unwrap()
    };
    (at("Not after") - at("Not before")).whole_seconds()
}

async fn a_dry_run_shows_what_is_then_issued(engine: Engine) {
    let world = World::new(engine).await;
    let rich = json!({
        "id": "prof-rich", "name": "Rich", "issuer_id": "iss-internal-ca", "acme_auth_mode": "trust_authenticated",
        "max_ttl_seconds": 86_400, "default_ttl_seconds": 7200, "allowed_key_types": ["ecdsa-p384"],
        "extended_key_usages": ["server_auth", "client_auth"], "permitted_names": ["**.rich.test", "10.0.0.0/8"],
        "must_staple": true,
    });
    world.api.post("/api/profiles", rich).await.expect(201);
    let cases = [
        (
            "prof-rich",
            LeafKey::P384,
            "ecdsa-p384",
            &["b.rich.test", "10.1.2.3", "*.rich.test"][..],
            Some("b.rich.test"),
        ),
        ("prof-test", LeafKey::Rsa2048, "rsa", &["plain.test"][..], None),
        ("prof-test", LeafKey::P384, "ecdsa-p384", &["one.test", "two.test"][..], Some("two.test")),
    ];
    for (profile, key, key_type, names, common_name) in cases {
        let asked = json!({ "names": names, "key_type": key_type, "common_name": common_name });
        let shown = previewed(&world, profile, asked).await;
        let acme = RawAcme::new(world.server.client(), &world.server.directory_url(profile)).await;
        let identifiers: Vec<_> = names
            .iter()
            .map(|name| {
                if name.parse::<std::net::IpAddr>().is_ok() {
                    format!("ip:{name}")
                } else {
                    format!("dns:{name}")
                }
            })
            .collect();
        let identifiers: Vec<_> = identifiers.iter().map(String::as_str).collect();
        let order = acme.order(world.signer(), &identifiers).await.expect(201);
        let csr = Csr::new(names);
        let csr = common_name.map_or_else(|| Csr::new(names), |name| csr.common_name(name));
        let finalize = order["finalize"].as_str().unwrap();
        let order = acme.finalize(world.signer(), finalize, &csr.sign(&key.generate())).await.expect(200);
        let pem = acme.read(world.signer(), order["certificate"].as_str().unwrap()).await.text();
        let chain = Chain::from_pem(&pem);
        let (from, until) = chain.validity();
        assert_eq!(length(&shown), until - from, "{profile}");
        assert_eq!(comparable(shown), comparable(issued(&chain)), "{profile}");

        // The page says the same.
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("names", &names.join("\r\n")).append_pair("key", key_type).append_pair("ttl", "");
        query.append_pair("common_name", common_name.unwrap_or_default());
        let page = words(&world.page(&format!("/profiles/{profile}/preview?{}", query.finish())).await);
        for (name, critical, values) in comparable(issued(&chain)) {
            let critical = if critical { " critical" } else { "" };
            let wanted = format!("{name}{critical} {}", values.join(" "));
            assert!(page.contains(wanted.trim()), "{wanted}: {page}");
        }
        assert!(page.contains("It would be issued"), "{page}");
    }
    // The validity that an order asks for is what it gets.
    let shown = previewed(
        &world,
        "prof-rich",
        json!({ "names": ["a.rich.test"], "key_type": "ecdsa-p384", "ttl_seconds": 3600 }),
    )
    .await;
    assert!((3600..=3660).contains(&length(&shown)), "{shown:?}");
    let certificates = end2end::api::list(&world.api, "/api/certificates?profile_id=prof-rich").await;
    let events = end2end::api::list(&world.api, "/api/audit-events?action=certificate.issued").await;
    assert_eq!((certificates.len(), events.len()), (1, 5), "a dry run issues nothing");
}

async fn a_dry_run_names_the_rule_that_refuses(engine: Engine) {
    let world = World::new(engine).await;
    let change = json!({
        "permitted_names": ["**.a.test"], "excluded_names": ["secret.a.test"], "allowed_key_types": ["ed25519"],
        "max_ttl_seconds": 3600,
    });
    world.api.call(Method::PATCH, "/api/profiles/prof-test", Some(change)).await.expect(200);
    let path = "/profiles/prof-test/preview?names=x.a.test%0D%0Asecret.a.test%0Aelse.test%0Aa_b&key=ecdsa-p256&ttl=90d&common_name=nobody.test";
    let page = words(&world.page(path).await);
    for wanted in [
        "It would be refused.",
        "permitted x.a.test without a challenge",
        "refused secret.a.test names: secret.a.test is excluded by the rule secret.a.test",
        "refused else.test names: else.test is not among the permitted names",
        "refused a_b identifiers:",
        "allowed_key_types : the profile prof-test does not allow ecdsa-p256 keys; allowed: ed25519",
        "max_ttl_seconds : notAfter",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    assert!(!page.contains("Subject alternative name"), "{page}");
    let wrong = world.admin.get(&world.server, "/profiles/prof-test/preview?names=&key=dsa&ttl=soon").await;
    assert_eq!(wrong.status, 422);
    for field in ["names", "key", "ttl"] {
        assert!(wrong.text().contains(&format!("id=\"field-{field}-error\"")), "{field}: {}", wrong.text());
    }
    let page = words(&world.page("/profiles/prof-test/preview").await);
    assert!(!page.contains("would be"), "nothing was asked yet: {page}");
    // A profile of challenges says by which.
    world.fail_an_order("failing.test", "wrong").await;
    let path = format!("/profiles/{}/preview?names=*.b.test&key=ed25519", end2end::challenge::PROFILE);
    assert!(words(&world.page(&path).await).contains("once its control is shown by dns-01"));
    // Who may not see the profile sees nothing of it.
    let scoped = world.browser_of("viewer", &["prof-bound"]).await;
    assert_eq!(scoped.get(&world.server, "/profiles/prof-test/preview?names=a.test").await.status, 404);
}

async fn a_disabled_profile_accepts_nothing_until_it_is_enabled(engine: Engine) {
    let world = World::new(engine).await;
    world.acme.order(world.signer(), &["dns:open.test"]).await.expect(201);
    let page = words(&world.page("/profiles/prof-test/disable").await);
    for wanted in ["Disable ACME test profile", "1 order open: they wait", "Certificates stay valid"] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    let answer = world.submit("/profiles/prof-test/disable", &[]).await;
    assert_eq!(location(&answer), "/profiles/prof-test");
    let page = world.page("/profiles/prof-test").await;
    assert!(
        words(&page).contains("The profile is disabled.") && page.contains("/profiles/prof-test/enable"),
        "{page}"
    );
    world.acme.order(world.signer(), &["dns:next.test"]).await.expect_problem(403, "unauthorized");
    let page = words(&world.page("/profiles/prof-test/preview?names=a.test").await);
    assert!(page.contains("enabled : the profile prof-test is disabled"), "{page}");
    world.submit("/profiles/prof-test/enable", &[]).await;
    world.acme.order(world.signer(), &["dns:next.test"]).await.expect(201);
    // What was edited meanwhile stays: only whether it is enabled changes.
    assert_eq!(world.api.get("/api/profiles/prof-test").await.expect(200)["version"], 3);
    let viewer = world.browser_of("viewer", &[]).await;
    let token = viewer.csrf_token(&world.server).await;
    for path in ["disable", "enable", "delete"].map(|end| format!("/profiles/prof-test/{end}")) {
        assert!(!world.page_of(&viewer, "/profiles/prof-test").await.contains(&path));
        assert_eq!(viewer.get(&world.server, &path).await.status, 403, "{path}");
        let fields = [("version", "3"), ("csrf_token", &*token)];
        assert_eq!(viewer.submit(&world.server, &path, &fields).await.status, 403, "{path}");
    }
}

async fn a_profile_in_use_is_not_deleted_and_the_page_says_by_what(engine: Engine) {
    let world = World::new(engine).await;
    let order = world.acme.order(world.signer(), &["dns:open.test"]).await.expect(201);
    let mut other = end2end::api::open_profile("prof-other");
    other["selectable_profiles"] = json!(["prof-test"]);
    world.api.post("/api/profiles", other).await.expect(201);
    let key = world
        .api
        .post("/api/acme/eab-keys", json!({ "note": "a cluster", "profiles": ["prof-test"] }))
        .await
        .expect(201);
    let agent = json!({ "name": "the builder", "role": "agent", "profiles": ["prof-test"] });
    world.api.post("/api/api-keys", agent).await.expect(201);

    let delete = "/profiles/prof-test/delete";
    let html = world.page(delete).await;
    let page = words(&html);
    for wanted in [
        "1 order open under it",
        "the selectable profiles of prof-other",
        "EAB keys that are for",
        "the builder",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    assert!(html.contains(&format!("/eab-keys/{}", key["id"].as_str().unwrap())), "{html}");
    let answer = world.submit(delete, &[("version", "1")]).await;
    assert_eq!(answer.status, 409);
    assert!(words(&answer.text()).contains("1 of its orders are open"), "{}", answer.text());

    let csr = Csr::new(&["open.test"]).sign(&LeafKey::P256.generate());
    world.acme.finalize(world.signer(), order["finalize"].as_str().unwrap(), &csr).await.expect(200);
    let answer = world.submit(delete, &[("version", "1")]).await;
    assert_eq!(answer.status, 409);
    assert!(words(&answer.text()).contains("selectable_profiles of prof-other"), "{}", answer.text());
    let change = json!({ "selectable_profiles": [] });
    world.api.call(Method::PATCH, "/api/profiles/prof-other", Some(change)).await.expect(200);
    // Somebody has changed it since the page was read.
    let change = json!({ "description": "in use again" });
    world.api.call(Method::PATCH, "/api/profiles/prof-test", Some(change)).await.expect(200);
    let answer = world.submit(delete, &[("version", "1")]).await;
    assert_eq!(answer.status, 412, "{}", answer.text());
    assert!(answer.text().contains("name=\"version\" value=\"2\""), "{}", answer.text());
    let answer = world.submit(delete, &[("version", "2")]).await;
    assert_eq!(location(&answer), "/profiles", "{}", answer.text());
    assert!(words(&world.page("/profiles").await).contains("The profile prof-test is deleted."));
    assert_eq!(world.api.get("/api/profiles/prof-test").await.status, 404);
    let history = words(&world.page("/profiles/prof-test/history").await);
    assert!(history.contains("deleted") && history.contains("Version 1"), "{history}");
}

async fn every_version_of_a_profile_is_told(engine: Engine) {
    let world = World::new(engine).await;
    let change = json!({ "permitted_names": ["**.a.test", "b.test"], "max_ttl_seconds": 129_600 });
    world.api.call(Method::PATCH, "/api/profiles/prof-test", Some(change)).await.expect(200);
    let change = json!({ "permitted_names": ["**.a.test", "c.test"] });
    world.api.call(Method::PATCH, "/api/profiles/prof-test", Some(change)).await.expect(200);
    // Refusals are of the profile as well, and no versions of it.
    world.acme.order(world.signer(), &["dns:refused.test"]).await.expect_problem(400, "rejectedIdentifier");
    assert!(world.page("/profiles/prof-test").await.contains("/profiles/prof-test/history"));
    let html = world.page("/profiles/prof-test/history").await;
    let page = words(&html);
    for wanted in [
        "Version 3 changed by key:",
        "Permitted names 1 in both b.test c.test",
        "Version 2 changed by key:",
        "Permitted names every name **.a.test b.test",
        "Longest validity 90 days 36 hours",
        "Version 1 created by key:",
        "3 in all",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    assert!(page.find("Version 3").unwrap() < page.find("Version 2").unwrap(), "newest first");
    assert!(html.contains("href=\"/audit/evt-"), "{html}");
    for number in 0..20 {
        let change = json!({ "description": format!("version {number}") });
        world.api.call(Method::PATCH, "/api/profiles/prof-test", Some(change)).await.expect(200);
    }
    let html = world.page("/profiles/prof-test/history").await;
    let next = html
        .split("href=\"")
        .find(|rest| rest.contains("history?cursor="))
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let older = words(&world.page(next).await);
    assert!(
        older.contains("Version 3") && older.contains("Version 1") && !older.contains("Version 4"),
        "{older}"
    );
    let operator = world.browser_of("operator", &[]).await;
    assert!(!world.page_of(&operator, "/profiles/prof-test").await.contains("/history"));
    assert_eq!(operator.get(&world.server, "/profiles/prof-test/history").await.status, 403);
    assert_eq!(world.admin.get(&world.server, "/profiles/nobody/history").await.status, 404);
}

async fn the_texts_of_clients_are_files_too(engine: Engine) {
    let world = World::new(engine).await;
    world.bind_an_account("a cluster").await;
    let page = world.page("/profiles/prof-bound/connect").await;
    let directory = world.server.directory_url("prof-bound");
    for (file, wanted) in [
        ("fetch-ca.sh", "/pki/server-ca.pem"),
        ("eab-secret.yaml", "kind: Secret"),
        ("cluster-issuer.yaml", "externalAccountBinding"),
        ("lego.sh", "--eab --kid KEY_ID"),
        ("certbot.sh", "--eab-kid KEY_ID"),
        ("Caddyfile", "acme_eab"),
        ("traefik.yml", "hmacEncoded"),
        ("traefik.env", "LEGO_CA_CERTIFICATES="),
    ] {
        let path = format!("/profiles/prof-bound/connect/{file}");
        assert!(page.contains(&format!("href=\"{path}\"")), "{file}: {page}");
        let answer = world.admin.get(&world.server, &path).await;
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(answer.header("content-disposition"), Some(&*format!("attachment; filename=\"{file}\"")));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        let text = answer.text();
        assert!(text.contains(wanted) && text.ends_with('\n'), "{file}: {text}");
        let names_directory = !matches!(file, "fetch-ca.sh" | "eab-secret.yaml" | "traefik.env");
        assert_eq!(text.contains(&directory), names_directory, "{file}: {text}");
    }
    for path in ["/profiles/prof-bound/connect/nothing.sh", "/profiles/nobody/connect/lego.sh"] {
        assert_eq!(world.admin.get(&world.server, path).await.status, 404, "{path}");
    }
    let stranger = end2end::browser::Browser::new();
    let answer = stranger.send(&world.server, Visit::get("/profiles/prof-bound/connect/lego.sh")).await;
    assert!(location(&answer).starts_with("/sign-in?return_to="), "{answer:?}");
}
