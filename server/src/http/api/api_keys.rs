use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::{ApiKey, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ApiJson, ApiQuery, Authenticated, List, ListQuery};
use crate::auth::ApiKeyText;
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::api_keys::{self, NewApiKey};
use crate::state::AppState;

/// An administrator's API key; never the key itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyView {
    id: String,
    name: String,
    created_by: String,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    revoked_at: Option<Timestamp>,
}

impl From<ApiKey> for ApiKeyView {
    fn from(k: ApiKey) -> Self {
        Self {
            id: k.id.to_string(),
            name: k.name,
            created_by: k.created_by,
            created_at: k.created_at,
            revoked_at: k.revoked_at,
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

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyInput {
    /// What the key is for, 1 to 100 characters.
    name: String,
}

/// List API keys, newest first.
#[utoipa::path(get, path = "/api/api-keys", tag = "API keys", params(ListQuery),
    responses((status = 200, body = List<ApiKeyView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<List<ApiKeyView>>, ApiError> {
    Ok(List::of(api_keys::list(&state.core, &caller, &query.page()?).await?, ApiKeyView::from))
}

/// Create an administrator's API key.
#[utoipa::path(post, path = "/api/api-keys", tag = "API keys", request_body = ApiKeyInput,
    responses((status = 201, body = NewApiKeyView), (status = "4XX", body = ProblemDocument)))]
pub async fn create(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(input): ApiJson<ApiKeyInput>,
) -> Result<(StatusCode, Json<NewApiKeyView>), ApiError> {
    let text = ApiKeyText::generate(state.core.entropy.as_ref());
    let key = api_keys::create(&state.core, &caller, NewApiKey::admin(&input.name), &text).await?;
    let view = NewApiKeyView { key: key.into(), api_key: text.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Revoke an API key.
#[utoipa::path(delete, path = "/api/api-keys/{id}", tag = "API keys", params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = ProblemDocument)))]
pub async fn remove(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = id.parse().map_err(|_| Error::not_found(format!("API key {id}")))?;
    api_keys::revoke(&state.core, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
