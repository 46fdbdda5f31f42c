use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::{
    CertificateFilter, CertificateId, CertificateSummary, Identifier, NamePart, ProfileId, RenewalDemand,
    RevocationReason, Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    ApiJson, ApiQuery, Authenticated, List, check_comment, created, hexadecimal, page, parse, parse_name,
    parse_part, parse_time,
};
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::certificates;
use crate::state::AppState;

/// A certificate that this CA issued.
#[derive(Debug, Serialize, ToSchema)]
pub struct CertificateView {
    id: String,
    /// In hexadecimal.
    serial: String,
    /// valid, expired or revoked.
    status: &'static str,
    issuer_id: String,
    profile_id: String,
    account_id: Option<String>,
    order_id: Option<String>,
    common_name: Option<String>,
    #[schema(value_type = Vec<Object>)]
    identifiers: Vec<Identifier>,
    key_type: &'static str,
    /// SHA-256 of the DER encoding, in hexadecimal.
    sha256: String,
    #[schema(value_type = String)]
    not_before: Timestamp,
    #[schema(value_type = String)]
    not_after: Timestamp,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>)]
    revoked_at: Option<Timestamp>,
    /// The name of RFC 5280 §5.3.1.
    revocation_reason: Option<&'static str>,
    /// Set when the certificate is to be renewed at once.
    renew_now: Option<RenewNowView>,
    /// The certificate whose order named this one as replaced (RFC 9773).
    replaced_by: Option<String>,
}

/// Why a certificate is to be renewed at once.
#[derive(Debug, Serialize, ToSchema)]
pub struct RenewNowView {
    #[schema(value_type = String)]
    since: Timestamp,
    reason: String,
    explanation_url: Option<String>,
}

impl From<RenewalDemand> for RenewNowView {
    fn from(d: RenewalDemand) -> Self {
        Self { since: d.since, reason: d.reason, explanation_url: d.explanation_url }
    }
}

impl CertificateView {
    fn of(c: CertificateSummary, now: Timestamp) -> Self {
        Self {
            status: c.state(now).as_str(),
            id: c.id.to_string(),
            serial: c.serial,
            issuer_id: c.issuer_id.to_string(),
            profile_id: c.profile_id.to_string(),
            account_id: c.account_id.map(|id| id.to_string()),
            order_id: c.order_id.map(|id| id.to_string()),
            common_name: c.common_name,
            identifiers: c.identifiers,
            key_type: c.key_type.as_str(),
            sha256: c.sha256,
            not_before: c.not_before,
            not_after: c.not_after,
            created_at: c.created_at,
            revoked_at: c.revocation.as_ref().map(|r| r.at),
            revocation_reason: c.revocation.map(|r| r.reason.name()),
            renew_now: c.renewal_demand.map(RenewNowView::from),
            replaced_by: c.replaced_by.map(|id| id.to_string()),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CertificateQuery {
    /// A name or address in the certificate, exactly.
    name: Option<String>,
    /// Part of a name or address in the certificate. It begins at a label and ends anywhere: `shop`, `example.com` and
    /// `shop.exam` are parts of `shop.example.com`.
    name_part: Option<String>,
    /// In hexadecimal; colons are ignored.
    serial: Option<String>,
    /// SHA-256 of the certificate in hexadecimal; colons are ignored.
    sha256: Option<String>,
    account_id: Option<String>,
    order_id: Option<String>,
    profile_id: Option<String>,
    issuer_id: Option<String>,
    /// valid, expired or revoked.
    status: Option<String>,
    /// Expiring at or after this time (RFC 3339).
    expires_after: Option<String>,
    /// Expiring before this time (RFC 3339).
    expires_before: Option<String>,
    /// Issued at or after this time (RFC 3339).
    created_after: Option<String>,
    /// Issued before this time (RFC 3339).
    created_before: Option<String>,
    /// true: only those that another certificate has replaced; false: only the others.
    superseded: Option<bool>,
    /// true: only those that are to be renewed at once; false: only the others.
    renew_now: Option<bool>,
    /// newest; or expiry: the next to expire first, from now on unless other parameters say otherwise, or the last that
    /// expired first for `status=expired`. Not given: expiry where nothing but the expiry restricts, else newest.
    sort: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

impl CertificateQuery {
    fn filter(&self) -> Result<CertificateFilter> {
        Ok(CertificateFilter {
            name: parse_name("name", self.name.as_deref())?,
            name_part: parse_part("name_part", self.name_part.as_deref(), NamePart::parse)?,
            within: Vec::new(),
            serial: self.serial.as_deref().map(hexadecimal),
            sha256: self.sha256.as_deref().map(hexadecimal),
            account_id: parse("account_id", self.account_id.as_deref())?,
            order_id: parse("order_id", self.order_id.as_deref())?,
            profile_id: parse("profile_id", self.profile_id.as_deref())?,
            issuer_id: parse("issuer_id", self.issuer_id.as_deref())?,
            state: parse("status", self.status.as_deref())?,
            expires_after: parse_time("expires_after", self.expires_after.as_deref())?,
            expires_before: parse_time("expires_before", self.expires_before.as_deref())?,
            created_after: parse_time("created_after", self.created_after.as_deref())?,
            created_before: parse_time("created_before", self.created_before.as_deref())?,
            superseded: self.superseded,
            renewal_demanded: self.renew_now,
            order: parse("sort", self.sort.as_deref())?,
            page: page(self.cursor.as_deref(), self.limit)?,
        })
    }
}

/// List certificates, newest first unless `sort` says otherwise. A page of a search may have few items, or none, and a
/// `next` that goes on with it.
#[utoipa::path(get, path = "/api/certificates", tag = "certificates", params(CertificateQuery),
    responses((status = 200, body = List<CertificateView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<CertificateQuery>,
) -> Result<Json<List<CertificateView>>, ApiError> {
    let page = certificates::list(&state.core, &caller, &query.filter()?).await?;
    let now = state.core.now();
    Ok(List::of(page, |c| CertificateView::of(c, now)))
}

/// Read a certificate.
#[utoipa::path(get, path = "/api/certificates/{id}", tag = "certificates", params(("id" = String, Path)),
    responses((status = 200, body = CertificateView), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<CertificateView>, ApiError> {
    let (certificate, _) = certificates::find(&state.core, &caller, &parse_id(&id)?).await?;
    Ok(Json(CertificateView::of(certificate.summary, state.core.now())))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PemQuery {
    /// `all` (without it as well), `certificate` alone, or the `chain` above it.
    part: Option<String>,
}

/// Download a certificate and its chain (PEM).
#[utoipa::path(get, path = "/api/certificates/{id}/pem", tag = "certificates",
    params(("id" = String, Path), PemQuery),
    responses((status = 200, body = String, content_type = "application/pem-certificate-chain"),
        (status = "4XX", body = ProblemDocument)))]
pub async fn download(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    ApiQuery(query): ApiQuery<PemQuery>,
) -> Result<Response, ApiError> {
    let (leaf, chain) = match query.part.as_deref() {
        None | Some("all") => (true, true),
        Some("certificate") => (true, false),
        Some("chain") => (false, true),
        Some(other) => {
            let reason = format!("`{other}` is none of all, certificate and chain");
            return Err(Error::invalid("part", reason).into());
        }
    };
    let (certificate, above) = certificates::find(&state.core, &caller, &parse_id(&id)?).await?;
    let leaf = leaf.then_some(&certificate.der).into_iter();
    let above = chain.then_some(&above).into_iter().flatten();
    let pem = ca::pem::encode_certificates(leaf.chain(above));
    let kind = HeaderValue::from_static("application/pem-certificate-chain");
    Ok(([(header::CONTENT_TYPE, kind)], pem).into_response())
}

/// Download a certificate (DER).
#[utoipa::path(get, path = "/api/certificates/{id}/der", tag = "certificates", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/pkix-cert"),
        (status = "4XX", body = ProblemDocument)))]
pub async fn download_der(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let (certificate, _) = certificates::find(&state.core, &caller, &parse_id(&id)?).await?;
    let kind = HeaderValue::from_static("application/pkix-cert");
    Ok(([(header::CONTENT_TYPE, kind)], certificate.der).into_response())
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueInput {
    #[schema(value_type = String)]
    profile_id: ProfileId,
    /// A certification request (PKCS #10, RFC 2986) in PEM. The certificate is for the names of its subjectAltName.
    csr: String,
}

/// A new certificate with its chain.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewCertificateView {
    #[serde(flatten)]
    certificate: CertificateView,
    /// The certificate, then those above it.
    pem: String,
}

/// Issue a certificate without ACME. Your credential vouches for the names; the profile's rules hold for them.
#[utoipa::path(post, path = "/api/certificates", tag = "certificates", request_body = IssueInput,
    responses((status = 201, body = NewCertificateView), (status = "4XX", body = ProblemDocument)))]
