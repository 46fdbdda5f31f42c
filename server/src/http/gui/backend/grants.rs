//! What forms of grants offer.

use app::views::{Choice, GrantChoices};
use model::{BuiltInRole, Caller, PageRequest, Permission};

use crate::core::Core;
use crate::error::Result;
use crate::services::roles::AnyRole;
use crate::services::{profiles, roles};

/// More roles and profiles than these are written by their ids.
const OFFERED: u32 = 200;

/// The roles that the caller may see, built-in ones in any case, and the profiles that they may see.
pub async fn choices(core: &Core, caller: &Caller) -> Result<GrantChoices> {
    let page = PageRequest { after: None, limit: OFFERED };
    let roles = match caller.rights.reach(Permission::RoleRead) {
        None => BuiltInRole::ALL.iter().map(AnyRole::BuiltIn).collect(),
        Some(_) => roles::list(core, caller, &page).await?.items,
    };
    let profiles = match caller.rights.reach(Permission::ProfileRead) {
        None => Vec::new(),
        Some(_) => profiles::list(core, caller, &page).await?.items,
    };
    let profile = |profile: model::Profile| Choice { value: profile.id.to_string(), text: profile.spec.name };
    Ok(GrantChoices {
        roles: roles.iter().map(role).collect(),
        profiles: profiles.into_iter().map(profile).collect(),
    })
}

fn role(role: &AnyRole) -> Choice {
    let (id, description) = (role.id().to_owned(), role.description());
    const LONGEST: usize = 70;
    let text = match description.chars().count() {
        0 => id.clone(),
        1..=LONGEST => format!("{id}: {description}"),
        _ => format!("{id}: {}…", description.chars().take(LONGEST).collect::<String>()),
    };
    Choice { value: id, text }
}
