//! Keys for external account binding (RFC 8555 §7.3.4).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{
    AuditEvent, Caller, EabKey, EabKeyId, NamePattern, Page, PageRequest, Permission, ProfileId, Reach,
    Timestamp,
};
use serde_json::json;
use zeroize::Zeroizing;

use super::audit;
use crate::auth::{authorise, authorise_within, reach};
use crate::core::{Core, Resource};
use crate::error::{Error, FieldError, Result};

/// Pages of all keys that are looked at for one page of those within some profiles.
const PAGES_AT_ONCE: u32 = 4;
const REVOKED: &str = "eab_key.revoked";

/// What an administrator decides about a key, once and for all.
#[derive(Debug)]
pub struct NewEabKey {
    pub note: String,
    pub profiles: Vec<ProfileId>,
    pub permitted_names: Vec<NamePattern>,
    pub preauthorized: bool,
    pub max_uses: Option<u32>,
    pub expires_at: Option<Timestamp>,
}

/// A MAC key as it is handed out: 256 random bits in unpadded base64url, which every client takes.
pub struct MacKeyText(Zeroizing<String>);

impl MacKeyText {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for MacKeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(MAC key)")
    }
}

pub async fn create(core: &Core, caller: &Caller, new: NewEabKey) -> Result<(EabKey, MacKeyText)> {
    // A key that is good for every profile reaches as far.
    match new.profiles.as_slice() {
        [] => authorise(caller, Permission::EabKeyCreate)?,
        profiles => profiles
            .iter()
            .try_for_each(|profile| authorise_within(caller, Permission::EabKeyCreate, profile))?,
    }
    check(core, &new).await?;
    let now = core.now();
    let id = EabKeyId::generate(now, core.entropy.as_ref());
    let (text, sealed_mac_key) = new_mac_key(core, &id);
    let key = EabKey {
        id,
        note: new.note.trim().to_owned(),
        profiles: new.profiles,
        permitted_names: new.permitted_names,
        preauthorized: new.preauthorized,
        max_uses: new.max_uses,
        uses: 0,
        sealed_mac_key,
        created_by: caller.actor.to_string(),
        created_at: now,
        expires_at: new.expires_at,
        rotated_at: None,
        revoked_at: None,
    };
    let details = json!({
        "note": key.note, "profiles": key.profiles, "permitted_names": key.permitted_names,
        "preauthorized": key.preauthorized, "max_uses": key.max_uses, "expires_at": key.expires_at,
    });
    let event = core.event(caller, "eab_key.created", resource(&key.id), details);
    let stored = key.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.insert_eab_key(&stored).await?;
                tx.record(&[event]).await?;
                Ok::<_, Error>(())
            })
        })
        .await?;
    Ok((key, text))
}

pub async fn list(core: &Core, caller: &Caller, page: &PageRequest) -> Result<Page<EabKey>> {
    let reach = reach(caller, Permission::EabKeyRead)?;
    let mut db = core.store.read().await?;
    if reach == Reach::Everywhere {
        return Ok(db.eab_keys(page).await?);
    }
    // No index leads from a profile to its keys: so many are looked at, and the next page begins after them.
    let mut wanted = PageRequest { after: page.after.clone(), limit: PageRequest::MAX_LIMIT };
    let mut found = Vec::new();
    for _ in 0..PAGES_AT_ONCE {
        let some = db.eab_keys(&wanted).await?;
        found.extend(some.items.into_iter().filter(|key| covers(&reach, key)));
        wanted.after = some.next;
        if wanted.after.is_none() || found.len() > page.limit as usize {
            break;
        }
    }
    let full = Page::from_overfull(found, page.limit, |key| key.id.to_string());
    Ok(Page { next: full.next.or(wanted.after), items: full.items })
}

pub async fn find(core: &Core, caller: &Caller, id: &EabKeyId) -> Result<EabKey> {
    let reach = reach(caller, Permission::EabKeyRead)?;
    load(core, id).await?.filter(|key| covers(&reach, key)).ok_or_else(|| unknown(id))
}

/// Gives the key a new MAC key; what it is for and how often it was used stays. Accounts that it has bound stay bound.
pub async fn rotate(core: &Core, caller: &Caller, id: &EabKeyId) -> Result<(EabKey, MacKeyText)> {
    let before = named(core, caller, Permission::EabKeyCreate, id).await?;
    if before.revoked_at.is_some() {
        return Err(Error::Conflict(format!("the EAB key {id} is revoked")));
    }
    let now = core.now();
    let (text, sealed_mac_key) = new_mac_key(core, id);
    let after = EabKey { sealed_mac_key: sealed_mac_key.clone(), rotated_at: Some(now), ..before.clone() };
    let event = core.event(caller, "eab_key.rotated", resource(id), json!({ "note": before.note }));
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if !tx.rotate_eab_key(&before, &sealed_mac_key, now).await? {
                    return Err(Error::Conflict(format!(
                        "the EAB key {} was rotated or revoked at the same time",
                        before.id
                    )));
                }
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await?;
    Ok((after, text))
}

