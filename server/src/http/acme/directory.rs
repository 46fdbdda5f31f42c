//! The directory (RFC 8555 §7.1.1), one per profile.

use std::collections::BTreeMap;

use acme::Problem;
use acme::wire::{Directory, DirectoryMeta};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use model::{CaaMode, Profile, ProfileId, ProfileSpec};

use super::envelope::AcmeResult;
use super::extract::ByEither;
use crate::error::{Error, Result};
use crate::services::profiles;
use crate::state::AppState;

pub async fn of_profile(State(state): State<AppState>, Path(profile_id): Path<String>) -> AcmeResult {
    answer(&state, &served_profile(&state, &profile_id).await?, false).await
}

/// POST-as-GET works on the directory too (RFC 8555 §6.3).
pub async fn of_profile_by_post(
    State(state): State<AppState>,
    Path(profile_id): Path<String>,
    request: ByEither,
) -> AcmeResult {
    must_be_empty(&request)?;
    answer(&state, &served_profile(&state, &profile_id).await?, false).await
}

pub async fn of_default(State(state): State<AppState>) -> AcmeResult {
    answer(&state, &default_profile(&state).await?, true).await
}

pub async fn of_default_by_post(State(state): State<AppState>, request: ByEither) -> AcmeResult {
    must_be_empty(&request)?;
    answer(&state, &default_profile(&state).await?, true).await
}

pub fn must_be_empty(request: &ByEither) -> Result<()> {
    match request {
        ByEither::Account(r) => r.payload.must_be_empty(),
        ByEither::Key(r) => r.payload.must_be_empty(),
    }
}

/// The id in a `/acme/profile/{id}/…` path.
pub fn profile_id(text: &str) -> Result<ProfileId> {
    text.parse().map_err(|_| no_such_profile())
}

fn no_such_profile() -> Error {
    Problem::malformed("there is no such profile").with_status(404).into()
}

/// The profile of a `/acme/profile/{id}/…` path, if it is served.
pub async fn served_profile(state: &AppState, id: &str) -> Result<Profile> {
    let id = profile_id(id)?;
    let profile = state.core.store.read().await?.profile(&id).await?.ok_or_else(no_such_profile)?;
    enabled(profile)
}

/// The profile that the short paths stand for. It may be set before it exists: until then they say what to do.
pub async fn default_profile(state: &AppState) -> Result<Profile> {
    let Some(id) = &state.acme.default_profile_id else {
        let detail = "this server has no default profile; use /acme/profile/{profile id}/directory, or set CERTCTL_ACME_SERVER_DEFAULT_PROFILE_ID";
        return Err(Problem::malformed(detail).with_status(404).into());
    };
    let profile = state.core.store.read().await?.profile(id).await?;
    let profile = profile.ok_or_else(|| {
        let detail = format!("the default profile {id} does not exist yet; create it by POST /api/profiles");
        Problem::malformed(detail).with_status(404)
    })?;
    enabled(profile)
}

fn enabled(profile: Profile) -> Result<Profile> {
    if profile.spec.enabled {
        return Ok(profile);
    }
    Err(Problem::unauthorized(format!("the profile {} is disabled", profile.id)).into())
}

async fn answer(state: &AppState, profile: &Profile, short: bool) -> AcmeResult {
    let of = |resource| state.links.directory_resource((!short).then_some(&profile.id), resource);
    let choices = profiles::selectable(&state.core, profile).await?;
    let choices: BTreeMap<_, _> =
        choices.into_iter().map(|p| (p.id.to_string(), description(p.spec))).collect();
    let directory = Directory {
        new_nonce: of("new-nonce"),
        new_account: of("new-account"),
        new_order: of("new-order"),
        new_authz: of("new-authz"),
        revoke_cert: state.links.url("/acme/revoke-cert"),
        key_change: state.links.url("/acme/key-change"),
        renewal_info: Some(state.links.url("/acme/renewal-info")),
        meta: DirectoryMeta {
            terms_of_service: state.acme.terms_of_service.as_ref().map(|terms| terms.url.clone()),
            website: state.acme.website_url.clone(),
            caa_identities: (profile.spec.caa == CaaMode::Enforce)
                .then(|| state.core.validation.caa_identities.clone()),
            external_account_required: Some(profile.spec.eab_required),
            profiles: Some(choices),
        },
    };
    let response: Response = Json(directory).into_response();
    Ok(response)
}

/// What the directory says of a profile that can be chosen (draft-ietf-acme-profiles §3).
fn description(spec: ProfileSpec) -> String {
    if spec.description.trim().is_empty() { spec.name } else { spec.description }
}
