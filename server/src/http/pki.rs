//! Trust anchors to download: `/pki/{issuer}.pem|.der|.cabundle` and `/pki/server-ca.pem|…` for the CA of the
//! server's own TLS certificate. The `cabundle` form is what a cert-manager ClusterIssuer takes.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::problem::ApiError;
use crate::error::Error;
use crate::services::trust::SERVER_CA;
use crate::state::AppState;

pub async fn download(State(state): State<AppState>, Path(file): Path<String>) -> Result<Response, ApiError> {
    let unknown =
        || Error::not_found(format!("trust anchor `{file}`; try server-ca.pem or iss-internal-ca.pem"));
    let (name, form) = file.rsplit_once('.').ok_or_else(unknown)?;
    let pem = match name {
        SERVER_CA => state.bootstrap_ca_pem.clone().ok_or_else(unknown)?,
        issuer => {
            let id = issuer.parse().map_err(|_| unknown())?;
            state.core.signers.signer(&id).ok_or_else(unknown)?.chain_pem()
        }
    };
    let (kind, body) = match form {
        "pem" => ("application/x-pem-file", pem.into_bytes()),
        "cabundle" => ("text/plain", STANDARD.encode(pem).into_bytes()),
        "der" => {
            let certificates =
                ca::pem::decode_certificates(&pem).map_err(|e| Error::Internal(e.to_string()))?;
            // One certificate is all that the DER form can hold: the one nearest to the root.
            ("application/pkix-cert", certificates.into_iter().next_back().ok_or_else(unknown)?)
        }
        _ => return Err(unknown().into()),
    };
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}
