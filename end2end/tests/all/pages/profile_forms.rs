//! The forms of profiles: what they set is what clients then get.

use end2end::browser::location;
use end2end::{Engine, on_each_engine};
use http::Method;
use serde_json::{Value, json};
use testkit::acme::{Csr, Key, LeafKey, RawAcme, Signer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::world::{World, words};

on_each_engine!(
    a_profile_made_in_the_pages_is_obeyed,
    everything_wrong_is_said_at_once_and_the_input_stays,
    a_lost_update_shows_both_versions,
    whoever_may_edit_some_profiles_edits_these_alone,
);

/// What a browser sends of a form that is filled in like this.
const FILLED: &[(&str, &str)] = &[
    ("id", "prof-made"),
    ("name", "Made & <written> by hand"),
    ("description", "two\r\nlines"),
    ("enabled", "true"),
    ("acme_auth_mode", "trust_authenticated"),
    ("permitted_names", "**.made.test\r\n\r\n10.9.0.0/16\r\n"),
    ("excluded_names", "secret.made.test"),
    ("allowed_client_networks", "127.0.0.0/8\r\n::1"),
    ("issuer_id", "iss-internal-ca"),
    ("max_ttl_seconds", "36h"),
    ("default_ttl_seconds", "1h 30m"),
    ("allowed_key_types", "ecdsa-p384"),
    ("allowed_key_types", "ed25519"),
    ("extended_key_usages", "server_auth"),
    ("extended_key_usages", "client_auth"),
    ("caa", "off"),
    ("reuse_authorizations_hours", "2d"),
    ("selectable_profiles", "prof-test"),
    ("must_staple", "true"),
];

/// The same with other values of some fields.
fn filled<'a>(other: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = FILLED.iter().copied().filter(|(name, _)| !other.iter().any(|(changed, _)| changed == name));
    kept.chain(other.iter().copied()).collect()
}

async fn profile(world: &World, id: &str) -> Value {
    world.api.get(&format!("/api/profiles/{id}")).await.expect(200)
}

async fn a_profile_made_in_the_pages_is_obeyed(engine: Engine) {
    let world = World::new(engine).await;
    let new = world.page("/profiles/new").await;
    assert!(
        new.contains("name=\"eab_required\" type=\"checkbox\" value=\"true\" checked"),
        "the safe choice: {new}"
    );
    assert!(words(&new).contains("This is the open mode"), "{new}");
    let answer = world.submit("/profiles/new", FILLED).await;
    assert_eq!(location(&answer), "/profiles/prof-made", "{}", answer.text());
    let page = words(&world.page("/profiles/prof-made").await);
    assert!(page.contains("The profile is made.") && page.contains("Made & <written> by hand"), "{page}");
    let made = profile(&world, "prof-made").await;
    let expected = json!({
        "id": "prof-made", "name": "Made & <written> by hand", "description": "two\nlines", "enabled": true,
        "issuer_id": "iss-internal-ca", "acme_auth_mode": "trust_authenticated", "eab_required": false,
        "permitted_names": ["**.made.test", "10.9.0.0/16"], "excluded_names": ["secret.made.test"],
        "allowed_client_networks": ["127.0.0.0/8", "::1/128"], "max_ttl_seconds": 129_600,
        "default_ttl_seconds": 5400, "allowed_key_types": ["ecdsa-p384", "ed25519"],
        "extended_key_usages": ["server_auth", "client_auth"], "caa": "off", "reuse_authorizations_hours": 48,
        "selectable_profiles": ["prof-test"], "must_staple": true, "allowed_challenge_types": [], "version": 1,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&made[field], value, "{field}");
    }

    // A client gets what the form said, and nothing else.
    let acme = RawAcme::new(world.server.client(), &world.server.directory_url("prof-made")).await;
    let directory = world.server.client().get(&world.server.directory_url("prof-made")).await.expect(200);
    assert!(directory["meta"]["profiles"]["prof-test"].is_string(), "{directory}");
    for name in ["dns:elsewhere.test", "dns:secret.made.test", "ip:10.8.0.1"] {
        acme.order(world.signer(), &[name]).await.expect_problem(400, "rejectedIdentifier");
    }
    let order = acme.order(world.signer(), &["dns:a.made.test", "ip:10.9.0.1"]).await.expect(201);
    let finalize = order["finalize"].as_str().unwrap();
    let csr = |key: LeafKey| Csr::new(&["a.made.test", "10.9.0.1"]).sign(&key.generate());
    acme.finalize(world.signer(), finalize, &csr(LeafKey::P256)).await.expect_problem(400, "badCSR");
    acme.finalize(world.signer(), finalize, &csr(LeafKey::P384)).await.expect(200);
    let issued = world.only("/api/certificates?name=a.made.test").await;
    assert_eq!((&issued["profile_id"], &issued["key_type"]), (&json!("prof-made"), &json!("ecdsa-p384")));
    let page = words(&world.page(&format!("/certificates/{}", issued["id"].as_str().unwrap())).await);
    for wanted in ["serverAuth", "clientAuth", "10.9.0.1"] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    let (from, until) = (issued["not_before"].as_str().unwrap(), issued["not_after"].as_str().unwrap());
    let at = |text: &str| OffsetDateTime::parse(text, &Rfc3339).unwrap();
    assert_eq!((at(until) - at(from)).whole_seconds(), 5400 - 1, "{from} {until}");

    // The form of the profile holds it as it is; sent back unchanged, nothing happens.
    let edit = world.page("/profiles/prof-made/edit").await;
    assert!(edit.contains("value=\"36h\"") && edit.contains("36 hours, 129,600 seconds"), "{edit}");
    let same: Vec<_> = filled(&[("version", "1"), ("id", "")]);
    let answer = world.submit("/profiles/prof-made/edit", &same).await;
    assert_eq!(location(&answer), "/profiles/prof-made", "{}", answer.text());
    assert!(words(&world.page("/profiles/prof-made").await).contains("Nothing was changed"));
    let changed = filled(&[("version", "1"), ("eab_required", "true"), ("max_ttl_seconds", "2 days")]);
    world.submit("/profiles/prof-made/edit", &changed).await;
    let page = words(&world.page("/profiles/prof-made").await);
    assert!(page.contains("The profile is changed.") && page.contains("2 days"), "{page}");
    let made = profile(&world, "prof-made").await;
    assert_eq!((&made["version"], &made["eab_required"]), (&json!(2), &json!(true)));
    acme.order(world.signer(), &["dns:b.made.test"]).await.expect_problem(403, "externalAccountRequired");
    let event = world.only("/api/audit-events?action=profile.updated").await;
    assert_eq!(
        (&event["details"]["version"], &event["details"]["before"]["eab_required"]),
        (&json!(2), &json!(false))
    );
}

