//! newAccount (RFC 8555 §7.3, §7.3.1), with external account binding (§7.3.4).

use acme::{ExternalAccountBinding, Jwk, Problem};
use model::{
    Account, AccountId, AccountStatus, Actor, Caller, EabKey, EabKeyId, EabKeyState, ExternalAccount, Profile,
};
use serde_json::json;
use store::StoreError;
use zeroize::Zeroizing;

use super::accounts::{check_account_key, resource, usable};
use super::{eab_keys, terms};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};
use crate::limits::admission;

/// What newAccount asks for.
#[derive(Debug)]
pub struct NewRegistration<'a> {
    pub key: &'a Jwk,
    /// The URL of the request, which a binding must repeat.
    pub url: &'a str,
    /// The profile in whose directory newAccount was found. The account itself is of the whole server.
    pub profile: &'a Profile,
    pub only_existing: bool,
    pub contacts: Vec<String>,
    pub agrees_to_terms: bool,
    /// `externalAccountBinding` as it came.
    pub binding: Option<&'a str>,
}

/// An account as newAccount answers it.
#[derive(Debug)]
pub enum Registration {
    Created(Account),
    Existing(Account),
}

/// Finds the account of a key or creates it. An existing account is found before anything in the request is judged, so
/// that a client that lost its account URL always gets it back.
pub async fn register(core: &Core, caller: &Caller, asked: NewRegistration<'_>) -> Result<Registration> {
    if let Some(account) = existing(core, asked.key).await? {
        return usable(account).map(Registration::Existing);
    }
    if asked.only_existing {
        return Err(Problem::account_does_not_exist("no account has this key").into());
    }
    check_account_key(core, asked.key)?;
    acme::check_contacts(&asked.contacts)?;
    let terms_version = terms::agreement(core, asked.agrees_to_terms)?;
    let admission = admission::new_account(core, caller).await?;
    let bound_by = match asked.binding {
        Some(text) => {
            let binding = ExternalAccountBinding::parse(text, asked.url, asked.key)?;
            match judge(core, asked.profile, &binding).await? {
                Ok(key) => Some((key, binding)),
                Err(refused) => return refuse(core, caller, &asked, &binding, refused).await,
            }
        }
        None if asked.profile.spec.eab_required => {
            let detail = format!(
                "the profile {} requires an external account binding (RFC 8555 §7.3.4); ask the administrator of this CA for an EAB key",
                asked.profile.id
            );
            return Err(Problem::external_account_required(detail).into());
        }
        None => None,
    };
    let admission = match &bound_by {
        Some((key, _)) => admission.with_eab_key(caller, &key.id).await?,
        None => admission,
    };
    let now = core.now();
    let account = Account {
        id: AccountId::generate(now, core.entropy.as_ref()),
        status: AccountStatus::Valid,
        jwk: asked.key.canonical_json().to_owned(),
        key_thumbprint: asked.key.thumbprint(),
        contacts: asked.contacts.clone(),
        external_account: bound_by
            .as_ref()
            .zip(asked.binding)
            .map(|((key, _), text)| ExternalAccount { key_id: key.id.clone(), binding: text.to_owned() }),
        terms_version,
        created_at: now,
        created_from: caller.client_ip,
        last_seen_at: now,
        version: 1,
    };
    let details = json!({
        "contact": account.contacts,
        "key_thumbprint": account.key_thumbprint,
        "eab_key_id": account.external_account.as_ref().map(|e| &e.key_id),
        "terms_of_service_version": account.terms_version,
    });
    let created_by = caller.with_actor(Actor::AcmeAccount(account.id.clone()));
    let event = core.event(&created_by, "account.created", resource(&account.id), details);
    let (stored, key) = (account.clone(), bound_by.as_ref().map(|(key, _)| key.clone()));
    let inserted = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                // The account first: a client that races with itself must not use the EAB key twice.
                tx.insert_account(&stored).await?;
                if let Some(key) = key
                    && !tx.use_eab_key(&key, now).await?
                {
                    return Err(StoreError::Conflict);
                }
                tx.record(&[event]).await
            })
        })
        .await;
    match (admission.settle(inserted), bound_by) {
        (Ok(()), _) => Ok(Registration::Created(account)),
        // Two requests with one key raced, and the other was first.
        (Err(StoreError::Duplicate { .. }), _) => {
            let found = existing(core, asked.key).await?;
            let found = found.ok_or_else(|| Error::Unavailable("the account is being created".to_owned()))?;
            usable(found).map(Registration::Existing)
        }
        (Err(StoreError::Conflict), Some((key, binding))) => {
            let lost = Refused { key_id: Some(key.id), reason: "the key was used up or changed meanwhile" };
            refuse(core, caller, &asked, &binding, lost).await
        }
        (Err(e), _) => Err(e.into()),
    }
}

