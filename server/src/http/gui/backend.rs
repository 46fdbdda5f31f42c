//! What the pages ask of the services.

use std::fmt;

use app::{
    AccountView, AcmeView, Anchor, Backend, Held, PageError, ProviderLink, SessionRow, SignInView, StartView,
    TrustView, VisitorView,
};
use async_trait::async_trait;
use model::{Grant, Owner, PageRequest, Permission, ProfileId, Reach, Session, SignInMethod, Timestamp};

use crate::core::Core;
use crate::error::Error;
use crate::http::auth::ReturnTo;
use crate::services::sessions::{self, Checked};
use crate::services::trust::{self, TrustAnchor};
use crate::services::{break_glass, login_links};
use crate::state::AppState;

/// For one page of one visitor.
pub struct Services(AppState, Option<Checked>);

impl Services {
    pub fn new(state: AppState, visitor: Option<Checked>) -> Self {
        Self(state, visitor)
    }
}

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
    Some(VisitorView {
        name: name_of(checked),
        csrf_token: checked.signed_in.session.data.csrf_token.clone(),
        warning,
    })
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services")
    }
}

#[async_trait]
impl Backend for Services {
    async fn start(&self) -> Result<StartView, PageError> {
        let state = &self.0;
        let acme = match state.acme.enabled {
            false => None,
            true => Some(self.acme().await.map_err(|e| shown(&e))?),
        };
        Ok(StartView {
            version: env!("CARGO_PKG_VERSION"),
            acme,
            issuers: trust::issuers(&state.core)
                .map_err(|e| shown(&e))?
                .into_iter()
                .map(|a| self.anchor(a))
                .collect(),
            faults: crate::http::operations::faults(&state.core).await,
        })
    }

    async fn trust(&self) -> Result<TrustView, PageError> {
        let state = &self.0;
        let issuers = trust::issuers(&state.core).map_err(|e| shown(&e))?;
        let server_ca =
            state.bootstrap_ca_pem.as_deref().map(trust::server_ca).transpose().map_err(|e| shown(&e))?;
        Ok(TrustView {
            origin: state.links.url(""),
            issuers: issuers.into_iter().map(|a| self.anchor(a)).collect(),
            server_ca: server_ca.map(|a| self.anchor(a)),
        })
    }

    async fn sign_in(&self, return_to: Option<String>) -> Result<SignInView, PageError> {
        let return_to = return_to.map_or_else(ReturnTo::default, |path| ReturnTo::parse(&path));
        Ok(SignInView {
            providers: self.providers(&return_to).await.map_err(|e| shown(&e))?,
            break_glass: self.0.core.break_glass.enabled,
            return_to: return_to.as_str().to_owned(),
        })
    }

    async fn link(&self, token: &str) -> Result<bool, PageError> {
        login_links::is_good(&self.0.core, token).await.map_err(|e| shown(&e))
    }

    async fn account(&self) -> Result<AccountView, PageError> {
        let Some(checked) = &self.1 else { return Err(PageError::SignIn) };
        let core = &self.0.core;
        let page = PageRequest { after: None, limit: SESSIONS_SHOWN };
        let own = sessions::list_own(core, &checked.caller, page).await.map_err(|e| shown(&e))?;
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
                .map(|session| session_row(core, checked, &session))
                .collect(),
        })
    }
}

impl Services {
    async fn providers(&self, return_to: &ReturnTo) -> Result<Vec<ProviderLink>, Error> {
        let page = PageRequest { after: None, limit: PageRequest::MAX_LIMIT };
        let providers = self.0.core.store.read().await?.providers(&page).await?.items;
        let enabled = providers.into_iter().filter(|provider| provider.spec.enabled);
        Ok(enabled
            .map(|provider| ProviderLink {
                url: return_to.through(&format!("/auth/oidc/{}/login", provider.id)),
                name: provider.spec.name,
            })
            .collect())
    }

    async fn acme(&self) -> Result<AcmeView, Error> {
        let state = &self.0;
        let default = match &state.acme.default_profile_id {
            None => None,
            Some(id) => state.core.store.read().await?.profile(id).await?.filter(|p| p.spec.enabled),
        };
        Ok(AcmeView {
            directory_form: state.links.url("/acme/profile/<profile id>/directory"),
            default_directory: default.map(|_| state.links.directory_resource(None, "directory")),
            server_ca_url: state.bootstrap_ca_pem.as_ref().map(|_| state.links.url("/pki/server-ca.pem")),
        })
    }

    fn anchor(&self, anchor: TrustAnchor) -> Anchor {
        let now = self.0.core.now();
        let fingerprint: Vec<_> = anchor.sha256.iter().map(|octet| format!("{octet:02X}")).collect();
        Anchor {
            name: anchor.name,
            subject: anchor.subject,
            fingerprint: fingerprint.join(":"),
            not_after: anchor.not_after.to_rfc3339().chars().take(10).collect(),
            days_left: (anchor.not_after.unix_seconds() - now.unix_seconds()).div_euclid(86_400),
        }
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

fn way_of(session: &Session) -> String {
    let way = match session.method {
        SignInMethod::ApiKey => "API key",
        SignInMethod::BreakGlass => "break-glass password",
        SignInMethod::LoginLink => "one-time link",
        SignInMethod::Oidc => "identity provider",
    };
    session.provider_id.as_ref().map_or_else(|| way.to_owned(), |id| format!("{way} {id}"))
}

fn session_row(core: &Core, asking: &Checked, session: &Session) -> SessionRow {
    SessionRow {
        id: session.id.to_string(),
        way: way_of(session),
        began: minute(session.created_at),
        last_seen: minute(session.last_seen_at),
        ends: minute(core.sessions.end_of(session)),
        client_ip: session.client_ip.map(|ip| ip.to_string()),
        user_agent: session.user_agent.clone(),
        current: session.id == asking.signed_in.session.id,
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

/// An error as a page shows it; its cause goes to the log.
fn shown(error: &Error) -> PageError {
    tracing::error!(error = %error, "a page could not be put together");
    match error {
        Error::Unavailable(_) => PageError::Unavailable,
        _ => PageError::Internal,
    }
}
