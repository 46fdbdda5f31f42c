//! What a profile may be.

use model::{CaaMode, Caller, Permission, Profile, ProfileId, ProfileSpec};
use store::Reader;

use super::Draft;
use crate::core::Core;
use crate::error::{Error, FieldError, Result};

/// The longest validity that a profile may allow: ten years.
const MAX_TTL_SECONDS: u64 = 10 * 365 * 86_400;
/// Clocks differ by minutes; a shorter validity could be over before its first use.
const MIN_TTL_SECONDS: u64 = 300;
/// Ninety days: as long as an ended order, whose authorization may be in use again, is kept.
const MAX_REUSE_HOURS: u32 = 90 * 24;

/// More profiles than this nobody could choose from, and each directory lists them.
const MAX_SELECTABLE: usize = 50;

/// The spec, when all of it is right; else every field that is wrong. `before`: what clients can choose already.
pub(super) async fn check(
    core: &Core,
    caller: &Caller,
    id: &ProfileId,
    draft: Draft,
    before: &[ProfileId],
) -> Result<ProfileSpec> {
    let Draft { spec, unread } = draft;
    let mut wrong = faults(core, &spec);
    wrong.extend(check_selectable(core, caller, id, &spec.selectable_profiles, before).await?);
    // What could not be read has nothing in its place that could be checked.
    wrong.retain(|fault| !unread.iter().any(|unread| unread.field == fault.field));
    let all: Vec<_> = unread.into_iter().chain(wrong).collect();
    if all.is_empty() { Ok(spec) } else { Err(Error::Invalid(all)) }
}

fn faults(core: &Core, spec: &ProfileSpec) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, reason: String| wrong.push(FieldError::new(field, reason));
    if spec.name.trim().is_empty() || spec.name.chars().count() > 100 {
        refuse("name", "1 to 100 characters are allowed".to_owned());
    }
    if spec.description.chars().count() > 2000 {
        refuse("description", "at most 2000 characters are allowed".to_owned());
    }
    if core.signers.signer(&spec.issuer_id).is_none() {
        refuse("issuer_id", format!("there is no issuer {}", spec.issuer_id));
    }
    let range = MIN_TTL_SECONDS..=MAX_TTL_SECONDS;
    if !range.contains(&spec.max_ttl_seconds) {
        refuse(
            "max_ttl_seconds",
            format!(
                "{MIN_TTL_SECONDS} seconds (5 minutes) to {MAX_TTL_SECONDS} seconds (10 years) are allowed"
            ),
        );
    }
    if let Some(ttl) = spec.default_ttl_seconds
        && !(MIN_TTL_SECONDS..=spec.max_ttl_seconds).contains(&ttl)
    {
        refuse(
            "default_ttl_seconds",
            format!(
                "{MIN_TTL_SECONDS} seconds (5 minutes) to the longest validity, max_ttl_seconds, are allowed"
            ),
        );
    }
    if spec.caa == CaaMode::Enforce && core.validation.caa_identities.is_empty() {
        refuse("caa", "enforce needs the setting CERTCTL_ACME_CAA_IDENTITIES, which is empty".to_owned());
    }
    if spec.reuse_authorizations_hours > MAX_REUSE_HOURS {
        refuse("reuse_authorizations_hours", format!("0 to {MAX_REUSE_HOURS} hours are allowed"));
    }
    let counts = [
        ("permitted_names", spec.permitted_names.len()),
        ("excluded_names", spec.excluded_names.len()),
        ("allowed_client_networks", spec.allowed_client_networks.len()),
    ];
    for (field, count) in counts {
        if count > 1000 {
            refuse(field, "at most 1000 entries are allowed".to_owned());
        }
    }
    wrong
}

/// What is wrong with the profiles that clients shall be able to choose. One that the caller may not see is answered
/// as if it were not there, unless it is among those of `before`.
async fn check_selectable(
    core: &Core,
    caller: &Caller,
    id: &ProfileId,
    wanted: &[ProfileId],
    before: &[ProfileId],
) -> Result<Vec<FieldError>> {
    if wanted.len() > MAX_SELECTABLE {
        let reason = format!("at most {MAX_SELECTABLE} entries are allowed");
        return Ok(vec![FieldError::new("selectable_profiles", reason)]);
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let seen = caller.rights.reach(Permission::ProfileRead);
    let known = core.store.read().await?.profiles_by_ids(wanted).await?;
    let is_there = |wanted: &ProfileId| {
        let visible = before.contains(wanted) || seen.as_ref().is_some_and(|seen| seen.covers(wanted));
        visible && (wanted == id || known.iter().any(|profile| profile.id == *wanted))
    };
    Ok(wanted.iter().filter(|wanted| !is_there(wanted)).map(no_such_choice).collect())
}

/// Refuses a profile that lets clients choose profiles that have gone meanwhile.
pub(super) async fn check_selectable_exist(db: &mut Reader, profile: &Profile) -> Result<()> {
    let known = db.profiles_by_ids(&profile.spec.selectable_profiles).await?;
    let is_known = |id: &ProfileId| *id == profile.id || known.iter().any(|p| p.id == *id);
    match profile.spec.selectable_profiles.iter().find(|id| !is_known(id)) {
        None => Ok(()),
        Some(id) => Err(Error::Invalid(vec![no_such_choice(id)])),
    }
}

fn no_such_choice(id: &ProfileId) -> FieldError {
    FieldError::new("selectable_profiles", format!("there is no profile {id}"))
}
