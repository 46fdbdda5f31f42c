//! Who gives pages what they show.

use std::fmt;

use async_trait::async_trait;

use crate::views::*;
use crate::{Query, Sent};

/// The services as the pages see them: each method gives exactly what its page shows to whoever asks.
#[async_trait]
pub trait Backend: Send + Sync + fmt::Debug {
    async fn start(&self) -> Result<StartView, PageError>;
    async fn trust(&self) -> Result<TrustView, PageError>;
    /// `return_to`: where the visitor wants to go, as the query says it.
    async fn sign_in(&self, return_to: Option<String>) -> Result<SignInView, PageError>;
    /// Whether the one-time link with this token would sign somebody in.
    async fn link(&self, token: &str) -> Result<bool, PageError>;
    async fn account(&self) -> Result<AccountView, PageError>;
    async fn overview(&self) -> Result<OverviewView, PageError>;
    async fn certificates(&self, query: &Query) -> Result<CertificatesView, PageError>;
    async fn certificate(&self, id: &str) -> Result<CertificateView, PageError>;
    async fn revocation(&self, certificate: &str) -> Result<RevocationView, PageError>;
    async fn renew_now(&self, certificate: &str) -> Result<RenewNowView, PageError>;
    async fn bulk_actions(&self, query: &Query) -> Result<ListView<BulkActionRow>, PageError>;
    /// `query`: where its list of failures begins.
    async fn bulk_action(&self, id: &str, query: &Query) -> Result<BulkActionView, PageError>;
    /// `selected`: what is to be done, to which certificates.
    async fn new_bulk_action(&self, selected: &Query) -> Result<NewBulkActionView, PageError>;
    async fn orders(&self, query: &Query) -> Result<ListView<OrderRow>, PageError>;
    async fn refused_orders(&self, query: &Query) -> Result<ListView<RefusedOrderRow>, PageError>;
    async fn order(&self, id: &str) -> Result<OrderView, PageError>;
    async fn acme_accounts(&self, query: &Query) -> Result<ListView<AcmeAccountRow>, PageError>;
    async fn acme_account(&self, id: &str) -> Result<AcmeAccountView, PageError>;
    async fn profiles(&self, query: &Query) -> Result<ListView<ProfileRow>, PageError>;
    async fn profile(&self, id: &str) -> Result<ProfileView, PageError>;
    /// `id`: the profile that is to be changed. `sent`: what was refused.
    async fn profile_form(&self, id: Option<&str>, sent: Option<&Sent>)
    -> Result<ProfileFormView, PageError>;
    /// `query`: what the dry run is asked for.
    async fn profile_preview(&self, id: &str, query: &Query) -> Result<PreviewView, PageError>;
    async fn profile_history(&self, id: &str, query: &Query) -> Result<HistoryView, PageError>;
    async fn profile_use(&self, id: &str) -> Result<ProfileUseView, PageError>;
    async fn connect(&self, profile: &str) -> Result<ConnectView, PageError>;
    async fn eab_keys(&self, query: &Query) -> Result<ListView<EabKeyRow>, PageError>;
    async fn new_eab_key(&self) -> Result<NewEabKeyView, PageError>;
    async fn eab_key(&self, id: &str) -> Result<EabKeyView, PageError>;
    async fn issuers(&self) -> Result<Vec<IssuerRow>, PageError>;
    async fn issuer(&self, id: &str) -> Result<IssuerView, PageError>;
    async fn rate_limits(&self, query: &Query) -> Result<RateLimitsView, PageError>;
    async fn rate_limits_form(&self) -> Result<RateLimitsForm, PageError>;
    /// The limits whose counters can be set back.
    async fn rate_limit_reset(&self) -> Result<Vec<Choice>, PageError>;
    async fn api_keys(&self, query: &Query) -> Result<ListView<ApiKeyRow>, PageError>;
    async fn new_api_key(&self) -> Result<NewApiKeyView, PageError>;
    async fn api_key(&self, id: &str) -> Result<ApiKeyView, PageError>;
    async fn system(&self) -> Result<SystemView, PageError>;
    async fn users(&self, query: &Query) -> Result<ListView<UserRow>, PageError>;
    async fn user(&self, id: &str) -> Result<UserView, PageError>;
    async fn user_grants(&self, id: &str) -> Result<GrantsView, PageError>;
    async fn roles(&self, query: &Query) -> Result<RolesView, PageError>;
    async fn role(&self, id: &str) -> Result<RoleView, PageError>;
    /// `id`: of the role to be changed; `None`: a new one.
    async fn role_form(&self, id: Option<&str>) -> Result<RoleFormView, PageError>;
    async fn providers(&self, query: &Query) -> Result<ListView<ProviderRow>, PageError>;
    async fn provider(&self, id: &str) -> Result<ProviderView, PageError>;
    /// `id`: of the provider to be changed; `None`: a new one.
    async fn provider_form(&self, id: Option<&str>) -> Result<ProviderFormView, PageError>;
    async fn provider_mappings(&self, id: &str) -> Result<MappingsView, PageError>;
    /// `asked`: whether the provider is to be examined.
    async fn provider_test(&self, id: &str, asked: bool) -> Result<ProviderTestView, PageError>;
    async fn break_glass(&self) -> Result<BreakGlassView, PageError>;
    async fn sessions(&self, query: &Query) -> Result<ListView<SessionRow>, PageError>;
    async fn session(&self, id: &str) -> Result<SessionRow, PageError>;
    async fn audit_events(&self, query: &Query) -> Result<ListView<AuditRow>, PageError>;
    async fn audit_event(&self, id: &str) -> Result<AuditEventView, PageError>;
}

/// Why a page cannot be shown. The text is for the reader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Nobody is signed in. The server leads to the sign-in page instead of showing this.
    #[error("Sign in to see this page.")]
    SignIn,
    /// What a service said when it refused.
    #[error("{0}")]
    Forbidden(String),
    /// What there is none of.
    #[error("There is no {0}.")]
    NotFound(String),
    /// Something broke; the log has the cause.
    #[error("The server could not put this page together. The request id leads to the cause in its log.")]
    Internal,
    /// It may work in a moment.
    #[error("The server cannot do this right now. Try again in a few seconds.")]
    Unavailable,
}

impl PageError {
    pub fn status(&self) -> u16 {
        match self {
            Self::SignIn => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound(_) => 404,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}
