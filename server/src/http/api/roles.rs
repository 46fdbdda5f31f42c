use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::{Permission, Permissions, Role, RoleId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ApiJson, ApiQuery, Authenticated, List, ListQuery, created, etag, if_match};
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::roles::{self, AnyRole, RoleSpec};
use crate::state::AppState;

/// What somebody may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleView {
    id: String,
    description: String,
    /// `<resource>.<verb>`, in the order of their names.
    permissions: Vec<&'static str>,
    /// Whether every server has it and nobody can change it.
    built_in: bool,
    #[schema(value_type = Option<String>)]
    created_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    updated_at: Option<Timestamp>,
}

impl From<AnyRole> for RoleView {
    fn from(role: AnyRole) -> Self {
        let names = |permissions: Permissions| permissions.iter().map(Permission::as_str).collect();
        match role {
            AnyRole::BuiltIn(role) => Self {
                id: role.id.to_owned(),
                description: role.description.to_owned(),
                permissions: names(role.permissions),
                built_in: true,
                created_at: None,
                updated_at: None,
            },
            AnyRole::Own(role) => Self {
                id: role.id.to_string(),
                description: role.description,
                permissions: names(role.permissions),
                built_in: false,
                created_at: Some(role.created_at),
                updated_at: Some(role.updated_at),
            },
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRoleInput {
    /// Chosen, 1 to 63 of a-z, 0-9 and -; absent: generated.
    #[schema(value_type = Option<String>)]
    id: Option<RoleId>,
    /// At most 500 characters.
    #[serde(default)]
    description: String,
    /// No others than you hold yourself, everywhere.
    #[schema(value_type = Vec<String>)]
    permissions: Permissions,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleInput {
    /// At most 500 characters.
    #[serde(default)]
    description: String,
    /// Those that are added must be yours.
    #[schema(value_type = Vec<String>)]
    permissions: Permissions,
}

/// List roles by id, built-in ones among them.
#[utoipa::path(get, path = "/api/roles", tag = "roles", params(ListQuery),
    responses((status = 200, body = List<RoleView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<List<RoleView>>, ApiError> {
    Ok(List::of(roles::list(&state.core, &caller, &query.page()?).await?, RoleView::from))
}

/// Create a role.
#[utoipa::path(post, path = "/api/roles", tag = "roles", request_body = NewRoleInput,
    responses((status = 201, body = RoleView), (status = "4XX", body = ProblemDocument)))]
pub async fn create(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(input): ApiJson<NewRoleInput>,
) -> Result<Response, ApiError> {
    let spec = RoleSpec { description: input.description, permissions: input.permissions };
    let role = roles::create(&state.core, &caller, input.id, spec).await?;
    Ok(created(format!("/api/roles/{}", role.id), answer(AnyRole::Own(role))))
}

/// Read a role. The ETag of one of your own goes into the If-Match of a write.
#[utoipa::path(get, path = "/api/roles/{id}", tag = "roles", params(("id" = String, Path)),
    responses((status = 200, body = RoleView), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    Ok(answer(roles::find(&state.core, &caller, &parse_id(&id)?).await?))
}

/// Replace a role, for everybody who holds it. With If-Match only the version that was read is replaced (412 otherwise).
#[utoipa::path(put, path = "/api/roles/{id}", tag = "roles",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)), request_body = RoleInput,
    responses((status = 200, body = RoleView), (status = "4XX", body = ProblemDocument)))]
pub async fn replace(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    ApiJson(input): ApiJson<RoleInput>,
) -> Result<Response, ApiError> {
    let spec = RoleSpec { description: input.description, permissions: input.permissions };
    let expected = if_match(&headers, "the role")?;
    let role = roles::replace(&state.core, &caller, &parse_id(&id)?, expected, spec).await?;
    Ok(answer(AnyRole::Own(role)))
}

/// Delete a role. One that a key, a user or a provider's mapping has stays (409).
#[utoipa::path(delete, path = "/api/roles/{id}", tag = "roles",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204), (status = "4XX", body = ProblemDocument)))]
pub async fn remove(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    roles::delete(&state.core, &caller, &parse_id(&id)?, if_match(&headers, "the role")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn parse_id(id: &str) -> Result<RoleId> {
    id.parse().map_err(|_| Error::not_found(format!("role {id}")))
}

fn answer(role: AnyRole) -> Response {
    match role {
        AnyRole::BuiltIn(_) => Json(RoleView::from(role)).into_response(),
        AnyRole::Own(Role { version, .. }) => (etag(version), Json(RoleView::from(role))).into_response(),
    }
}
