use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::{ApiKey, ApiKeyId, Grant, IpNet, ProfileId, RoleId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ApiJson, ApiQuery, Authenticated, List, OptionalReason, created, page, parse_time};
use crate::auth::ApiKeyText;
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::api_keys::{self, NewApiKey};
use crate::state::AppState;

/// An API key; never the key itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyView {
    id: String,
    name: String,
    role: String,
    /// Within these profiles only; empty: everywhere.
    profiles: Vec<String>,
    /// Where it may be used from; empty: anywhere.
    #[schema(value_type = Vec<String>)]
    allowed_networks: Vec<IpNet>,
    /// active, expired or revoked.
    state: &'static str,
    created_by: String,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    revoked_at: Option<Timestamp>,
    /// The key that rotation put in its place.
    replaced_by: Option<String>,
    /// At most some moments late.
    #[schema(value_type = Option<String>)]
    last_used_at: Option<Timestamp>,
    last_used_from: Option<String>,
    warnings: Vec<String>,
}

impl ApiKeyView {
    fn of(k: ApiKey, now: Timestamp) -> Self {
        Self {
            state: k.state(now).as_str(),
            warnings: api_keys::warnings(&k, now),
            id: k.id.to_string(),
            name: k.name,
            role: k.grant.role.to_string(),
            profiles: k.grant.profiles.iter().map(ProfileId::to_string).collect(),
            allowed_networks: k.allowed_networks,
            created_by: k.created_by,
            created_at: k.created_at,
            expires_at: k.expires_at,
            revoked_at: k.revoked_at,
            replaced_by: k.replaced_by.map(|id| id.to_string()),
            last_used_at: k.last_used_at,
            last_used_from: k.last_used_from.map(|ip| ip.to_string()),
        }
    }
}

/// A new API key; the only time that it is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewApiKeyView {
    #[serde(flatten)]
    key: ApiKeyView,
    /// For `Authorization: Bearer …`. It cannot be read again.
    api_key: String,
}

impl NewApiKeyView {
    pub fn answer(state: &AppState, key: ApiKey, text: &ApiKeyText) -> Response {
        let path = format!("/api/api-keys/{}", key.id);
        let key = ApiKeyView::of(key, state.core.now());
        created(path, Json(Self { key, api_key: text.expose().to_owned() }))
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyInput {
    /// What the key is for, 1 to 100 characters.
    name: String,
    /// What it may do; no more than you may.
    #[schema(value_type = String, example = "agent")]
    role: RoleId,
    /// Within these profiles only, at most 50; absent or empty: everywhere.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    profiles: Vec<ProfileId>,
    /// Networks that it may be used from, e.g. 192.0.2.0/24; absent or empty: anywhere.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    allowed_networks: Vec<IpNet>,
    /// When it ends (RFC 3339); absent: never.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyQuery {
    /// Only active keys that end before this time (RFC 3339), the next to end first.
    expires_before: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// List API keys, newest first.
#[utoipa::path(get, path = "/api/api-keys", tag = "API keys", params(ApiKeyQuery),
    responses((status = 200, body = List<ApiKeyView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<ApiKeyQuery>,
) -> Result<Json<List<ApiKeyView>>, ApiError> {
    let expires_before = parse_time("expires_before", query.expires_before.as_deref())?;
    let page = page(query.cursor.as_deref(), query.limit)?;
    let keys = api_keys::list(&state.core, &caller, expires_before, &page).await?;
    let now = state.core.now();
    Ok(List::of(keys, |key| ApiKeyView::of(key, now)))
}

/// Create an API key.
#[utoipa::path(post, path = "/api/api-keys", tag = "API keys", request_body = ApiKeyInput,
    responses((status = 201, body = NewApiKeyView), (status = "4XX", body = ProblemDocument)))]
pub async fn create(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(input): ApiJson<ApiKeyInput>,
) -> Result<Response, ApiError> {
    let text = ApiKeyText::generate(state.core.entropy.as_ref());
    let new = NewApiKey {
        name: input.name,
        grant: Grant { role: input.role, profiles: input.profiles },
        allowed_networks: input.allowed_networks,
        expires_at: input.expires_at,
    };
    let key = api_keys::create(&state.core, &caller, new, &text).await?;
    Ok(NewApiKeyView::answer(&state, key, &text))
}

/// Read an API key.
#[utoipa::path(get, path = "/api/api-keys/{id}", tag = "API keys", params(("id" = String, Path)),
    responses((status = 200, body = ApiKeyView), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<ApiKeyView>, ApiError> {
    let key = api_keys::find(&state.core, &caller, &parse_id(&id)?).await?;
    Ok(Json(ApiKeyView::of(key, state.core.now())))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateInput {
    /// For how long the old key stays good, 0 to 2592000 seconds.
    overlap_seconds: u64,
}

/// Put a new key in the place of one: with its name, role, profiles and networks, and a life of the same length. A key
/// is replaced once (409).
#[utoipa::path(post, path = "/api/api-keys/{id}/rotate", tag = "API keys", params(("id" = String, Path)),
    request_body = RotateInput,
    responses((status = 201, body = NewApiKeyView), (status = "4XX", body = ProblemDocument)))]
pub async fn rotate(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    ApiJson(input): ApiJson<RotateInput>,
) -> Result<Response, ApiError> {
    let text = ApiKeyText::generate(state.core.entropy.as_ref());
    let overlap = Duration::from_secs(input.overlap_seconds);
    let key = api_keys::rotate(&state.core, &caller, &parse_id(&id)?, overlap, &text).await?;
    Ok(NewApiKeyView::answer(&state, key, &text))
}

/// Revoke an API key, and end the sessions that were begun with it. The last administrator's stays (409).
#[utoipa::path(delete, path = "/api/api-keys/{id}", tag = "API keys",
    params(("id" = String, Path), OptionalReason),
    responses((status = 204), (status = "4XX", body = ProblemDocument)))]
pub async fn remove(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    ApiQuery(query): ApiQuery<OptionalReason>,
) -> Result<StatusCode, ApiError> {
    api_keys::revoke(&state.core, &caller, &parse_id(&id)?, query.checked()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn parse_id(id: &str) -> Result<ApiKeyId> {
    id.parse().map_err(|_| Error::not_found(format!("API key {id}")))
}
