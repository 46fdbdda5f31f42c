//! What every request goes through: a request id, the client's address, a count, a log line, and a net for panics.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use model::{Actor, Caller};

use super::problem::ApiError;
use crate::error::Error;
use crate::state::AppState;

/// The address of the other end of the connection; the listener puts it into each request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// What is known of a request before its credentials are looked at.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    pub request_id: String,
    pub client_ip: Option<IpAddr>,
}

impl RequestInfo {
    /// A caller who has no rights by this.
    pub fn caller(&self, actor: Actor) -> Caller {
        Caller {
            actor,
            rights: Arc::default(),
            session: None,
            client_ip: self.client_ip,
            request_id: Some(self.request_id.clone()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestInfo {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let info = parts.extensions.get::<Self>().cloned();
        info.ok_or_else(|| ApiError(Error::Internal("the request went around its layer".to_owned())))
    }
}

pub async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let peer = request.extensions().get::<Peer>().map(|p| p.0.ip().to_canonical());
    let client_ip = peer.map(|peer| client_address(&state, peer, request.headers()));
    let request_id = new_request_id(&state);
    let info = RequestInfo { request_id: request_id.clone(), client_ip };
    request.extensions_mut().insert(info);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str);
    let method = request.method().clone();

    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => ApiError(Error::Internal("a handler panicked".to_owned())).into_response(),
    };

    let took = started.elapsed();
    let status = response.status().as_u16();
    state.core.metrics.request(method.as_str(), route, status, took);
    if let Some(failure) = response.extensions().get::<Failure>() {
        tracing::error!(
            request.id = request_id, http.method = %method, http.route = route, error = failure.0,
            "a request failed inside the server"
        );
    }
    tracing::debug!(
        request.id = request_id, http.method = %method, http.route = route, http.status = status,
        client.address = ?client_ip, duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// Put into a response whose cause must be logged, but not shown.
#[derive(Debug, Clone)]
pub struct Failure(pub String);

/// The peer, or what a trusted proxy says of it: the last address in X-Forwarded-For that is no trusted proxy.
fn client_address(state: &AppState, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let trusted = |ip: IpAddr| state.http.trusted_proxies.iter().any(|net| net.contains(&ip));
    let mut client = peer;
    if !trusted(peer) {
        return client;
    }
    let forwarded: Vec<_> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .collect();
    for hop in forwarded.iter().rev() {
        let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
        client = ip.to_canonical();
        if !trusted(client) {
            break;
        }
    }
    client
}

fn new_request_id(state: &AppState) -> String {
    let mut random = [0; 8];
    state.core.entropy.fill(&mut random);
    hex::encode(random)
}
