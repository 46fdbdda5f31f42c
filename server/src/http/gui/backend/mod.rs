//! What the pages ask of the services: a file for each subject.

mod access;
pub mod accounts;
pub mod api_keys;
mod audit;
mod break_glass;
pub mod bulk_actions;
mod certificate_actions;
mod certificates;
mod connect;
pub mod eab_keys;
mod fields;
mod grants;
mod issuers;
mod links;
mod orders;
mod overview;
mod profile_changes;
mod profile_form;
mod profile_tools;
pub mod profiles;
pub mod providers;
pub mod rate_limits;
pub mod roles;
pub mod sessions;
mod start;
mod system;
mod timeline;
pub mod users;
mod words;

use std::fmt;

use app::views::*;
use app::{Backend, PageError, Query, Sent};
use async_trait::async_trait;
use model::{Actor, Caller, Permission, ProfileId};

use crate::error::Error;
use crate::http::request::RequestInfo;
use crate::services::login_links;
use crate::services::sessions::Checked;
use crate::state::AppState;

pub use access::visitor;

/// The services for one page of one visitor.
pub struct Services {
    state: AppState,
    /// Who asks; without one, why that could not be found out.
    caller: Result<Caller, PageError>,
    visitor: Option<Checked>,
}

impl Services {
    /// `visitor`: who is signed in, or why that could not be found out.
    pub fn new(state: AppState, asking: &RequestInfo, visitor: Result<Option<Checked>, PageError>) -> Self {
        let (caller, visitor) = match visitor {
            Ok(Some(checked)) => (Ok(checked.caller.clone()), Some(checked)),
            Ok(None) => (Ok(asking.caller(Actor::Anonymous)), None),
            Err(error) => (Err(error), None),
        };
        Self { state, caller, visitor }
    }

    /// For everything but what is public.
    fn caller(&self) -> Result<&Caller, PageError> {
        self.caller.as_ref().map_err(Clone::clone)
    }

    /// Whether the caller holds `permission` anywhere: for links that would lead to nothing else.
    fn may(&self, permission: Permission) -> bool {
        self.caller.as_ref().is_ok_and(|caller| caller.rights.reach(permission).is_some())
    }

    /// Whether the caller holds `permission` within `profile`.
    fn may_within(&self, permission: Permission, profile: &ProfileId) -> bool {
        let reach = self.caller.as_ref().ok().and_then(|caller| caller.rights.reach(permission));
        reach.is_some_and(|reach| reach.covers(profile))
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services")
    }
}

#[async_trait]
impl Backend for Services {
    async fn start(&self) -> Result<StartView, PageError> {
        start::start(&self.state).await.map_err(shown)
    }

    async fn trust(&self) -> Result<TrustView, PageError> {
        start::trust(&self.state).map_err(shown)
    }

    async fn sign_in(&self, return_to: Option<String>) -> Result<SignInView, PageError> {
        self.ways_in(return_to).await.map_err(shown)
    }

    async fn link(&self, token: &str) -> Result<bool, PageError> {
        login_links::is_good(&self.state.core, token).await.map_err(shown)
    }

    async fn account(&self) -> Result<AccountView, PageError> {
        self.caller()?;
        let checked = self.visitor.as_ref().ok_or(PageError::SignIn)?;
        self.show_own_account(checked).await.map_err(shown)
    }

    async fn overview(&self) -> Result<OverviewView, PageError> {
        self.show_overview(self.caller()?).await.map_err(shown)
    }

    async fn certificates(&self, query: &Query) -> Result<CertificatesView, PageError> {
        self.list_certificates(self.caller()?, query).await.map_err(shown)
    }

    async fn certificate(&self, id: &str) -> Result<CertificateView, PageError> {
        self.show_certificate(self.caller()?, id).await.map_err(shown)
    }

    async fn revocation(&self, certificate: &str) -> Result<RevocationView, PageError> {
        self.show_revocation(self.caller()?, certificate).await.map_err(shown)
    }

