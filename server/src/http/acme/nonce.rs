//! newNonce (RFC 8555 §7.2). The nonce itself is added by the envelope, as to every POST.

use axum::http::StatusCode;

use super::directory::must_be_empty;
use super::envelope::AcmeError;
use super::extract::ByEither;

pub async fn head() -> StatusCode {
    StatusCode::OK
}

pub async fn get() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// POST-as-GET (RFC 8555 §6.3).
pub async fn post(request: ByEither) -> Result<StatusCode, AcmeError> {
    must_be_empty(&request)?;
    Ok(StatusCode::NO_CONTENT)
}
