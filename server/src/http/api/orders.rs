use axum::Json;
use axum::extract::{Path, State};
use model::{Authorization, Identifier, Order, OrderFilter, StoredProblem, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Admin, ApiQuery, List, page, parse};
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::issuance::order::as_of;
use crate::services::orders;
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
    #[schema(value_type = String)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>)]
    validated_at: Option<Timestamp>,
}

impl From<Authorization> for AuthorizationView {
    fn from(a: Authorization) -> Self {
        Self {
            id: a.id.to_string(),
            identifier: a.identifier,
            wildcard: a.wildcard,
            status: a.status.as_str(),
            expires_at: a.expires_at,
            validated_at: a.validated_at,
        }
    }
}

/// An order with its authorizations.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderDetail {
    #[serde(flatten)]
    order: OrderView,
    authorizations: Vec<AuthorizationView>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OrderQuery {
    account_id: Option<String>,
    profile_id: Option<String>,
    /// pending, ready, processing, valid or invalid.
    status: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// List ACME orders, newest first.
#[utoipa::path(get, path = "/api/acme/orders", tag = "ACME orders", params(OrderQuery),
    responses((status = 200, body = List<OrderView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Admin(caller): Admin,
    ApiQuery(query): ApiQuery<OrderQuery>,
) -> Result<Json<List<OrderView>>, ApiError> {
    let filter = OrderFilter {
        account_id: parse("account_id", query.account_id.as_deref())?,
        profile_id: parse("profile_id", query.profile_id.as_deref())?,
        status: parse("status", query.status.as_deref())?,
        page: page(query.cursor.as_deref(), query.limit)?,
    };
    let now = state.core.now();
    Ok(List::of(orders::list(&state.core, &caller, &filter).await?, |o| OrderView::of(o, now)))
}

/// Read an ACME order with its authorizations.
#[utoipa::path(get, path = "/api/acme/orders/{id}", tag = "ACME orders", params(("id" = String, Path)),
    responses((status = 200, body = OrderDetail), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Admin(caller): Admin,
    Path(id): Path<String>,
) -> Result<Json<OrderDetail>, ApiError> {
    let id = id.parse().map_err(|_| Error::not_found(format!("order {id}")))?;
    let (order, authorizations) = orders::find(&state.core, &caller, &id).await?;
    Ok(Json(OrderDetail {
        order: OrderView::of(order, state.core.now()),
        authorizations: authorizations.into_iter().map(AuthorizationView::from).collect(),
    }))
}
