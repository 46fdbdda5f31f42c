use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ApiJson, Authenticated};
use crate::error::Error;
use crate::http::problem::{ApiError, ProblemDocument};
use crate::issuance::preview::{self, Asked, Broken, PreviewedName};
use crate::state::AppState;

/// What an order and its CSR would ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewInput {
    /// DNS names, wildcards and addresses.
    pub names: Vec<String>,
    /// ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519 or rsa.
    #[schema(value_type = String, example = "ecdsa-p256")]
    pub key_type: model::KeyType,
    /// The common name of the CSR; one of the names.
    pub common_name: Option<String>,
    /// The validity that the order asks for, in seconds; what the profile gives when absent.
    pub ttl_seconds: Option<u64>,
}

/// What would be issued, or why nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewView {
    names: Vec<NameView>,
    /// Rules that refuse the request as a whole.
    refusals: Vec<BrokenView>,
    /// Every field of the certificate, without its signature; `null` where it would be refused.
    certificate: Option<Vec<FieldView>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct NameView {
    name: String,
    /// `null`: the name is permitted.
    refusal: Option<BrokenView>,
    /// Challenges by which control of it can be shown. Empty: none is asked for.
    #[schema(value_type = Vec<String>)]
    challenges: Vec<model::ChallengeKind>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BrokenView {
    /// The rule, by the name of its field.
    rule: &'static str,
    reason: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FieldView {
    name: String,
    /// Of an extension (RFC 5280 §4.2).
    critical: bool,
    values: Vec<String>,
}

impl From<Broken> for BrokenView {
    fn from(Broken { rule, reason }: Broken) -> Self {
        Self { rule, reason }
    }
}

impl From<PreviewedName> for NameView {
    fn from(PreviewedName { name, refusal, challenges }: PreviewedName) -> Self {
        Self { name, refusal: refusal.map(Into::into), challenges }
    }
}

/// Show what a profile would issue, by the rules and the code of issuance up to the signature. Nothing is signed or stored.
#[utoipa::path(post, path = "/api/profiles/{id}/preview", tag = "profiles", params(("id" = String, Path)),
    request_body = PreviewInput, responses((status = 200, body = PreviewView), (status = "4XX", body = ProblemDocument)))]
pub async fn preview(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    ApiJson(input): ApiJson<PreviewInput>,
) -> Result<Json<PreviewView>, ApiError> {
    let id = id.parse().map_err(|_| Error::not_found(format!("profile {id}")))?;
    let PreviewInput { names, key_type, common_name, ttl_seconds } = input;
    let asked = Asked { names, key_type, common_name, ttl_seconds };
    let preview = preview::preview(&state.core, &caller, &id, asked).await?;
    let field = |field: ca::CertificateField| FieldView {
        name: field.name,
        critical: field.critical,
        values: field.values,
    };
    Ok(Json(PreviewView {
        names: preview.names.into_iter().map(Into::into).collect(),
        refusals: preview.refusals.into_iter().map(Into::into).collect(),
        certificate: preview.leaf.map(|leaf| leaf.into_iter().map(field).collect()),
    }))
}
