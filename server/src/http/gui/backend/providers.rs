use app::Query;
use app::views::{
    ActionLink, Badge, CheckRow, HeldRole, ListView, MappingsView, ProviderFormView, ProviderRow,
    ProviderTestView, ProviderView, RegisterView, Tone,
};
use model::{Caller, GroupMapping, Permission, Provider, ProviderId, ProviderSpec, Timestamp};

use super::fields::Fields;
use super::users::grant_line;
use super::{Services, grants, words};
use crate::auth::authorise;
use crate::error::Result;
use crate::http::api::providers::parse_id;
use crate::services::providers;

const PATH: &str = "/providers";

impl Services {
    pub(super) async fn list_providers(
        &self,
        caller: &Caller,
        query: &Query,
    ) -> Result<ListView<ProviderRow>> {
        let mut fields = Fields::new(PATH, query);
        let request = fields.page();
        if fields.is_wrong() {
            return Ok(fields.without_rows());
        }
        let now = self.state.core.now();
        let page = providers::list(&self.state.core, caller, &request).await?;
        let mut view = fields.with_rows(page.map(|provider| self.provider_row(provider, now)));
        if self.may(Permission::ProviderEdit) {
            let href = Some(format!("{PATH}/new"));
            view.actions = vec![app::views::Link { text: "New provider".to_owned(), href, title: None }];
        }
        Ok(view)
    }

    fn provider_row(&self, provider: Provider, now: Timestamp) -> ProviderRow {
        let Provider { id, spec, updated_at, .. } = provider;
        let groups = u64::try_from(spec.group_mappings.len()).unwrap_or(u64::MAX);
        ProviderRow {
            status: status(spec.enabled),
            mappings: if groups == 0 { "none".to_owned() } else { words::counted(groups, "mapping") },
            provider: app::views::Link { text: spec.name, ..self.provider_link(&id) },
            id: id.to_string(),
            issuer: spec.issuer,
            changed: words::moment(updated_at, now),
        }
    }

    pub(super) async fn show_provider(&self, caller: &Caller, id: &str) -> Result<ProviderView> {
        let core = &self.state.core;
        let provider = providers::find(core, caller, &parse_id(id)?).await?;
        let now = core.now();
        let Provider { id, spec, sealed_client_secret, created_at, updated_at, .. } = provider;
        let users = format!("/users?provider={id}");
        Ok(ProviderView {
            status: status(spec.enabled),
            enabled: spec.enabled,
            has_client_secret: sealed_client_secret.is_some(),
            scopes: scopes(&spec),
            has_ca_certificates: spec.ca_certificates.is_some(),
            mappings: spec.group_mappings.iter().map(|mapping| self.mapped(mapping)).collect(),
            first_administrators: core.oidc.bootstrap_admin_groups.clone(),
            register: self.register(&id),
            users: self.list_link(Permission::UserRead, &users),
            created: words::moment(created_at, now),
            changed: words::moment(updated_at, now),
            audit: self.audit_of(id.as_str()),
            actions: self.provider_actions(&id, spec.enabled),
            id: id.to_string(),
            name: spec.name,
            issuer: spec.issuer,
            client_id: spec.client_id,
            groups_claim: spec.groups_claim,
            allowed_email_domains: spec.allowed_email_domains,
        })
    }

    fn mapped(&self, mapping: &GroupMapping) -> HeldRole {
        HeldRole {
            role: self.role_link(&mapping.grant.role),
            profiles: mapping.grant.profiles.iter().map(|id| self.profile_link(id)).collect(),
            group: Some(mapping.group.clone()),
        }
    }

    fn register(&self, id: &ProviderId) -> RegisterView {
        let links = &self.state.core.oidc.links;
        RegisterView {
            redirect_uri: links.oidc_callback(id),
            post_logout_redirect_uri: links.signed_out(),
            backchannel_logout_uri: links.oidc_backchannel_logout(id),
        }
    }