async fn existing(core: &Core, key: &Jwk) -> Result<Option<Account>> {
    Ok(core.store.read().await?.account_by_thumbprint(&key.thumbprint()).await?)
}

/// Why a binding does not hold. Only the audit event tells.
struct Refused {
    /// The key, if the binding names one that exists.
    key_id: Option<EabKeyId>,
    reason: &'static str,
}

/// The key that made the binding, if it may bind now. The work is the same for every answer but that of the database:
/// one MAC key is had and one MAC computed, whether or not the binding names a key that exists.
async fn judge(
    core: &Core,
    profile: &Profile,
    binding: &ExternalAccountBinding,
) -> Result<Result<EabKey, Refused>> {
    let named = match binding.kid().parse::<EabKeyId>() {
        Ok(id) => core.store.read().await?.eab_key(&id).await?,
        Err(_) => None,
    };
    let mac_key = match &named {
        Some(key) => eab_keys::open(core, key)?,
        None => Zeroizing::new(core.sealer.derive("no such EAB key").to_vec()),
    };
    let genuine = binding.verify(&mac_key);
    let Some(key) = named else {
        return Ok(Err(Refused { key_id: None, reason: "there is no such key" }));
    };
    let reason = match key.state(core.now()) {
        _ if !genuine => "the MAC is not by this key",
        EabKeyState::Revoked => "the key is revoked",
        EabKeyState::Expired => "the key has expired",
        EabKeyState::UsedUp => "the key is used up",
        EabKeyState::Active if !key.covers_profile(&profile.id) => "the key is not for this profile",
        EabKeyState::Active => return Ok(Ok(key)),
    };
    Ok(Err(Refused { key_id: Some(key.id), reason }))
}

/// Records why a binding does not hold. The client learns only that it does not, so that nobody can find out which
/// keys there are.
async fn refuse(
    core: &Core,
    caller: &Caller,
    asked: &NewRegistration<'_>,
    binding: &ExternalAccountBinding,
    refused: Refused,
) -> Result<Registration> {
    // A client that did not wait for the answer to its first attempt may have used the key up itself.
    if let Some(account) = existing(core, asked.key).await? {
        return usable(account).map(Registration::Existing);
    }
    let details = json!({
        "rule": "external_account_binding",
        "reason": refused.reason,
        "kid": binding.kid().chars().take(80).collect::<String>(),
        "key_thumbprint": asked.key.thumbprint(),
        "profile_id": asked.profile.id,
    });
    let about = match &refused.key_id {
        Some(id) => Resource("eab_key", id.as_str()),
        None => Resource("profile", asked.profile.id.as_str()),
    };
    let event = core.refusal(caller, "account.refused", about, details);
    core.store.write(move |tx| Box::pin(async move { tx.record(&[event]).await })).await?;
    let detail = "the external account binding does not hold: its key is unknown, or not usable (any more) for this profile, or its MAC is wrong";
    Err(Problem::unauthorized(detail).into())
}
