use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::{AcmeAuthMode, Profile, ProfileId, ProfileSpec};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{ApiJson, ApiQuery, Authenticated, List, ListQuery, created, etag, field_error, if_match};
use crate::error::{Error, Result};
use crate::http::problem::{ApiError, ProblemDocument};
use crate::services::profiles;
use crate::state::AppState;

/// A profile as it is written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileInput {
    /// 1 to 63 of a-z, 0-9 and `-`; generated when absent. Cannot be changed later.
    #[schema(value_type = Option<String>, example = "prof-test")]
    pub id: Option<ProfileId>,
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[schema(value_type = String, example = "iss-internal-ca")]
    pub issuer_id: model::IssuerId,
    /// `trust_authenticated`: authorizations are born valid. `challenge`: each takes a challenge (RFC 8555 §8).
    #[schema(value_type = String, example = "trust_authenticated")]
    pub acme_auth_mode: AcmeAuthMode,
    /// Longest validity of a certificate, in seconds: 300 to 315360000.
    pub max_ttl_seconds: u64,
    /// Validity of a certificate whose order asks for none, in seconds; max_ttl_seconds when absent.
    pub default_ttl_seconds: Option<u64>,
    /// Keys that certificates may have: ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, rsa. Empty: all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub allowed_key_types: Vec<model::KeyType>,
    /// server_auth, client_auth. Empty: server_auth.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub extended_key_usages: Vec<model::ExtendedKeyUsage>,
    /// Names that may be ordered: `host.example.com`, `*.example.com` (one label), `**.example.com` (any depth),
    /// addresses and ranges. Empty: every name.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub permitted_names: Vec<model::NamePattern>,
    /// Names that may not be ordered, in the same forms; wins over permitted_names.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub excluded_names: Vec<model::NamePattern>,
    /// Puts the TLS feature status_request (RFC 7633) into certificates.
    #[serde(default)]
    pub must_staple: bool,
    /// Networks from which orders are accepted. Empty: every network.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub allowed_client_networks: Vec<model::IpNet>,
    /// Challenges that may show control of an identifier, in the mode `challenge`: http-01, dns-01, tls-alpn-01.
    /// Empty: all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub allowed_challenge_types: Vec<model::ChallengeKind>,
    /// `enforce`: CAA records (RFC 8659) must allow this CA; `off`: they are not looked at.
    #[serde(default = "caa_off")]
    #[schema(value_type = String, default = "off")]
    pub caa: model::CaaMode,
    /// For how many hours after its validation an authorization serves further orders of the same account: 0 to 2160.
    /// 0: for its own order only.
    #[serde(default)]
    pub reuse_authorizations_hours: u32,
    /// Ids of other profiles that ACME clients may choose in this one's directory (draft-ietf-acme-profiles).
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub selectable_profiles: Vec<ProfileId>,
    /// Whether only accounts with an external account binding (RFC 8555 §7.3.4) that covers this profile may order.
    #[serde(default)]
    pub eab_required: bool,
    /// A disabled profile accepts nothing.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

fn caa_off() -> model::CaaMode {
    model::CaaMode::Off
}

impl From<ProfileInput> for ProfileSpec {
    fn from(input: ProfileInput) -> Self {
        Self {
            name: input.name,
            description: input.description,
            issuer_id: input.issuer_id,
            acme_auth_mode: input.acme_auth_mode,
            max_ttl_seconds: input.max_ttl_seconds,
            default_ttl_seconds: input.default_ttl_seconds,
            allowed_key_types: input.allowed_key_types,
            extended_key_usages: input.extended_key_usages,
            permitted_names: input.permitted_names,
            excluded_names: input.excluded_names,
            must_staple: input.must_staple,
            allowed_client_networks: input.allowed_client_networks,
            allowed_challenge_types: input.allowed_challenge_types,
            caa: input.caa,
            reuse_authorizations_hours: input.reuse_authorizations_hours,
            selectable_profiles: input.selectable_profiles,
            eab_required: input.eab_required,
            enabled: input.enabled,
        }
    }
}

/// A profile as it is read: the fields of its writing, and these.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileView {
    #[serde(flatten)]
    #[schema(value_type = ProfileInput)]
    profile: Profile,
    /// The ACME directory of this profile.
    directory: String,
    /// What makes the profile risky, in words. Empty: nothing.
    warnings: Vec<String>,
}

impl ProfileView {
    fn of(state: &AppState, profile: Profile) -> Self {
        let directory = state.links.directory_resource(Some(&profile.id), "directory");
        Self { directory, warnings: profiles::warnings(&profile.spec), profile }
    }
}