    /// What the caller may do to a provider in its state.
    fn provider_actions(&self, id: &ProviderId, enabled: bool) -> Vec<ActionLink> {
        if !self.may(Permission::ProviderEdit) {
            return Vec::new();
        }
        let action =
            |text, path: &str, danger| ActionLink { text, href: format!("{PATH}/{id}/{path}"), danger };
        vec![
            action("Test", "test", false),
            action("Edit", "edit", false),
            action("Map groups", "mappings", false),
            if enabled { action("Disable", "disable", true) } else { action("Enable", "enable", false) },
            action("Delete", "delete", true),
        ]
    }

    /// `id`: of the one to be changed; `None`: a new one.
    pub(super) async fn show_provider_form(
        &self,
        caller: &Caller,
        id: Option<&str>,
    ) -> Result<ProviderFormView> {
        authorise(caller, Permission::ProviderEdit)?;
        let Some(id) = id else { return Ok(self.new_provider()) };
        let provider = providers::find(&self.state.core, caller, &parse_id(id)?).await?;
        let Provider { id, spec, sealed_client_secret, version, .. } = provider;
        Ok(ProviderFormView {
            register: self.register(&id),
            stored: Some((id.to_string(), version)),
            has_client_secret: sealed_client_secret.is_some(),
            scopes: scopes(&spec),
            name: spec.name,
            issuer: spec.issuer,
            client_id: spec.client_id,
            groups_claim: spec.groups_claim,
            allowed_email_domains: spec.allowed_email_domains.join(" "),
            ca_certificates: spec.ca_certificates.unwrap_or_default(),
        })
    }

    /// As the API fills in what is left out.
    fn new_provider(&self) -> ProviderFormView {
        let url = |path: &str| self.state.links.url(path);
        ProviderFormView {
            stored: None,
            name: String::new(),
            issuer: String::new(),
            client_id: String::new(),
            has_client_secret: false,
            scopes: "profile email".to_owned(),
            groups_claim: "groups".to_owned(),
            allowed_email_domains: String::new(),
            ca_certificates: String::new(),
            register: RegisterView {
                redirect_uri: url("/auth/oidc/<id>/callback"),
                post_logout_redirect_uri: self.state.core.oidc.links.signed_out(),
                backchannel_logout_uri: url("/auth/oidc/<id>/backchannel-logout"),
            },
        }
    }

    pub(super) async fn show_mappings(&self, caller: &Caller, id: &str) -> Result<MappingsView> {
        authorise(caller, Permission::ProviderEdit)?;
        let core = &self.state.core;
        let provider = providers::find(core, caller, &parse_id(id)?).await?;
        let mappings = provider.spec.group_mappings.into_iter();
        Ok(MappingsView {
            id: provider.id.to_string(),
            name: provider.spec.name,
            version: provider.version,
            groups_claim: provider.spec.groups_claim,
            mappings: mappings.map(|mapping| (mapping.group, grant_line(&mapping.grant))).collect(),
            choices: grants::choices(core, caller).await?,
        })
    }

    /// `asked`: whether the provider is to be examined.
    pub(super) async fn show_provider_test(
        &self,
        caller: &Caller,
        id: &str,
        asked: bool,
    ) -> Result<ProviderTestView> {
        authorise(caller, Permission::ProviderEdit)?;
        let core = &self.state.core;
        let provider = providers::find(core, caller, &parse_id(id)?).await?;
        let checks = match asked {
            false => None,
            true => {
                let checks = providers::test(core, caller, &provider.id).await?.into_iter();
                let row = |check: crate::oidc::Check| CheckRow {
                    name: check.name.replace('_', " "),
                    ok: check.ok,
                    detail: check.detail,
                };
                Some(checks.map(row).collect())
            }
        };
        Ok(ProviderTestView { id: provider.id.to_string(), name: provider.spec.name, checks })
    }
}

fn status(enabled: bool) -> Badge {
    match enabled {
        true => words::badge("enabled", Tone::Ok),
        false => words::badge("disabled", Tone::Quiet),
    }
}

/// All that is asked for.
fn scopes(spec: &ProviderSpec) -> String {
    spec.scopes.join(" ")
}
