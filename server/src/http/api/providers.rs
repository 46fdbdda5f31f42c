use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::{Provider, ProviderId, ProviderSpec, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ApiJson, ApiQuery, Authenticated, List, ListQuery, created, etag, if_match};
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::oidc::Check;
use crate::services::providers::{self, Written};
use crate::state::AppState;

/// An OpenID provider as it is written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderInput {
    /// 1 to 63 of a-z, 0-9 and `-`; generated when absent. It is part of the redirect URI and cannot be changed later.
    #[schema(value_type = Option<String>, example = "company")]
    pub id: Option<ProviderId>,
    /// On the sign-in page.
    pub name: String,
    /// The issuer identifier, an https URL, exactly as the provider writes it.
    #[schema(example = "https://idp.example.com/realms/company")]
    pub issuer: String,
    pub client_id: String,
    /// Never shown again. When a provider is replaced: absent keeps it, empty removes it.
    #[schema(value_type = Option<String>)]
    pub client_secret: Option<Secret>,
    /// Asked for beside `openid`. Absent: profile and email.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// Where a person's groups are: the name of a claim, or names with dots between them, e.g. `realm_access.roles`.
    #[serde(default = "groups")]
    #[schema(default = "groups")]
    pub groups_claim: String,
    /// What members of a group are granted.
    #[serde(default)]
    pub group_mappings: Vec<GroupMapping>,
    /// Only people with a verified address in one of these domains. Empty: anybody.
    #[serde(default)]
    pub allowed_email_domains: Vec<String>,
    /// CA certificates (PEM) for the provider's own TLS certificate, beside those of the system.
    pub ca_certificates: Option<String>,
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
}

/// A role for the members of a group.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupMapping {
    /// As the provider writes it, octet by octet.
    pub group: String,
    #[schema(value_type = String, example = "viewer")]
    pub role: model::RoleId,
    /// Within these profiles only; empty: everywhere.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub profiles: Vec<model::ProfileId>,
}

fn scopes() -> Vec<String> {
    vec!["profile".to_owned(), "email".to_owned()]
}

fn groups() -> String {
    "groups".to_owned()
}

fn yes() -> bool {
    true
}

impl From<ProviderInput> for Written {
    fn from(input: ProviderInput) -> Self {
        let mapping = |m: GroupMapping| model::GroupMapping {
            group: m.group,
            grant: model::Grant { role: m.role, profiles: m.profiles },
        };
        Self {
            spec: ProviderSpec {
                name: input.name,
                issuer: input.issuer,
                client_id: input.client_id,
                scopes: input.scopes,
                groups_claim: input.groups_claim,
                group_mappings: input.group_mappings.into_iter().map(mapping).collect(),
                allowed_email_domains: input.allowed_email_domains,
                ca_certificates: input.ca_certificates,
                enabled: input.enabled,
            },
            client_secret: input.client_secret,
        }
    }
}

/// A provider as it is read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderView {
    #[schema(value_type = String)]
    id: ProviderId,
    name: String,
    issuer: String,
    client_id: String,
    has_client_secret: bool,
    scopes: Vec<String>,
    groups_claim: String,
    group_mappings: Vec<GroupMapping>,
    allowed_email_domains: Vec<String>,
    ca_certificates: Option<String>,
    enabled: bool,
    /// To be registered at the provider, exactly so.
    redirect_uri: String,
    /// To be registered at the provider, if it knows back-channel logout.
    backchannel_logout_uri: String,
    /// To be registered at the provider, so that browsers come back after signing out there.
    post_logout_redirect_uri: String,
    version: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl ProviderView {
    fn of(state: &AppState, provider: Provider) -> Self {
        let Provider { id, spec, sealed_client_secret, version, created_at, updated_at } = provider;
        let mapping = |m: model::GroupMapping| GroupMapping {
            group: m.group,
            role: m.grant.role,
            profiles: m.grant.profiles,
        };
        Self {
            redirect_uri: state.links.oidc_callback(&id),
            backchannel_logout_uri: state.links.oidc_backchannel_logout(&id),
            post_logout_redirect_uri: state.links.signed_out(),
            id,
            name: spec.name,
            issuer: spec.issuer,
            client_id: spec.client_id,
            has_client_secret: sealed_client_secret.is_some(),
            scopes: spec.scopes,
            groups_claim: spec.groups_claim,
            group_mappings: spec.group_mappings.into_iter().map(mapping).collect(),
            allowed_email_domains: spec.allowed_email_domains,
            ca_certificates: spec.ca_certificates,
            enabled: spec.enabled,
            version,
            created_at,
            updated_at,
        }
    }
}

