//! Incidents: certificates that their clients are to renew at once (RFC 9773 §4.2).

use axum::Json;
use axum::extract::State;
use model::RenewalDemand;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::selection::CertificateSelection;
use super::{ApiJson, Authenticated, Reason};
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::renewal;
use crate::state::AppState;

/// As many ids as one request may name.
const MAX_IDS: usize = 10_000;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewNowInput {
    /// At most 10000 ids.
    selection: CertificateSelection,
    /// For the audit event and whoever looks at the certificates; 1 to 500 characters.
    reason: String,
    /// An https URL at which the holders of the certificates read more; clients show it.
    explanation_url: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewNowCancelInput {
    selection: CertificateSelection,
}

/// How many certificates a request changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct RenewNowResult {
    certificates: u64,
}

/// Have certificates renewed at once: clients that ask for renewal information (RFC 9773) are told so.
#[utoipa::path(post, path = "/api/certificates/renew-now", tag = "certificates", request_body = RenewNowInput,
    responses((status = 200, body = RenewNowResult), (status = "4XX", body = ProblemDocument)))]
pub async fn demand(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(input): ApiJson<RenewNowInput>,
) -> Result<Json<RenewNowResult>, ApiError> {
    let selection = input.selection.checked(MAX_IDS)?;
    let demand = RenewalDemand {
        since: state.core.now(),
        reason: Reason { reason: input.reason }.checked()?,
        explanation_url: input.explanation_url.map(https_url).transpose()?,
    };
    let shown = input.selection.shown()?;
    let certificates = renewal::demand(&state.core, &caller, selection, shown, Some(demand)).await?;
    Ok(Json(RenewNowResult { certificates }))
}

/// Take back that certificates are to be renewed at once.
#[utoipa::path(post, path = "/api/certificates/renew-now/cancel", tag = "certificates",
    request_body = RenewNowCancelInput,
    responses((status = 200, body = RenewNowResult), (status = "4XX", body = ProblemDocument)))]
pub async fn cancel(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(input): ApiJson<RenewNowCancelInput>,
) -> Result<Json<RenewNowResult>, ApiError> {
    let selection = input.selection.checked(MAX_IDS)?;
    let shown = input.selection.shown()?;
    let certificates = renewal::demand(&state.core, &caller, selection, shown, None).await?;
    Ok(Json(RenewNowResult { certificates }))
}

/// An address that clients show to people.
pub fn https_url(text: String) -> Result<String> {
    let fits = text.len() <= 1000 && text.parse::<http::Uri>().is_ok_and(|u| u.scheme_str() == Some("https"));
    if fits {
        Ok(text)
    } else {
        Err(Error::invalid("explanation_url", "an https URL of at most 1000 characters"))
    }
}