/// List profiles by id.
#[utoipa::path(get, path = "/api/profiles", tag = "profiles", params(ListQuery),
    responses((status = 200, body = List<ProfileView>), (status = "4XX", body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<List<ProfileView>>, ApiError> {
    let page = profiles::list(&state.core, &caller, &query.page()?).await?;
    Ok(List::of(page, |p| ProfileView::of(&state, p)))
}

/// Create a profile. The answer carries `warnings` when it is open.
#[utoipa::path(post, path = "/api/profiles", tag = "profiles", request_body = ProfileInput,
    responses((status = 201, body = ProfileView), (status = "4XX", body = ProblemDocument)))]
pub async fn create(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    ApiJson(mut input): ApiJson<ProfileInput>,
) -> Result<Response, ApiError> {
    let id = input.id.take();
    let profile = profiles::create(&state.core, &caller, id, ProfileSpec::from(input)).await?;
    Ok(created(format!("/api/profiles/{}", profile.id), answer(&state, profile)))
}

/// Read a profile. The ETag goes into the If-Match of a write.
#[utoipa::path(get, path = "/api/profiles/{id}", tag = "profiles", params(("id" = String, Path)),
    responses((status = 200, body = ProfileView), (status = "4XX", body = ProblemDocument)))]
pub async fn read(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let profile = profiles::find(&state.core, &caller, &parse_id(&id)?).await?;
    Ok(answer(&state, profile))
}

/// Replace a profile. With If-Match only the version that was read is replaced (412 otherwise).
#[utoipa::path(put, path = "/api/profiles/{id}", tag = "profiles",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)), request_body = ProfileInput,
    responses((status = 200, body = ProfileView), (status = "4XX", body = ProblemDocument)))]
pub async fn replace(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    ApiJson(input): ApiJson<ProfileInput>,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    if input.id.as_ref().is_some_and(|given| *given != id) {
        return Err(Error::invalid("id", "the id of a profile cannot be changed").into());
    }
    let spec = ProfileSpec::from(input);
    let profile =
        profiles::update(&state.core, &caller, &id, if_match(&headers, "the profile")?, |_| Ok(spec.into()))
            .await?;
    Ok(answer(&state, profile))
}

/// Change fields of a profile (JSON merge patch, RFC 7396). With If-Match as for replacing.
#[utoipa::path(patch, path = "/api/profiles/{id}", tag = "profiles",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)), request_body = Object,
    responses((status = 200, body = ProfileView), (status = "4XX", body = ProblemDocument)))]
pub async fn change(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    ApiJson(patch): ApiJson<serde_json::Map<String, Value>>,
) -> Result<Response, ApiError> {
    let id = parse_id(&id)?;
    if patch.get("id").is_some_and(|given| given.as_str() != Some(id.as_str())) {
        return Err(Error::invalid("id", "the id of a profile cannot be changed").into());
    }
    let merge = |before: ProfileSpec| {
        let mut fields = match serde_json::to_value(before) {
            Ok(Value::Object(fields)) => fields,
            _ => return Err(Error::Internal("a profile is not a JSON object".to_owned())),
        };
        for (field, value) in patch {
            match value {
                // RFC 7396: null removes, and what is removed takes its default.
                Value::Null => drop(fields.remove(&field)),
                value => drop(fields.insert(field, value)),
            }
        }
        let input: ProfileInput = serde_path_to_error::deserialize(Value::Object(fields))
            .map_err(|e| field_error(&e.path().to_string(), &e.inner().to_string()))?;
        Ok(ProfileSpec::from(input).into())
    };
    let profile =
        profiles::update(&state.core, &caller, &id, if_match(&headers, "the profile")?, merge).await?;
    Ok(answer(&state, profile))
}

/// Delete a profile. One with open orders, or that another names in selectable_profiles, is in use and stays (409).
#[utoipa::path(delete, path = "/api/profiles/{id}", tag = "profiles",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204), (status = "4XX", body = ProblemDocument)))]
pub async fn remove(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    profiles::delete(&state.core, &caller, &parse_id(&id)?, if_match(&headers, "the profile")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub fn parse_id(id: &str) -> Result<ProfileId> {
    id.parse().map_err(|_| Error::not_found(format!("profile {id}")))
}

fn answer(state: &AppState, profile: Profile) -> Response {
    (etag(profile.version), Json(ProfileView::of(state, profile))).into_response()
}
