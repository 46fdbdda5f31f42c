mod check;
mod usage;

use model::{AcmeAuthMode, Caller, Page, PageRequest, Permission, Profile, ProfileId, ProfileSpec, Reach};
use serde_json::json;

use crate::auth::{authorise, authorise_named, authorise_within, reach};
use crate::core::{Core, Resource};
use crate::error::{Error, FieldError, Result};
use check::{check, check_selectable_exist};
use usage::named_by;

pub use usage::{Usage, usage};

/// Pages stand at these in place of a profile.
const RESERVED_IDS: &[&str] = &["new"];

/// A spec that somebody wants to have stored.
#[derive(Debug)]
pub struct Draft {
    pub spec: ProfileSpec,
    /// Fields that could not be read; what `spec` has in their place means nothing. They are refused together with
    /// what else is wrong, so that a form shows everything at once.
    pub unread: Vec<FieldError>,
}

impl From<ProfileSpec> for Draft {
    fn from(spec: ProfileSpec) -> Self {
        Self { spec, unread: Vec::new() }
    }
}

/// Whether whoever can send an order gets any name.
pub fn is_open(spec: &ProfileSpec) -> bool {
    let trusting = spec.acme_auth_mode == AcmeAuthMode::TrustAuthenticated;
    trusting && !spec.eab_required && spec.permitted_names.is_empty()
}

/// What makes a profile risky; shown wherever it is shown.
pub fn warnings(spec: &ProfileSpec) -> Vec<String> {
    let mut out = Vec::new();
    if is_open(spec) {
        let who = match spec.allowed_client_networks.is_empty() {
            true => "anyone who reaches the server",
            false => "any client in the allowed networks",
        };
        out.push(format!(
            "The profile is open: {who} can obtain a certificate for any name. Restrict permitted_names{}.",
            if spec.allowed_client_networks.is_empty() {
                ", allowed_client_networks, or require external account binding"
            } else {
                " or require external account binding"
            }
        ));
    }
    if spec.must_staple {
        out.push("must_staple is set, but this server runs no OCSP responder: clients that honour RFC 7633 will refuse the certificates unless another responder answers for them.".to_owned());
    }
    out
}

pub async fn list(core: &Core, caller: &Caller, page: &PageRequest) -> Result<Page<Profile>> {
    let mut db = core.store.read().await?;
    match reach(caller, Permission::ProfileRead)? {
        Reach::Everywhere => Ok(db.profiles(page).await?),
        Reach::Profiles(ids) => {
            let after = |id: &ProfileId| page.after.as_deref().is_none_or(|after| id.as_str() > after);
            let ids: Vec<_> = ids.into_iter().filter(after).collect();
            let found = db.profiles_by_ids(&ids).await?;
            Ok(Page::from_overfull(found, page.limit, |profile| profile.id.to_string()))
        }
    }
}

pub async fn find(core: &Core, caller: &Caller, id: &ProfileId) -> Result<Profile> {
    let reach = reach(caller, Permission::ProfileRead)?;
    let profile = core.store.read().await?.profile(id).await?;
    profile.filter(|profile| reach.covers(&profile.id)).ok_or_else(|| unknown(id))
}

/// The profiles that clients may choose in the directory of `profile`: itself and those that it names, without those
/// that are disabled or gone.
pub async fn selectable(core: &Core, profile: &Profile) -> Result<Vec<Profile>> {
    let mut all = match profile.spec.selectable_profiles.as_slice() {
        [] => Vec::new(),
        ids => core.store.read().await?.profiles_by_ids(ids).await?,
    };
    all.retain(|p| p.spec.enabled && p.id != profile.id);
    all.push(profile.clone());
    Ok(all)
}

