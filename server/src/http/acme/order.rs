//! newOrder, orders and finalize (RFC 8555 §7.4).

use acme::payload::{Finalize, NewOrder};
use acme::wire::OrderObject;
use acme::{Problem, parse_identifiers};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::{Order, OrderId, OrderStatus, ProfileId, Timestamp};

use super::directory::{self, default_profile};
use super::envelope::{AcmeResult, IndexOf};
use super::extract::ByAccount;
use crate::error::{Error, Result};
use crate::issuance::finalize as finalization;
use crate::issuance::order::{self, OrderRequest};
use crate::state::AppState;

/// Seconds until a client should look again at an order that is being processed. Signing takes milliseconds.
const PROCESSING_RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

pub async fn create(
    State(state): State<AppState>,
    Path(profile_id): Path<String>,
    request: ByAccount,
) -> AcmeResult {
    place(&state, &directory::profile_id(&profile_id)?, request).await
}

pub async fn create_by_default(State(state): State<AppState>, request: ByAccount) -> AcmeResult {
    let profile = default_profile(&state).await?;
    place(&state, &profile.id, request).await
}

async fn place(state: &AppState, profile_id: &ProfileId, request: ByAccount) -> AcmeResult {
    let body: NewOrder = request.payload.parse()?;
    let asked = OrderRequest {
        identifiers: parse_identifiers(&body.identifiers)?,
        profile: body.profile,
        not_before: date("notBefore", body.not_before)?,
        not_after: date("notAfter", body.not_after)?,
        replaces: body.replaces,
    };
    let order = order::create(&state.core, &request.caller, &request.account, profile_id, asked).await?;
    Ok(answer(state, StatusCode::CREATED, order))
}

/// RFC 8555 §7.1.3: dates are those of RFC 3339.
fn date(member: &str, text: Option<String>) -> Result<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    match Timestamp::parse_rfc3339(&text) {
        Some(time) if time == time.truncated_to_second() => Ok(Some(time)),
        // To cut the fraction would be to alter what was asked for, which RFC 8555 §7.4 forbids.
        Some(_) => {
            let detail = format!("`{member}` has a fraction of a second, which a certificate cannot have");
            Err(Problem::malformed(detail).into())
        }
        None => Err(Problem::malformed(format!("`{member}` is not a date and time of RFC 3339")).into()),
    }
}

pub async fn read(State(state): State<AppState>, Path(id): Path<String>, request: ByAccount) -> AcmeResult {
    request.payload.must_be_empty()?;
    let order = order::find_own(&state.core, &request.account, &parse_id(&id)?).await?;
    Ok(answer(&state, StatusCode::OK, order))
}

pub async fn finalize(
    State(state): State<AppState>,
    Path(id): Path<String>,
    request: ByAccount,
) -> AcmeResult {
    let body: Finalize = request.payload.parse()?;
    let id = parse_id(&id)?;
    let ByAccount { account, key, caller, .. } = request;
    let order =
        finalization::finalize(&state.core, &caller, &account, key.spki_der(), &id, &body.csr).await?;
    Ok(answer(&state, StatusCode::OK, order))
}

fn parse_id(id: &str) -> Result<OrderId> {
    id.parse().map_err(|_| Error::not_found("such order"))
}

fn answer(state: &AppState, status: StatusCode, order: Order) -> Response {
    let location = state.links.order(&order.id);
    let processing = order.status == OrderStatus::Processing;
    let object = OrderObject {
        status: order.status,
        expires: order.expires_at,
        not_before: order.not_before,
        not_after: order.not_after,
        identifiers: order.identifiers,
        // Every directory advertises profiles, so every order says which one it is under (draft-ietf-acme-profiles §4).
        profile: Some(order.profile_id.to_string()),
        authorizations: order.authorization_ids.iter().map(|id| state.links.authorization(id)).collect(),
        finalize: state.links.finalize(&order.id),
        certificate: order.certificate_id.map(|id| state.links.certificate(&id)),
        error: order.error,
        replaces: order.replaces,
    };
    let mut response = (status, Json(object)).into_response();
    response.extensions_mut().insert(IndexOf(order.profile_id));
    let headers = response.headers_mut();
    if let Ok(url) = HeaderValue::from_str(&location) {
        headers.insert(header::LOCATION, url);
    }
    if processing {
        headers.insert(header::RETRY_AFTER, PROCESSING_RETRY_AFTER);
    }
    response
}
