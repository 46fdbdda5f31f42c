//! What the pages ask of the services.

use std::fmt;

use app::{AcmeView, Anchor, Backend, PageError, StartView, TrustView};
use async_trait::async_trait;

use crate::error::Error;
use crate::services::trust::{self, TrustAnchor};
use crate::state::AppState;

pub struct Services(AppState);

impl Services {
    pub fn new(state: AppState) -> Self {
        Self(state)
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services")
    }
}

#[async_trait]
impl Backend for Services {
    async fn start(&self) -> Result<StartView, PageError> {
        let state = &self.0;
        let acme = match state.acme.enabled {
            false => None,
            true => Some(self.acme().await.map_err(|e| shown(&e))?),
        };
        Ok(StartView {
            version: env!("CARGO_PKG_VERSION"),
            acme,
            issuers: trust::issuers(&state.core)
                .map_err(|e| shown(&e))?
                .into_iter()
                .map(|a| self.anchor(a))
                .collect(),
            faults: crate::http::operations::faults(&state.core).await,
        })
    }

    async fn trust(&self) -> Result<TrustView, PageError> {
        let state = &self.0;
        let issuers = trust::issuers(&state.core).map_err(|e| shown(&e))?;
        let server_ca =
            state.bootstrap_ca_pem.as_deref().map(trust::server_ca).transpose().map_err(|e| shown(&e))?;
        Ok(TrustView {
            origin: state.links.url(""),
            issuers: issuers.into_iter().map(|a| self.anchor(a)).collect(),
            server_ca: server_ca.map(|a| self.anchor(a)),
        })
    }
}

impl Services {
    async fn acme(&self) -> Result<AcmeView, Error> {
        let state = &self.0;
        let default = match &state.acme.default_profile_id {
            None => None,
            Some(id) => state.core.store.read().await?.profile(id).await?.filter(|p| p.spec.enabled),
        };
        Ok(AcmeView {
            directory_form: state.links.url("/acme/profile/<profile id>/directory"),
            default_directory: default.map(|_| state.links.directory_resource(None, "directory")),
            server_ca_url: state.bootstrap_ca_pem.as_ref().map(|_| state.links.url("/pki/server-ca.pem")),
        })
    }

    fn anchor(&self, anchor: TrustAnchor) -> Anchor {
        let now = self.0.core.now();
        let fingerprint: Vec<_> = anchor.sha256.iter().map(|octet| format!("{octet:02X}")).collect();
        Anchor {
            name: anchor.name,
            subject: anchor.subject,
            fingerprint: fingerprint.join(":"),
            not_after: anchor.not_after.to_rfc3339().chars().take(10).collect(),
            days_left: (anchor.not_after.unix_seconds() - now.unix_seconds()).div_euclid(86_400),
        }
    }
}

/// An error as a page shows it; its cause goes to the log.
fn shown(error: &Error) -> PageError {
    tracing::error!(error = %error, "a page could not be put together");
    match error {
        Error::Unavailable(_) => PageError::Unavailable,
        _ => PageError::Internal,
    }
}