/// What a test of a provider found.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestReport {
    /// Whether nothing is wrong.
    ok: bool,
    checks: Vec<Check>,
}

/// List OpenID providers by id.
#[utoipa::path(get, path = "/api/oidc/providers", tag = "oidc", params(ListQuery),
    responses((status = 200, body = List<ProviderView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<List<ProviderView>>, ApiError> {
    let page = providers::list(&state.core, &caller, &query.page()?).await?;
    Ok(List::of(page, |p| ProviderView::of(&state, p)))
}

/// Create an OpenID provider. The answer has the redirect URI to register there.
#[utoipa::path(post, path = "/api/oidc/providers", tag = "oidc", request_body = ProviderInput,
    responses((status = 201, body = ProviderView), (status = "4XX", body = ProblemDocument)))]
pub async fn create(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(mut input): ApiJson<ProviderInput>,
) -> Result<Response, ApiError> {
    let id = input.id.take();
    let provider = providers::create(&state.core, &caller, id, input.into()).await?;
    Ok(created(format!("/api/oidc/providers/{}", provider.id), answer(&state, provider)))
}

/// Read an OpenID provider. The ETag goes into the If-Match of a write.
#[utoipa::path(get, path = "/api/oidc/providers/{id}", tag = "oidc", params(("id" = String, Path)),
    responses((status = 200, body = ProviderView), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let provider = providers::find(&state.core, &caller, &parse_id(&id)?).await?;
    Ok(answer(&state, provider))
}

/// Replace an OpenID provider. With If-Match only the version that was read is replaced (412 otherwise). A provider that
/// is disabled ends its sessions.
#[utoipa::path(put, path = "/api/oidc/providers/{id}", tag = "oidc",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)), request_body = ProviderInput,
    responses((status = 200, body = ProviderView), (status = "4XX", body = ProblemDocument)))]
pub async fn replace(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    ApiJson(input): ApiJson<ProviderInput>,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    if input.id.as_ref().is_some_and(|given| *given != id) {
        return Err(Error::invalid("id", "the id of a provider cannot be changed").into());
    }
    let expected = if_match(&headers, "the provider")?;
    let provider = providers::update(&state.core, &caller, &id, expected, input.into()).await?;
    Ok(answer(&state, provider))
}

/// Delete an OpenID provider and end its sessions.
#[utoipa::path(delete, path = "/api/oidc/providers/{id}", tag = "oidc",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204), (status = "4XX", body = ProblemDocument)))]
pub async fn remove(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let expected = if_match(&headers, "the provider")?;
    providers::delete(&state.core, &caller, &parse_id(&id)?, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Test an OpenID provider: asks it for its metadata and keys, and explains check by check what is wrong and what to do.
#[utoipa::path(post, path = "/api/oidc/providers/{id}/test", tag = "oidc", params(("id" = String, Path)),
    responses((status = 200, body = TestReport), (status = "4XX", body = ProblemDocument)))]
pub async fn test(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<TestReport>, ApiError> {
    let checks = providers::test(&state.core, &caller, &parse_id(&id)?).await?;
    Ok(Json(TestReport { ok: checks.iter().all(|check| check.ok), checks }))
}

pub fn parse_id(id: &str) -> Result<ProviderId> {
    id.parse().map_err(|_| Error::not_found(format!("provider {id}")))
}

fn answer(state: &AppState, provider: Provider) -> Response {
    (etag(provider.version), Json(ProviderView::of(state, provider))).into_response()
}
