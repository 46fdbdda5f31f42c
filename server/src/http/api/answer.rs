//! Headers that answers about one resource have.

use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

/// The entity tag of a version (RFC 9110 §8.8.3), which [`if_match`](super::if_match) takes back.
pub fn etag(version: i64) -> [(HeaderName, String); 1] {
    [(ETAG, format!("\"v{version}\""))]
}

/// 201 with the path of what was created (RFC 9110 §15.3.2). Ids are ASCII, so the path is a header value.
pub fn created(path: String, body: impl IntoResponse) -> Response {
    (StatusCode::CREATED, [(LOCATION, path)], body).into_response()
}
