//! Errors of the API and of unknown paths as problem documents (RFC 9457).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use model::RateLimit;
use serde::Serialize;

use super::request::Failure;
use crate::error::{Error, FieldError};

pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// How long a client should wait when the server cannot serve it for the moment, in seconds.
pub const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// An error as the API answers it.
#[derive(Debug)]
pub struct ApiError(pub Error);

impl<E: Into<Error>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// A problem document (RFC 9457 §3).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemDocument {
    /// A URN that names the kind of problem.
    pub r#type: String,
    pub title: String,
    pub status: u16,
    /// What went wrong, for a person.
    pub detail: String,
    /// Present when fields of the request are at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let document = ProblemDocument {
            r#type: self.0.api_type().to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: self.0.public_detail(),
            errors: if let Error::Invalid(fields) = &self.0 { fields.clone() } else { Vec::new() },
        };
        let mut response = (status, Json(document)).into_response();
        annotate(&self.0, &mut response);
        response
    }
}

/// The headers that go with a problem document, and its cause for the log.
pub fn annotate(error: &Error, response: &mut Response) {
    response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
    if response.status() == StatusCode::UNAUTHORIZED && !matches!(error, Error::Acme(_)) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    note(error, response);
}

/// When to try again, and the cause for the log: what goes with an error in every form.
pub fn note(error: &Error, response: &mut Response) {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    if let Error::RateLimited { limit, retry_after, .. } = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
        response.extensions_mut().insert(Limited(*limit));
    }
    if let Error::TooManyAttempts { retry_after } = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
    }
    if let Error::Internal(cause) | Error::Unavailable(cause) = error {
        response.extensions_mut().insert(Failure(cause.clone()));
    }
}

/// Put into a response that a rate limit caused, so that its `help` link leads to the words about that limit.
#[derive(Debug, Clone, Copy)]
pub struct Limited(pub RateLimit);

/// Any path that no route has. ACME clients get their own kind of document (conformance row 6).
pub async fn not_found(uri: Uri) -> Response {
    let error = Error::not_found("such path");
    if uri.path().starts_with("/acme/") {
        return super::acme::envelope::AcmeError(error).into_response();
    }
    ApiError(error).into_response()
}
