use axum::Json;
use axum::extract::{Path, State};
use model::{Account, AccountFilter, AccountId, ContactPart, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ApiJson, ApiQuery, Authenticated, List, Reason, page, parse, parse_part, parse_time};
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::accounts;
use crate::state::AppState;

/// An ACME account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    id: String,
    /// valid, suspended or deactivated.
    status: &'static str,
    contacts: Vec<String>,
    /// SHA-256 JWK thumbprint (RFC 7638) of the account's key.
    key_thumbprint: String,
    /// The EAB key that bound the account.
    eab_key_id: Option<String>,
    /// The version of the terms of service that the account agreed to last.
    terms_of_service_version: Option<String>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    created_from: Option<String>,
    /// When a request of the account was last accepted, to the minute; stored once a minute.
    #[schema(value_type = String)]
    last_seen_at: Timestamp,
}

impl From<Account> for AccountView {
    fn from(a: Account) -> Self {
        Self {
            id: a.id.to_string(),
            status: a.status.as_str(),
            contacts: a.contacts,
            key_thumbprint: a.key_thumbprint,
            eab_key_id: a.external_account.map(|e| e.key_id.to_string()),
            terms_of_service_version: a.terms_version,
            created_at: a.created_at,
            created_from: a.created_from.map(|ip| ip.to_string()),
            last_seen_at: a.last_seen_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AccountQuery {
    /// valid, suspended or deactivated.
    status: Option<String>,
    /// Those that this EAB key bound.
    eab_key_id: Option<String>,
    /// Part of a contact. It begins at the address, or after `@` or a dot in it, and ends anywhere: `web`, `example.com`
    /// and `web@ex` are parts of `mailto:web@example.com`.
    contact: Option<String>,
    /// Last seen before this time (RFC 3339).
    not_seen_since: Option<String>,
    /// newest; or last_seen: the longest unseen first. Not given: last_seen where nothing but `not_seen_since` restricts,
    /// else newest.
    sort: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// List ACME accounts, newest first unless `sort` says otherwise. A page of a search may have few items, or none, and a
/// `next` that goes on with it.
#[utoipa::path(get, path = "/api/acme/accounts", tag = "ACME accounts", params(AccountQuery),
    responses((status = 200, body = List<AccountView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<AccountQuery>,
) -> Result<Json<List<AccountView>>, ApiError> {
    let filter = AccountFilter {
        status: parse("status", query.status.as_deref())?,
        eab_key_id: parse("eab_key_id", query.eab_key_id.as_deref())?,
        contact_part: parse_part("contact", query.contact.as_deref(), ContactPart::parse)?,
        not_seen_since: parse_time("not_seen_since", query.not_seen_since.as_deref())?,
        order: parse("sort", query.sort.as_deref())?,
        page: page(query.cursor.as_deref(), query.limit)?,
    };
    Ok(List::of(accounts::list(&state.core, &caller, &filter).await?, AccountView::from))
}

/// Read an ACME account.
#[utoipa::path(get, path = "/api/acme/accounts/{id}", tag = "ACME accounts", params(("id" = String, Path)),
    responses((status = 200, body = AccountView), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<AccountView>, ApiError> {
    Ok(Json(accounts::find(&state.core, &caller, &parse_id(&id)?).await?.into()))
}

/// Suspend an account: every request of it is refused until it is resumed.
#[utoipa::path(post, path = "/api/acme/accounts/{id}/suspend", tag = "ACME accounts",
    params(("id" = String, Path)), request_body = Reason,
    responses((status = 200, body = AccountView), (status = "4XX", body = ProblemDocument)))]
pub async fn suspend(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    ApiJson(reason): ApiJson<Reason>,
) -> Result<Json<AccountView>, ApiError> {
    let reason = reason.checked()?;
    Ok(Json(accounts::suspend(&state.core, &caller, &parse_id(&id)?, &reason).await?.into()))
}

/// Resume a suspended account.
#[utoipa::path(post, path = "/api/acme/accounts/{id}/resume", tag = "ACME accounts",
    params(("id" = String, Path)), request_body = Reason,
    responses((status = 200, body = AccountView), (status = "4XX", body = ProblemDocument)))]
pub async fn resume(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    ApiJson(reason): ApiJson<Reason>,
) -> Result<Json<AccountView>, ApiError> {
    let reason = reason.checked()?;
    Ok(Json(accounts::resume(&state.core, &caller, &parse_id(&id)?, &reason).await?.into()))
}

/// Deactivate an account for ever: its open orders end, its certificates stay.
#[utoipa::path(post, path = "/api/acme/accounts/{id}/deactivate", tag = "ACME accounts",
    params(("id" = String, Path)), request_body = Reason,
    responses((status = 200, body = AccountView), (status = "4XX", body = ProblemDocument)))]
pub async fn deactivate(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    ApiJson(reason): ApiJson<Reason>,
) -> Result<Json<AccountView>, ApiError> {
    let reason = reason.checked()?;
    Ok(Json(accounts::deactivate(&state.core, &caller, &parse_id(&id)?, &reason).await?.into()))
}

pub fn parse_id(id: &str) -> Result<AccountId> {
    id.parse().map_err(|_| Error::not_found(format!("account {id}")))
}
