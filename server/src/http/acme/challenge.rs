//! Challenges (RFC 8555 §7.1.5, §7.5.1).
//!
//! An authorization that was born valid has been through no validation. It still shows one challenge, valid: RFC
//! 8555 §7.1.4 lists the challenge that was fulfilled, and clients look for a type that they know.

use acme::wire::ChallengeObject;
use acme::{ChallengeStatus, Problem, offered};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use model::{Authorization, AuthorizationStatus, ChallengeKind};

use super::authorization::parse_id;
use super::envelope::{AcmeResult, append_link};
use super::extract::ByAccount;
use crate::error::Error;
use crate::issuance::order;
use crate::state::AppState;

/// Reads a challenge, or says that the client is ready. A valid one answers both in the same way; a dead one
/// refuses the second.
pub async fn read_or_respond(
    State(state): State<AppState>,
    Path((authz_id, kind)): Path<(String, String)>,
    request: ByAccount,
) -> AcmeResult {
    let id = parse_id(&authz_id)?;
    let kind: ChallengeKind = kind.parse().map_err(|_| Error::not_found("such challenge"))?;
    if !request.payload.is_empty() {
        request.payload.parse::<acme::payload::ChallengeResponse>()?;
    }
    let authorization = order::find_own_authorization(&state.core, &request.account, &id).await?;
    if !request.payload.is_empty() && authorization.status != AuthorizationStatus::Valid {
        let detail =
            format!("the authorization is {}; its challenges cannot be answered", authorization.status);
        return Err(Problem::malformed(detail).into());
    }
    let challenge = of(&state, &authorization).into_iter().find(|c| c.r#type == kind);
    let challenge = challenge.ok_or_else(|| Error::not_found("such challenge"))?;
    let mut response = Json(challenge).into_response();
    append_link(response.headers_mut(), &state.links.authorization(&id), "up");
    Ok(response)
}

/// The challenges that an authorization shows.
pub fn of(state: &AppState, authorization: &Authorization) -> Vec<ChallengeObject> {
    let status = match authorization.status {
        AuthorizationStatus::Pending => ChallengeStatus::Pending,
        AuthorizationStatus::Valid => ChallengeStatus::Valid,
        _ => ChallengeStatus::Invalid,
    };
    let offered = offered(&authorization.identifier, authorization.wildcard);
    offered
        .iter()
        .take(1)
        .map(|&kind| ChallengeObject {
            r#type: kind,
            url: state.links.challenge(&authorization.id, kind),
            status,
            token: authorization.token.clone(),
            validated: authorization.validated_at,
            error: None,
        })
        .collect()
}
