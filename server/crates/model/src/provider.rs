use serde::{Deserialize, Serialize};

use crate::{Grant, ProviderId, Timestamp};

/// An OpenID provider that people sign in through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub id: ProviderId,
    pub spec: ProviderSpec,
    /// Sealed with the purpose [`Provider::SEAL_PURPOSE`] and the id.
    pub sealed_client_secret: Option<Vec<u8>>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Provider {
    pub const SEAL_PURPOSE: &'static str = "oidc-client-secret";
}

/// What administrators set of a provider, but the client secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderSpec {
    /// On the sign-in page.
    pub name: String,
    /// The issuer identifier (OpenID Connect Discovery 1.0 §3).
    pub issuer: String,
    pub client_id: String,
    /// Asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Where the groups are in the claims: member names with dots between them, e.g. `realm_access.roles`.
    pub groups_claim: String,
    pub group_mappings: Vec<GroupMapping>,
    /// Empty: any.
    pub allowed_email_domains: Vec<String>,
    /// Trust anchors (PEM) for the provider's own TLS certificate, beside those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificates: Option<String>,
    pub enabled: bool,
}

/// What members of a group are granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupMapping {
    /// Compared octet by octet.
    pub group: String,
    #[serde(flatten)]
    pub grant: Grant,
}

impl ProviderSpec {
    /// What members of `groups` are granted, in the order of the mappings.
    pub fn grants_of<'a>(&'a self, groups: &'a [String]) -> impl Iterator<Item = &'a Grant> {
        self.mappings_of(groups).map(|m| &m.grant)
    }

    /// The mappings of `groups`, in their order.
    pub fn mappings_of<'a>(&'a self, groups: &'a [String]) -> impl Iterator<Item = &'a GroupMapping> {
        self.group_mappings.iter().filter(|m| groups.contains(&m.group))
    }
}
