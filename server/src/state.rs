//! The only wiring: what a running server is made of.

use std::sync::Arc;

use acme::{NonceMint, NonceWindow};
use axum::extract::FromRef;
use model::Timestamp;

use crate::config::{AcmeConfig, HttpConfig};
use crate::core::Core;
use crate::http::acme::AccountKeys;
use crate::http::links::Links;
use crate::http::overload::InFlight;
use crate::services::system::Process;
use crate::tls::ServerIdentity;

#[derive(Debug, Clone)]
pub struct AppState(Arc<Inner>);

#[derive(Debug)]
pub struct Inner {
    pub core: Arc<Core>,
    pub acme: AcmeConfig,
    pub http: HttpConfig,
    pub in_flight: InFlight,
    pub links: Links,
    pub nonces: Nonces,
    pub account_keys: AccountKeys,
    /// Whether the issuer signs with the operator's own files.
    pub ca_from_files: bool,
    /// Trust anchors of the server's own TLS certificate (PEM), where it issues its own.
    pub bootstrap_ca_pem: Option<String>,
    pub process: Process,
    /// The server's own TLS certificate; `None` where nothing listens.
    pub identity: Option<Arc<ServerIdentity>>,
}

impl AppState {
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl std::ops::Deref for AppState {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl FromRef<AppState> for Arc<Core> {
    fn from_ref(state: &AppState) -> Self {
        Arc::clone(&state.core)
    }
}

/// Nonces (RFC 8555 §6.5): minted without a database row; spent in memory by a single process, in the database
/// where replicas share it.
#[derive(Debug)]
pub struct Nonces {
    pub mint: NonceMint,
    pub spent: SpentNonces,
}

#[derive(Debug)]
pub enum SpentNonces {
    InMemory(NonceWindow),
    InDatabase,
}

impl Nonces {
    pub fn mint(&self, now: Timestamp) -> String {
        self.mint.mint(now)
    }
}