/// Ends the key for ever: it binds no more accounts, and those that it has bound lose what they had by it.
pub async fn revoke(core: &Core, caller: &Caller, id: &EabKeyId, reason: Option<&str>) -> Result<EabKey> {
    let key = named(core, caller, Permission::EabKeyRevoke, id).await?;
    if key.revoked_at.is_some() {
        return Ok(key);
    }
    let now = core.now();
    let details = json!({ "note": key.note, "reason": reason });
    let event = core.event(caller, REVOKED, resource(id), details);
    let revoked = key.id.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if tx.revoke_eab_key(&revoked, now).await? {
                    tx.record(&[event]).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .await?;
    load(core, id).await?.ok_or_else(|| unknown(id))
}

/// Of who revoked the key.
pub async fn revocation(core: &Core, caller: &Caller, key: &EabKey) -> Result<Option<AuditEvent>> {
    if !covers(&reach(caller, Permission::EabKeyRead)?, key) {
        return Err(unknown(&key.id));
    }
    audit::of_revocation(core, REVOKED, key.id.as_str(), key.revoked_at).await
}

/// The key that `permission` is to be used on. Those who may not even see it are told that there is none.
async fn named(core: &Core, caller: &Caller, permission: Permission, id: &EabKeyId) -> Result<EabKey> {
    let reach = reach(caller, permission)?;
    let key = load(core, id).await?.ok_or_else(|| unknown(id))?;
    if covers(&reach, &key) {
        return Ok(key);
    }
    let seen = caller.rights.reach(Permission::EabKeyRead).is_some_and(|reach| covers(&reach, &key));
    Err(match seen {
        true => Error::Forbidden(format!("{permission} is not held within all profiles of the EAB key {id}")),
        false => unknown(id),
    })
}

/// Whether all that the key is good for lies within the reach.
fn covers(reach: &Reach, key: &EabKey) -> bool {
    match reach {
        Reach::Everywhere => true,
        Reach::Profiles(_) => {
            !key.profiles.is_empty() && key.profiles.iter().all(|profile| reach.covers(profile))
        }
    }
}

/// The MAC key of `key`.
pub(super) fn open(core: &Core, key: &EabKey) -> Result<Zeroizing<Vec<u8>>> {
    let opened = core.sealer.open(EabKey::SEAL_PURPOSE, key.id.as_str(), &key.sealed_mac_key);
    opened.map_err(|e| Error::Internal(format!("the MAC key of {}: {e}", key.id)))
}

fn new_mac_key(core: &Core, id: &EabKeyId) -> (MacKeyText, Vec<u8>) {
    let mut key = Zeroizing::new([0; 32]);
    core.entropy.fill(key.as_mut_slice());
    let sealed = core.sealer.seal(EabKey::SEAL_PURPOSE, id.as_str(), key.as_slice(), core.entropy.as_ref());
    (MacKeyText(Zeroizing::new(URL_SAFE_NO_PAD.encode(key.as_slice()))), sealed)
}

async fn load(core: &Core, id: &EabKeyId) -> Result<Option<EabKey>> {
    Ok(core.store.read().await?.eab_key(id).await?)
}

fn unknown(id: &EabKeyId) -> Error {
    Error::not_found(format!("EAB key {id}"))
}

/// Checks a whole key and reports every wrong field.
async fn check(core: &Core, new: &NewEabKey) -> Result<()> {
    let mut wrong = Vec::new();
    if new.note.chars().count() > 500 {
        wrong.push(FieldError::new("note", "at most 500 characters are allowed"));
    }
    if new.max_uses == Some(0) {
        wrong.push(FieldError::new("max_uses", "at least 1, or null for any number"));
    }
    if new.expires_at.is_some_and(|end| end <= core.now()) {
        wrong.push(FieldError::new("expires_at", "it lies in the past"));
    }
    if new.permitted_names.len() > 1000 {
        wrong.push(FieldError::new("permitted_names", "at most 1000 entries are allowed"));
    }
    if new.profiles.len() > 100 {
        wrong.push(FieldError::new("profiles", "at most 100 entries are allowed"));
    } else {
        let mut db = core.store.read().await?;
        for id in &new.profiles {
            if db.profile(id).await?.is_none() {
                wrong.push(FieldError::new("profiles", format!("there is no profile {id}")));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}

fn resource(id: &EabKeyId) -> Resource<'_> {
    Resource("eab_key", id.as_str())
}
