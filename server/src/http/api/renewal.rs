//! Incidents: certificates that their clients are to renew at once (RFC 9773 §4.2).

use axum::Json;
use axum::extract::State;
use model::{CertificateFilter, CertificateId, Identifier, RenewalDemand};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ApiJson, Authenticated, Reason, parse, parse_time};
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::renewal::{self, Selection};
use crate::state::AppState;

/// As many ids as one request may name.
const MAX_IDS: usize = 10_000;

/// Which certificates are meant: `ids`, or all that match every given criterion. At least one is needed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateSelection {
    /// At most 10000, and no other criterion with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_id: Option<String>,
    /// A name or address in the certificate, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Expiring at or after this time (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_after: Option<String>,
    /// Expiring before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_before: Option<String>,
    /// Issued at or after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_after: Option<String>,
    /// Issued before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_before: Option<String>,
}

impl CertificateSelection {
    fn checked(&self) -> Result<Selection> {
        let criteria = [
            &self.profile_id,
            &self.account_id,
            &self.issuer_id,
            &self.name,
            &self.expires_after,
            &self.expires_before,
            &self.created_after,
            &self.created_before,
        ];
        let any = criteria.iter().any(|criterion| criterion.is_some());
        let Some(ids) = &self.ids else {
            if !any {
                return Err(Error::invalid("selection", "at least one criterion is required"));
            }
            return Ok(Selection::Matching(Box::new(self.filter()?)));
        };
        if any {
            return Err(Error::invalid("selection", "`ids` cannot be combined with other criteria"));
        }
        if ids.is_empty() || ids.len() > MAX_IDS {
            return Err(Error::invalid("selection.ids", format!("1 to {MAX_IDS} ids are allowed")));
        }
        let ids = ids.iter().map(|id| id.parse::<CertificateId>()).collect::<Result<_, _>>();
        ids.map(Selection::Ids).map_err(|e| Error::invalid("selection.ids", e.to_string()))
    }

    fn filter(&self) -> Result<CertificateFilter> {
        let name = self.name.as_deref().map(Identifier::parse_any).transpose();
        Ok(CertificateFilter {
            profile_id: parse("selection.profile_id", self.profile_id.as_deref())?,
            account_id: parse("selection.account_id", self.account_id.as_deref())?,
            issuer_id: parse("selection.issuer_id", self.issuer_id.as_deref())?,
            name: name.map_err(|reason| Error::invalid("selection.name", reason))?.map(|id| id.value()),
            expires_after: parse_time("selection.expires_after", self.expires_after.as_deref())?,
            expires_before: parse_time("selection.expires_before", self.expires_before.as_deref())?,
            created_after: parse_time("selection.created_after", self.created_after.as_deref())?,
            created_before: parse_time("selection.created_before", self.created_before.as_deref())?,
            ..CertificateFilter::default()
        })
    }

    /// For the audit event.
    fn shown(&self) -> Result<serde_json::Value> {
        serde_json::to_value(self).map_err(|e| Error::Internal(format!("a selection has no JSON form: {e}")))
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewNowInput {
    selection: CertificateSelection,
    /// For the audit event and whoever looks at the certificates; 1 to 500 characters.
    reason: String,
    /// An https URL at which the holders of the certificates read more; clients show it.
    explanation_url: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewNowCancelInput {
    selection: CertificateSelection,
}

/// How many certificates a request changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct RenewNowResult {
    certificates: u64,
}

/// Have certificates renewed at once: clients that ask for renewal information (RFC 9773) are told so.
#[utoipa::path(post, path = "/api/certificates/renew-now", tag = "certificates", request_body = RenewNowInput,
    responses((status = 200, body = RenewNowResult), (status = "4XX", body = ProblemDocument)))]
pub async fn demand(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(input): ApiJson<RenewNowInput>,
) -> Result<Json<RenewNowResult>, ApiError> {
    let selection = input.selection.checked()?;
    let demand = RenewalDemand {
        since: state.core.now(),
        reason: Reason { reason: input.reason }.checked()?,
        explanation_url: input.explanation_url.map(https_url).transpose()?,
    };
    let shown = input.selection.shown()?;
    let certificates = renewal::demand(&state.core, &caller, selection, shown, Some(demand)).await?;
    Ok(Json(RenewNowResult { certificates }))
}

/// Take back that certificates are to be renewed at once.
#[utoipa::path(post, path = "/api/certificates/renew-now/cancel", tag = "certificates",
    request_body = RenewNowCancelInput,
    responses((status = 200, body = RenewNowResult), (status = "4XX", body = ProblemDocument)))]
pub async fn cancel(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(input): ApiJson<RenewNowCancelInput>,
) -> Result<Json<RenewNowResult>, ApiError> {
    let selection = input.selection.checked()?;
    let shown = input.selection.shown()?;
    let certificates = renewal::demand(&state.core, &caller, selection, shown, None).await?;
    Ok(Json(RenewNowResult { certificates }))
}

/// An address that clients show to people.
pub fn https_url(text: String) -> Result<String> {
    let fits = text.len() <= 1000 && text.parse::<http::Uri>().is_ok_and(|u| u.scheme_str() == Some("https"));
    if fits {
        Ok(text)
    } else {
        Err(Error::invalid("explanation_url", "an https URL of at most 1000 characters"))
    }
}
