use axum::Json;
use axum::extract::State;
use model::{Actor, Grant, Permission, Principal, Reach, Rights, SignInMethod, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::Authenticated;
use crate::error::Error;
use crate::http::auth::Visitor;
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::sessions::Checked;
use crate::state::AppState;

/// Who asks, through what, and what they may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct IdentityView {
    /// As audit events name the caller: `user:…` or `key:…`.
    actor: String,
    name: String,
    /// Present for people.
    user: Option<PersonView>,
    roles: Vec<GrantView>,
    permissions: Vec<PermissionView>,
    /// Present where a session's cookie has authenticated the request.
    session: Option<OwnSessionView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PersonView {
    id: String,
    /// Who vouches for them; `local` for users of the server's own command line.
    provider: String,
    email: Option<String>,
    /// As the provider said at the last sign-in.
    groups: Vec<String>,
}

/// A role as somebody holds it.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantView {
    role: String,
    /// Within these profiles only; null: everywhere.
    profiles: Option<Vec<String>>,
}

impl From<&Grant> for GrantView {
    fn from(grant: &Grant) -> Self {
        let profiles = grant.profiles.iter().map(ToString::to_string).collect();
        Self { role: grant.role.to_string(), profiles: (!grant.profiles.is_empty()).then_some(profiles) }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PermissionView {
    permission: String,
    /// Within these profiles only; null: everywhere.
    profiles: Option<Vec<String>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct OwnSessionView {
    id: String,
    #[schema(value_type = String)]
    method: SignInMethod,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// When it ends if nothing is asked through it any more.
    #[schema(value_type = String)]
    ends_at: Timestamp,
    /// When it ends however much it is used.
    #[schema(value_type = String)]
    expires_at: Timestamp,
    /// For `X-CSRF-Token`, which every change needs.
    csrf_token: String,
}

/// Who am I, through what, and what may I do?
#[utoipa::path(get, path = "/api/auth/me", tag = "people",
    responses((status = 200, body = IdentityView), (status = "4XX", body = ProblemDocument)))]
pub async fn me(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Visitor(visitor): Visitor,
) -> Result<Json<IdentityView>, ApiError> {
    // A key in the header wins over a cookie.
    let view = match (visitor, &caller.actor) {
        (Some(checked), _) if caller.session.is_some() => of_session(&state, checked),
        (_, Actor::ApiKey(id)) => {
            let key = state.core.store.read().await?.api_key(id).await?;
            let key = key.ok_or_else(|| Error::not_found(format!("API key {id}")))?;
            IdentityView {
                actor: caller.actor.to_string(),
                name: key.name,
                user: None,
                roles: vec![GrantView::from(&key.grant)],
                permissions: permissions(&caller.rights),
                session: None,
            }
        }
        _ => return Err(Error::Internal("a caller is a session's or a key".to_owned()).into()),
    };
    Ok(Json(view))
}

fn of_session(state: &AppState, checked: Checked) -> IdentityView {
    let session = checked.signed_in.session;
    let (name, user) = match (&session.principal, checked.signed_in.owner) {
        (Principal::User(_), model::Owner::User(user, _)) => {
            let person = PersonView {
                id: user.id.to_string(),
                provider: user.provider_id.to_string(),
                email: user.email,
                groups: user.groups,
            };
            (user.name, Some(person))
        }
        (_, model::Owner::ApiKey(key)) => (key.name, None),
        _ => (String::new(), None),
    };
    IdentityView {
        actor: checked.caller.actor.to_string(),
        name,
        user,
        roles: checked.grants.iter().map(GrantView::from).collect(),
        permissions: permissions(&checked.caller.rights),
        session: Some(OwnSessionView {
            id: session.id.to_string(),
            method: session.method,
            created_at: session.created_at,
            ends_at: state.core.sessions.end_of(&session),
            expires_at: session.expires_at,
            csrf_token: session.data.csrf_token,
        }),
    }
}

fn permissions(rights: &Rights) -> Vec<PermissionView> {
    let held = Permission::ALL.iter().filter_map(|permission| Some((permission, rights.reach(*permission)?)));
    held.map(|(permission, reach)| PermissionView {
        permission: permission.to_string(),
        profiles: match reach {
            Reach::Everywhere => None,
            Reach::Profiles(profiles) => Some(profiles.iter().map(ToString::to_string).collect()),
        },
    })
    .collect()
}