async fn everything_wrong_is_said_at_once_and_the_input_stays(engine: Engine) {
    let world = World::new(engine).await;
    let names = "good.test\r\na_b.test\r\n*.good.test\r\n10.0.0.0/99";
    let wrong = filled(&[
        ("id", "Not An Id"),
        ("name", " "),
        ("max_ttl_seconds", "ninety days"),
        ("default_ttl_seconds", "1m"),
        ("permitted_names", names),
        ("allowed_client_networks", "here"),
        ("selectable_profiles", "prof-nowhere"),
        ("caa", "enforce"),
        ("reuse_authorizations_hours", "91d"),
    ]);
    let answer = world.submit("/profiles/new", &wrong).await;
    assert_eq!(answer.status, 422);
    let html = answer.text();
    let page = words(&html);
    for (field, reason) in [
        ("id", "`Not An Id` is no id"),
        ("name", "1 to 100 characters"),
        ("max_ttl_seconds", "`ninety days` is not a length of time"),
        ("default_ttl_seconds", "300 seconds (5 minutes)"),
        ("permitted_names", "line 2: `a_b.test`"),
        ("permitted_names", "line 4: `10.0.0.0/99`"),
        ("allowed_client_networks", "line 1: `here`"),
        ("selectable_profiles", "there is no profile prof-nowhere"),
        ("caa", "CERTCTL_ACME_CAA_IDENTITIES"),
        ("reuse_authorizations_hours", "0 to 2160 hours"),
    ] {
        // The list above the form has the words that stand beside the field.
        let link =
            html.split(&format!("href=\"#field-{field}\">")).nth(1).unwrap_or_else(|| panic!("{field}"));
        let label = link.split("</a>").next().unwrap();
        let beside = [format!("for=\"field-{field}\">{label}"), format!("<legend>{label}</legend>")];
        assert!(label != field && beside.iter().any(|words| html.contains(words)), "{field}: {label}");
        let beside = html
            .split(&format!("id=\"field-{field}-error\""))
            .nth(1)
            .unwrap_or_else(|| panic!("{field}: {html}"));
        assert!(words(&format!(">{beside}")).contains(reason), "{field}: {reason}: {page}");
        assert!(html.contains(&format!("href=\"#field-{field}\"")), "{field}");
    }
    assert!(
        html.contains("value=\"ninety days\"") && html.contains("value=\"Not An Id\""),
        "the input stays"
    );
    assert!(html.contains("a_b.test\r\n*.good.test") || html.contains("a_b.test\n*.good.test"), "{html}");
    assert_eq!(html.matches("line 2").count(), 2, "above the form and beside the field");
    let none = world.api.get("/api/profiles/prof-made").await;
    assert_eq!(none.status, 404);
    // One name is taken by a page.
    let answer = world.submit("/profiles/new", &filled(&[("id", "new")])).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    // An id that is taken.
    let answer = world.submit("/profiles/new", &filled(&[("id", "prof-test")])).await;
    assert_eq!(answer.status, 409);
    assert!(words(&answer.text()).contains("prof-test exists already"), "{}", answer.text());
    assert!(
        answer.text().contains("two\r\nlines") || answer.text().contains("two\nlines"),
        "the input stays"
    );
}

