//! ACME accounts: what their owners do (RFC 8555 §7.3) and what administrators do.

use acme::{Jwk, Problem, ProblemType};
use model::{Account, AccountId, AccountStatus, Actor, Caller, Page, PageRequest, StoredProblem};
use serde_json::json;
use store::StoreError;

use crate::auth::{Permission, authorise};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};
use crate::limits::admission;

/// An account as newAccount answers it.
#[derive(Debug)]
pub enum Registration {
    Created(Account),
    Existing(Account),
}

/// Finds the account of `key` or creates it (RFC 8555 §7.3, §7.3.1). An existing account is found before anything
/// in the request is judged, so that a client that lost its account URL always gets it back.
pub async fn register(
    core: &Core,
    caller: &Caller,
    key: &Jwk,
    contacts: Vec<String>,
    only_existing: bool,
) -> Result<Registration> {
    let thumbprint = key.thumbprint();
    if let Some(account) = core.store.read().await?.account_by_thumbprint(&thumbprint).await? {
        return usable(account).map(Registration::Existing);
    }
    if only_existing {
        return Err(Problem::account_does_not_exist("no account has this key").into());
    }
    check_account_key(core, key)?;
    acme::check_contacts(&contacts)?;
    let admission = admission::new_account(core, caller).await?;
    let now = core.now();
    let account = Account {
        id: AccountId::generate(now, core.entropy.as_ref()),
        status: AccountStatus::Valid,
        jwk: key.canonical_json().to_owned(),
        key_thumbprint: thumbprint,
        contacts,
        created_at: now,
        created_from: caller.client_ip,
        version: 1,
    };
    let caller = caller.with_actor(Actor::AcmeAccount(account.id.clone()));
    let details = json!({ "contact": account.contacts, "key_thumbprint": account.key_thumbprint });
    let event = core.event(&caller, "account.created", resource(&account.id), details);
    let stored = account.clone();
    let inserted = core
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.insert_account(&stored).await?;
                tx.record(&[event]).await
            })
        })
        .await;
    match admission.settle(inserted) {
        Ok(()) => Ok(Registration::Created(account)),
        // Two requests with one key raced, and the other was first.
        Err(StoreError::Duplicate { .. }) => {
            let found = core.store.read().await?.account_by_thumbprint(&account.key_thumbprint).await?;
            let found = found.ok_or_else(|| Error::Unavailable("the account is being created".to_owned()))?;
            usable(found).map(Registration::Existing)
        }
        Err(e) => Err(e.into()),
    }
}

/// Passes on a valid account; refuses others as RFC 8555 §7.3.6 wants it.
pub fn usable(account: Account) -> Result<Account> {
    let reason = match account.status {
        AccountStatus::Valid => return Ok(account),
        AccountStatus::Deactivated => "the account is deactivated",
        AccountStatus::Suspended => "the account is suspended by the administrator of this CA",
    };
    Err(Problem::unauthorized(reason).with_status(401).into())
}

/// Replaces the contacts (RFC 8555 §7.3.2).
pub async fn update_contacts(
    core: &Core,
    caller: &Caller,
    account: Account,
    contacts: Vec<String>,
) -> Result<Account> {
    acme::check_contacts(&contacts)?;
    if contacts == account.contacts {
        return Ok(account);
    }
    let details = json!({ "before": account.contacts, "after": contacts });
    let event = core.event(caller, "account.updated", resource(&account.id), details);
    let changed = Account { contacts, ..account };
    save(core, changed, vec![event]).await
}

/// Deactivation by the owner (RFC 8555 §7.3.6): open orders end, certificates stay.
pub async fn deactivate_own(core: &Core, caller: &Caller, account: Account) -> Result<Account> {
    end(core, caller, account, "by its owner".to_owned()).await
}

/// Deactivation by an administrator; it cannot be taken back.
pub async fn deactivate(core: &Core, caller: &Caller, id: &AccountId, reason: &str) -> Result<Account> {
    authorise(caller, Permission::AcmeAccountEdit)?;
    let account = find(core, caller, id).await?;
    if account.status == AccountStatus::Deactivated {
        return Ok(account);
    }
    end(core, caller, account, format!("by an administrator: {reason}")).await
}

async fn end(core: &Core, caller: &Caller, account: Account, why: String) -> Result<Account> {
    let event = core.event(caller, "account.deactivated", resource(&account.id), json!({ "reason": why }));
    let now = core.now();
    let problem = StoredProblem {
        r#type: ProblemType::Unauthorized.urn().to_owned(),
        detail: format!("the account was deactivated {why}"),
        status: 401,
    };
    let ended =
        Account { status: AccountStatus::Deactivated, version: account.version + 1, ..account.clone() };
    let stored = Account { status: AccountStatus::Deactivated, ..account };
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.update_account(&stored).await?;
                tx.invalidate_open_orders(&stored.id, &problem, now).await?;
                tx.record(&[event]).await?;
                Ok::<_, Error>(())
            })
        })
        .await?;
    Ok(ended)
}