    async fn renew_now(&self, certificate: &str) -> Result<RenewNowView, PageError> {
        self.show_renew_now(self.caller()?, certificate).await.map_err(shown)
    }

    async fn bulk_actions(&self, query: &Query) -> Result<ListView<BulkActionRow>, PageError> {
        self.list_bulk_actions(self.caller()?, query).await.map_err(shown)
    }

    async fn bulk_action(&self, id: &str, query: &Query) -> Result<BulkActionView, PageError> {
        self.show_bulk_action(self.caller()?, id, query).await.map_err(shown)
    }

    async fn new_bulk_action(&self, selected: &Query) -> Result<NewBulkActionView, PageError> {
        self.show_new_bulk_action(self.caller()?, selected).await.map_err(shown)
    }

    async fn orders(&self, query: &Query) -> Result<ListView<OrderRow>, PageError> {
        self.list_orders(self.caller()?, query).await.map_err(shown)
    }

    async fn refused_orders(&self, query: &Query) -> Result<ListView<RefusedOrderRow>, PageError> {
        self.list_refused_orders(self.caller()?, query).await.map_err(shown)
    }

    async fn order(&self, id: &str) -> Result<OrderView, PageError> {
        self.show_order(self.caller()?, id).await.map_err(shown)
    }

    async fn acme_accounts(&self, query: &Query) -> Result<ListView<AcmeAccountRow>, PageError> {
        self.list_accounts(self.caller()?, query).await.map_err(shown)
    }

    async fn acme_account(&self, id: &str) -> Result<AcmeAccountView, PageError> {
        self.show_account(self.caller()?, id).await.map_err(shown)
    }

    async fn profiles(&self, query: &Query) -> Result<ListView<ProfileRow>, PageError> {
        self.list_profiles(self.caller()?, query).await.map_err(shown)
    }

    async fn profile(&self, id: &str) -> Result<ProfileView, PageError> {
        self.show_profile(self.caller()?, id).await.map_err(shown)
    }

    async fn profile_form(
        &self,
        id: Option<&str>,
        sent: Option<&Sent>,
    ) -> Result<ProfileFormView, PageError> {
        self.show_profile_form(self.caller()?, id, sent).await.map_err(shown)
    }

    async fn profile_preview(&self, id: &str, query: &Query) -> Result<PreviewView, PageError> {
        self.preview_profile(self.caller()?, id, query).await.map_err(shown)
    }

    async fn profile_history(&self, id: &str, query: &Query) -> Result<HistoryView, PageError> {
        self.list_versions(self.caller()?, id, query).await.map_err(shown)
    }

    async fn profile_use(&self, id: &str) -> Result<ProfileUseView, PageError> {
        self.show_profile_use(self.caller()?, id).await.map_err(shown)
    }

    async fn connect(&self, profile: &str) -> Result<ConnectView, PageError> {
        self.connect_clients(self.caller()?, profile).await.map_err(shown)
    }

    async fn eab_keys(&self, query: &Query) -> Result<ListView<EabKeyRow>, PageError> {
        self.list_eab_keys(self.caller()?, query).await.map_err(shown)
    }

    async fn new_eab_key(&self) -> Result<NewEabKeyView, PageError> {
        self.show_new_eab_key(self.caller()?).await.map_err(shown)
    }

    async fn eab_key(&self, id: &str) -> Result<EabKeyView, PageError> {
        self.show_eab_key(self.caller()?, id).await.map_err(shown)
    }

    async fn issuers(&self) -> Result<Vec<IssuerRow>, PageError> {
        self.list_issuers(self.caller()?).await.map_err(shown)
    }

    async fn issuer(&self, id: &str) -> Result<IssuerView, PageError> {
        self.show_issuer(self.caller()?, id).await.map_err(shown)
    }

    async fn rate_limits(&self, query: &Query) -> Result<RateLimitsView, PageError> {
        self.show_rate_limits(self.caller()?, query).await.map_err(shown)
    }

    async fn rate_limits_form(&self) -> Result<RateLimitsForm, PageError> {
        self.show_rate_limits_form(self.caller()?).await.map_err(shown)
    }

