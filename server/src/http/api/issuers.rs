use axum::Json;
use axum::extract::{Path, State};
use model::Issuer;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Authenticated, List};
use crate::error::Error;
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::issuers;
use crate::state::AppState;

/// A CA that signs certificates.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuerView {
    #[schema(value_type = String)]
    id: model::IssuerId,
    /// The common name of the CA certificate.
    name: String,
    /// The certificate that signs leaves, then those above it (PEM).
    chain_pem: String,
    /// Other chains that ACME clients may choose, each as chain_pem.
    alternate_chains_pem: Vec<String>,
    /// SHA-256 of the signing CA certificate, in hexadecimal.
    sha256: String,
    #[schema(value_type = Option<String>)]
    not_before: Option<model::Timestamp>,
    #[schema(value_type = Option<String>)]
    not_after: Option<model::Timestamp>,
    /// `store`: the key is sealed in the database; `file`: it stays in CERTCTL_CA_KEY_FILE.
    key_location: &'static str,
    /// Whether this server can sign with it now.
    available: bool,
}

impl IssuerView {
    fn of(state: &AppState, issuer: Issuer) -> Self {
        let signer = state.core.signers.signer(&issuer.id);
        Self {
            name: issuer.name,
            chain_pem: ca::pem::encode_certificates(&issuer.chain),
            alternate_chains_pem: signer
                .map(|s| s.alternates().map(ca::pem::encode_certificates).collect())
                .unwrap_or_default(),
            sha256: issuer.chain.first().map(|der| ca::sha256_hex(der)).unwrap_or_default(),
            not_before: signer.map(|s| s.validity().not_before),
            not_after: signer.map(|s| s.not_after()),
            key_location: if state.ca_from_files { "file" } else { "store" },
            available: signer.is_some_and(|s| s.check_time(state.core.now()).is_ok()),
            id: issuer.id,
        }
    }
}

/// List issuers.
#[utoipa::path(get, path = "/api/issuers", tag = "issuers",
    responses((status = 200, body = List<IssuerView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<List<IssuerView>>, ApiError> {
    let all = issuers::list(&state.core, &caller).await?;
    let items = all.into_iter().map(|i| IssuerView::of(&state, i)).collect();
    Ok(Json(List { items, next: None }))
}

/// Read an issuer.
#[utoipa::path(get, path = "/api/issuers/{id}", tag = "issuers", params(("id" = String, Path)),
    responses((status = 200, body = IssuerView), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<IssuerView>, ApiError> {
    let id = id.parse().map_err(|_| Error::not_found(format!("issuer {id}")))?;
    let issuer = issuers::find(&state.core, &caller, &id).await?;
    Ok(Json(IssuerView::of(&state, issuer)))
}