/// Stops an account from doing anything until [`resume`].
pub async fn suspend(core: &Core, caller: &Caller, id: &AccountId, reason: &str) -> Result<Account> {
    set_suspended(core, caller, id, true, reason).await
}

/// Takes a suspension back.
pub async fn resume(core: &Core, caller: &Caller, id: &AccountId, reason: &str) -> Result<Account> {
    set_suspended(core, caller, id, false, reason).await
}

async fn set_suspended(
    core: &Core,
    caller: &Caller,
    id: &AccountId,
    on: bool,
    reason: &str,
) -> Result<Account> {
    authorise(caller, Permission::AcmeAccountEdit)?;
    let account = find(core, caller, id).await?;
    let (from, to, action) = match on {
        true => (AccountStatus::Valid, AccountStatus::Suspended, "account.suspended"),
        false => (AccountStatus::Suspended, AccountStatus::Valid, "account.resumed"),
    };
    if account.status == to {
        return Ok(account);
    }
    if account.status != from {
        return Err(Error::Conflict(format!("the account {id} is {}", account.status)));
    }
    let event = core.event(caller, action, resource(id), json!({ "reason": reason }));
    save(core, Account { status: to, ..account }, vec![event]).await
}

/// Key roll-over (RFC 8555 §7.3.5). `Err(Ok(account))` is the account that has the new key already.
pub async fn change_key(
    core: &Core,
    caller: &Caller,
    account: Account,
    new_key: &Jwk,
) -> Result<Account, KeyChangeError> {
    check_account_key(core, new_key)?;
    let thumbprint = new_key.thumbprint();
    let holder = core.store.read().await.map_err(Error::from)?.account_by_thumbprint(&thumbprint).await;
    if let Some(holder) = holder.map_err(Error::from)? {
        return Err(KeyChangeError::InUse(holder.id));
    }
    let details = json!({ "before": account.key_thumbprint, "after": thumbprint });
    let event = core.event(caller, "account.key_changed", resource(&account.id), details);
    let changed =
        Account { jwk: new_key.canonical_json().to_owned(), key_thumbprint: thumbprint.clone(), ..account };
    match save(core, changed, vec![event]).await {
        Ok(account) => Ok(account),
        // Lost a race for the same key.
        Err(Error::Conflict(reason)) => {
            let holder =
                core.store.read().await.map_err(Error::from)?.account_by_thumbprint(&thumbprint).await;
            match holder.map_err(Error::from)? {
                Some(holder) => Err(KeyChangeError::InUse(holder.id)),
                None => Err(Error::Conflict(reason).into()),
            }
        }
        Err(e) => Err(e.into()),
    }
}

/// Why a key was not rolled over.
#[derive(Debug)]
pub enum KeyChangeError {
    /// RFC 8555 §7.3.5: 409 with the URL of this account.
    InUse(AccountId),
    Other(Error),
}

impl From<Error> for KeyChangeError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

pub async fn list(
    core: &Core,
    caller: &Caller,
    status: Option<AccountStatus>,
    page: &PageRequest,
) -> Result<Page<Account>> {
    authorise(caller, Permission::AcmeAccountRead)?;
    Ok(core.store.read().await?.accounts(status, page).await?)
}

pub async fn find(core: &Core, caller: &Caller, id: &AccountId) -> Result<Account> {
    authorise(caller, Permission::AcmeAccountRead)?;
    let account = core.store.read().await?.account(id).await?;
    account.ok_or_else(|| Error::not_found(format!("account {id}")))
}

/// Stores a changed account and its events, unless somebody else changed it meanwhile.
async fn save(core: &Core, changed: Account, events: Vec<model::AuditEvent>) -> Result<Account> {
    let stored = changed.clone();
    core.store
        .write(move |tx| {
            Box::pin(async move {
                tx.update_account(&stored).await?;
                tx.record(&events).await?;
                Ok::<_, Error>(())
            })
        })
        .await?;
    Ok(Account { version: changed.version + 1, ..changed })
}

fn check_account_key(core: &Core, key: &Jwk) -> Result<()> {
    if core.key_blocklist.contains_spki(key.spki_der()) {
        return Err(Problem::bad_public_key("this key is known to be compromised").into());
    }
    Ok(())
}

fn resource(id: &AccountId) -> Resource<'_> {
    Resource("account", id.as_str())
}
