use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use model::{RateLimits, StoredRateLimits, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ApiJson, ApiQuery, Authenticated, Reason, etag, if_match, parse};
use crate::error::Error;
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::rate_limits::{self, Usage};
use crate::state::AppState;

/// How much is allowed. A limit that is absent takes its default; null and 0 switch it off.
#[derive(Debug, ToSchema)]
#[schema(as = RateLimits)]
#[expect(dead_code, reason = "describes model::RateLimits, which knows nothing of OpenAPI")]
pub struct RateLimitsSchema {
    /// Orders of one account in an hour.
    #[schema(default = 100_000)]
    account_orders_per_hour: Option<u32>,
    /// Orders of all accounts that one EAB key bound, in an hour.
    #[schema(default = 1_000_000)]
    eab_key_orders_per_hour: Option<u32>,
    /// Orders for one DNS name or IP address in an hour; `*.example.com` is a name of its own.
    #[schema(default = 2_000)]
    name_orders_per_hour: Option<u32>,
    /// Orders from one client network in an hour.
    #[schema(default = 1_000_000)]
    network_orders_per_hour: Option<u32>,
    /// New accounts from one client network in an hour.
    #[schema(default = 10_000)]
    network_new_accounts_per_hour: Option<u32>,
    /// New accounts with one EAB key in an hour.
    #[schema(default = 10_000)]
    eab_key_new_accounts_per_hour: Option<u32>,
    /// Validations of one name by one account that fail for good, in an hour; then it can order that name no more.
    #[schema(default = 100)]
    account_name_failed_validations_per_hour: Option<u32>,
    /// Orders of one account that are pending at a time.
    #[schema(default = 20_000)]
    account_pending_orders: Option<u32>,
    /// Leading bits of an IPv4 address that make its client network: 8 to 32.
    #[schema(default = 24)]
    network_prefix_ipv4: u8,
    /// The same for IPv6: 8 to 128.
    #[schema(default = 48)]
    network_prefix_ipv6: u8,
}

/// Read the rate limits. The ETag goes into the If-Match of a write.
#[utoipa::path(get, path = "/api/acme/rate-limits", tag = "acme",
    responses((status = 200, body = RateLimitsSchema), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
) -> Result<Response, ApiError> {
    Ok(answer(rate_limits::read(&state.core, &caller).await?))
}

/// Replace the rate limits. In force at once, on other replicas within seconds. With If-Match only the version that
/// was read is replaced (412 otherwise).
#[utoipa::path(put, path = "/api/acme/rate-limits", tag = "acme", params(("If-Match" = Option<String>, Header)),
    request_body = RateLimitsSchema,
    responses((status = 200, body = RateLimitsSchema), (status = "4XX", body = ProblemDocument)))]
pub async fn replace(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    ApiJson(limits): ApiJson<RateLimits>,
) -> Result<Response, ApiError> {
    let expected = if_match(&headers, "the rate limits")?;
    Ok(answer(rate_limits::replace(&state.core, &caller, expected, limits).await?))
}

fn answer(stored: StoredRateLimits) -> Response {
    (etag(stored.version), Json(stored.limits)).into_response()
}

/// What one subject has used of one limit.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageView {
    limit: &'static str,
    subject: String,
    count: i64,
    /// Null: no limit.
    allowed: Option<u32>,
    /// below, near (four fifths and more) or reached (the next one is refused).
    state: &'static str,
    /// When the count is 0 again; null for what has no window.
    #[schema(value_type = Option<String>)]
    resets_at: Option<Timestamp>,
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> Self {
        Self {
            state: usage.state(),
            limit: usage.limit.as_str(),
            subject: usage.subject.to_string(),
            count: usage.count,
            allowed: usage.allowed,
            resets_at: usage.resets_at,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct UsageList {
    items: Vec<UsageView>,
}

impl UsageList {
    fn of(usage: Vec<Usage>) -> Json<Self> {
        Json(Self { items: usage.into_iter().map(UsageView::from).collect() })
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UsageQuery {
    /// `account:<account id>`, `eab_key:<EAB key id>`, `name:<DNS name or address>`,
    /// `network:<address>/<prefix length>` or `account_name:<account id>/<DNS name or address>`. Absent: everybody who
    /// is near a limit with a window or has reached it, at most 500 per limit, the highest counts first.
    subject: Option<String>,
}

/// Who has used how much of the rate limits.
#[utoipa::path(get, path = "/api/acme/rate-limits/usage", tag = "acme", params(UsageQuery),
    responses((status = 200, body = UsageList), (status = "4XX", body = ProblemDocument)))]
pub async fn usage(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<UsageQuery>,
) -> Result<Json<UsageList>, ApiError> {
    let subject = parse("subject", query.subject.as_deref())?;
    Ok(UsageList::of(rate_limits::usage(&state.core, &caller, subject.as_ref()).await?))
}

/// Whose counts are forgotten, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetInput {
    #[schema(example = "name:www.example.com")]
    subject: String,
    /// The name of one limit; absent: all.
    limit: Option<String>,
    /// 1 to 500 characters; goes into the audit event.
    reason: String,
}

/// Let a subject go on at once, on every replica. Answers with what it had used.
#[utoipa::path(post, path = "/api/acme/rate-limits/reset", tag = "acme", request_body = ResetInput,
    responses((status = 200, body = UsageList), (status = "4XX", body = ProblemDocument)))]
pub async fn reset(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(input): ApiJson<ResetInput>,
) -> Result<Json<UsageList>, ApiError> {
    let subject = input
        .subject
        .parse()
        .map_err(|e: model::InvalidRateSubject| Error::invalid("subject", e.to_string()))?;
    let limit = parse("limit", input.limit.as_deref())?;
    let reason = Reason { reason: input.reason }.checked()?;
    Ok(UsageList::of(rate_limits::reset(&state.core, &caller, &subject, limit, &reason).await?))
}
