use axum::extract::State;
use axum::response::Response;
use model::Actor;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ApiJson;
use super::api_keys::NewApiKeyView;
use crate::http::problem::{ApiError, ProblemDocument};
use crate::http::request::RequestInfo;
use crate::services::bootstrap;
use crate::state::AppState;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BootstrapInput {
    /// The setting CERTCTL_BOOTSTRAP_TOKEN.
    token: String,
    /// What the key is for, 1 to 100 characters.
    name: String,
}

/// Not the token.
impl std::fmt::Debug for BootstrapInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BootstrapInput").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Create the first administrator's API key of a server that has none, by the operator's token. Once; then 410.
#[utoipa::path(post, path = "/api/auth/bootstrap", tag = "API keys", security(()), request_body = BootstrapInput,
    responses((status = 201, body = NewApiKeyView), (status = "4XX", body = ProblemDocument)))]
pub async fn bootstrap(
    State(state): State<AppState>,
    info: RequestInfo,
    ApiJson(input): ApiJson<BootstrapInput>,
) -> Result<Response, ApiError> {
    let asking = info.caller(Actor::Anonymous);
    let (key, text) = bootstrap::bootstrap(&state.core, &asking, &input.token, &input.name).await?;
    Ok(NewApiKeyView::answer(&state, key, &text))
}
