//! Who sees what, and what those see who may not.

use end2end::browser::{Browser, location};
use end2end::{Engine, on_each_engine};
use serde_json::json;

use super::assert_is_a_light_and_harmless_page;
use super::world::{OPEN, World, words};

on_each_engine!(every_page_is_reached_by_links, rights_end_at_profiles_in_the_pages_too);

/// Each page, with words that it has. `*` stands for an id.
const PAGES: &[(&str, &str)] = &[
    ("/", "Expiry horizon"),
    ("/certificates", "Every certificate that this CA has issued"),
    ("/certificates/*", "Where it comes from"),
    ("/bulk-actions", "What was done to many certificates at once"),
    ("/bulk-actions/*", "What was asked for"),
    ("/certificates/*/revoke", "certctl publishes no CRL and answers no OCSP requests"),
    ("/certificates/*/renew-now", "ACME clients that ask for renewal information"),
    ("/certificates/*/renew-now/cancel", "told the usual time again"),
    ("/orders", "What ACME clients have asked for"),
    ("/orders/*", "What happened"),
    ("/orders/refused", "so that there is no order"),
    ("/acme-accounts", "The clients that may order"),
    ("/acme-accounts/*", "Thumbprint"),
    ("/acme-accounts/*/suspend", "Every request of this account is refused"),
    ("/acme-accounts/*/deactivate", "This cannot be taken back"),
    ("/eab-keys", "external account binding"),
    ("/eab-keys/*", "What its accounts may do"),
    ("/eab-keys/new", "Its MAC key is shown once"),
    ("/eab-keys/*/rotate", "It gets a new MAC key"),
    ("/eab-keys/*/revoke", "It binds no more accounts"),
    ("/api-keys", "What machines show to say who they are"),
    ("/api-keys/new", "The key is shown once"),
    ("/api-keys/*", "What it may do"),
    ("/api-keys/*/rotate", "A new key takes its place"),
    ("/api-keys/*/revoke", "This cannot be taken back"),
    ("/profiles", "Who may get which certificates"),
    ("/profiles/*", "What it issues"),
    ("/profiles/new", "Who may ask"),
    ("/profiles/*/edit", "This is the open mode"),
    ("/profiles/*/preview", "What the profile, as it is stored, would issue"),
    ("/profiles/*/history", "Every version of the profile"),
    ("/profiles/*/disable", "Certificates stay valid"),
    ("/profiles/*/delete", "This cannot be taken back"),
    ("/issuers", "The CAs that sign"),
    ("/issuers/*", "CA certificate"),
    ("/pki", "Trust"),
    ("/rate-limits", "They stop clients that run wild"),
    ("/rate-limits/edit", "Counters go on as they are"),
    ("/rate-limits/reset", "The subject begins anew"),
    ("/system", "Settings in force"),
    ("/users", "The people who have signed in"),
    ("/users/*", "where they come from"),
    ("/users/*/grants", "These are beside the roles that their groups bring"),
    ("/users/*/deactivate", "cannot sign in again"),
    ("/users/*/end-sessions", "signed out at once"),
    ("/roles", "Which role allows what"),
    ("/roles/*", "What it allows"),
    ("/roles/new", "It cannot be changed later"),
    ("/roles/*/edit", "A change holds at once"),
    ("/roles/*/delete", "It can be made anew under the same id"),
    ("/providers", "Where people sign in"),
    ("/providers/*", "To be registered at the provider"),
    ("/providers/new", "Where to find the values"),
    ("/providers/*/edit", "Left empty, it stays as it is"),
    ("/providers/*/mappings", "holds the role here"),
    ("/providers/*/test", "Test this provider"),
    ("/providers/*/disable", "It goes from the sign-in page"),
    ("/providers/*/delete", "Its users stay in the list of users"),
    ("/break-glass", "no form for this by design"),
    ("/sessions", "Browsers that are signed in"),
    ("/sessions/*/end", "signed out at once"),
    ("/sessions/end-all", "Everybody is signed out but you"),
    ("/audit", "Every change and every refusal"),
    ("/audit/*", "As stored"),
];