async fn a_lost_update_shows_both_versions(engine: Engine) {
    let world = World::new(engine).await;
    world.submit("/profiles/new", FILLED).await;
    let edit = "/profiles/prof-made/edit";
    let meanwhile = json!({ "permitted_names": ["**.made.test", "other.test"], "max_ttl_seconds": 7200 });
    world.api.call(Method::PATCH, "/api/profiles/prof-made", Some(meanwhile)).await.expect(200);

    let mine = [("version", "1"), ("max_ttl_seconds", "10h"), ("description", "<mine>")];
    let answer = world.submit(edit, &filled(&mine)).await;
    assert_eq!(answer.status, 412, "{}", answer.text());
    let html = answer.text();
    let page = words(&html);
    for wanted in [
        "Somebody has changed this",
        "by key:",
        "Longest validity 2 hours 10 hours",
        "Description two lines <mine>",
        "Permitted names 1 in both other.test 10.9.0.0/16",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    let table = words(html.split("lost-update").last().unwrap().split("</table>").next().unwrap());
    assert!(!table.contains("Client networks"), "what is the same is not told: {table}");
    assert!(html.contains("name=\"version\" value=\"2\"") && html.contains("value=\"10h\""), "{html}");
    assert_eq!(profile(&world, "prof-made").await["max_ttl_seconds"], 7200, "nothing was stored");
    // Wrong fields do not hide it.
    let answer = world.submit(edit, &filled(&[("version", "1"), ("permitted_names", "a_b")])).await;
    assert!(words(&answer.text()).contains("Somebody has changed this"), "{}", answer.text());

    // Saving again, in the place of what was shown, is what the button says.
    let mine = [("version", "2"), ("max_ttl_seconds", "10h"), ("description", "<mine>")];
    let answer = world.submit(edit, &filled(&mine)).await;
    assert_eq!(location(&answer), "/profiles/prof-made", "{}", answer.text());
    let stored = profile(&world, "prof-made").await;
    assert_eq!((&stored["max_ttl_seconds"], &stored["version"]), (&json!(36_000), &json!(3)));
    // Who may not read the audit trail is not told who it was.
    let operator = world.browser_of("operator", &[]).await;
    let token = operator.csrf_token(&world.server).await;
    let fields = filled(&[("version", "1"), ("csrf_token", &token)]);
    let answer = operator.submit(&world.server, edit, &fields).await;
    assert_eq!(answer.status, 412);
    let page = words(&answer.text());
    assert!(page.contains("Somebody has changed this") && !page.contains("by key:"), "{page}");
    // A form that does not say its version changes nothing.
    let answer = world.submit(edit, &filled(&[])).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
}

async fn whoever_may_edit_some_profiles_edits_these_alone(engine: Engine) {
    let world = World::new(engine).await;
    world.submit("/profiles/new", FILLED).await;
    let scoped = world.browser_of("operator", &["prof-made", "prof-next"]).await;
    let token = scoped.csrf_token(&world.server).await;
    assert!(world.page_of(&scoped, "/profiles/prof-made").await.contains("/profiles/prof-made/edit"));
    let fields =
        filled(&[("version", "1"), ("name", "theirs"), ("selectable_profiles", ""), ("csrf_token", &token)]);
    let answer = scoped.submit(&world.server, "/profiles/prof-made/edit", &fields).await;
    assert_eq!(location(&answer), "/profiles/prof-made", "{}", answer.text());
    assert_eq!(profile(&world, "prof-made").await["name"], "theirs");
    for path in ["/profiles/prof-test", "/profiles/prof-test/edit"] {
        assert_eq!(scoped.get(&world.server, path).await.status, 404, "{path}");
    }
    let answer = scoped.submit(&world.server, "/profiles/prof-test/edit", &fields).await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    // They may make those that they are meant for.
    let new = words(&world.page_of(&scoped, "/profiles/new").await);
    assert!(new.contains("You may create: prof-made, prof-next."), "{new}");
    for (id, status) in [("", 403), ("prof-other", 403), ("prof-next", 303)] {
        let fields = filled(&[("id", id), ("selectable_profiles", ""), ("csrf_token", &token)]);
        let answer = scoped.submit(&world.server, "/profiles/new", &fields).await;
        assert_eq!(answer.status, status, "{id}: {}", answer.text());
    }
    let viewer = world.browser_of("viewer", &[]).await;
    for path in ["/profiles", "/profiles/prof-made"] {
        let page = world.page_of(&viewer, path).await;
        assert!(!page.contains("/edit") && !page.contains("/profiles/new"), "{page}");
    }
    for path in ["/profiles/new", "/profiles/prof-made/edit"] {
        assert_eq!(viewer.get(&world.server, path).await.status, 403, "{path}");
        let token = viewer.csrf_token(&world.server).await;
        let fields = filled(&[("version", "2"), ("csrf_token", &token)]);
        assert_eq!(viewer.submit(&world.server, path, &fields).await.status, 403, "{path}");
    }
    // The signer is theirs alone, whoever asks.
    let acme = RawAcme::new(world.server.client(), &world.server.directory_url("prof-made")).await;
    let key = Key::new();
    let account = acme.register(&key).await;
    acme.order(Signer::Kid(&key, &account), &["dns:a.made.test"]).await.expect(201);
}
