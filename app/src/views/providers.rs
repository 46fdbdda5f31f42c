use super::{ActionLink, Badge, GrantChoices, GrantLine, HeldRole, Link, Moment};

/// A line in the list of identity providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderRow {
    /// By its name.
    pub provider: Link,
    pub id: String,
    pub status: Badge,
    pub issuer: String,
    /// How many groups have roles, in words.
    pub mappings: String,
    pub changed: Moment,
}

/// Everything about an identity provider but its client secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderView {
    pub id: String,
    pub name: String,
    pub enabled: bool,
    pub status: Badge,
    pub issuer: String,
    pub client_id: String,
    pub has_client_secret: bool,
    pub scopes: String,
    pub groups_claim: String,
    pub allowed_email_domains: Vec<String>,
    pub has_ca_certificates: bool,
    /// What each group brings.
    pub mappings: Vec<HeldRole>,
    /// Groups whose members become administrators while there is none.
    pub first_administrators: Vec<String>,
    pub register: RegisterView,
    /// Its users, for those who may see them.
    pub users: Option<String>,
    pub created: Moment,
    pub changed: Moment,
    pub audit: Option<String>,
    pub actions: Vec<ActionLink>,
}

/// What has to be registered at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterView {
    pub redirect_uri: String,
    pub post_logout_redirect_uri: String,
    pub backchannel_logout_uri: String,
}

/// A provider to be made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFormView {
    /// With the version that was read; `None`: a new one.
    pub stored: Option<(String, i64)>,
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    pub has_client_secret: bool,
    pub scopes: String,
    pub groups_claim: String,
    pub allowed_email_domains: String,
    pub ca_certificates: String,
    /// Of a new one it has a placeholder for the id.
    pub register: RegisterView,
}

/// What the groups of a provider bring, to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingsView {
    pub id: String,
    pub name: String,
    pub version: i64,
    pub groups_claim: String,
    pub mappings: Vec<(String, GrantLine)>,
    pub choices: GrantChoices,
}

/// The examination of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderTestView {
    pub id: String,
    pub name: String,
    /// `None` before it was asked for.
    pub checks: Option<Vec<CheckRow>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    pub name: String,
    pub ok: bool,
    /// What was found, and what to do if it is wrong.
    pub detail: String,
}
