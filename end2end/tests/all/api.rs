//! The JSON API of administrators, through the listener of the shipped binary.

mod accounts;
mod audit;
mod bulk_actions;
mod certificates;
mod keys;
mod operations;
mod profiles;
mod providers;

use end2end::Engine;
use end2end::api::with_open_profile;
use serde_json::Value;
use testkit::CertctlServer;
use testkit::acme::{Key, RawAcme, Signer};
use testkit::http::Client;

/// A server with the open profile, and one ACME account at it.
struct Setup {
    server: CertctlServer,
    api: Client,
    acme: RawAcme,
    key: Key,
    account: String,
}

impl Setup {
    async fn new(engine: Engine) -> Self {
        let server = engine.server().start().await;
        let directory = with_open_profile(&server).await;
        let acme = RawAcme::new(server.client(), &directory).await;
        let key = Key::new();
        let account = acme.register(&key).await;
        Self { api: server.api(), server, acme, key, account }
    }

    fn signer(&self) -> Signer<'_> {
        Signer::Kid(&self.key, &self.account)
    }

    fn account_id(&self) -> &str {
        last_segment(&self.account)
    }

    /// The items of one page.
    async fn items(&self, path: &str) -> Vec<Value> {
        let page = self.api.get(path).await.expect(200);
        assert!(page["next"].is_null(), "{path} has more than a page");
        page["items"].as_array().expect("a list has items").clone()
    }
}

/// The id at the end of a URL.
fn last_segment(url: &str) -> &str {
    url.rsplit('/').next().expect("a URL")
}

/// The values of `field`, in the order of the list.
fn each<'v>(items: &'v [Value], field: &str) -> Vec<&'v str> {
    items.iter().map(|item| item[field].as_str().unwrap_or_else(|| panic!("{field} in {item}"))).collect()
}

/// The fields that a 422 names.
fn wrong_fields(problem: &Value) -> Vec<&str> {
    each(problem["errors"].as_array().expect("a refused write says which fields"), "field")
}
