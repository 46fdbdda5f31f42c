//! Authorizations (RFC 8555 §7.1.4, §7.5).

use acme::payload::DeactivateAuthorization;
use acme::wire::AuthorizationObject;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use model::{Authorization, AuthorizationId, AuthorizationStatus};

use super::challenge;
use super::envelope::AcmeResult;
use super::extract::ByAccount;
use crate::error::{Error, Result};
use crate::issuance::order;
use crate::state::AppState;

pub async fn read_or_deactivate(
    State(state): State<AppState>,
    Path(id): Path<String>,
    request: ByAccount,
) -> AcmeResult {
    let id = parse_id(&id)?;
    let deactivates =
        !request.payload.is_empty() && request.payload.parse::<DeactivateAuthorization>()?.deactivates();
    let authorization = match deactivates {
        true => order::deactivate_authorization(&state.core, &request.caller, &request.account, &id).await?,
        false => order::find_own_authorization(&state.core, &request.account, &id).await?,
    };
    Ok(Json(object(&state, authorization)).into_response())
}

pub fn parse_id(id: &str) -> Result<AuthorizationId> {
    id.parse().map_err(|_| Error::not_found("such authorization"))
}

fn object(state: &AppState, authorization: Authorization) -> AuthorizationObject {
    let challenges = challenge::of(state, &authorization);
    // RFC 8555 §7.1.4: required while pending or valid.
    let open = matches!(authorization.status, AuthorizationStatus::Pending | AuthorizationStatus::Valid);
    AuthorizationObject {
        status: authorization.status,
        expires: open.then_some(authorization.expires_at),
        identifier: authorization.identifier,
        challenges,
        wildcard: authorization.wildcard,
    }
}
