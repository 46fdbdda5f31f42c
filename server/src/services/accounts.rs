//! ACME accounts: what their owners do (RFC 8555 §7.3.2, §7.3.5, §7.3.6) and what administrators do.

use acme::{Jwk, Problem, ProblemType};
use model::{
    Account, AccountFilter, AccountId, AccountStatus, Actor, AuditEvent, AuditFilter, Caller, Page,
    PageRequest, Permission, StoredProblem,
};
use serde_json::json;

use crate::auth::authorise;
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// Passes on a valid account; refuses others as RFC 8555 §7.3.6 wants it.
pub fn usable(account: Account) -> Result<Account> {
    let reason = match account.status {
        AccountStatus::Valid => return Ok(account),
        AccountStatus::Deactivated => "the account is deactivated",
        AccountStatus::Suspended => "the account is suspended by the administrator of this CA",
    };
    Err(Problem::unauthorized(reason).with_status(401).into())
}

/// The same, where an account asks for `path`. A refusal is recorded once a minute: somebody will want to know why their
/// client gets nothing.
pub async fn admit(core: &Core, caller: &Caller, account: Account, path: &str) -> Result<Account> {
    let id = account.id.clone();
    let refused = match usable(account) {
        Ok(account) => return Ok(account),
        Err(refused) => refused,
    };
    if core.account_refusals.is_to_record(id.clone(), core.now()) {
        let details = json!({ "reason": refused.public_detail(), "path": path });
        let event = core.refusal(caller, "account.refused", resource(&id), details);
        core.store.write(move |tx| Box::pin(async move { tx.record(&[event]).await })).await?;
    }
    Err(refused)
}

/// What an owner changes of its account (RFC 8555 §7.3.2).
#[derive(Debug)]
pub struct AccountUpdate {
    pub contacts: Option<Vec<String>>,
    /// Whether it agrees to the terms of service as they are now.
    pub agrees_to_terms: bool,
}

pub async fn update_own(
    core: &Core,
    caller: &Caller,
    account: Account,
    update: AccountUpdate,
) -> Result<Account> {
    let mut changed = account.clone();
    let mut events = Vec::new();
    if let Some(contacts) = update.contacts
        && contacts != account.contacts
    {
        acme::check_contacts(&contacts)?;
        let details = json!({ "before": account.contacts, "after": contacts });
        events.push(core.event(caller, "account.updated", resource(&account.id), details));
        changed.contacts = contacts;
    }
    if update.agrees_to_terms
        && let Some(terms) = &core.terms_of_service
        && account.terms_version.as_ref() != Some(&terms.version)
    {
        let details = json!({ "version": terms.version, "url": terms.url });
        events.push(core.event(caller, "account.terms_agreed", resource(&account.id), details));
        changed.terms_version = Some(terms.version.clone());
    }
    if events.is_empty() {
        return Ok(account);
    }
    save(core, changed, events).await
}

/// Deactivation by the owner (RFC 8555 §7.3.6): open orders end, certificates stay.
pub async fn deactivate_own(core: &Core, caller: &Caller, account: Account) -> Result<Account> {
    end(core, caller, account, "by its owner".to_owned()).await
}

/// Deactivation by an administrator; it cannot be taken back.
pub async fn deactivate(core: &Core, caller: &Caller, id: &AccountId, reason: &str) -> Result<Account> {
    authorise(caller, Permission::AcmeAccountDeactivate)?;
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
    authorise(caller, Permission::AcmeAccountSuspend)?;
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

pub async fn list(core: &Core, caller: &Caller, filter: &AccountFilter) -> Result<Page<Account>> {
    authorise(caller, Permission::AcmeAccountRead)?;
    let page = core.store.read().await?.accounts(filter).await?;
    Ok(page.map(|account| core.account_use.known_of(account)))
}

pub async fn find(core: &Core, caller: &Caller, id: &AccountId) -> Result<Account> {
    authorise(caller, Permission::AcmeAccountRead)?;
    let account = core.store.read().await?.account(id).await?;
    let account = account.ok_or_else(|| Error::not_found(format!("account {id}")))?;
    Ok(core.account_use.known_of(account))
}

/// Why an account may do nothing, and what it has asked for in vain since.
#[derive(Debug)]
pub struct Standstill {
    /// Of who suspended or deactivated it.
    pub event: AuditEvent,
    /// What it was refused, the newest first.
    pub refused: Vec<AuditEvent>,
}

/// `None` for an account that may go on.
pub async fn standstill(core: &Core, caller: &Caller, account: &Account) -> Result<Option<Standstill>> {
    const REFUSED: u32 = 5;
    authorise(caller, Permission::AcmeAccountRead)?;
    let action = match account.status {
        AccountStatus::Valid => return Ok(None),
        AccountStatus::Suspended => "account.suspended",
        AccountStatus::Deactivated => "account.deactivated",
    };
    let newest = |limit| PageRequest { after: None, limit };
    let mut ended = AuditFilter {
        resource_id: Some(account.id.to_string()),
        action: Some(action.to_owned()),
        page: newest(1),
        ..AuditFilter::default()
    };
    let mut db = core.store.read().await?;
    // One page looks at some thousands of events, and a client that goes on asking leaves more than that behind it in
    // some days.
    let event = loop {
        let mut found = db.audit_events(&ended).await?;
        match (found.items.pop(), found.next) {
            (Some(event), _) => break event,
            (None, Some(next)) => ended.page.after = Some(next),
            (None, None) => return Ok(None),
        }
    };
    // Since then it can have done nothing else, so these are found at once.
    let refused = AuditFilter {
        actor: Some(Actor::AcmeAccount(account.id.clone()).to_string()),
        action: Some("account.refused".to_owned()),
        since: Some(event.created_at),
        page: newest(REFUSED),
        ..AuditFilter::default()
    };
    let refused = db.audit_events(&refused).await?.items;
    Ok(Some(Standstill { event, refused }))
}

/// By the thumbprint of its key (RFC 7638).
pub async fn find_by_thumbprint(core: &Core, caller: &Caller, thumbprint: &str) -> Result<Option<Account>> {
    authorise(caller, Permission::AcmeAccountRead)?;
    let account = core.store.read().await?.account_by_thumbprint(thumbprint).await?;
    Ok(account.map(|account| core.account_use.known_of(account)))
}

/// Stores a changed account and its events, unless somebody else changed it meanwhile.
async fn save(core: &Core, changed: Account, events: Vec<AuditEvent>) -> Result<Account> {
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

pub(super) fn check_account_key(core: &Core, key: &Jwk) -> Result<()> {
    if core.key_blocklist.contains_spki(key.spki_der()) {
        return Err(Problem::bad_public_key("this key is known to be compromised").into());
    }
    Ok(())
}

pub(super) fn resource(id: &AccountId) -> Resource<'_> {
    Resource("account", id.as_str())
}

#[cfg(test)]
mod tests;