pub async fn issue(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(input): ApiJson<IssueInput>,
) -> Result<Response, ApiError> {
    let csr = ca::pem::decode_request(&input.csr)
        .map_err(|_| Error::invalid("csr", "it is not a CERTIFICATE REQUEST in PEM"))?;
    let (certificate, chain) = certificates::issue(&state.core, &caller, &input.profile_id, &csr).await?;
    let path = format!("/api/certificates/{}", certificate.summary.id);
    let view = NewCertificateView {
        pem: ca::pem::encode_certificates(std::iter::once(&certificate.der).chain(&chain)),
        certificate: CertificateView::of(certificate.summary, state.core.now()),
    };
    Ok(created(path, Json(view)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeInput {
    /// unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation or privilegeWithdrawn.
    reason: String,
    /// Why, in words; for the audit event. At most 500 characters.
    comment: Option<String>,
}

/// Revoke a certificate.
#[utoipa::path(post, path = "/api/certificates/{id}/revoke", tag = "certificates", params(("id" = String, Path)),
    request_body = RevokeInput,
    responses((status = 200, body = CertificateView), (status = "4XX", body = ProblemDocument)))]
pub async fn revoke(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    ApiJson(input): ApiJson<RevokeInput>,
) -> Result<Json<CertificateView>, ApiError> {
    let reason = revocation_reason(&input.reason)?;
    let comment = check_comment(input.comment.as_deref())?;
    let certificate = certificates::revoke(&state.core, &caller, &parse_id(&id)?, reason, comment).await?;
    Ok(Json(CertificateView::of(certificate.summary, state.core.now())))
}

/// A reason by its name of RFC 5280.
pub fn revocation_reason(name: &str) -> Result<RevocationReason> {
    RevocationReason::from_name(name).ok_or_else(|| {
        let allowed: Vec<_> = RevocationReason::ALLOWED.iter().map(|(_, name)| *name).collect();
        Error::invalid("reason", format!("`{name}` is none of {}", allowed.join(", ")))
    })
}

pub fn parse_id(id: &str) -> Result<CertificateId> {
    id.parse().map_err(|_| Error::not_found(format!("certificate {id}")))
}
