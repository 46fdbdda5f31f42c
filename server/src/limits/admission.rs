//! Which limits stand before what a caller wants to do, and what becomes of a refusal.

use model::{Account, Caller, Identifier, RateLimit, RateSubject, Timestamp};
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
    counted_at: Timestamp,
}

impl Admission<'_> {
    /// Passes on how it ended, and uncounts it when it failed.
    pub fn settle<T, E>(self, outcome: Result<T, E>) -> Result<T, E> {
        if outcome.is_err() {
            self.core.rate_limiter.take_back(&self.charges, self.counted_at);
        }
        outcome
    }
}

/// Counts a new order, or refuses it.
pub async fn order<'c>(
    core: &'c Core,
    caller: &Caller,
    account: &Account,
    identifiers: &[Identifier],
) -> Result<Admission<'c>> {
    let mut charges = Vec::with_capacity(2 + identifiers.len());
    charges.push(Charge { limit: RateLimit::AccountOrders, subject: RateSubject::account(&account.id) });
    charges.extend(of_network(core, caller, RateLimit::NetworkOrders));
    charges.extend(
        identifiers.iter().map(|id| Charge { limit: RateLimit::NameOrders, subject: RateSubject::name(id) }),
    );
    admit(core, caller, charges).await
}

/// Counts a new account, or refuses it.
pub async fn new_account<'c>(core: &'c Core, caller: &Caller) -> Result<Admission<'c>> {
    let charges = of_network(core, caller, RateLimit::NetworkNewAccounts).into_iter().collect();
    admit(core, caller, charges).await
}

fn of_network(core: &Core, caller: &Caller, limit: RateLimit) -> Option<Charge> {
    let network = core.rate_limiter.limits().limits.network_of(caller.client_ip?);
    Some(Charge { limit, subject: RateSubject::network(network) })
}

async fn admit<'c>(core: &'c Core, caller: &Caller, charges: Vec<Charge>) -> Result<Admission<'c>> {
    let now = core.now();
    match core.rate_limiter.charge(&core.store, &charges, now).await? {
        None => Ok(Admission { core, charges, counted_at: now }),
        Some(refusal) => Err(refuse(core, caller, refusal, now).await?),
    }
}

/// The error that tells the client. The first refusal of a subject in a window is recorded; the others would only
/// fill the table.
async fn refuse(core: &Core, caller: &Caller, refusal: Refusal, now: Timestamp) -> Result<Error> {
    let Refusal { limit, subject, allowed, resets_at, noted } = refusal;
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
    let wait = resets_at.since(now);
    let retry_after = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let detail = format!(
        "the rate limit {limit} is reached for {subject}: {allowed} {} are allowed; it can go on at {resets_at}",
        limit.describe()
    );
    Ok(Error::RateLimited { limit, detail, retry_after: retry_after.max(1) })
}
