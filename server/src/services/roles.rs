//! Roles: those that are built in, and the administrators' own.

use model::{
    ApiKey, AuditEvent, BuiltInRole, Caller, Grant, GroupMapping, Page, PageRequest, Permission, Permissions,
    ProviderId, Rights, Role, RoleId, User,
};
use serde_json::json;
use store::Reader;

use super::administration;
use crate::auth::{authorise, check_held};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// A role as it is listed.
#[derive(Debug, Clone)]
pub enum AnyRole {
    BuiltIn(&'static BuiltInRole),
    Own(Role),
}

impl AnyRole {
    pub fn id(&self) -> &str {
        match self {
            Self::BuiltIn(role) => role.id,
            Self::Own(role) => role.id.as_str(),
        }
    }

    pub fn description(&self) -> &str {
        match self {
            Self::BuiltIn(role) => role.description,
            Self::Own(role) => &role.description,
        }
    }

    pub fn permissions(&self) -> Permissions {
        match self {
            Self::BuiltIn(role) => role.permissions,
            Self::Own(role) => role.permissions,
        }
    }
}

/// What administrators set of a role.
#[derive(Debug, Clone)]
pub struct RoleSpec {
    pub description: String,
    pub permissions: Permissions,
}

/// By id, built-in ones among the others.
pub async fn list(core: &Core, caller: &Caller, page: &PageRequest) -> Result<Page<AnyRole>> {
    authorise(caller, Permission::RoleRead)?;
    let own = core.store.read().await?.roles(page).await?;
    // Of a list that goes on, what comes after its last id is for another page.
    let (after, end) = (page.after.as_deref(), own.next.as_deref());
    let here = |id: &str| after.is_none_or(|after| id > after) && end.is_none_or(|end| id < end);
    let built_in = BuiltInRole::ALL.iter().filter(|role| here(role.id)).map(AnyRole::BuiltIn);
    let more = own.next.is_some();
    let mut items: Vec<_> = own.items.into_iter().map(AnyRole::Own).chain(built_in).collect();
    items.sort_by(|a, b| a.id().cmp(b.id()));
    let limit = page.limit as usize;
    let more = more || items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(|role| role.id().to_owned()) } else { None };
    Ok(Page { items, next })
}

pub async fn find(core: &Core, caller: &Caller, id: &RoleId) -> Result<AnyRole> {
    authorise(caller, Permission::RoleRead)?;
    if let Some(role) = BuiltInRole::find(id) {
        return Ok(AnyRole::BuiltIn(role));
    }
    core.store.read().await?.role(id).await?.map(AnyRole::Own).ok_or_else(|| unknown(id))
}

/// Who holds a role: each kind for those who may see it, and a bounded number of each.
#[derive(Debug)]
pub struct Holders {
    pub users: Option<Vec<(User, Grant)>>,
    pub mappings: Option<Vec<(ProviderId, GroupMapping)>>,
    pub keys: Option<Vec<ApiKey>>,
}

impl Holders {
    /// Of each kind at most.
    pub const MOST: usize = 50;
}

pub async fn holders(core: &Core, caller: &Caller, id: &RoleId) -> Result<Holders> {
    authorise(caller, Permission::RoleRead)?;
    let may = |permission| caller.rights.allows(permission);
    let mut db = core.store.read().await?;
    let users = match may(Permission::UserRead) {
        true => Some(administration::users_with_role(&mut db, id, Holders::MOST).await?),
        false => None,
    };
    let mappings = match may(Permission::ProviderRead) {
        true => {
            let providers = administration::providers(&mut db).await?.into_iter();
            let of_role = providers.flat_map(|provider| {
                let mappings = provider.spec.group_mappings.into_iter();
                mappings.map(move |mapping| (provider.id.clone(), mapping))
            });
            Some(of_role.filter(|(_, mapping)| mapping.grant.role == *id).take(Holders::MOST).collect())
        }
        false => None,
    };
    let keys = match may(Permission::ApiKeyRead) {
        true => Some(db.api_keys_of_role(id, u32::try_from(Holders::MOST).unwrap_or(u32::MAX)).await?),
        false => None,
    };
    Ok(Holders { users, mappings, keys })
}

