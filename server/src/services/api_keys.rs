//! API keys: what machines show to say who they are.

use std::time::Duration;

use model::{
    Actor, ApiKey, ApiKeyId, ApiKeyState, AuditEvent, Caller, Grant, IpNet, Page, PageRequest, Permission,
    Timestamp,
};
use serde_json::json;
use store::Tx;

use super::administration::begin_change;
use super::audit;
use crate::auth::{self, ApiKeyText, KeyRefusal, MAX_PROFILES, authorise, check_grantable, hash};
use crate::core::{Core, Resource};
use crate::error::{Error, FieldError, Result};

/// So long before it comes, a key's end is reported.
pub const EXPIRY_NOTICE: Duration = Duration::from_secs(14 * 86_400);
/// The longest time that a key and its successor are good together.
const MAX_OVERLAP: Duration = Duration::from_secs(30 * 86_400);
const MAX_NETWORKS: usize = 100;
const REVOKED: &str = "api_key.revoked";

/// What a key is to be.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub name: String,
    pub grant: Grant,
    /// Empty: anywhere.
    pub allowed_networks: Vec<IpNet>,
    pub expires_at: Option<Timestamp>,
}

impl NewApiKey {
    /// An administrator's key without an end.
    pub fn admin(name: &str) -> Self {
        Self { name: name.to_owned(), grant: Grant::admin(), allowed_networks: Vec::new(), expires_at: None }
    }
}

/// What somebody should know who looks at the key.
pub fn warnings(key: &ApiKey, now: Timestamp) -> Vec<String> {
    let mut out = Vec::new();
    if key.state(now) != ApiKeyState::Active {
        return out;
    }
    match key.expires_at {
        Some(end) if end <= now + EXPIRY_NOTICE && key.replaced_by.is_none() => {
            out.push(format!("The key ends at {end}. Rotate it before."));
        }
        None if key.grant.is_admin() => {
            out.push(
                "The key may do everything and never ends. Give it an end, or a role that is enough."
                    .to_owned(),
            );
        }
        _ => {}
    }
    out
}

/// Stores `text` as a new key. Only its hash is kept.
pub async fn create(core: &Core, caller: &Caller, new: NewApiKey, text: &ApiKeyText) -> Result<ApiKey> {
    authorise(caller, Permission::ApiKeyCreate)?;
    let key = make(core, caller, new, text)?;
    let (stored, event) = (key.clone(), created(core, caller, &key));
    let caller = caller.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.lock_administration().await?;
                check_grantable(tx, &caller, std::slice::from_ref(&stored.grant)).await?;
                tx.insert_api_key(&stored).await?;
                tx.record(&[event]).await?;
                Ok::<_, Error>(())
            })
        })
        .await?;
    Ok(key)
}

/// The key as it will be stored, or every fault of it.
pub(super) fn make(core: &Core, caller: &Caller, new: NewApiKey, text: &ApiKeyText) -> Result<ApiKey> {
    let now = core.now();
    let mut wrong = Vec::new();
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        wrong.push(FieldError::new("name", "1 to 100 characters are allowed"));
    }
    if new.grant.profiles.len() > MAX_PROFILES {
        wrong.push(FieldError::new("profiles", format!("at most {MAX_PROFILES} entries are allowed")));
    }
    if new.allowed_networks.len() > MAX_NETWORKS {
        wrong
            .push(FieldError::new("allowed_networks", format!("at most {MAX_NETWORKS} entries are allowed")));
    }
    if new.expires_at.is_some_and(|end| end <= now) {
        wrong.push(FieldError::new("expires_at", "it lies in the past"));
    }
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    Ok(ApiKey {
        id: ApiKeyId::generate(now, core.entropy.as_ref()),
        name: name.to_owned(),
        sha256: hash(text.expose()),
        grant: new.grant,
        allowed_networks: new.allowed_networks,
        created_by: caller.actor.to_string(),
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
        replaced_by: None,
        last_used_at: None,
        last_used_from: None,
    })
}

