use model::{
    Actor, ApiKey, ApiKeyId, ApiKeyState, Caller, Grant, IpNet, Page, PageRequest, Permission, Timestamp,
};
use serde_json::json;

use crate::auth::{self, ApiKeyText, authorise, hash};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};
use crate::services::administration::ensure_admin_left;

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

/// Stores `text` as a new key. Only its hash is kept.
pub async fn create(core: &Core, caller: &Caller, new: NewApiKey, text: &ApiKeyText) -> Result<ApiKey> {
    authorise(caller, Permission::ApiKeyCreate)?;
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(Error::invalid("name", "1 to 100 characters are allowed"));
    }
    let now = core.now();
    let key = ApiKey {
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
    };
    let details = json!({
        "name": key.name, "role": key.grant.role, "profiles": key.grant.profiles,
        "allowed_networks": key.allowed_networks, "expires_at": key.expires_at,
    });
    let event = core.event(caller, "api_key.created", Resource("api_key", key.id.as_str()), details);
    let stored = key.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.insert_api_key(&stored).await?;
                tx.record(&[event]).await?;
                Ok::<_, Error>(())
            })
        })
        .await?;
    Ok(key)
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
    let mut db = core.store.read().await?;
    let Some(key) = db.api_key_by_sha256(&hash(text)).await? else { return Ok(None) };
    let allowed = key.allowed_networks.is_empty()
        || asking.client_ip.is_some_and(|ip| key.allowed_networks.iter().any(|net| net.contains(&ip)));
    if key.state(core.now()) != ApiKeyState::Active || !allowed {
        return Ok(None);
    }
    let rights = auth::rights(&mut db, [&key.grant]).await?;
    Ok(Some(Caller { rights: rights.into(), ..asking.with_actor(Actor::ApiKey(key.id)) }))
}

pub async fn list(core: &Core, caller: &Caller, page: &PageRequest) -> Result<Page<ApiKey>> {
    authorise(caller, Permission::ApiKeyRead)?;
    Ok(core.store.read().await?.api_keys(page).await?)
}

pub async fn revoke(core: &Core, caller: &Caller, id: &ApiKeyId) -> Result<()> {
    authorise(caller, Permission::ApiKeyRevoke)?;
    let event = core.event(caller, "api_key.revoked", Resource("api_key", id.as_str()), json!({}));
    let (id, now) = (id.clone(), core.now());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.lock_administration().await?;
                if tx.api_key(&id).await?.is_none() {
                    return Err(Error::not_found(format!("API key {id}")));
                }
                if !tx.revoke_api_key(&id, now).await? {
                    return Ok(());
                }
                tx.delete_sessions_of_api_key(&id).await?;
                tx.record(&[event]).await?;
                ensure_admin_left(tx, now).await
            })
        })
        .await
}
