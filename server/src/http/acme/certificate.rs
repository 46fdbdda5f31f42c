//! Download of a certificate (RFC 8555 §7.4.2).

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use super::envelope::{AcmeResult, IndexOf};
use super::extract::ByAccount;
use crate::error::Error;
use crate::services::certificates;
use crate::state::AppState;

/// The leaf and its chain, up to and with the root: a private root is in nobody's trust store yet, and clients such
/// as cert-manager fill `ca.crt` from the end of the chain.
pub async fn download(
    State(state): State<AppState>,
    Path(id): Path<String>,
    request: ByAccount,
) -> AcmeResult {
    request.payload.must_be_empty()?;
    let unknown = || Error::not_found("such certificate");
    let id = id.parse().map_err(|_| unknown())?;
    let found = certificates::load(&state.core, &id).await?;
    let own = found.filter(|(c, _)| c.summary.account_id.as_ref() == Some(&request.account.id));
    let (certificate, chain) = own.ok_or_else(unknown)?;
    let pem = ca::pem::encode_certificates(std::iter::once(&certificate.der).chain(&chain));
    let mut response = pem.into_response();
    let kind = HeaderValue::from_static("application/pem-certificate-chain");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.extensions_mut().insert(IndexOf(certificate.summary.profile_id));
    Ok(response)
}
