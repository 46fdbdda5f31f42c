//! Which limits stand before what a caller wants to do, and what becomes of a refusal.

use model::{Account, AccountId, Caller, EabKeyId, Identifier, RateLimit, RateSubject, Timestamp};
use serde_json::json;

use super::{Charge, Refusal};
use crate::core::{Core, Resource};
use crate::error::{Error, Result};

/// What was counted in advance. It stays counted when it is dropped: a client that hangs up has ordered all the same.
#[derive(Debug)]
#[must_use = "what fails is uncounted by `settle`"]
pub struct Admission<'c> {
    core: &'c Core,
    charges: Vec<Charge>,
    /// Whose pending order was counted.
    pending: Option<AccountId>,
    counted_at: Timestamp,
}

impl Admission<'_> {
    /// Counts a new account towards the EAB key that binds it, too, or refuses it. Only for a key that has proved
    /// itself: whoever merely knows its id must not use up what it may.
    pub async fn with_eab_key(mut self, caller: &Caller, key: &EabKeyId) -> Result<Self> {
        let charge = Charge::one(RateLimit::EabKeyNewAccounts, RateSubject::eab_key(key));
        let (core, now) = (self.core, self.counted_at);
        match core.rate_limiter.charge(&core.store, std::slice::from_ref(&charge), now).await {
            Ok(None) => {
                self.charges.push(charge);
                Ok(self)
            }
            Ok(Some(refusal)) => self.settle(Err(refuse(core, caller, refusal, now).await?)),
            Err(e) => self.settle(Err(e.into())),
        }
    }

    /// Passes on how it ended, and uncounts it when it failed.
    pub fn settle<T, E>(self, outcome: Result<T, E>) -> Result<T, E> {
        if outcome.is_err() {
            self.core.rate_limiter.take_back(&self.charges, self.counted_at);
            if let Some(account) = &self.pending {
                self.core.rate_limiter.take_back_pending_order(account);
            }
        }
        outcome
    }
}

/// Counts a new order, or refuses it. `unproven`: those of its identifiers that take a challenge; with any, the order
/// is born pending.
pub async fn order<'c>(
    core: &'c Core,
    caller: &Caller,
    account: &Account,
    identifiers: &[Identifier],
    unproven: &[&Identifier],
) -> Result<Admission<'c>> {
    let mut charges = Vec::with_capacity(3 + identifiers.len() + unproven.len());
    charges.push(Charge::one(RateLimit::AccountOrders, RateSubject::account(&account.id)));
    if let Some(bound) = &account.external_account {
        charges.push(Charge::one(RateLimit::EabKeyOrders, RateSubject::eab_key(&bound.key_id)));
    }
    charges.extend(of_network(core, caller, RateLimit::NetworkOrders));
    charges.extend(identifiers.iter().map(|id| Charge::one(RateLimit::NameOrders, RateSubject::name(id))));
    charges.extend(unproven.iter().map(|id| validation_of(account, id)));
    let mut admission = admit(core, caller, charges).await?;
    if unproven.is_empty() {
        return Ok(admission);
    }
    let now = admission.counted_at;
    match core.rate_limiter.charge_pending_order(&core.store, &account.id, now).await {
        Ok(None) => {
            admission.pending = Some(account.id.clone());
            Ok(admission)
        }
        Ok(Some(refusal)) => admission.settle(Err(refuse(core, caller, refusal, now).await?)),
        Err(e) => admission.settle(Err(e.into())),
    }
}

/// Refuses an authorization before any order for what the account has failed to prove too often.
pub async fn authorization(
    core: &Core,
    caller: &Caller,
    account: &Account,
    identifier: &Identifier,
) -> Result<()> {
    admit(core, caller, vec![validation_of(account, identifier)]).await.map(drop)
}

/// Counts a validation that has failed for good.
pub fn failed_validation(core: &Core, account: &AccountId, identifier: &Identifier) {
    let subject = RateSubject::account_name(account, identifier);
    core.rate_limiter.note(RateLimit::AccountNameFailures, &subject, core.now());
}

/// Stands before a challenge; only its failure counts.
fn validation_of(account: &Account, identifier: &Identifier) -> Charge {
    let subject = RateSubject::account_name(&account.id, identifier);
    Charge { limit: RateLimit::AccountNameFailures, subject, amount: 0 }
}

/// Counts a new account, or refuses it.
pub async fn new_account<'c>(core: &'c Core, caller: &Caller) -> Result<Admission<'c>> {
    let charges = of_network(core, caller, RateLimit::NetworkNewAccounts).into_iter().collect();
    admit(core, caller, charges).await
}

fn of_network(core: &Core, caller: &Caller, limit: RateLimit) -> Option<Charge> {
    let network = core.rate_limiter.limits().limits.network_of(caller.client_ip?);
    Some(Charge::one(limit, RateSubject::network(network)))
}

async fn admit<'c>(core: &'c Core, caller: &Caller, charges: Vec<Charge>) -> Result<Admission<'c>> {
    let now = core.now();
    match core.rate_limiter.charge(&core.store, &charges, now).await? {
        None => Ok(Admission { core, charges, pending: None, counted_at: now }),
        Some(refusal) => Err(refuse(core, caller, refusal, now).await?),
    }
}

/// The error that tells the client. The first refusal of a subject in a window is recorded; the others would only
/// fill the table.
async fn refuse(core: &Core, caller: &Caller, refusal: Refusal, now: Timestamp) -> Result<Error> {
    let Refusal { limit, subject, allowed, resets_at, retry_at, noted } = refusal;
    core.metrics.rate_limited(limit);
    if !noted {
        let details = json!({ "limit": limit, "allowed": allowed, "resets_at": resets_at });
        let event =
            core.refusal(caller, "rate_limit.exceeded", Resource("rate_limit", subject.as_str()), details);
        let subject = subject.clone();
        core.store
            .write(move |tx| {
                Box::pin(async move {
                    if tx.note_rate_refusal(limit, &subject, resets_at, now).await? {
                        tx.record(&[event]).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await?;
    }
    let wait = retry_at.since(now);
    let retry_after = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let detail = format!(
        "the rate limit {limit} is reached for {subject}: {allowed} {} are allowed; it can go on at {retry_at}",
        limit.describe()
    );
    Ok(Error::RateLimited { limit, detail, retry_after: retry_after.max(1) })
}
