use std::time::Duration;

use app::Query;
use app::views::{ApiKeyRow, ApiKeyView, Badge, Choice, Link, ListView, NewApiKeyView, Tone};
use model::{ApiKey, ApiKeyId, ApiKeyState, BuiltInRole, Caller, PageRequest, Permission, Reach, Timestamp};

use super::fields::Fields;
use super::{Services, words};
use crate::auth::authorise;
use crate::error::Result;
use crate::http::api::api_keys::parse_id;
use crate::services::roles::AnyRole;
use crate::services::{api_keys, roles};

pub const PATH: &str = "/api-keys";
pub const NEW: &str = "/api-keys/new";
/// What is proposed for the life of a new key.
const LIFE: Duration = Duration::from_secs(90 * 86_400);

impl Services {
    pub(super) async fn list_api_keys(&self, caller: &Caller, query: &Query) -> Result<ListView<ApiKeyRow>> {
        let mut fields = Fields::new(PATH, query);
        let ends_before = fields.day("ends_before", "Active, and ends by", true);
        let request = fields.page();
        if fields.is_wrong() {
            return Ok(fields.without_rows());
        }
        let now = self.state.core.now();
        let page = api_keys::list(&self.state.core, caller, ends_before, &request).await?;
        let mut list = fields.with_rows(page.map(|key| self.api_key_row(key, now)));
        list.actions.extend(self.way_to(Permission::ApiKeyCreate, "Create an API key", NEW));
        Ok(list)
    }

    fn api_key_row(&self, key: ApiKey, now: Timestamp) -> ApiKeyRow {
        ApiKeyRow {
            status: status(key.state(now)),
            profiles: key.grant.profiles.iter().map(|id| self.profile_link(id)).collect(),
            networks: key.allowed_networks.iter().map(ToString::to_string).collect(),
            role: key.grant.role.to_string(),
            expires: key.expires_at.map(|at| words::moment(at, now)),
            used: key.last_used_at.map(|at| words::moment(at, now)),
            id: key.id.to_string(),
            key: Link { text: key.name, href: Some(format!("{PATH}/{}", key.id)), title: None },
        }
    }

    pub(super) async fn show_api_key(&self, caller: &Caller, id: &str) -> Result<ApiKeyView> {
        let core = &self.state.core;
        let key = api_keys::find(core, caller, &parse_id(id)?).await?;
        let now = core.now();
        let revocation = api_keys::revocation(core, caller, &key).await?;
        let active = key.state(now) == ApiKeyState::Active;
        let actions = [
            self.action(
                active && key.replaced_by.is_none() && self.may(Permission::ApiKeyCreate),
                ("Rotate", false),
                format!("{PATH}/{}/rotate", key.id),
            ),
            self.action(
                key.revoked_at.is_none() && self.may(Permission::ApiKeyRevoke),
                ("Revoke", true),
                format!("{PATH}/{}/revoke", key.id),
            ),
        ];
        Ok(ApiKeyView {
            status: status(key.state(now)),
            warnings: api_keys::warnings(&key, now),
            role: key.grant.role.to_string(),
            profiles: key.grant.profiles.iter().map(|id| self.profile_link(id)).collect(),
            networks: key.allowed_networks.iter().map(ToString::to_string).collect(),
            created: words::moment(key.created_at, now),
            created_by: key.created_by,
            expires: key.expires_at.map(|at| words::moment(at, now)),
            revoked: key.revoked_at.map(|at| self.revoked(at, revocation, now)),
            replaced_by: key.replaced_by.as_ref().map(|id| self.api_key_link(id)),
            used: key.last_used_at.map(|at| words::moment(at, now)),
            used_from: key.last_used_from.map(|ip| ip.to_string()),
            origin: self.state.links.url(""),
            actions: actions.into_iter().flatten().collect(),
            audit: self.audit_of(key.id.as_str()),
            id: key.id.to_string(),
            name: key.name,
        })
    }

    pub(super) fn api_key_link(&self, id: &ApiKeyId) -> Link {
        self.link(Permission::ApiKeyRead, PATH, id.as_str())
    }

    pub(super) async fn show_new_api_key(&self, caller: &Caller) -> Result<NewApiKeyView> {
        authorise(caller, Permission::ApiKeyCreate)?;
        Ok(NewApiKeyView {
            roles: self.role_choices(caller).await?,
            profiles: self.profile_choices(caller, &Reach::Everywhere).await?,
            end: words::day(self.state.core.now() + LIFE),
            origin: self.state.links.url(""),
        })
    }

    /// The roles that a key can have, those first that allow little.
    async fn role_choices(&self, caller: &Caller) -> Result<Vec<Choice>> {
        let built_in = BuiltInRole::ALL.iter().rev();
        let mut choices: Vec<_> = built_in.map(|role| choice(role.id, role.description)).collect();
        if self.may(Permission::RoleRead) {
            let page = PageRequest { after: None, limit: PageRequest::MAX_LIMIT };
            let all = roles::list(&self.state.core, caller, &page).await?.items;
            choices.extend(all.into_iter().filter_map(|role| match role {
                AnyRole::BuiltIn(_) => None,
                AnyRole::Own(role) => Some(choice(role.id.as_str(), &role.description)),
            }));
        }
        Ok(choices)
    }
}

fn choice(id: &str, description: &str) -> Choice {
    const LONGEST: usize = 80;
    let text = match description.chars().count() {
        0 => id.to_owned(),
        1..=LONGEST => format!("{id}: {description}"),
        _ => format!("{id}: {}…", description.chars().take(LONGEST).collect::<String>().trim_end()),
    };
    Choice { value: id.to_owned(), text }
}

fn status(state: ApiKeyState) -> Badge {
    match state {
        ApiKeyState::Active => words::badge("active", Tone::Ok),
        ApiKeyState::Expired => words::badge("expired", Tone::Quiet),
        ApiKeyState::Revoked => words::badge("revoked", Tone::Bad),
    }
}
