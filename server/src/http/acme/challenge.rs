//! Challenges (RFC 8555 §7.1.5, §7.5.1).

use acme::wire::ChallengeObject;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use model::{Authorization, ChallengeKind};

use super::authorization::parse_id;
use super::envelope::{AcmeResult, IndexOf, append_link};
use super::extract::ByAccount;
use crate::error::Error;
use crate::issuance::authorization::find_own;
use crate::issuance::challenge::{self, Shown};
use crate::state::AppState;

/// Reads a challenge, or says that the client is ready for it.
pub async fn read_or_respond(
    State(state): State<AppState>,
    Path((authz_id, kind)): Path<(String, String)>,
    request: ByAccount,
) -> AcmeResult {
    let id = parse_id(&authz_id)?;
    let unknown = || Error::not_found("such challenge");
    let kind: ChallengeKind = kind.parse().map_err(|_| unknown())?;
    let ByAccount { account, caller, payload, .. } = &request;
    let (authorization, answered) = match payload.is_empty() {
        true => find_own(&state.core, account, &id).await?,
        false => {
            payload.parse::<acme::payload::ChallengeResponse>()?;
            challenge::respond(&state.core, caller, account, &id, kind).await?
        }
    };
    let shown = challenge::find(&authorization, &answered, kind).ok_or_else(unknown)?;
    let retry_after = shown.retry_after(state.core.now());
    let mut response = Json(object(&state, &authorization, shown)).into_response();
    append_link(response.headers_mut(), &state.links.authorization(&id), "up");
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response.extensions_mut().insert(IndexOf(authorization.profile_id));
    Ok(response)
}

pub fn object(state: &AppState, authorization: &Authorization, shown: Shown) -> ChallengeObject {
    ChallengeObject {
        r#type: shown.kind,
        url: state.links.challenge(&authorization.id, shown.kind),
        status: shown.status,
        token: authorization.token.clone(),
        validated: shown.validated_at,
        error: shown.error,
    }
}
