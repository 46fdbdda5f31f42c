use model::{Actor, ApiKey, ApiKeyId, Caller, Page, PageRequest};
use serde_json::json;

use crate::auth::{ApiKeyText, Permission, authorise, hash};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// Stores `text` as a new administrator's key. Only its hash is kept.
pub async fn create(core: &Core, caller: &Caller, name: &str, text: &ApiKeyText) -> Result<ApiKey> {
    authorise(caller, Permission::ApiKeyEdit)?;
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(Error::invalid("name", "1 to 100 characters are allowed"));
    }
    let now = core.now();
    let key = ApiKey {
        id: ApiKeyId::generate(now, core.entropy.as_ref()),
        name: name.to_owned(),
        sha256: hash(text.expose()),
        created_by: caller.actor.to_string(),
        created_at: now,
        revoked_at: None,
    };
    let details = json!({ "name": key.name });
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
    match create(core, &Caller::system("bootstrap"), "bootstrap", text).await {
        Ok(key) => Ok(Some(key)),
        // Another replica was first.
        Err(Error::Conflict(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The actor behind a presented key; `None` for unknown and revoked keys alike.
pub async fn authenticate(core: &Core, text: &str) -> Result<Option<Actor>> {
    let key = core.store.read().await?.api_key_by_sha256(&hash(text)).await?;
    Ok(key.filter(|k| k.revoked_at.is_none()).map(|k| Actor::ApiKey(k.id)))
}

pub async fn list(core: &Core, caller: &Caller, page: &PageRequest) -> Result<Page<ApiKey>> {
    authorise(caller, Permission::ApiKeyRead)?;
    Ok(core.store.read().await?.api_keys(page).await?)
}

pub async fn revoke(core: &Core, caller: &Caller, id: &ApiKeyId) -> Result<()> {
    authorise(caller, Permission::ApiKeyEdit)?;
    let event = core.event(caller, "api_key.revoked", Resource("api_key", id.as_str()), json!({}));
    let (id, now) = (id.clone(), core.now());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if tx.api_key(&id).await?.is_none() {
                    return Err(Error::not_found(format!("API key {id}")));
                }
                if tx.revoke_api_key(&id, now).await? {
                    tx.record(&[event]).await?;
                }
                Ok(())
            })
        })
        .await
}
