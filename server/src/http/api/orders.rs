use axum::Json;
use axum::extract::{Path, State};
use model::{
    Challenge, ChallengeKind, ChallengeStatus, Identifier, NamePart, Order, OrderFilter, StoredProblem,
    Timestamp, ValidationAttempt,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ApiQuery, Authenticated, List, page, parse, parse_part, parse_time};
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::issuance::order::as_of;
use crate::services::explain::{Examined, Explanation};
use crate::services::orders::{self, Examination};
use crate::state::AppState;

/// An ACME order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderView {
    id: String,
    account_id: String,
    profile_id: String,
    /// pending, ready, processing, valid or invalid (RFC 8555 §7.1.6).
    status: &'static str,
    #[schema(value_type = Vec<Object>)]
    identifiers: Vec<Identifier>,
    #[schema(value_type = Option<String>)]
    not_before: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    not_after: Option<Timestamp>,
    /// The certificate that the order replaces, by its id of RFC 9773.
    replaces: Option<String>,
    /// Why the order is invalid, as its owner is told.
    #[schema(value_type = Option<Object>)]
    error: Option<StoredProblem>,
    certificate_id: Option<String>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = String)]
    expires_at: Timestamp,
    #[schema(value_type = String)]
    updated_at: Timestamp,
}

impl OrderView {
    fn of(order: Order, now: Timestamp) -> Self {
        let o = as_of(order, now);
        Self {
            id: o.id.to_string(),
            account_id: o.account_id.to_string(),
            profile_id: o.profile_id.to_string(),
            status: o.status.as_str(),
            identifiers: o.identifiers,
            not_before: o.not_before,
            not_after: o.not_after,
            replaces: o.replaces,
            error: o.error,
            certificate_id: o.certificate_id.map(|id| id.to_string()),
            created_at: o.created_at,
            expires_at: o.expires_at,
            updated_at: o.updated_at,
        }
    }
}

/// An authorization of an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorizationView {
    id: String,
    #[schema(value_type = Object)]
    identifier: Identifier,
    wildcard: bool,
    status: &'static str,
    /// The challenges of which one must be fulfilled; null when it was born valid.
    #[schema(value_type = Option<Vec<String>>)]
    offered: Option<Vec<ChallengeKind>>,
    /// The earlier authorization that made this one valid.
    source_id: Option<String>,
    #[schema(value_type = String)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>)]
    validated_at: Option<Timestamp>,
    /// Those that the client has answered.
    challenges: Vec<ChallengeView>,
}

impl From<Examined> for AuthorizationView {
    fn from(Examined { authorization: a, challenges }: Examined) -> Self {
        Self {
            id: a.id.to_string(),
            identifier: a.identifier,
            wildcard: a.wildcard,
            status: a.status.as_str(),
            offered: a.offered,
            source_id: a.source_id.map(|id| id.to_string()),
            expires_at: a.expires_at,
            validated_at: a.validated_at,
            challenges: challenges.into_iter().map(ChallengeView::from).collect(),
        }
    }
}

/// A challenge that a client has answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChallengeView {
    /// http-01, dns-01 or tls-alpn-01.
    r#type: &'static str,
    /// processing, valid or invalid.
    status: &'static str,
    /// What the client is told.
    #[schema(value_type = Option<Object>)]
    error: Option<StoredProblem>,
    #[schema(value_type = Option<String>)]
    validated_at: Option<Timestamp>,
    /// While processing: when the next attempt starts; null while one is under way.
    #[schema(value_type = Option<String>)]
    next_attempt_at: Option<Timestamp>,
    attempts: Vec<AttemptView>,
}

impl From<(Challenge, Vec<ValidationAttempt>)> for ChallengeView {
    fn from((c, attempts): (Challenge, Vec<ValidationAttempt>)) -> Self {
        let waits = c.status == ChallengeStatus::Processing && c.claim.is_none();
        Self {
            r#type: c.kind.as_str(),
            status: c.status.as_str(),
            error: c.error,
            validated_at: c.validated_at,
            next_attempt_at: waits.then_some(c.due_at),
            attempts: attempts.into_iter().map(AttemptView::from).collect(),
        }
    }
}

/// One attempt to validate a challenge.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptView {
    /// From 1.
    number: u32,
    #[schema(value_type = String)]
    started_at: Timestamp,
    /// In milliseconds.
    duration_ms: u64,
    /// passed, retried (it failed, and another follows) or failed.
    outcome: &'static str,
    #[schema(value_type = Option<Object>)]
    problem: Option<StoredProblem>,
    /// What was expected, what was read, every step on the way, and what to do.
    evidence: serde_json::Value,
}

impl From<ValidationAttempt> for AttemptView {
    fn from(a: ValidationAttempt) -> Self {
        Self {
            number: a.number,
            started_at: a.started_at,
            duration_ms: u64::try_from(a.duration.as_millis()).unwrap_or(u64::MAX),
            outcome: a.outcome.as_str(),
            problem: a.problem,
            evidence: a.evidence,
        }
    }
}

/// An order with everything that happened to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderDetail {
    #[serde(flatten)]
    order: OrderView,
    authorizations: Vec<AuthorizationView>,
    /// Why the order failed or what it waits for, in words; null when all is well.
    explanation: Option<Explanation>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OrderQuery {
    /// Part of a name or address that was ordered. It begins at a label and ends anywhere: `shop`, `example.com` and
    /// `shop.exam` are parts of `shop.example.com`.
    name_part: Option<String>,
    account_id: Option<String>,
    profile_id: Option<String>,
    /// pending, ready, processing, valid or invalid.
    status: Option<String>,
    /// Placed at or after this time (RFC 3339).
    created_after: Option<String>,
    /// Placed before this time (RFC 3339).
    created_before: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// List ACME orders, newest first. A page of a search may have few items, or none, and a `next` that goes on with it.
#[utoipa::path(get, path = "/api/acme/orders", tag = "ACME orders", params(OrderQuery),
    responses((status = 200, body = List<OrderView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<OrderQuery>,
) -> Result<Json<List<OrderView>>, ApiError> {
    let filter = OrderFilter {
        name_part: parse_part("name_part", query.name_part.as_deref(), NamePart::parse)?,
        account_id: parse("account_id", query.account_id.as_deref())?,
        profile_id: parse("profile_id", query.profile_id.as_deref())?,
        status: parse("status", query.status.as_deref())?,
        created_after: parse_time("created_after", query.created_after.as_deref())?,
        created_before: parse_time("created_before", query.created_before.as_deref())?,
        page: page(query.cursor.as_deref(), query.limit)?,
    };
    let now = state.core.now();
    Ok(List::of(orders::list(&state.core, &caller, &filter).await?, |o| OrderView::of(o, now)))
}

/// Read an ACME order with its authorizations, their challenges and every attempt to validate them.
#[utoipa::path(get, path = "/api/acme/orders/{id}", tag = "ACME orders", params(("id" = String, Path)),
    responses((status = 200, body = OrderDetail), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<OrderDetail>, ApiError> {
    let id = id.parse().map_err(|_| Error::not_found(format!("order {id}")))?;
    let Examination { order, authorizations, explanation } =
        orders::examine(&state.core, &caller, &id).await?;
    Ok(Json(OrderDetail {
        order: OrderView::of(order, state.core.now()),
        authorizations: authorizations.into_iter().map(AuthorizationView::from).collect(),
        explanation,
    }))
}
