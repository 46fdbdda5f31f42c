//! A server on which something of everything has happened, and people who look at it.

use std::collections::BTreeMap;

use end2end::api::{PROFILE, open_profile, with_open_profile};
use end2end::browser::Browser;
use end2end::challenge::{self, Challenged, with_challenge_profile};
use end2end::{Engine, challenge as challenges};
use serde_json::{Value, json};
use testkit::CertctlServer;
use testkit::acme::{ExternalKey, Key, RawAcme, Signer};
use testkit::http::{Client, Response};

use super::{assert_is_a_light_and_harmless_page, is_page, links};

pub struct World {
    pub server: CertctlServer,
    pub api: Client,
    /// Signed in as the administrator.
    pub admin: Browser,
    pub acme: RawAcme,
    pub key: Key,
    pub account: String,
    pub validation: challenge::World,
}

impl World {
    /// With an open profile, an account, and certificates for `a.test` and for `b.test` with `*.b.test`.
    pub async fn new(engine: Engine) -> Self {
        Self::with(engine, &[]).await
    }

    /// The same, with settings.
    pub async fn with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let validation = challenge::World::new().await;
        let builder = validation.server(engine);
        let builder = settings.iter().fold(builder, |builder, (name, value)| builder.env(name, value));
        let server = builder.start().await;
        let acme = RawAcme::new(server.client(), &with_open_profile(&server).await).await;
        let key = Key::new();
        let account = acme.register(&key).await;
        let signer = Signer::Kid(&key, &account);
        acme.issue(signer, &["dns:a.test"]).await;
        acme.issue(signer, &["dns:b.test", "dns:*.b.test"]).await;
        let admin = Browser::new();
        admin.sign_in_with_key(&server, server.api_key()).await;
        Self { api: server.api(), server, admin, acme, key, account, validation }
    }

    pub fn signer(&self) -> Signer<'_> {
        Signer::Kid(&self.key, &self.account)
    }

    /// The id at the end of the account's URL.
    pub fn account_id(&self) -> &str {
        self.account.rsplit('/').next().unwrap()
    }

    /// An order under the profile of challenges that fails by dns-01; its id. `record`: the TXT record in the way.
    pub async fn fail_an_order(&self, name: &str, record: &str) -> String {
        if self.api.get(&format!("/api/profiles/{}", challenges::PROFILE)).await.status == 404 {
            with_challenge_profile(&self.server, json!({})).await;
        }
        let directory = self.server.directory_url(challenges::PROFILE);
        let acme = RawAcme::new(self.server.client(), &directory).await;
        self.validation.dns.add(&format!("_acme-challenge.{name}"), "TXT", record);
        let client = Challenged { acme: &acme, signer: self.signer() };
        let (order, url) = client.order(&[&format!("dns:{name}")]).await;
        let challenge = client.challenge(challenges::authorization(&order, 0), "dns-01").await;
        acme.post(self.signer(), challenge["url"].as_str().unwrap(), json!({})).await.expect(200);
        client.wait_for(&url, &["invalid"]).await;
        url.rsplit('/').next().unwrap().to_owned()
    }

    /// An EAB key with an account and a certificate for `bound.test`; the key as it was created.
    pub async fn bind_an_account(&self, note: &str) -> Value {
        let mut profile = open_profile("prof-bound");
        profile["eab_required"] = true.into();
        self.api.post("/api/profiles", profile).await.expect(201);
        let created =
            self.api.post("/api/acme/eab-keys", json!({ "note": note, "max_uses": 3 })).await.expect(201);
        let external =
            ExternalKey::new(created["id"].as_str().unwrap(), created["mac_key"].as_str().unwrap());
        let acme = RawAcme::new(self.server.client(), &self.server.directory_url("prof-bound")).await;
        let key = Key::new();
        let binding = external.bind(&key, acme.url("newAccount"));
        let answer = acme
            .post(Signer::Jwk(&key), acme.url("newAccount"), json!({ "externalAccountBinding": binding }))
            .await;
        let account = answer.header("location").unwrap().to_owned();
        acme.issue(Signer::Kid(&key, &account), &["dns:bound.test"]).await;
        created
    }

    /// Wants the certificate for a name renewed at once.
    pub async fn demand_renewal(&self, name: &str, reason: &str) {
        let demand = json!({ "selection": { "name": name }, "reason": reason });
        self.api.post("/api/certificates/renew-now", demand).await.expect(200);
    }

    /// A browser that is signed in by a key with this role, within profiles unless there are none.
    pub async fn browser_of(&self, role: &str, profiles: &[&str]) -> Browser {
        let key = json!({ "name": format!("a {role}"), "role": role, "profiles": profiles });
        let key = self.api.post("/api/api-keys", key).await.expect(201);
        let browser = Browser::new();
        browser.sign_in_with_key(&self.server, key["api_key"].as_str().unwrap()).await;
        browser
    }

    /// The page as the administrator sees it.
    #[track_caller]
    pub fn page<'a>(&'a self, path: &'a str) -> impl Future<Output = String> + 'a {
        self.page_of(&self.admin, path)
    }

    pub async fn page_of(&self, browser: &Browser, path: &str) -> String {
        let answer = browser.get(&self.server, path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_is_a_light_and_harmless_page(path, &answer);
        answer.text()
    }

    /// What the administrator's browser gets for a form with these fields.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let token = self.admin.csrf_token(&self.server).await;
        let fields: Vec<_> = fields.iter().copied().chain([("csrf_token", &*token)]).collect();
        self.admin.submit(&self.server, path, &fields).await
    }

    /// The only item of a list of the API.
    pub async fn only(&self, list: &str) -> Value {
        let items = end2end::api::list(&self.api, list).await;
        assert_eq!(items.len(), 1, "{list}: {items:?}");
        items.into_iter().next().unwrap()
    }

    /// Every page that links lead to, beginning with the first one. Whatever is no page is looked at as well.
    pub async fn crawl(&self, browser: &Browser) -> BTreeMap<String, Response> {
        let mut waiting = vec!["/".to_owned()];
        let mut seen = BTreeMap::new();
        while let Some(path) = waiting.pop() {
            if seen.contains_key(&path) {
                continue;
            }
            let answer = browser.get(&self.server, &path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            if is_page(&answer) {
                assert_is_a_light_and_harmless_page(&path, &answer);
                let found = links(&answer.text(), &self.server.base_url()).into_iter();
                waiting.extend(found.map(|link| link.split('#').next().unwrap().to_owned()));
            }
            seen.insert(path, answer);
        }
        seen
    }
}

/// What a page says, without its tags.
pub fn words(html: &str) -> String {
    let text: Vec<_> =
        html.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect();
    let joined = text.join(" ").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    joined.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Its profile of the walkthrough.
pub const OPEN: &str = PROFILE;
