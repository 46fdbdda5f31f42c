//! What all API answers have in common.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::problem::PROBLEM_JSON;

pub async fn layer(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = explain_method(&response);
    }
    // Answers depend on credentials and change at any time.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The router's own 405 has the Allow header, but no document.
fn explain_method(response: &Response) -> Response {
    let document = json!({
        "type": "urn:certctl:error:method-not-allowed", "title": "Method Not Allowed", "status": 405,
        "detail": "this resource does not have that method; the Allow header lists those that it has",
    });
    let mut explained = (StatusCode::METHOD_NOT_ALLOWED, document.to_string()).into_response();
    explained.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
    if let Some(allow) = response.headers().get(header::ALLOW) {
        explained.headers_mut().insert(header::ALLOW, allow.clone());
    }
    explained
}