    async fn rate_limit_reset(&self) -> Result<Vec<Choice>, PageError> {
        self.show_rate_limit_reset(self.caller()?).map_err(shown)
    }

    async fn api_keys(&self, query: &Query) -> Result<ListView<ApiKeyRow>, PageError> {
        self.list_api_keys(self.caller()?, query).await.map_err(shown)
    }

    async fn new_api_key(&self) -> Result<NewApiKeyView, PageError> {
        self.show_new_api_key(self.caller()?).await.map_err(shown)
    }

    async fn api_key(&self, id: &str) -> Result<ApiKeyView, PageError> {
        self.show_api_key(self.caller()?, id).await.map_err(shown)
    }

    async fn system(&self) -> Result<SystemView, PageError> {
        self.show_system(self.caller()?).await.map_err(shown)
    }

    async fn users(&self, query: &Query) -> Result<ListView<UserRow>, PageError> {
        self.list_users(self.caller()?, query).await.map_err(shown)
    }

    async fn user(&self, id: &str) -> Result<UserView, PageError> {
        self.show_user(self.caller()?, id).await.map_err(shown)
    }

    async fn user_grants(&self, id: &str) -> Result<GrantsView, PageError> {
        self.show_user_grants(self.caller()?, id).await.map_err(shown)
    }

    async fn roles(&self, query: &Query) -> Result<RolesView, PageError> {
        self.list_roles(self.caller()?, query).await.map_err(shown)
    }

    async fn role(&self, id: &str) -> Result<RoleView, PageError> {
        self.show_role(self.caller()?, id).await.map_err(shown)
    }

    async fn role_form(&self, id: Option<&str>) -> Result<RoleFormView, PageError> {
        self.show_role_form(self.caller()?, id).await.map_err(shown)
    }

    async fn providers(&self, query: &Query) -> Result<ListView<ProviderRow>, PageError> {
        self.list_providers(self.caller()?, query).await.map_err(shown)
    }

    async fn provider(&self, id: &str) -> Result<ProviderView, PageError> {
        self.show_provider(self.caller()?, id).await.map_err(shown)
    }

    async fn provider_form(&self, id: Option<&str>) -> Result<ProviderFormView, PageError> {
        self.show_provider_form(self.caller()?, id).await.map_err(shown)
    }

    async fn provider_mappings(&self, id: &str) -> Result<MappingsView, PageError> {
        self.show_mappings(self.caller()?, id).await.map_err(shown)
    }

    async fn provider_test(&self, id: &str, asked: bool) -> Result<ProviderTestView, PageError> {
        self.show_provider_test(self.caller()?, id, asked).await.map_err(shown)
    }

    async fn break_glass(&self) -> Result<BreakGlassView, PageError> {
        self.show_break_glass(self.caller()?).await.map_err(shown)
    }

    async fn sessions(&self, query: &Query) -> Result<ListView<SessionRow>, PageError> {
        self.list_sessions(self.caller()?, query).await.map_err(shown)
    }

    async fn session(&self, id: &str) -> Result<SessionRow, PageError> {
        self.show_session(self.caller()?, id).await.map_err(shown)
    }

    async fn audit_events(&self, query: &Query) -> Result<ListView<AuditRow>, PageError> {
        self.list_audit_events(self.caller()?, query).await.map_err(shown)
    }

    async fn audit_event(&self, id: &str) -> Result<AuditEventView, PageError> {
        self.show_audit_event(self.caller()?, id).await.map_err(shown)
    }
}

/// An error as a page shows it; the cause of one of ours goes to the log.
pub fn shown(error: Error) -> PageError {
    match error {
        Error::Unauthenticated(_) => PageError::SignIn,
        Error::Forbidden(reason) => PageError::Forbidden(reason),
        Error::NotFound(what) => PageError::NotFound(what.into_owned()),
        Error::Unavailable(_) | Error::Overloaded => PageError::Unavailable,
        other => {
            tracing::error!(error = %other, "a page could not be put together");
            PageError::Internal
        }
    }
}
