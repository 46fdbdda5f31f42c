//! Every URL that is handed out, made in one place from the configured origin, never from the Host header.

use model::{
    AccountId, AuthorizationId, CertificateId, ChallengeKind, OrderId, ProfileId, ProviderId, RateLimit,
};

use crate::config::ExternalUrl;

#[derive(Debug, Clone)]
pub struct Links {
    origin: ExternalUrl,
}

impl Links {
    pub fn new(origin: ExternalUrl) -> Self {
        Self { origin }
    }

    /// The URL of `path_and_query` on this server.
    pub fn url(&self, path_and_query: &str) -> String {
        self.origin.join(path_and_query)
    }

    /// Whether a browser calls this server so in its `Origin` header, which leaves out the usual port.
    pub fn is_own_origin(&self, origin: &str) -> bool {
        let own = self.origin.as_str();
        origin == own || own.strip_suffix(":443") == Some(origin)
    }

    /// `profile`: `None` for the default profile's short paths.
    pub fn directory_resource(&self, profile: Option<&ProfileId>, resource: &str) -> String {
        match profile {
            Some(id) => self.origin.join(&format!("/acme/profile/{id}/{resource}")),
            None => self.origin.join(&format!("/acme/{resource}")),
        }
    }

    pub fn account(&self, id: &AccountId) -> String {
        self.origin.join(&format!("/acme/account/{id}"))
    }

    pub fn account_orders(&self, id: &AccountId) -> String {
        self.origin.join(&format!("/acme/account/{id}/orders"))
    }

    pub fn account_orders_after(&self, id: &AccountId, after: &str) -> String {
        self.origin.join(&format!("/acme/account/{id}/orders?after={after}"))
    }

    pub fn order(&self, id: &OrderId) -> String {
        self.origin.join(&format!("/acme/order/{id}"))
    }

    pub fn finalize(&self, id: &OrderId) -> String {
        self.origin.join(&format!("/acme/order/{id}/finalize"))
    }

    pub fn authorization(&self, id: &AuthorizationId) -> String {
        self.origin.join(&format!("/acme/authz/{id}"))
    }

    pub fn challenge(&self, id: &AuthorizationId, kind: ChallengeKind) -> String {
        self.origin.join(&format!("/acme/challenge/{id}/{kind}"))
    }

    pub fn certificate(&self, id: &CertificateId) -> String {
        self.origin.join(&format!("/acme/certificate/{id}"))
    }

    /// What there is to know about a rate limit, for the client that met it.
    pub fn rate_limit(&self, limit: RateLimit) -> String {
        self.origin.join(&format!("/acme/rate-limits/{limit}"))
    }

    /// `number`: as [`ca::CaSigner::alternates_for`] counts.
    pub fn alternate_chain(&self, id: &CertificateId, number: usize) -> String {
        self.origin.join(&format!("/acme/certificate/{id}/alternate/{number}"))
    }

    /// Where the provider sends browsers back to. Each provider has its own, so that none can answer for another (RFC
    /// 9700 §4.4.2.2).
    pub fn oidc_callback(&self, provider: &ProviderId) -> String {
        self.origin.join(&format!("/auth/oidc/{provider}/callback"))
    }

    /// Where the provider says that it ended a session.
    pub fn oidc_backchannel_logout(&self, provider: &ProviderId) -> String {
        self.origin.join(&format!("/auth/oidc/{provider}/backchannel-logout"))
    }

    /// Where a provider sends browsers after it has ended its own session.
    pub fn signed_out(&self) -> String {
        self.origin.join("/sign-in")
    }

    /// The account that a `kid` names (RFC 8555 §6.2), when it has the form that [`Self::account`] gives.
    pub fn account_of_kid(&self, kid: &str) -> Option<AccountId> {
        kid.strip_prefix(self.origin.as_str())?.strip_prefix("/acme/account/")?.parse().ok()
    }
}
