//! Download of a certificate with the chains that lead to it (RFC 8555 §7.4.2).

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::Certificate;

use super::envelope::{AcmeResult, IndexOf, append_link};
use super::extract::ByAccount;
use crate::error::{Error, Result};
use crate::services::certificates;
use crate::state::AppState;

/// The leaf and its chain, up to and with the root: a private root is in nobody's trust store yet, and clients such
/// as cert-manager fill `ca.crt` from the end of the chain. Other chains are linked, each on a line of its own.
pub async fn download(
    State(state): State<AppState>,
    Path(id): Path<String>,
    request: ByAccount,
) -> AcmeResult {
    let (certificate, chain) = find_own(&state, &id, &request).await?;
    let mut response = answer(&certificate, &chain);
    for (number, _) in certificates::alternates(&state.core, &certificate) {
        let url = state.links.alternate_chain(&certificate.summary.id, number);
        append_link(response.headers_mut(), &url, "alternate");
    }
    Ok(response)
}

/// The same leaf with another chain.
pub async fn download_alternate(
    State(state): State<AppState>,
    Path((id, number)): Path<(String, String)>,
    request: ByAccount,
) -> AcmeResult {
    let (certificate, _) = find_own(&state, &id, &request).await?;
    let mut alternates = certificates::alternates(&state.core, &certificate).into_iter();
    let chain = alternates.find(|(n, _)| n.to_string() == number).map(|(_, chain)| chain);
    let chain = chain.ok_or_else(|| Error::not_found("such alternate chain"))?;
    Ok(answer(&certificate, chain))
}

async fn find_own(state: &AppState, id: &str, request: &ByAccount) -> Result<(Certificate, Vec<Vec<u8>>)> {
    request.payload.must_be_empty()?;
    let unknown = || Error::not_found("such certificate");
    let id = id.parse().map_err(|_| unknown())?;
    let found = certificates::load(&state.core, &id).await?;
    let own = found.filter(|(c, _)| c.summary.account_id.as_ref() == Some(&request.account.id));
    own.ok_or_else(unknown)
}

fn answer(certificate: &Certificate, chain: &[Vec<u8>]) -> Response {
    let pem = ca::pem::encode_certificates(std::iter::once(&certificate.der).chain(chain));
    let mut response = pem.into_response();
    let kind = HeaderValue::from_static("application/pem-certificate-chain");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.extensions_mut().insert(IndexOf(certificate.summary.profile_id.clone()));
    response
}