pub(super) fn created(core: &Core, caller: &Caller, key: &ApiKey) -> AuditEvent {
    let details = json!({
        "name": key.name, "role": key.grant.role, "profiles": key.grant.profiles,
        "allowed_networks": key.allowed_networks, "expires_at": key.expires_at,
    });
    core.event(caller, "api_key.created", resource(&key.id), details)
}

/// Makes the operator's key from `CERTCTL_BOOTSTRAP_API_KEY` unless there is any key.
pub async fn bootstrap(core: &Core, text: &ApiKeyText) -> Result<Option<ApiKey>> {
    if core.store.read().await?.any_api_key().await? {
        return Ok(None);
    }
    match create(core, &Caller::system("bootstrap"), NewApiKey::admin("bootstrap"), text).await {
        Ok(key) => Ok(Some(key)),
        // Another replica was first.
        Err(Error::Conflict(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The caller behind a presented key; `asking` says where the request comes from. `None` for unknown, revoked,
/// expired and foreign keys alike.
pub async fn authenticate(core: &Core, asking: &Caller, text: &str) -> Result<Option<Caller>> {
    if !auth::is_plausible(text) {
        return Ok(None);
    }
    let mut db = core.store.read().await?;
    let Some(key) = db.api_key_by_sha256(&hash(text)).await? else { return Ok(None) };
    let now = core.now();
    if let Err(refusal) = usable(&key, asking, now) {
        drop(db);
        if core.key_use.is_to_record(&key.id, refusal, now) {
            let details = json!({ "name": key.name, "reason": refusal.as_str() });
            let event = core.refusal(asking, "api_key.refused", resource(&key.id), details);
            core.store.write(move |tx| Box::pin(async move { tx.record(&[event]).await })).await?;
        }
        return Ok(None);
    }
    let rights = auth::rights(&mut db, [&key.grant]).await?;
    core.key_use.note(&key.id, now, asking.client_ip);
    Ok(Some(Caller { rights: rights.into(), ..asking.with_actor(Actor::ApiKey(key.id)) }))
}

/// Whether the key is good now for somebody who asks from there.
pub fn usable(key: &ApiKey, asking: &Caller, now: Timestamp) -> Result<(), KeyRefusal> {
    match key.state(now) {
        ApiKeyState::Revoked => return Err(KeyRefusal::Revoked),
        ApiKeyState::Expired => return Err(KeyRefusal::Expired),
        ApiKeyState::Active => {}
    }
    let networks = &key.allowed_networks;
    let fits = |ip| networks.iter().any(|net| net.contains(&ip));
    match networks.is_empty() || asking.client_ip.is_some_and(fits) {
        true => Ok(()),
        false => Err(KeyRefusal::ForeignNetwork),
    }
}

/// Newest first; with `expires_before`, the active ones that end before it, the next to end first.
pub async fn list(
    core: &Core,
    caller: &Caller,
    expires_before: Option<Timestamp>,
    page: &PageRequest,
) -> Result<Page<ApiKey>> {
    authorise(caller, Permission::ApiKeyRead)?;
    let mut db = core.store.read().await?;
    let keys = match expires_before {
        None => db.api_keys(page).await?,
        Some(end) => db.api_keys_ending(core.now(), end, page).await?,
    };
    Ok(keys.map(|key| with_last_use(core, key)))
}

pub async fn find(core: &Core, caller: &Caller, id: &ApiKeyId) -> Result<ApiKey> {
    authorise(caller, Permission::ApiKeyRead)?;
    let key = core.store.read().await?.api_key(id).await?.ok_or_else(|| unknown(id))?;
    Ok(with_last_use(core, key))
}

/// Puts a use in that is not stored yet.
fn with_last_use(core: &Core, key: ApiKey) -> ApiKey {
    match core.key_use.last(&key.id) {
        Some(last) if key.last_used_at.is_none_or(|stored| stored < last.at) => {
            ApiKey { last_used_at: Some(last.at), last_used_from: last.from, ..key }
        }
        _ => key,
    }
}

/// Puts a new key in the place of one: the same name, role, profiles and networks, and a life of the same length. The
/// old one is good for `overlap` more, so that whoever uses it can change over.
pub async fn rotate(
    core: &Core,
    caller: &Caller,
    id: &ApiKeyId,
    overlap: Duration,
    text: &ApiKeyText,
) -> Result<ApiKey> {
    authorise(caller, Permission::ApiKeyCreate)?;
    if overlap > MAX_OVERLAP {
        let most = MAX_OVERLAP.as_secs();
        return Err(Error::invalid("overlap_seconds", format!("0 to {most} seconds are allowed")));
    }
    let old = core.store.read().await?.api_key(id).await?.ok_or_else(|| unknown(id))?;
    let now = core.now();
    if old.state(now) != ApiKeyState::Active {
        return Err(Error::Conflict(format!("the API key {id} is {}", old.state(now))));
    }
    if let Some(successor) = &old.replaced_by {
        return Err(Error::Conflict(format!("the API key {id} was replaced by {successor} already")));
    }
    let new = NewApiKey {
        name: old.name.clone(),
        grant: old.grant.clone(),
        allowed_networks: old.allowed_networks.clone(),
        expires_at: old.expires_at.map(|end| now + end.since(old.created_at)),
    };
    let key = make(core, caller, new, text)?;
    let end = old.expires_at.map_or(now + overlap, |end| end.min(now + overlap));
    let details = json!({ "name": old.name, "replaced_by": key.id, "expires_at": end });
    let events =
        [core.event(caller, "api_key.rotated", resource(&old.id), details), created(core, caller, &key)];
    let (stored, caller) = (key.clone(), caller.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.lock_administration().await?;
                // Who could not create such a key cannot get it this way. An administrator's key makes another one.
                check_grantable(tx, &caller, std::slice::from_ref(&stored.grant)).await?;
                tx.insert_api_key(&stored).await?;
                if !tx.replace_api_key(&old.id, &stored.id, end).await? {
                    return Err(Error::Conflict(format!(
                        "the API key {} was rotated or revoked at the same time",
                        old.id
                    )));
                }
                tx.record(&events).await?;
                Ok(())
            })
        })
        .await?;
    Ok(key)
}

/// Ends the key and every session that was begun with it.
pub async fn revoke(core: &Core, caller: &Caller, id: &ApiKeyId, reason: Option<&str>) -> Result<()> {
    authorise(caller, Permission::ApiKeyRevoke)?;
    let (id, now) = (id.clone(), core.now());
    let event = core.event(caller, REVOKED, resource(&id), json!({ "reason": reason }));
    core.store.write(move |tx| Box::pin(async move { revoke_within(tx, &id, event, now).await })).await
}

async fn revoke_within(tx: &mut Tx, id: &ApiKeyId, mut event: AuditEvent, now: Timestamp) -> Result<()> {
    let before = begin_change(tx, now).await?;
    let key = tx.api_key(id).await?.ok_or_else(|| unknown(id))?;
    if !tx.revoke_api_key(id, now).await? {
        return Ok(());
    }
    let sessions = tx.delete_sessions_of_api_key(id).await?;
    event.details["name"] = json!(key.name);
    event.details["sessions"] = json!(sessions);
    tx.record(&[event]).await?;
    before.ensure_left(tx, now).await
}

/// Of who revoked the key.
pub async fn revocation(core: &Core, caller: &Caller, key: &ApiKey) -> Result<Option<AuditEvent>> {
    authorise(caller, Permission::ApiKeyRead)?;
    audit::of_revocation(core, REVOKED, key.id.as_str(), key.revoked_at).await
}

fn unknown(id: &ApiKeyId) -> Error {
    Error::not_found(format!("API key {id}"))
}

pub(crate) fn resource(id: &ApiKeyId) -> Resource<'_> {
    Resource("api_key", id.as_str())
}
