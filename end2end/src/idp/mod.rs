//! OpenID providers for the tests: a real one, and one that lies.

pub mod hostile;
pub mod keycloak;
pub mod real;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use serde_json::{Value, json};
use testkit::http::Client;

use crate::authority::{Authority, authority_params, root};

pub use hostile::HostileIdp;
pub use keycloak::Keycloak;
pub use real::RealIdp;

/// The pages of a provider, for browsers.
pub trait Pages {
    /// Its origin, which all of them are under.
    fn origin(&self) -> &str;
    /// Its id at the server.
    fn provider(&self) -> &str;
    fn client(&self) -> Client;
    fn password(&self, user: &str) -> String;
}

pub const CLIENT_ID: &str = "certctl-under-test";

/// A CA that only the tests trust, and a TLS server certificate for `localhost` and 127.0.0.1 by it.
#[derive(Debug)]
pub struct Identity {
    pub ca_pem: String,
    pub certificate: rustls_pki_types::CertificateDer<'static>,
    pub certificate_pem: String,
    pub key: KeyPair,
}

impl Identity {
    /// # Panics
    /// When rcgen fails.
    pub fn new() -> Self {
        let ca: Authority = root(authority_params("CA of the test's provider"));
        let key = KeyPair::generate().expect("a key can be made");
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("valid names");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &ca).expect("a CA signs");
        Self {
            ca_pem: ca.pem(),
            certificate_pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key,
        }
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self::new()
    }
}

/// A provider as the API takes it; `more` replaces and adds fields.
pub fn provider(id: &str, issuer: &str, ca_pem: Option<&str>, more: &Value) -> Value {
    let mut provider = json!({
        "id": id,
        "name": format!("Provider {id}"),
        "issuer": issuer,
        "client_id": CLIENT_ID,
        "client_secret": testkit::server::random_secret(),
        "scopes": ["profile", "email", "groups"],
        "groups_claim": "groups",
        "group_mappings": [
            { "group": "platform-admins", "role": "admin" },
            { "group": "auditors", "role": "auditor" },
        ],
        "ca_certificates": ca_pem,
    });
    for (field, value) in more.as_object().expect("an object") {
        provider[field] = value.clone();
    }
    provider
}