/// `id`: chosen by the caller, else generated. Within profiles, only one of these can be created.
pub async fn create(
    core: &Core,
    caller: &Caller,
    id: Option<ProfileId>,
    draft: impl Into<Draft>,
) -> Result<Profile> {
    match &id {
        Some(id) => authorise_within(caller, Permission::ProfileEdit, id)?,
        None => authorise(caller, Permission::ProfileEdit)?,
    }
    let now = core.now();
    let chosen = id.is_some();
    let id = id.unwrap_or_else(|| ProfileId::generate(now, core.entropy.as_ref()));
    let mut draft = draft.into();
    if chosen && RESERVED_IDS.contains(&id.as_str()) {
        draft.unread.push(FieldError::new("id", format!("`{id}` is the name of a page; choose another one")));
    }
    let spec = check(core, caller, &id, draft, &[]).await?;
    let profile = Profile { id, spec, version: 1, created_at: now, updated_at: now };
    let details = json!({ "version": profile.version, "after": profile.spec });
    let event = core.event(caller, "profile.created", Resource("profile", profile.id.as_str()), details);
    let stored = profile.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if tx.profile(&stored.id).await?.is_some() {
                    return Err(Error::Conflict(format!("the profile {} exists already", stored.id)));
                }
                check_selectable_exist(tx, &stored).await?;
                tx.insert_profile(&stored).await?;
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await?;
    Ok(profile)
}

/// Replaces what `change` makes of the stored spec. `expected_version`: from If-Match; `None` takes any.
pub async fn update(
    core: &Core,
    caller: &Caller,
    id: &ProfileId,
    expected_version: Option<i64>,
    change: impl FnOnce(ProfileSpec) -> Result<Draft>,
) -> Result<Profile> {
    let before = find_to_change(core, caller, id).await?;
    if let Some(expected) = expected_version
        && expected != before.version
    {
        return Err(lost_update(id, Some(before.version)));
    }
    let draft = change(before.spec.clone())?;
    let spec = check(core, caller, id, draft, &before.spec.selectable_profiles).await?;
    if spec == before.spec {
        return Ok(before);
    }
    let after = Profile { spec, version: before.version + 1, updated_at: core.now(), ..before.clone() };
    let details = json!({ "version": after.version, "before": before.spec, "after": after.spec });
    let event = core.event(caller, "profile.updated", Resource("profile", id.as_str()), details);
    let stored = after.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                check_selectable_exist(tx, &stored).await?;
                if !tx.replace_profile(&stored, before.version).await? {
                    return Err(lost_update(&before.id, None));
                }
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await?;
    Ok(after)
}

/// A profile with open orders, or that another one lets clients choose, is in use and stays; certificates issued under
/// it are history and do not hold it.
pub async fn delete(
    core: &Core,
    caller: &Caller,
    id: &ProfileId,
    expected_version: Option<i64>,
) -> Result<()> {
    let before = find_to_change(core, caller, id).await?;
    let details = json!({ "before": before.spec });
    let event = core.event(caller, "profile.deleted", Resource("profile", id.as_str()), details);
    let id = id.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                let open = tx.count_open_orders_of_profile(&id).await?;
                if open > 0 {
                    return Err(Error::Conflict(format!(
                        "the profile {id} is in use: {open} of its orders are open; disable it, and delete it when they have ended"
                    )));
                }
                let named_by = named_by(tx, &id).await?;
                if !named_by.is_empty() {
                    return Err(Error::Conflict(format!(
                        "the profile {id} is in use: it is in selectable_profiles of {}",
                        named_by.join(", ")
                    )));
                }
                if !tx.delete_profile(&id, expected_version).await? {
                    let known = (expected_version != Some(before.version)).then_some(before.version);
                    return Err(lost_update(&before.id, known));
                }
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await
}

/// Which profiles the caller may create.
pub fn creatable(caller: &Caller) -> Result<Reach> {
    reach(caller, Permission::ProfileEdit)
}

/// A profile for somebody who may change it.
pub async fn find_to_change(core: &Core, caller: &Caller, id: &ProfileId) -> Result<Profile> {
    authorise_named(caller, Permission::ProfileEdit, Permission::ProfileRead, id, || unknown(id))?;
    core.store.read().await?.profile(id).await?.ok_or_else(|| unknown(id))
}

fn unknown(id: &ProfileId) -> Error {
    Error::not_found(format!("profile {id}"))
}

fn lost_update(id: &ProfileId, now_at: Option<i64>) -> Error {
    Error::outdated(format_args!("the profile {id}"), now_at)
}
