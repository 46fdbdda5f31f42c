use axum::Json;
use axum::extract::State;
use model::{AuditEvent, AuditFilter, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{ApiQuery, Authenticated, List, page, parse, parse_time};
use crate::error::Result;
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::audit;
use crate::state::AppState;

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEventView {
    id: String,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// `acme:<account>`, `key:<id>`, `system:<job>` or `anonymous`.
    actor: String,
    action: String,
    resource_type: String,
    resource_id: String,
    /// success, refused or failure.
    outcome: &'static str,
    client_ip: Option<String>,
    request_id: Option<String>,
    #[schema(value_type = Object)]
    details: Value,
}

impl From<AuditEvent> for AuditEventView {
    fn from(e: AuditEvent) -> Self {
        Self {
            id: e.id.to_string(),
            created_at: e.created_at,
            actor: e.actor,
            action: e.action,
            resource_type: e.resource_type,
            resource_id: e.resource_id,
            outcome: e.outcome.as_str(),
            client_ip: e.client_ip.map(|ip| ip.to_string()),
            request_id: e.request_id,
            details: e.details,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// An actor; a trailing `:` or `*` makes it a prefix (`acme:` is every ACME account).
    actor: Option<String>,
    action: Option<String>,
    resource_type: Option<String>,
    resource_id: Option<String>,
    /// success, refused or failure.
    outcome: Option<String>,
    /// At or after this time (RFC 3339).
    since: Option<String>,
    /// Before this time (RFC 3339).
    until: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// List audit events, newest first.
#[utoipa::path(get, path = "/api/audit-events", tag = "audit", params(AuditQuery),
    responses((status = 200, body = List<AuditEventView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<AuditQuery>,
) -> Result<Json<List<AuditEventView>>, ApiError> {
    let filter = AuditFilter {
        outcome: parse("outcome", query.outcome.as_deref())?,
        since: parse_time("since", query.since.as_deref())?,
        until: parse_time("until", query.until.as_deref())?,
        page: page(query.cursor.as_deref(), query.limit)?,
        actor: query.actor,
        action: query.action,
        resource_type: query.resource_type,
        resource_id: query.resource_id,
    };
    Ok(List::of(audit::list(&state.core, &caller, &filter).await?, AuditEventView::from))
}
