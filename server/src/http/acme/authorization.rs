//! Authorizations and newAuthz (RFC 8555 §7.1.4, §7.4.1, §7.5).

use acme::payload::{DeactivateAuthorization, NewAuthorization};
use acme::wire::AuthorizationObject;
use acme::{Problem, parse_identifiers};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::{Authorization, AuthorizationId, AuthorizationStatus, Challenge, ProfileId};

use super::challenge;
use super::directory::{self, default_profile};
use super::envelope::{AcmeResult, IndexOf};
use super::extract::ByAccount;
use crate::error::{Error, Result};
use crate::issuance::authorization;
use crate::issuance::challenge::listed;
use crate::state::AppState;

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
    let body: NewAuthorization = request.payload.parse()?;
    let mut identifiers = parse_identifiers(std::slice::from_ref(&body.identifier))?;
    let identifier = identifiers.pop().ok_or_else(|| Problem::malformed("`identifier` is missing"))?;
    let made = authorization::create(&state.core, &request.caller, &request.account, profile_id, &identifier);
    let made = made.await?;
    let location = HeaderValue::from_str(&state.links.authorization(&made.id));
    let mut response = answer(state, StatusCode::CREATED, made, &[]);
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

pub async fn read_or_deactivate(
    State(state): State<AppState>,
    Path(id): Path<String>,
    request: ByAccount,
) -> AcmeResult {
    let id = parse_id(&id)?;
    let deactivates =
        !request.payload.is_empty() && request.payload.parse::<DeactivateAuthorization>()?.deactivates();
    let (found, answered) = match deactivates {
        true => authorization::deactivate(&state.core, &request.caller, &request.account, &id).await?,
        false => authorization::find_own(&state.core, &request.account, &id).await?,
    };
    Ok(answer(&state, StatusCode::OK, found, &answered))
}

pub fn parse_id(id: &str) -> Result<AuthorizationId> {
    id.parse().map_err(|_| Error::not_found("such authorization"))
}

fn answer(state: &AppState, status: StatusCode, found: Authorization, answered: &[Challenge]) -> Response {
    let listed = listed(&found, answered);
    let now = state.core.now();
    let retry_after = listed.iter().filter_map(|shown| shown.retry_after(now)).min();
    // RFC 8555 §7.1.4: required while pending or valid.
    let open = matches!(found.status, AuthorizationStatus::Pending | AuthorizationStatus::Valid);
    let object = AuthorizationObject {
        status: found.status,
        expires: open.then_some(found.expires_at),
        challenges: listed.into_iter().map(|shown| challenge::object(state, &found, shown)).collect(),
        identifier: found.identifier,
        wildcard: found.wildcard,
    };
    let mut response = (status, Json(object)).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response.extensions_mut().insert(IndexOf(found.profile_id));
    response
}
