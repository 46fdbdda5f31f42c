use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName};
use model::{Grant, Timestamp, User, UserFilter, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::identity::GrantView;
use super::{ApiJson, ApiQuery, Authenticated, List, Reason, etag, if_match, page, parse};
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::users;
use crate::state::AppState;

/// A person. They appear at their first sign-in, and are deactivated instead of deleted: audit events name them.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserView {
    id: String,
    /// Who vouches for them; `local` for users of the server's own command line.
    provider_id: String,
    /// How the provider calls them.
    subject: String,
    name: String,
    email: Option<String>,
    /// As the provider said at the last sign-in; its mappings make roles of them.
    groups: Vec<String>,
    /// Roles given here, beside those of the groups.
    grants: Vec<GrantView>,
    active: bool,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    last_sign_in_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    deactivated_at: Option<Timestamp>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            provider_id: user.provider_id.to_string(),
            subject: user.subject,
            name: user.name,
            email: user.email,
            groups: user.groups,
            grants: user.grants.iter().map(GrantView::from).collect(),
            active: user.deactivated_at.is_none(),
            created_at: user.created_at,
            last_sign_in_at: user.last_sign_in_at,
            deactivated_at: user.deactivated_at,
        }
    }
}

/// With the ETag that a change wants back as If-Match.
type Tagged = ([(HeaderName, String); 1], Json<UserView>);

fn tagged(user: User) -> Tagged {
    (etag(user.version), Json(user.into()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UserQuery {
    /// The id of a provider, or `local`.
    provider: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Items on a page, 1 to 500; 50 unless given.
    limit: Option<u32>,
}

/// List users, newest first.
#[utoipa::path(get, path = "/api/users", tag = "people", params(UserQuery),
    responses((status = 200, body = List<UserView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<UserQuery>,
) -> Result<Json<List<UserView>>, ApiError> {
    let filter = UserFilter {
        provider_id: parse("provider", query.provider.as_deref())?,
        page: page(query.cursor.as_deref(), query.limit)?,
    };
    Ok(List::of(users::list(&state.core, &caller, &filter).await?, UserView::from))
}

/// Read a user. The ETag is what If-Match of a change wants.
#[utoipa::path(get, path = "/api/users/{id}", tag = "people", params(("id" = String, Path)),
    responses((status = 200, body = UserView), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Tagged, ApiError> {
    Ok(tagged(users::find(&state.core, &caller, &parse_id(&id)?).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantsInput {
    grants: Vec<GrantInput>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantInput {
    /// The id of a role.
    role: String,
    /// Ids of profiles: within these only. Absent, null or empty: everywhere.
    #[serde(default)]
    profiles: Option<Vec<String>>,
}

impl GrantInput {
    fn checked(self) -> Result<Grant> {
        let role = self.role.parse().map_err(|e: model::InvalidId| Error::invalid("role", e.to_string()))?;
        let profiles = self.profiles.unwrap_or_default();
        let profile =
            |id: String| id.parse().map_err(|e: model::InvalidId| Error::invalid("profiles", e.to_string()));
        Ok(Grant { role, profiles: profiles.into_iter().map(profile).collect::<Result<_>>()? })
    }
}

/// Replace the roles that a user is granted here. The caller must hold whatever is new.
#[utoipa::path(put, path = "/api/users/{id}/grants", tag = "people", request_body = GrantsInput,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "The ETag that was read.")),
    responses((status = 200, body = UserView), (status = "4XX", body = ProblemDocument)))]
pub async fn set_grants(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    ApiJson(input): ApiJson<GrantsInput>,
) -> Result<Tagged, ApiError> {
    let expected = if_match(&headers, "this user")?;
    let grants = input.grants.into_iter().map(GrantInput::checked).collect::<Result<_>>()?;
    Ok(tagged(users::set_grants(&state.core, &caller, &parse_id(&id)?, grants, expected).await?))
}

/// Keep a user out: their sessions end at once, on every replica.
#[utoipa::path(post, path = "/api/users/{id}/deactivate", tag = "people", request_body = Reason,
    params(("id" = String, Path)),
    responses((status = 200, body = UserView), (status = "4XX", body = ProblemDocument)))]
pub async fn deactivate(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    ApiJson(reason): ApiJson<Reason>,
) -> Result<Tagged, ApiError> {
    Ok(tagged(users::deactivate(&state.core, &caller, &parse_id(&id)?, reason.checked()?).await?))
}

/// Let a user in again. The caller must hold what the user is granted here.
#[utoipa::path(post, path = "/api/users/{id}/reactivate", tag = "people", request_body = Reason,
    params(("id" = String, Path)),
    responses((status = 200, body = UserView), (status = "4XX", body = ProblemDocument)))]
pub async fn reactivate(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    ApiJson(reason): ApiJson<Reason>,
) -> Result<Tagged, ApiError> {
    Ok(tagged(users::reactivate(&state.core, &caller, &parse_id(&id)?, reason.checked()?).await?))
}

pub fn parse_id(id: &str) -> Result<UserId> {
    id.parse().map_err(|_| Error::not_found(format!("user {id}")))
}
