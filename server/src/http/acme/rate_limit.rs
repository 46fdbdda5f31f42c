//! Where the `help` link of a 429 leads (RFC 8555 §6.6).

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::RateLimit;

use super::envelope::AcmeResult;
use crate::error::Error;
use crate::state::AppState;

/// A limit in words, for whoever reads the client's log.
pub async fn explain(State(state): State<AppState>, Path(limit): Path<String>) -> AcmeResult {
    let limit: RateLimit = limit.parse().map_err(|_| Error::not_found("such rate limit"))?;
    let allowed = match state.core.rate_limiter.limits().limits.allowed(limit) {
        Some(allowed) => format!("{allowed} {} are allowed.", limit.describe()),
        None => format!("It is switched off: any number of {} is allowed.", limit.describe()),
    };
    let text = format!(
        "Rate limit {limit}\n\n{allowed}\n\n\
         The answer 429 names the subject that reached the limit and when it can go on; Retry-After has the same in\n\
         seconds. Whoever runs this server sees the use at GET /api/acme/rate-limits/usage, changes the limit by\n\
         PUT /api/acme/rate-limits and lets one subject go on at once by POST /api/acme/rate-limits/reset.\n"
    );
    let mut response: Response = text.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
