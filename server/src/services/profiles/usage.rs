//! What hangs on a profile.

use model::{ApiKey, Caller, EabKey, Grant, PageRequest, Permission, Profile, ProfileId, Provider, User};
use store::Reader;

use super::find_to_change;
use crate::core::Core;
use crate::error::Result;

/// No index leads from a profile to keys and people: so many pages of each are looked at, the newest first.
const PAGES: u32 = 4;

/// What names a profile, as far as the caller may see it.
#[derive(Debug)]
pub struct Usage {
    pub profile: Profile,
    /// These keep it from being deleted, as do `selectable_in`.
    pub open_orders: u64,
    /// Other profiles whose clients can choose it.
    pub selectable_in: Vec<String>,
    /// Not revoked, and for this profile among few. They stay, as do the others below.
    pub eab_keys: Vec<EabKey>,
    pub api_keys: Vec<ApiKey>,
    pub users: Vec<User>,
    pub providers: Vec<Provider>,
}

/// What hangs on a profile, for somebody who may change it.
pub async fn usage(core: &Core, caller: &Caller, id: &ProfileId) -> Result<Usage> {
    let profile = find_to_change(core, caller, id).await?;
    let now = core.now();
    let mut db = core.store.read().await?;
    let open_orders = u64::try_from(db.count_open_orders_of_profile(id).await?).unwrap_or(0);
    let selectable_in = named_by(&mut db, id).await?;
    let names = |grants: &[Grant]| grants.iter().any(|grant| grant.profiles.contains(id));
    let mut usage = Usage {
        profile,
        open_orders,
        selectable_in,
        eab_keys: Vec::new(),
        api_keys: Vec::new(),
        users: Vec::new(),
        providers: Vec::new(),
    };
    let mut page = first();
    if let Some(reach) = caller.rights.reach(Permission::EabKeyRead) {
        for _ in 0..PAGES {
            let some = db.eab_keys(&page).await?;
            let naming = some.items.into_iter().filter(|key| {
                key.revoked_at.is_none()
                    && key.profiles.contains(id)
                    && key.profiles.iter().any(|p| reach.covers(p))
            });
            usage.eab_keys.extend(naming);
            page.after = some.next;
            if page.after.is_none() {
                break;
            }
        }
    }
    if caller.rights.allows(Permission::ApiKeyRead) {
        page = first();
        for _ in 0..PAGES {
            let some = db.api_keys(&page).await?;
            let active = |key: &ApiKey| key.state(now) == model::ApiKeyState::Active;
            let naming = some.items.into_iter().filter(|key| active(key) && key.grant.profiles.contains(id));
            usage.api_keys.extend(naming);
            page.after = some.next;
            if page.after.is_none() {
                break;
            }
        }
    }
    if caller.rights.allows(Permission::UserRead) {
        page = first();
        for _ in 0..PAGES {
            let some = db.users_with_grants(&page).await?;
            usage.users.extend(some.items.into_iter().filter(|user| names(&user.grants)));
            page.after = some.next;
            if page.after.is_none() {
                break;
            }
        }
    }
    if caller.rights.allows(Permission::ProviderRead) {
        let of = |provider: &Provider| {
            provider.spec.group_mappings.iter().any(|mapping| mapping.grant.profiles.contains(id))
        };
        usage.providers.extend(db.providers(&first()).await?.items.into_iter().filter(of));
    }
    Ok(usage)
}

/// The other profiles that let clients choose `id`. Profiles are few, and rarely deleted.
pub(super) async fn named_by(db: &mut Reader, id: &ProfileId) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut page = PageRequest { after: None, limit: PageRequest::MAX_LIMIT };
    loop {
        let some = db.profiles(&page).await?;
        let naming = some.items.iter().filter(|p| p.id != *id && p.spec.selectable_profiles.contains(id));
        found.extend(naming.map(|p| p.id.to_string()));
        page.after = some.next;
        if page.after.is_none() {
            return Ok(found);
        }
    }
}

fn first() -> PageRequest {
    PageRequest { after: None, limit: PageRequest::MAX_LIMIT }
}
