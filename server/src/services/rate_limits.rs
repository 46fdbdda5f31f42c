//! The rate limits as administrators see them: how much is allowed, who used how much, and a fresh start for one.

use model::{
    Caller, Permission, RateCounter, RateLimit, RateLimits, RateSubject, StoredRateLimits, Timestamp,
};
use serde_json::json;

use crate::auth::authorise;
use crate::core::{Core, Resource};
use crate::error::{Error, FieldError, Result};
use crate::limits::window_end;

/// The highest limit; more is no limit.
const MOST: u32 = 1_000_000_000;
/// From how much of its limit on a subject is near it, in percent.
const NEAR_PERCENT: i64 = 80;
/// Pending orders are counted up to here where there is no limit.
const MOST_COUNTED: u32 = 100_000;
/// How many subjects per limit an answer lists.
const LISTED: u32 = 500;

pub async fn read(core: &Core, caller: &Caller) -> Result<StoredRateLimits> {
    authorise(caller, Permission::RateLimitRead)?;
    Ok(core.store.read().await?.rate_limits().await?)
}

/// `expected_version`: from If-Match; `None` takes any. In force here at once, on other replicas within seconds.
pub async fn replace(
    core: &Core,
    caller: &Caller,
    expected_version: Option<i64>,
    limits: RateLimits,
) -> Result<StoredRateLimits> {
    authorise(caller, Permission::RateLimitEdit)?;
    let limits = limits.normalised();
    check(&limits)?;
    let before = core.store.read().await?.rate_limits().await?;
    if expected_version.is_some_and(|expected| expected != before.version) {
        return Err(lost_update(Some(before.version)));
    }
    if limits == before.limits {
        return Ok(before);
    }
    let details = json!({ "before": before.limits, "after": limits });
    let event = core.event(caller, "rate_limits.updated", Resource("rate_limits", "acme"), details);
    let after = StoredRateLimits { limits, version: before.version + 1 };
    let (stored, now) = (after.limits.clone(), core.now());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                if !tx.replace_rate_limits(&stored, before.version, now).await? {
                    return Err(lost_update(None));
                }
                tx.record(&[event]).await?;
                Ok(())
            })
        })
        .await?;
    core.rate_limiter.set_limits(after.clone());
    Ok(after)
}

fn check(limits: &RateLimits) -> Result<()> {
    let mut wrong = Vec::new();
    for limit in RateLimit::ALL {
        if limits.allowed(*limit).is_some_and(|n| n > MOST) {
            wrong.push(FieldError::new(limit.as_str(), format!("1 to {MOST} are allowed; null is no limit")));
        }
    }
    for (field, prefix, most) in [
        ("network_prefix_ipv4", limits.network_prefix_ipv4, 32),
        ("network_prefix_ipv6", limits.network_prefix_ipv6, 128),
    ] {
        if !(8..=most).contains(&prefix) {
            wrong.push(FieldError::new(field, format!("8 to {most} are allowed")));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}

fn lost_update(now_at: Option<i64>) -> Error {
    Error::outdated("the table of rate limits", now_at)
}

/// What one subject has used of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    pub limit: RateLimit,
    pub subject: RateSubject,
    pub count: i64,
    /// `None`: no limit.
    pub allowed: Option<u32>,
    /// `None`: there is no window; it goes down as orders end.
    pub resets_at: Option<Timestamp>,
}

impl Usage {
    /// `reached`: the next one is refused; `near`: from four fifths on; `below`.
    pub fn state(&self) -> &'static str {
        match self.allowed.map(i64::from) {
            Some(allowed) if self.count >= allowed => "reached",
            Some(allowed) if self.count * 100 >= allowed * NEAR_PERCENT => "near",
            _ => "below",
        }
    }
}

