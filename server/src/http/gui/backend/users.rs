use app::Query;
use app::views::{
    ActionLink, Badge, GrantLine, GrantsView, HeldRole, Link, ListView, Tone, UserRow, UserView,
};
use model::{Caller, PageRequest, Permission, ProviderId, SessionFilter, Timestamp, User, UserFilter};

use super::fields::Fields;
use super::{Services, grants, words};
use crate::auth::{Out, authorise};
use crate::error::Result;
use crate::http::api::users::parse_id;
use crate::services::users::Standing;
use crate::services::{providers, sessions, users};

const PATH: &str = "/users";
/// How many of a user's sessions their page shows.
const NEWEST: u32 = 20;

impl Services {
    pub(super) async fn list_users(&self, caller: &Caller, query: &Query) -> Result<ListView<UserRow>> {
        let mut fields = Fields::new(PATH, query);
        let filter =
            UserFilter { provider_id: self.provider_filter(caller, &mut fields).await?, page: fields.page() };
        if fields.is_wrong() {
            return Ok(fields.without_rows());
        }
        let core = &self.state.core;
        let found = users::list(core, caller, &filter).await?;
        let mut standings = users::standings(core, caller, &found.items).await?.into_iter();
        let now = core.now();
        Ok(fields.with_rows(found.map(|user| {
            let standing = standings.next().unwrap_or_default();
            self.user_row(user, standing, now)
        })))
    }

    /// One of those that there are, for those who may see them.
    async fn provider_filter(&self, caller: &Caller, fields: &mut Fields<'_>) -> Result<Option<ProviderId>> {
        const NAME: (&str, &str) = ("provider", "Signs in by");
        if !self.may(Permission::ProviderRead) {
            return Ok(fields.parsed(NAME.0, NAME.1, "provider or local"));
        }
        let page = PageRequest { after: None, limit: PageRequest::MAX_LIMIT };
        let found = providers::list(&self.state.core, caller, &page).await?.items.into_iter();
        let known = found.map(|provider| (provider.id.to_string(), provider.spec.name));
        let local = (ProviderId::local().to_string(), "this machine".to_owned());
        Ok(fields.choice(NAME.0, NAME.1, std::iter::once(local).chain(known)))
    }

    fn user_row(&self, user: User, standing: Standing, now: Timestamp) -> UserRow {
        UserRow {
            user: Link { text: shown_name(&user), ..self.user_link(&user.id) },
            email: user.email,
            provider: self.provider_link(&user.provider_id),
            status: status(standing.out),
            in_force: standing.out.is_none(),
            roles: self.held_roles(standing),
            last_sign_in: user.last_sign_in_at.map(|at| words::moment(at, now)),
        }
    }

    fn held_roles(&self, standing: Standing) -> Vec<HeldRole> {
        let held = standing.held.into_iter().map(|held| HeldRole {
            role: self.role_link(&held.grant.role),
            profiles: held.grant.profiles.iter().map(|id| self.profile_link(id)).collect(),
            group: held.group,
        });
        held.collect()
    }

    pub(super) async fn show_user(&self, caller: &Caller, id: &str) -> Result<UserView> {
        let core = &self.state.core;
        let user = users::find(core, caller, &parse_id(id)?).await?;
        let standing = users::standings(core, caller, std::slice::from_ref(&user)).await?.pop();
        let standing = standing.unwrap_or_default();
        let now = core.now();
        let sessions = match self.may(Permission::SessionRead) {
            false => None,
            true => {
                let page = PageRequest { after: None, limit: NEWEST };
                let filter =
                    SessionFilter { user_id: Some(user.id.clone()), page, ..SessionFilter::default() };
                let found = sessions::list(core, caller, filter).await?.items;
                Some(found.iter().map(|session| self.session_row(caller, session, now)).collect())
            }
        };
        let by = self.list_link(Permission::AuditRead, &format!("/audit?actor=user:{}", user.id));
        Ok(UserView {
            actions: self.user_actions(&user),
            name: shown_name(&user),
            status: status(standing.out),
            out: standing.out.map(why_out),
            provider: self.provider_link(&user.provider_id),
            roles: self.held_roles(standing),
            sessions,
            audit: self.audit_of(user.id.as_str()).zip(by),
            id: user.id.to_string(),
            email: user.email,
            subject: user.subject,
            groups: user.groups,
            created: words::moment(user.created_at, now),
            last_sign_in: user.last_sign_in_at.map(|at| words::moment(at, now)),
            deactivated: user.deactivated_at.map(|at| words::moment(at, now)),
        })
    }

    /// What the caller may do to a user in their state.
    fn user_actions(&self, user: &User) -> Vec<ActionLink> {
        let (edit, active) = (self.may(Permission::UserEdit), user.deactivated_at.is_none());
        let action = |fits: bool, text, path: &str, danger| {
            let href = format!("{PATH}/{}/{path}", user.id);
            fits.then_some(ActionLink { text, href, danger })
        };
        let all = [
            action(edit, "Change roles", "grants", false),
            action(self.may(Permission::SessionRevoke), "End sessions", "end-sessions", true),
            action(edit && active, "Deactivate", "deactivate", true),
            action(edit && !active, "Let in again", "reactivate", false),
        ];
        all.into_iter().flatten().collect()
    }

    pub(super) async fn show_user_grants(&self, caller: &Caller, id: &str) -> Result<GrantsView> {
        authorise(caller, Permission::UserEdit)?;
        let user = users::find(&self.state.core, caller, &parse_id(id)?).await?;
        Ok(GrantsView {
            id: user.id.to_string(),
            name: shown_name(&user),
            version: user.version,
            grants: user.grants.iter().map(grant_line).collect(),
            choices: grants::choices(&self.state.core, caller).await?,
        })
    }
}

/// A provider may have told no name.
pub(super) fn shown_name(user: &User) -> String {
    match user.name.trim() {
        "" => user.email.clone().unwrap_or_else(|| user.subject.clone()),
        name => name.to_owned(),
    }
}

pub(super) fn grant_line(grant: &model::Grant) -> GrantLine {
    let profiles: Vec<_> = grant.profiles.iter().map(model::ProfileId::as_str).collect();
    GrantLine { role: grant.role.to_string(), profiles: profiles.join(" ") }
}

fn status(out: Option<Out>) -> Badge {
    match out {
        None => words::badge("active", Tone::Ok),
        Some(Out::Deactivated) => words::badge("deactivated", Tone::Quiet),
        Some(Out::ProviderDisabled) => words::badge("provider disabled", Tone::Warn),
        Some(Out::ProviderGone) => words::badge("provider gone", Tone::Quiet),
    }
}

fn why_out(out: Out) -> &'static str {
    match out {
        Out::Deactivated => {
            "This user is deactivated: they cannot sign in, and none of their roles is in force."
        }
        Out::ProviderDisabled => {
            "Their identity provider is disabled: they cannot sign in, and none of their roles is in force."
        }
        Out::ProviderGone => {
            "Their identity provider was deleted: they cannot sign in, and none of their roles is in force."
        }
    }
}
