//! The pages that anybody may see.

use app::views::{AcmeView, Anchor, StartView, TrustView};
use model::Timestamp;

use super::words;
use crate::error::Result;
use crate::services::trust::{self, TrustAnchor};
use crate::state::AppState;

pub async fn start(state: &AppState) -> Result<StartView> {
    let acme = match state.acme.enabled {
        false => None,
        true => Some(acme(state).await?),
    };
    let now = state.core.now();
    Ok(StartView {
        version: env!("CARGO_PKG_VERSION"),
        acme,
        issuers: trust::issuers(&state.core)?.into_iter().map(|a| anchor(a, now)).collect(),
        faults: crate::http::operations::faults(&state.core).await,
    })
}

pub fn trust(state: &AppState) -> Result<TrustView> {
    let server_ca = state.bootstrap_ca_pem.as_deref().map(trust::server_ca).transpose()?;
    let now = state.core.now();
    Ok(TrustView {
        origin: state.links.url(""),
        issuers: trust::issuers(&state.core)?.into_iter().map(|a| anchor(a, now)).collect(),
        server_ca: server_ca.map(|a| anchor(a, now)),
    })
}

async fn acme(state: &AppState) -> Result<AcmeView> {
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

fn anchor(anchor: TrustAnchor, now: Timestamp) -> Anchor {
    Anchor {
        name: anchor.name,
        subject: anchor.subject,
        fingerprint: words::colons(&hex::encode(anchor.sha256)),
        not_after: words::day(anchor.not_after),
        days_left: (anchor.not_after.unix_seconds() - now.unix_seconds()).div_euclid(86_400),
    }
}