/// `id`: chosen by the caller, else generated.
pub async fn create(core: &Core, caller: &Caller, id: Option<RoleId>, spec: RoleSpec) -> Result<Role> {
    authorise(caller, Permission::RoleEdit)?;
    check(&spec)?;
    check_adds(caller, spec.permissions)?;
    let now = core.now();
    let id = id.unwrap_or_else(|| RoleId::generate(now, core.entropy.as_ref()));
    if BuiltInRole::find(&id).is_some() {
        return Err(taken(&id));
    }
    let role = Role {
        id,
        description: spec.description,
        permissions: spec.permissions,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let event = core.event(caller, "role.created", resource(&role.id), json!({ "after": shown(&role) }));
    let stored = role.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.lock_administration().await?;
                if tx.role(&stored.id).await?.is_some() {
                    return Err(taken(&stored.id));
                }
                tx.insert_role(&stored).await?;
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await?;
    Ok(role)
}

/// Replaces a role, also for everybody who holds it, at once. `expected_version`: from If-Match; `None` takes any.
pub async fn replace(
    core: &Core,
    caller: &Caller,
    id: &RoleId,
    expected_version: Option<i64>,
    spec: RoleSpec,
) -> Result<Role> {
    authorise(caller, Permission::RoleEdit)?;
    check(&spec)?;
    let before = changeable(core, id, expected_version).await?;
    // What a role has already, those who hold it have: only what is added is granted.
    check_adds(caller, spec.permissions.without(before.permissions))?;
    if (&spec.description, spec.permissions) == (&before.description, before.permissions) {
        return Ok(before);
    }
    let after = Role {
        description: spec.description,
        permissions: spec.permissions,
        version: before.version + 1,
        updated_at: core.now(),
        ..before.clone()
    };
    let details = json!({ "before": shown(&before), "after": shown(&after) });
    let event = core.event(caller, "role.updated", resource(id), details);
    let stored = after.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.lock_administration().await?;
                if !tx.replace_role(&stored, before.version).await? {
                    return Err(lost_update(&before.id, None));
                }
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await?;
    Ok(after)
}

/// A role that somebody holds stays.
pub async fn delete(core: &Core, caller: &Caller, id: &RoleId, expected_version: Option<i64>) -> Result<()> {
    authorise(caller, Permission::RoleEdit)?;
    let before = changeable(core, id, expected_version).await?;
    let event = core.event(caller, "role.deleted", resource(id), json!({ "before": shown(&before) }));
    core.store.write(move |tx| Box::pin(async move { delete_within(tx, &before, event).await })).await
}

async fn delete_within(tx: &mut store::Tx, role: &Role, event: AuditEvent) -> Result<()> {
    tx.lock_administration().await?;
    if let Some(user) = holder(tx, &role.id).await? {
        return Err(Error::Conflict(format!("the role {} is in use: by {user}", role.id)));
    }
    if !tx.delete_role(&role.id, role.version).await? {
        return Err(lost_update(&role.id, None));
    }
    tx.record(&[event]).await?;
    Ok(())
}

/// What uses a role, in words: a key that is not revoked, a user, or a provider's mapping of a group.
async fn holder(db: &mut Reader, role: &RoleId) -> Result<Option<String>> {
    if let Some(key) = db.api_keys_of_role(role, 1).await?.pop() {
        return Ok(Some(format!("the API key {}", key.id)));
    }
    if let Some((user, _)) = administration::users_with_role(db, role, 1).await?.pop() {
        return Ok(Some(format!("the user {}", user.id)));
    }
    let provider = administration::any_provider_with_role(db, role).await?;
    Ok(provider.map(|(provider, group)| format!("the group `{group}` of the provider {provider}")))
}

/// The role, if it may be changed at all.
async fn changeable(core: &Core, id: &RoleId, expected_version: Option<i64>) -> Result<Role> {
    if BuiltInRole::find(id).is_some() {
        return Err(Error::Conflict(format!("the role {id} is built in and cannot be changed")));
    }
    let role = core.store.read().await?.role(id).await?.ok_or_else(|| unknown(id))?;
    match expected_version {
        Some(expected) if expected != role.version => Err(lost_update(id, Some(role.version))),
        _ => Ok(role),
    }
}

/// A role can be given to anybody, everywhere: who makes it must hold as much.
fn check_adds(caller: &Caller, added: Permissions) -> Result<()> {
    let mut wanted = Rights::none();
    wanted.add(added, &[]);
    check_held(caller, &wanted)
}

fn check(spec: &RoleSpec) -> Result<()> {
    match spec.description.chars().count() <= 500 {
        true => Ok(()),
        false => Err(Error::invalid("description", "at most 500 characters are allowed")),
    }
}

fn shown(role: &Role) -> serde_json::Value {
    json!({ "description": role.description, "permissions": role.permissions })
}

fn taken(id: &RoleId) -> Error {
    Error::Conflict(format!("the role {id} exists already"))
}

fn unknown(id: &RoleId) -> Error {
    Error::not_found(format!("role {id}"))
}

fn lost_update(id: &RoleId, now_at: Option<i64>) -> Error {
    Error::outdated(format_args!("the role {id}"), now_at)
}

fn resource(id: &RoleId) -> Resource<'_> {
    Resource("role", id.as_str())
}
