use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::{BulkAction, BulkActionId, BulkChange, BulkSelection, Timestamp};
use serde::{Deserialize, Serialize};
use store::BulkFailure;
use utoipa::ToSchema;

use super::certificates::revocation_reason;
use super::renewal::https_url;
use super::selection::CertificateSelection;
use super::{ApiJson, ApiQuery, Authenticated, List, ListQuery, check_comment, check_reason, created};
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::bulk_actions::{self, MAX_IDS};
use crate::state::AppState;

/// The same change of many certificates, which the server makes some at a time.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkActionView {
    id: String,
    /// running, done or stopped.
    status: &'static str,
    change: ChangeView,
    selection: SelectionView,
    /// Who started it. It does what they may do, for as long as they may.
    actor: String,
    /// Certificates that were counted before it began; null: more than 10000.
    total: Option<u64>,
    done: u64,
    /// Certificates that were left as they were; the list of failures says why.
    failed: u64,
    /// Certificates that it has not dealt with yet; null: nobody knows.
    left: Option<u64>,
    /// Of a renewal: how many of those done have been replaced since.
    replaced: Option<u64>,
    /// When that was counted. It is counted again until all are replaced, for 90 days.
    #[schema(value_type = Option<String>)]
    replaced_counted_at: Option<Timestamp>,
    /// Why it was stopped.
    note: Option<String>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// It can be read for 90 days more.
    #[schema(value_type = Option<String>)]
    ended_at: Option<Timestamp>,
}

/// What is done, and why.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChangeView {
    Revoke { reason: &'static str, comment: String },
    Renew { reason: String, explanation_url: Option<String> },
}

/// Which certificates are meant: those that were named, or all that a filter found when it began.
#[derive(Debug, Serialize, ToSchema)]
pub struct SelectionView {
    /// How many were named.
    ids: Option<usize>,
    filter: Option<CertificateSelection>,
}

impl From<BulkAction> for BulkActionView {
    fn from(a: BulkAction) -> Self {
        Self {
            id: a.id.to_string(),
            status: a.state.as_str(),
            total: (a.total <= BulkAction::COUNTED).then_some(a.total),
            left: a.left(),
            done: a.done,
            failed: a.failed,
            replaced: a.replaced.map(|(count, _)| count),
            replaced_counted_at: a.replaced.map(|(_, at)| at),
            note: a.note,
            actor: a.actor.to_string(),
            created_at: a.created_at,
            ended_at: a.ended_at,
            change: match a.change {
                BulkChange::Revoke { reason, comment } => {
                    ChangeView::Revoke { reason: reason.name(), comment }
                }
                BulkChange::Renew { reason, explanation_url } => {
                    ChangeView::Renew { reason, explanation_url }
                }
            },
            selection: match a.selection {
                BulkSelection::Ids(ids) => SelectionView { ids: Some(ids.len()), filter: None },
                BulkSelection::Filter(filter) => SelectionView { ids: None, filter: Some((*filter).into()) },
            },
        }
    }
}

/// A certificate that was left as it was.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkFailureView {
    certificate_id: String,
    reason: String,
}

impl From<BulkFailure> for BulkFailureView {
    fn from(failure: BulkFailure) -> Self {
        Self { certificate_id: failure.certificate_id.to_string(), reason: failure.reason }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkActionInput {
    change: ChangeInput,
    /// At most 1000 ids. With criteria, the valid certificates of now are meant, and none that is issued later.
    selection: CertificateSelection,
}

/// What to do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChangeInput {
    /// Revoke them: permission `certificate.revoke`.
    Revoke {
        /// unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation or privilegeWithdrawn.
        reason: String,
        /// Why, in words, for the audit events; 1 to 500 characters.
        comment: String,
    },
    /// Have their clients renew them at once: permission `certificate.renew`.
    Renew {
        /// For the audit events and whoever looks at the certificates; 1 to 500 characters.
        reason: String,
        /// An https URL at which the holders of the certificates read more; clients show it.
        explanation_url: Option<String>,
    },
}

impl ChangeInput {
    fn checked(self) -> Result<BulkChange> {
        Ok(match self {
            Self::Revoke { reason, comment } => {
                let reason = revocation_reason(&reason)?;
                let comment = check_comment(Some(comment.trim()))?.filter(|comment| !comment.is_empty());
                let comment = comment.ok_or_else(|| Error::invalid("comment", "say why"))?.to_owned();
                BulkChange::Revoke { reason, comment }
            }
            Self::Renew { reason, explanation_url } => BulkChange::Renew {
                reason: check_reason(&reason)?.to_owned(),
                explanation_url: explanation_url.map(https_url).transpose()?,
            },
        })
    }
}

/// List bulk actions, newest first: your own, and those of others if you see all certificates.
#[utoipa::path(get, path = "/api/bulk-actions", tag = "bulk actions", params(ListQuery),
    responses((status = 200, body = List<BulkActionView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<List<BulkActionView>>, ApiError> {
    let page = bulk_actions::list(&state.core, &caller, query.page()?).await?;
    Ok(List::of(page, BulkActionView::from))
}

/// Begin to revoke many certificates, or to have them renewed at once. The server goes on with it by itself; what cannot be
/// done to a certificate is told, and the others are dealt with.
#[utoipa::path(post, path = "/api/bulk-actions", tag = "bulk actions", request_body = BulkActionInput,
    responses((status = 201, body = BulkActionView), (status = "4XX", body = ProblemDocument)))]
pub async fn start(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(input): ApiJson<BulkActionInput>,
) -> Result<Response, ApiError> {
    let (change, selection) = (input.change.checked()?, input.selection.checked(MAX_IDS)?);
    let now = state.core.now();
    let action = bulk_actions::start(&state.core, &caller, change, selection, now).await?;
    let path = format!("/api/bulk-actions/{}", action.id);
    Ok(created(path, Json(BulkActionView::from(action))))
}

/// Read a bulk action and how far it is.
#[utoipa::path(get, path = "/api/bulk-actions/{id}", tag = "bulk actions", params(("id" = String, Path)),
    responses((status = 200, body = BulkActionView), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<BulkActionView>, ApiError> {
    Ok(Json(bulk_actions::find(&state.core, &caller, &parse_id(&id)?).await?.into()))
}

/// List the certificates that a bulk action has left as they were, newest first, and why.
#[utoipa::path(get, path = "/api/bulk-actions/{id}/failures", tag = "bulk actions",
    params(("id" = String, Path), ListQuery),
    responses((status = 200, body = List<BulkFailureView>), (status = "4XX", body = ProblemDocument)))]
pub async fn failures(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<List<BulkFailureView>>, ApiError> {
    let page = bulk_actions::failures(&state.core, &caller, &parse_id(&id)?, &query.page()?).await?;
    Ok(List::of(page, BulkFailureView::from))
}

/// Stop a bulk action that runs (else 409). What it has done stays done.
#[utoipa::path(post, path = "/api/bulk-actions/{id}/stop", tag = "bulk actions", params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = ProblemDocument)))]
pub async fn stop(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    bulk_actions::stop(&state.core, &caller, &parse_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn parse_id(id: &str) -> Result<BulkActionId> {
    id.parse().map_err(|_| Error::not_found(format!("bulk action {id}")))
}
