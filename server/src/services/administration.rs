//! Who may do everything. There is always somebody, so that nobody locks themselves out for good.

use model::{Grant, PageRequest, Provider, ProviderId, RoleId, Timestamp, User, UserFilter, UserId};
use store::{Reader, Tx};

use crate::error::{Error, Result};

/// Refuses a change after which nobody would be an administrator. For the end of its transaction, which must begin with
/// [`Tx::lock_administration`]: two administrators who remove each other at the same time would each see the other
/// one stay.
pub async fn ensure_admin_left(tx: &mut Tx, now: Timestamp) -> Result<()> {
    match any_admin(tx, now).await? {
        true => Ok(()),
        false => Err(Error::Conflict(
            "this would leave nobody who is an administrator; make somebody else one first".to_owned(),
        )),
    }
}

/// Whether anybody is an administrator at `now`: an API key, a user by what they were granted, or a member of a group
/// that an enabled provider maps to it.
pub async fn any_admin(db: &mut Reader, now: Timestamp) -> Result<bool> {
    if db.any_active_admin_key(now).await? {
        return Ok(true);
    }
    let mut providers = providers(db).await?;
    providers.retain(|provider| provider.spec.enabled);
    let vouched =
        |id: &ProviderId| *id == ProviderId::local() || providers.iter().any(|provider| provider.id == *id);
    let mut page = first_page();
    loop {
        let users = db.users_with_grants(&page).await?;
        let is_admin = |user: &User| {
            is_active(user) && vouched(&user.provider_id) && user.grants.iter().any(Grant::is_admin)
        };
        if users.items.iter().any(is_admin) {
            return Ok(true);
        }
        page.after = users.next;
        if page.after.is_none() {
            break;
        }
    }
    for provider in &providers {
        if any_admin_by_group(db, provider).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn any_admin_by_group(db: &mut Reader, provider: &Provider) -> Result<bool> {
    if !provider.spec.group_mappings.iter().any(|mapping| mapping.grant.is_admin()) {
        return Ok(false);
    }
    let mut filter = UserFilter { provider_id: Some(provider.id.clone()), page: first_page() };
    loop {
        let users = db.users(&filter).await?;
        let is_admin =
            |user: &User| is_active(user) && provider.spec.grants_of(&user.groups).any(Grant::is_admin);
        if users.items.iter().any(is_admin) {
            return Ok(true);
        }
        filter.page.after = users.next;
        if filter.page.after.is_none() {
            return Ok(false);
        }
    }
}

/// A user who was given the role, also one who is deactivated and may come back.
pub async fn any_user_with_role(db: &mut Reader, role: &RoleId) -> Result<Option<UserId>> {
    let mut page = first_page();
    loop {
        let users = db.users_with_grants(&page).await?;
        let holds = |user: &&User| user.grants.iter().any(|grant| grant.role == *role);
        if let Some(user) = users.items.iter().find(holds) {
            return Ok(Some(user.id.clone()));
        }
        page.after = users.next;
        if page.after.is_none() {
            return Ok(None);
        }
    }
}

/// A provider that gives the role to a group, and that group.
pub async fn any_provider_with_role(db: &mut Reader, role: &RoleId) -> Result<Option<(ProviderId, String)>> {
    for provider in providers(db).await? {
        let mapping = provider.spec.group_mappings.iter().find(|mapping| mapping.grant.role == *role);
        if let Some(mapping) = mapping {
            return Ok(Some((provider.id, mapping.group.clone())));
        }
    }
    Ok(None)
}

/// All of them; there are few.
async fn providers(db: &mut Reader) -> Result<Vec<Provider>> {
    let (mut found, mut page) = (Vec::new(), first_page());
    loop {
        let some = db.providers(&page).await?;
        found.extend(some.items);
        page.after = some.next;
        if page.after.is_none() {
            return Ok(found);
        }
    }
}

fn is_active(user: &User) -> bool {
    user.deactivated_at.is_none()
}

fn first_page() -> PageRequest {
    PageRequest { after: None, limit: PageRequest::MAX_LIMIT }
}
