//! What all ACME answers have in common: problem documents, Replay-Nonce, the link to the directory, CORS.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::ProfileId;

use crate::error::Error;
use crate::http::problem::{Limited, annotate};
use crate::state::AppState;

/// An error as ACME answers it.
#[derive(Debug)]
pub struct AcmeError(pub Error);

pub type AcmeResult = Result<Response, AcmeError>;

impl<E: Into<Error>> From<E> for AcmeError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for AcmeError {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let mut response = status.into_response();
        annotate(&self.0, &mut response);
        let problem = self.0.into_acme_problem();
        for link in &problem.links {
            append_link(response.headers_mut(), &link.url, link.relation);
        }
        match serde_json::to_vec(&problem) {
            Ok(body) => *response.body_mut() = Body::from(body),
            Err(e) => tracing::error!(error = %e, "a problem document could not be written"),
        }
        response
    }
}

/// Put into the response of a resource that belongs to a profile, so that its `index` link leads there.
#[derive(Debug, Clone)]
pub struct IndexOf(pub ProfileId);

pub const REPLAY_NONCE: &str = "replay-nonce";

pub async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path();
    let is_directory = path.ends_with("/directory");
    let is_new_nonce = path.ends_with("/new-nonce");
    let of_path = profile_of_path(path);
    let mut response = if method == Method::OPTIONS {
        preflight()
    } else {
        let response = next.run(request).await;
        explain_method(response)
    };
    let limited = response.extensions().get::<Limited>().copied();
    let of_resource = response.extensions().get::<IndexOf>().map(|i| i.0.clone());
    let headers = response.headers_mut();
    if method == Method::POST || is_new_nonce {
        // RFC 8555 §6.5: in every answer to a POST, success or error.
        let nonce = state.nonces.mint(state.core.now());
        if let Ok(value) = HeaderValue::from_str(&nonce) {
            headers.insert(REPLAY_NONCE, value);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if !is_directory {
        // RFC 8555 §7.1: on a line of its own.
        let directory = state.links.directory_resource(of_path.or(of_resource).as_ref(), "directory");
        append_link(headers, &directory, "index");
    }
    if let Some(Limited(limit)) = limited {
        // RFC 8555 §6.6.
        append_link(headers, &state.links.rate_limit(limit), "help");
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Link, Location, Replay-Nonce, Retry-After"),
    );
    response
}

/// Adds `Link: <url>;rel="relation"`.
pub fn append_link(headers: &mut HeaderMap, url: &str, relation: &str) {
    if let Ok(value) = HeaderValue::from_str(&format!("<{url}>;rel=\"{relation}\"")) {
        headers.append(header::LINK, value);
    }
}

/// The profile that a path names: `/acme/profile/{id}/…`.
fn profile_of_path(path: &str) -> Option<ProfileId> {
    path.strip_prefix("/acme/profile/")?.split('/').next()?.parse().ok()
}

/// A browser asks before it posts `application/jose+json` (conformance row 9).
fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// The router's own 405 has the Allow header, but no document.
fn explain_method(response: Response) -> Response {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).cloned();
    let detail =
        "this resource does not have that method; reads of ACME resources are POST-as-GET (RFC 8555 §6.3)";
    let problem = acme::Problem::malformed(detail).with_status(405);
    let mut explained = AcmeError(problem.into()).into_response();
    if let Some(allow) = allow {
        explained.headers_mut().insert(header::ALLOW, allow);
    }
    explained
}