/// The use of `subject` of every limit that it can meet; without one, of all subjects that are near a limit or have
/// reached it, the highest first. What other replicas counted in the last second, or for a subject far from its
/// limit, is not in it.
pub async fn usage(core: &Core, caller: &Caller, subject: Option<&RateSubject>) -> Result<Vec<Usage>> {
    authorise(caller, Permission::RateLimitRead)?;
    let now = core.now();
    let limiter = &core.rate_limiter;
    let Some(subject) = subject else {
        limiter.synchronise(&core.store, now).await?;
        let limits = limiter.limits();
        let near: Vec<_> = RateLimit::ALL
            .iter()
            .filter(|limit| limit.has_window())
            .filter_map(|limit| {
                let allowed = i64::from(limits.limits.allowed(*limit)?);
                Some((*limit, (allowed * NEAR_PERCENT).div_euclid(100).max(1)))
            })
            .collect();
        let found = core.store.read().await?.high_rate_counters(&near, now, LISTED).await?;
        return Ok(found.into_iter().map(|c| used(&limits.limits, c)).collect());
    };
    limiter.save_subject(&core.store, subject, now).await?;
    let limits = limiter.limits();
    let mut db = core.store.read().await?;
    let found = db.rate_counters_of(subject, now).await?;
    let of = |limit: RateLimit| {
        let resets_at = window_end(limit, subject, now);
        let found = found.iter().find(|c| c.limit == limit && c.resets_at == resets_at).cloned();
        let none = || RateCounter { limit, subject: subject.clone(), resets_at, count: 0, refused: false };
        used(&limits.limits, found.unwrap_or_else(none))
    };
    let windows = RateLimit::ALL.iter().filter(|limit| limit.has_window() && limit.counts(subject));
    let mut usage: Vec<_> = windows.map(|limit| of(*limit)).collect();
    if let Some(account) = subject.as_account() {
        let limit = RateLimit::AccountPendingOrders;
        let allowed = limits.limits.allowed(limit);
        let count = db.count_pending_orders(&account, allowed.unwrap_or(MOST_COUNTED)).await?;
        usage.push(Usage { limit, subject: subject.clone(), count, allowed, resets_at: None });
    }
    Ok(usage)
}

fn used(limits: &RateLimits, counter: RateCounter) -> Usage {
    let allowed = limits.allowed(counter.limit);
    let RateCounter { limit, subject, resets_at, count, .. } = counter;
    Usage { limit, subject, count: count.max(0), allowed, resets_at: Some(resets_at) }
}

/// Lets `subject` begin anew, under `limit` or all limits. Returns what was forgotten.
pub async fn reset(
    core: &Core,
    caller: &Caller,
    subject: &RateSubject,
    limit: Option<RateLimit>,
    reason: &str,
) -> Result<Vec<Usage>> {
    authorise(caller, Permission::RateLimitEdit)?;
    if let Some(limit) = limit.filter(|limit| !limit.counts(subject)) {
        return Err(Error::invalid("limit", format!("{limit} does not count {subject}")));
    }
    if limit.is_some_and(|limit| !limit.has_window()) {
        return Err(Error::invalid("limit", "it counts what is there, and goes down as orders end"));
    }
    let before = usage(core, caller, Some(subject)).await?;
    let before = before.into_iter().filter(|u| u.limit.has_window());
    let before: Vec<_> = before.filter(|u| limit.is_none_or(|limit| u.limit == limit)).collect();
    let counts: serde_json::Map<_, _> =
        before.iter().map(|u| (u.limit.to_string(), json!(u.count))).collect();
    let details = json!({ "before": counts, "reason": reason });
    let event = core.event(caller, "rate_limit.reset", Resource("rate_limit", subject.as_str()), details);
    let limits: Vec<_> = before.iter().map(|u| u.limit).collect();
    let (forgotten, of) = (limits.clone(), subject.clone());
    core.store
        .write(move |tx| {
            Box::pin(async move {
                for limit in forgotten {
                    tx.delete_rate_counters(limit, &of).await?;
                }
                tx.record(&[event]).await?;
                Ok::<_, Error>(())
            })
        })
        .await?;
    for limit in limits {
        core.rate_limiter.forget(limit, subject);
    }
    Ok(before)
}
