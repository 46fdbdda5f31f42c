//! For those who run the server: liveness, readiness, metrics.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::problem::{ApiError, RETRY_AFTER};
use crate::core::Core;
use crate::error::Error;
use crate::jobs;
use crate::state::AppState;

/// The process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Database and signers work; otherwise what does not.
pub async fn readyz(State(state): State<AppState>) -> Response {
    let faults = faults(&state.core).await;
    if faults.is_empty() {
        return "ready\n".into_response();
    }
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", faults.join("\n"))).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

/// What keeps the server from issuing, in words.
pub async fn faults(core: &Core) -> Vec<String> {
    let mut faults = Vec::new();
    if let Err(e) = core.store.ping().await {
        tracing::warn!(error = %e, "not ready: the database does not answer");
        faults.push("the database does not answer".to_owned());
    }
    let now = core.now();
    for (id, signer) in core.signers.iter() {
        if let Err(e) = signer.check_time(now) {
            faults.push(format!("{id}: {e}"));
        }
    }
    faults
}

pub async fn metrics(State(state): State<AppState>) -> Result<Response, ApiError> {
    jobs::gauges::refresh(&state.core).await.map_err(Error::from)?;
    let mut response = state.core.metrics.render().into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
