//! Renewal information (RFC 9773 §4).

use acme::Problem;
use acme::renewal::CertificateRef;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use super::envelope::{AcmeResult, IndexOf};
use crate::services::renewal;
use crate::state::AppState;

/// A plain GET by anybody, one lookup each.
pub async fn read(State(state): State<AppState>, Path(id): Path<String>) -> AcmeResult {
    let named = CertificateRef::parse(&id, "The last part of the path")?;
    let advice = renewal::advise(&state.core, &named).await?;
    let advice = advice
        .ok_or_else(|| Problem::malformed("this CA did not issue that certificate").with_status(404))?;
    let mut response = Json(advice.info).into_response();
    response.extensions_mut().insert(IndexOf(advice.profile_id));
    let retry_after = HeaderValue::from(advice.retry_after.as_secs());
    response.headers_mut().insert(header::RETRY_AFTER, retry_after);
    Ok(response)
}
