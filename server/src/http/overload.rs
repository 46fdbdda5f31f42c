//! Shedding of overload: what cannot be served soon is answered 503 with Retry-After before any work is done for it.
//! 503, not 429: cert-manager tries again after seconds upon the one and gives up for an hour upon the other.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::acme::AcmeError;
use super::body;
use super::gui;
use super::problem::ApiError;
use super::request::RequestInfo;
use super::shares::{Share, Shares};
use crate::error::Error;
use crate::state::AppState;

/// How many may wait for the database. At the speed of a small machine these take about two seconds, well under the
/// time after which the store would turn them away itself.
const MAX_QUEUE: usize = 2048;

/// The requests in work.
#[derive(Debug)]
pub struct InFlight {
    all: Arc<Semaphore>,
    by_address: Shares,
}

impl InFlight {
    /// `most`: in all. One address may have half of them, so that a single client that sends half of each body
    /// cannot keep the others out.
    pub fn new(most: u32, trusted_proxies: Vec<IpNet>) -> Self {
        let most = most as usize;
        let by_address = Shares::new(most.div_ceil(2), trusted_proxies);
        Self { all: Arc::new(Semaphore::new(most)), by_address }
    }

    fn admit(&self, info: Option<&RequestInfo>) -> Result<Place, &'static str> {
        let all = Arc::clone(&self.all).try_acquire_owned().map_err(|_| "in_flight")?;
        let address = info.and_then(|info| info.client_ip);
        let share = address.map(|ip| self.by_address.take(ip).ok_or("in_flight_of_address")).transpose()?;
        Ok(Place { _all: all, _share: share })
    }
}

/// Held while a request is in work.
struct Place {
    _all: OwnedSemaphorePermit,
    _share: Option<Share>,
}

pub async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let admitted = match state.core.store.queue() > MAX_QUEUE {
        true => Err("database_queue"),
        false => state.in_flight.admit(request.extensions().get::<RequestInfo>()),
    };
    match admitted {
        Ok(_place) => next.run(request).await,
        Err(reason) => {
            state.core.metrics.shed(reason);
            shed(request).await
        }
    }
}

async fn shed(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    body::dismiss(body).await;
    match parts.uri.path() {
        path if path.starts_with("/acme/") => AcmeError(Error::Overloaded).into_response(),
        path if path.starts_with("/api/") || !gui::wants_html(&parts.headers) => {
            ApiError(Error::Overloaded).into_response()
        }
        _ => gui::busy(),
    }
}
