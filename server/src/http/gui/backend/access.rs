//! Signing in, and who is signed in.

use app::VisitorView;
use app::views::{AccountView, Held, ProviderLink, SignInView};
use model::{Grant, Owner, PageRequest, Permission, ProfileId, Reach, Timestamp};

use super::Services;
use super::sessions::way_of;
use crate::core::Core;
use crate::error::Result;
use crate::http::auth::ReturnTo;
use crate::services::break_glass;
use crate::services::sessions::{self, Checked};

/// Who is signed in, and what they must know. That is looked up for administrators only.
pub async fn visitor(core: &Core, checked: Option<&Checked>) -> Option<VisitorView> {
    let checked = checked?;
    let is_admin = checked.grants.iter().any(Grant::is_admin);
    let used = if is_admin { break_glass::used_lately(core).await } else { Ok(None) };
    let warning = match used {
        Ok(Some(at)) => Some(format!(
            "A local administrator signed in with a password at {}. The audit trail says who and from where.",
            minute(at)
        )),
        Ok(None) => None,
        Err(e) => {
            tracing::warn!(error = %e, "whether a password was used cannot be looked up");
            None
        }
    };
    let roles: Vec<_> = checked.grants.iter().map(|grant| grant.role.as_str()).collect();
    let rights = &checked.caller.rights;
    let held = Permission::ALL.iter().filter(|permission| rights.reach(**permission).is_some());
    Some(VisitorView {
        name: name_of(checked),
        role: format!("{}, by {}", roles.join(", "), way_of(&checked.signed_in.session)),
        csrf_token: checked.signed_in.session.data.csrf_token.clone(),
        warning,
        permissions: held.map(|permission| permission.as_str()).collect(),
    })
}

impl Services {
    pub(super) async fn ways_in(&self, return_to: Option<String>) -> Result<SignInView> {
        let return_to = return_to.map_or_else(ReturnTo::default, |path| ReturnTo::parse(&path));
        Ok(SignInView {
            providers: self.providers(&return_to).await?,
            break_glass: self.state.core.break_glass.enabled,
            return_to: return_to.as_str().to_owned(),
        })
    }

    async fn providers(&self, return_to: &ReturnTo) -> Result<Vec<ProviderLink>> {
        let page = PageRequest { after: None, limit: PageRequest::MAX_LIMIT };
        let providers = self.state.core.store.read().await?.providers(&page).await?.items;
        let enabled = providers.into_iter().filter(|provider| provider.spec.enabled);
        Ok(enabled
            .map(|provider| ProviderLink {
                url: return_to.through(&format!("/auth/oidc/{}/login", provider.id)),
                name: provider.spec.name,
            })
            .collect())
    }

    pub(super) async fn show_own_account(&self, checked: &Checked) -> Result<AccountView> {
        let core = &self.state.core;
        let page = PageRequest { after: None, limit: SESSIONS_SHOWN };
        let own = sessions::list_own(core, &checked.caller, page).await?;
        let now = core.now();
        let (email, groups) = match &checked.signed_in.owner {
            Owner::User(user, _) => (user.email.clone(), user.groups.clone()),
            Owner::ApiKey(_) | Owner::Nobody => (None, Vec::new()),
        };
        let rights = &checked.caller.rights;
        let held = Permission::ALL.iter().filter_map(|p| Some(held(p.to_string(), rights.reach(*p)?)));
        Ok(AccountView {
            name: name_of(checked),
            email,
            actor: checked.caller.actor.to_string(),
            way: way_of(&checked.signed_in.session),
            groups,
            roles: checked
                .grants
                .iter()
                .map(|grant| Held { name: grant.role.to_string(), profiles: names(&grant.profiles) })
                .collect(),
            permissions: held.collect(),
            sessions: own
                .items
                .into_iter()
                .filter(|session| core.sessions.end_of(session) > now)
                .map(|session| self.session_row(&checked.caller, &session, now))
                .collect(),
        })
    }
}

/// More than anybody has, unless something is wrong.
const SESSIONS_SHOWN: u32 = 100;

fn name_of(checked: &Checked) -> String {
    match &checked.signed_in.owner {
        Owner::User(user, _) => user.name.clone(),
        Owner::ApiKey(key) => format!("API key {}", key.name),
        Owner::Nobody => String::new(),
    }
}

fn held(name: String, reach: Reach) -> Held {
    let profiles = match reach {
        Reach::Everywhere => Vec::new(),
        Reach::Profiles(profiles) => names(&profiles),
    };
    Held { name, profiles }
}

fn names<'a>(profiles: impl IntoIterator<Item = &'a ProfileId>) -> Vec<String> {
    profiles.into_iter().map(ToString::to_string).collect()
}

/// To the minute: `2026-01-31 12:00 UTC`.
fn minute(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    format!("{} {} UTC", text.get(..10).unwrap_or(&text), text.get(11..16).unwrap_or_default())
}
