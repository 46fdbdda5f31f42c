use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use model::{EabKey, EabKeyId, NamePattern, ProfileId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ApiJson, ApiQuery, Authenticated, List, ListQuery, OptionalReason, created};
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::eab_keys::{self, MacKeyText, NewEabKey};
use crate::state::AppState;

/// A key for external account binding (RFC 8555 §7.3.4); never its MAC key.
#[derive(Debug, Serialize, ToSchema)]
pub struct EabKeyView {
    /// The `kid` that clients give.
    id: String,
    /// active, used_up, expired or revoked.
    status: &'static str,
    note: String,
    #[schema(value_type = Vec<String>)]
    profiles: Vec<ProfileId>,
    #[schema(value_type = Vec<String>)]
    permitted_names: Vec<NamePattern>,
    preauthorized: bool,
    /// How many accounts it may bind; null: any number.
    max_uses: Option<u32>,
    /// How many accounts it has bound.
    uses: i64,
    created_by: String,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
    /// When its MAC key was last replaced.
    #[schema(value_type = Option<String>)]
    rotated_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    revoked_at: Option<Timestamp>,
}

impl EabKeyView {
    fn of(state: &AppState, key: EabKey) -> Self {
        Self {
            id: key.id.to_string(),
            status: key.state(state.core.now()).as_str(),
            note: key.note,
            profiles: key.profiles,
            permitted_names: key.permitted_names,
            preauthorized: key.preauthorized,
            max_uses: key.max_uses,
            uses: key.uses,
            created_by: key.created_by,
            created_at: key.created_at,
            expires_at: key.expires_at,
            rotated_at: key.rotated_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// An EAB key with its MAC key; the only time that this is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewEabKeyView {
    #[serde(flatten)]
    key: EabKeyView,
    /// 256 bits in unpadded base64url, as clients take it. It cannot be read again.
    mac_key: String,
}

impl NewEabKeyView {
    fn of(state: &AppState, (key, mac_key): (EabKey, MacKeyText)) -> Self {
        Self { key: EabKeyView::of(state, key), mac_key: mac_key.expose().to_owned() }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EabKeyInput {
    /// Whose key it is, for people; up to 500 characters.
    #[serde(default)]
    note: String,
    /// Profiles under which it binds accounts and these may order. Empty: all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    profiles: Vec<ProfileId>,
    /// Names that its accounts may order, in the forms that a profile has, among those that the profile permits. Empty:
    /// no further restriction.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    permitted_names: Vec<NamePattern>,
    /// Whether its accounts need no challenge, also under profiles in the mode `challenge`.
    #[serde(default)]
    preauthorized: bool,
    /// How many accounts it may bind: 1 when absent; null: any number.
    #[serde(default = "single")]
    #[schema(default = 1)]
    max_uses: Option<u32>,
    /// When it stops to bind accounts (RFC 3339). Accounts that are bound by then stay so. Absent: never.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
}

fn single() -> Option<u32> {
    Some(1)
}

impl From<EabKeyInput> for NewEabKey {
    fn from(input: EabKeyInput) -> Self {
        Self {
            note: input.note,
            profiles: input.profiles,
            permitted_names: input.permitted_names,
            preauthorized: input.preauthorized,
            max_uses: input.max_uses,
            expires_at: input.expires_at,
        }
    }
}

/// List EAB keys, newest first.
#[utoipa::path(get, path = "/api/acme/eab-keys", tag = "EAB keys", params(ListQuery),
    responses((status = 200, body = List<EabKeyView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<List<EabKeyView>>, ApiError> {
    let page = eab_keys::list(&state.core, &caller, &query.page()?).await?;
    Ok(List::of(page, |key| EabKeyView::of(&state, key)))
}

/// Create a key for external account binding.
#[utoipa::path(post, path = "/api/acme/eab-keys", tag = "EAB keys", request_body = EabKeyInput,
    responses((status = 201, body = NewEabKeyView), (status = "4XX", body = ProblemDocument)))]
pub async fn create(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(input): ApiJson<EabKeyInput>,
) -> Result<Response, ApiError> {
    let new = eab_keys::create(&state.core, &caller, input.into()).await?;
    Ok(created(format!("/api/acme/eab-keys/{}", new.0.id), Json(NewEabKeyView::of(&state, new))))
}

/// Read an EAB key.
#[utoipa::path(get, path = "/api/acme/eab-keys/{id}", tag = "EAB keys", params(("id" = String, Path)),
    responses((status = 200, body = EabKeyView), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<EabKeyView>, ApiError> {
    let key = eab_keys::find(&state.core, &caller, &parse_id(&id)?).await?;
    Ok(Json(EabKeyView::of(&state, key)))
}

/// Revoke an EAB key for ever. It binds no more accounts; those that it has bound cannot order or finalize any more
/// under profiles that require EAB, and need challenges again. The body may be absent.
#[utoipa::path(post, path = "/api/acme/eab-keys/{id}/revoke", tag = "EAB keys", params(("id" = String, Path)),
    request_body = Option<OptionalReason>,
    responses((status = 200, body = EabKeyView), (status = "4XX", body = ProblemDocument)))]
pub async fn revoke(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    input: Option<ApiJson<OptionalReason>>,
) -> Result<Json<EabKeyView>, ApiError> {
    let input = input.map(|ApiJson(input)| input).unwrap_or_default();
    let key = eab_keys::revoke(&state.core, &caller, &parse_id(&id)?, input.checked()?).await?;
    Ok(Json(EabKeyView::of(&state, key)))
}

/// Give an EAB key a new MAC key under the same id. What it is for, its uses and its accounts stay.
#[utoipa::path(post, path = "/api/acme/eab-keys/{id}/rotate", tag = "EAB keys", params(("id" = String, Path)),
    responses((status = 200, body = NewEabKeyView), (status = "4XX", body = ProblemDocument)))]
pub async fn rotate(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<NewEabKeyView>, ApiError> {
    let rotated = eab_keys::rotate(&state.core, &caller, &parse_id(&id)?).await?;
    Ok(Json(NewEabKeyView::of(&state, rotated)))
}

pub fn parse_id(id: &str) -> Result<EabKeyId> {
    id.parse().map_err(|_| Error::not_found(format!("EAB key {id}")))
}