async fn every_page_is_reached_by_links(engine: Engine) {
    let world = World::new(engine).await;
    world.bind_an_account("a cluster").await;
    world.fail_an_order("failing.test", "wrong").await;
    world.demand_renewal("a.test", "a test").await;
    super::people::with_a_person(&world).await;
    let certificate = world.only("/api/certificates?name=b.test").await;
    let fields = [("do", "renew"), ("id", certificate["id"].as_str().unwrap()), ("reason", "a test")];
    assert_eq!(world.submit("/bulk-actions/new", &fields).await.status, 303);
    let role = json!({ "id": "revoker", "permissions": ["certificate.revoke"] });
    world.api.post("/api/roles", role).await.expect(201);
    let seen = world.crawl(&world.admin).await;
    for (path, wanted) in PAGES {
        let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
        let of_kind = |p: &&String| {
            let (found, kind) = (parts(p), parts(path));
            let fits = |(found, kind): (&String, &String)| {
                (kind == "*" && !matches!(&**found, "new" | "end-all" | "refused")) || found == kind
            };
            found.len() == kind.len() && !p.contains('?') && found.iter().zip(&kind).all(fits)
        };
        let pages: Vec<_> = seen.keys().filter(of_kind).collect();
        assert!(!pages.is_empty(), "no link leads to {path}: {:?}", seen.keys());
        for page in pages {
            assert!(words(&seen[page].text()).contains(wanted), "{page} has no `{wanted}`");
        }
    }
    for end in ["/connect", "/pem", "/pki/iss-internal-ca.cabundle"] {
        assert!(seen.keys().any(|path| path.ends_with(end)), "no link to …{end}");
    }
    let export = "/api/audit-events/export?format=";
    assert_eq!(seen.keys().filter(|path| path.starts_with(export)).count() % 2, 0, "CSV and JSON lines");
    // What a person may not see has no link either.
    let viewer = world.browser_of("viewer", &[]).await;
    let seen = world.crawl(&viewer).await;
    assert!(!seen.keys().any(|path| path.contains("audit")), "{:?}", seen.keys());
    assert!(seen.keys().any(|path| path.starts_with("/orders/ord-")));
    let auditor = world.browser_of("auditor", &[]).await;
    assert!(world.crawl(&auditor).await.keys().any(|path| path.starts_with("/audit/evt-")));
}

async fn rights_end_at_profiles_in_the_pages_too(engine: Engine) {
    let world = World::new(engine).await;
    world.bind_an_account("a cluster").await;
    let scoped = world.browser_of("operator", &["prof-bound"]).await;
    let all = world.crawl(&scoped).await;
    assert!(all.keys().any(|path| path == "/profiles/prof-bound"));
    assert!(
        !all.keys().any(|path| path.contains(OPEN) || path.starts_with("/acme-accounts")),
        "{:?}",
        all.keys()
    );
    let list = words(&world.page_of(&scoped, "/certificates").await);
    assert!(list.contains("bound.test") && !list.contains("a.test"), "{list}");
    let hidden = world.only("/api/certificates?name=a.test").await;
    let path = format!("/certificates/{}", hidden["id"].as_str().unwrap());
    assert_eq!(scoped.get(&world.server, &path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_a_page_that_says_why() {
    let world = World::new(Engine::Sqlite).await;
    let viewer = world.browser_of("viewer", &[]).await;
    let refused = viewer.get(&world.server, "/audit").await;
    assert_eq!(refused.status, 403);
    assert_is_a_light_and_harmless_page("/audit", &refused);
    let page = words(&refused.text());
    assert!(page.contains("You may not see this") && page.contains("audit.read"), "{page}");
    assert!(page.contains(refused.header("x-request-id").unwrap()), "{page}");
    assert!(page.contains("Sign out") && !page.contains("Audit"), "the frame stays: {page}");

    for path in [
        "/certificates/cert-0193a1b2c3d47e5f8a9b0c1d2e3f4a5b",
        "/certificates/%3Cscript%3E",
        "/orders/x",
        "/acme-accounts/acc-0193a1b2c3d47e5f8a9b0c1d2e3f4a5b",
        "/eab-keys/x",
        "/profiles/nobody",
        "/profiles/nobody/connect",
        "/issuers/nobody",
        "/users/x",
        "/roles/nobody",
        "/roles/nobody/edit",
        "/providers/nobody",
        "/providers/nobody/edit",
        "/providers/nobody/mappings",
        "/providers/nobody/test",
        "/users/usr-0193a1b2c3d47e5f8a9b0c1d2e3f4a5b/grants",
        "/sessions/x/end",
        "/audit/x",
        "/no/such/page",
    ] {
        let missing = world.admin.get(&world.server, path).await;
        assert_eq!(missing.status, 404, "{path}");
        assert_is_a_light_and_harmless_page(path, &missing);
        let page = words(&missing.text());
        assert!(page.contains("There is no") && page.contains("Sign out"), "{path}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_signed_in_is_led_to_the_sign_in_page_and_back() {
    let world = World::new(Engine::Sqlite).await;
    for (path, back) in [
        ("/certificates", "%2Fcertificates"),
        ("/orders?status=invalid&profile=x", "%2Forders%3Fstatus%3Dinvalid%26profile%3Dx"),
        ("/audit", "%2Faudit"),
        ("/profiles/prof-test/connect", "%2Fprofiles%2Fprof-test%2Fconnect"),
    ] {
        let answer = Browser::new().get(&world.server, path).await;
        assert_eq!(location(&answer), format!("/sign-in?return_to={back}"), "{path}");
        assert!(answer.body.is_empty() || !answer.text().contains("prof-test"));
    }
    let start = Browser::new().get(&world.server, "/").await;
    assert_eq!(start.status, 200);
    // A session whose key has ended is none.
    let key =
        world.api.post("/api/api-keys", json!({ "name": "short-lived", "role": "viewer" })).await.expect(201);
    let browser = Browser::new();
    browser.sign_in_with_key(&world.server, key["api_key"].as_str().unwrap()).await;
    assert_eq!(browser.get(&world.server, "/orders").await.status, 200);
    world.api.delete(&format!("/api/api-keys/{}", key["id"].as_str().unwrap())).await;
    assert_eq!(location(&browser.get(&world.server, "/orders").await), "/sign-in?return_to=%2Forders");
}
