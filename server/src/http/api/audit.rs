use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use model::{AuditEvent, AuditFilter, PageRequest, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{ApiQuery, Authenticated, List, page, parse, parse_time};
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::audit;
use crate::state::AppState;

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEventView {
    id: String,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// `acme:<account>`, `key:<id>`, `user:<id>`, `system:<job>` or `anonymous`.
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

/// List audit events, newest first. A page of a search may have few items, or none, and a `next` that goes on with it.
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

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AuditExportQuery {
    /// csv (RFC 4180, with a header) or jsonl (one JSON object a line).
    format: String,
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
}

/// Download all audit events that match, newest first. A download that ends early is cut off, not complete: the
/// connection is broken then.
#[utoipa::path(get, path = "/api/audit-events/export", tag = "audit", params(AuditExportQuery),
    responses(
        (status = 200, description = "The events.", content((String = "text/csv"), (String = "application/jsonl"))),
        (status = "4XX", body = ProblemDocument)))]
pub async fn export(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<AuditExportQuery>,
) -> Result<Response, ApiError> {
    let format: Format = match query.format.as_str() {
        "csv" => Format::Csv,
        "jsonl" => Format::JsonLines,
        _ => return Err(Error::invalid("format", "csv or jsonl").into()),
    };
    let filter = AuditFilter {
        outcome: parse("outcome", query.outcome.as_deref())?,
        since: parse_time("since", query.since.as_deref())?,
        until: parse_time("until", query.until.as_deref())?,
        page: PageRequest::default(),
        actor: query.actor,
        action: query.action,
        resource_type: query.resource_type,
        resource_id: query.resource_id,
    };
    let pages = audit::export(&state.core, &caller, filter, query.format).await?;
    let header = format.header().map(|line| Ok(Bytes::from_static(line.as_bytes())));
    let body = pages.map(move |page| page.map(|events| format.write(events)));
    let mut response = Body::from_stream(futures::stream::iter(header).chain(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(format.disposition()));
    Ok(response)
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Csv,
    JsonLines,
}

impl Format {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/jsonl",
        }
    }

    const fn disposition(self) -> &'static str {
        match self {
            Self::Csv => "attachment; filename=\"audit-events.csv\"",
            Self::JsonLines => "attachment; filename=\"audit-events.jsonl\"",
        }
    }

    const fn header(self) -> Option<&'static str> {
        match self {
            Self::Csv => Some(
                "id,created_at,actor,action,resource_type,resource_id,outcome,client_ip,request_id,details\r\n",
            ),
            Self::JsonLines => None,
        }
    }

    fn write(self, events: Vec<AuditEvent>) -> Bytes {
        let mut out = String::new();
        for event in events.into_iter().map(AuditEventView::from) {
            match self {
                Self::Csv => csv_line(&event, &mut out),
                Self::JsonLines => {
                    // Of texts and JSON only, which always has a JSON form.
                    out.push_str(&serde_json::to_string(&event).unwrap_or_default());
                    out.push('\n');
                }
            }
        }
        out.into()
    }
}

/// RFC 4180 §2: every field in quotes, quotes within doubled.
fn csv_line(event: &AuditEventView, out: &mut String) {
    let (created_at, details) = (event.created_at.to_string(), event.details.to_string());
    let fields = [
        event.id.as_str(),
        &created_at,
        &event.actor,
        &event.action,
        &event.resource_type,
        &event.resource_id,
        event.outcome,
        event.client_ip.as_deref().unwrap_or_default(),
        event.request_id.as_deref().unwrap_or_default(),
        &details,
    ];
    for (i, field) in fields.into_iter().enumerate() {
        out.push_str(if i == 0 { "\"" } else { ",\"" });
        out.push_str(&field.replace('"', "\"\""));
        out.push('"');
    }
    out.push_str("\r\n");
}
