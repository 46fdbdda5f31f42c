//! Orders as administrators see them.

use model::{
    AccountId, Actor, AuditEvent, AuditFilter, Caller, Identifier, Order, OrderFilter, OrderId, Outcome,
    Page, PageRequest, Permission, ProfileId, Timestamp,
};

use super::explain::{self, Examined, Explanation, advice_for_rule, explain};
use super::scope;
use crate::auth::reach;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::issuance::{authorization, order};

/// Refusals of one order that are looked at.
const REFUSALS: u32 = 5;

/// An order with everything that happened to it.
#[derive(Debug)]
pub struct Examination {
    pub order: Order,
    /// In the order of the order's identifiers.
    pub authorizations: Vec<Examined>,
    /// `None` when all is well.
    pub explanation: Option<Explanation>,
}

pub async fn list(core: &Core, caller: &Caller, filter: &OrderFilter) -> Result<Page<Order>> {
    let reach = reach(caller, Permission::OrderRead)?;
    let mut db = core.store.read().await?;
    let mut pages = Vec::new();
    for profile_id in scope::parts(&reach, filter.profile_id.as_ref()) {
        pages.push(db.orders(&OrderFilter { profile_id, ..filter.clone() }).await?);
    }
    Ok(scope::merge(pages, filter.page.limit, |order| order.id.to_string()))
}

/// Which refused orders to list, newest first. Empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct RefusedFilter {
    pub profile_id: Option<ProfileId>,
    pub account_id: Option<AccountId>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    pub page: PageRequest,
}

/// What a client wanted to order and was refused (RFC 8555 §7.4), so that there is no order; only the audit trail has it.
#[derive(Debug)]
pub struct RefusedOrder {
    pub event: AuditEvent,
    pub profile_id: ProfileId,
    /// `None` where the event does not say.
    pub account_id: Option<AccountId>,
    pub identifiers: Vec<Identifier>,
    /// For each name, where the names are the reason.
    pub reasons: Vec<String>,
    pub advice: &'static str,
}

/// Whoever may read orders may know of those that never came to be, without reading the rest of the audit trail.
pub async fn refused(core: &Core, caller: &Caller, filter: &RefusedFilter) -> Result<Page<RefusedOrder>> {
    let reach = reach(caller, Permission::OrderRead)?;
    let of_all = AuditFilter {
        actor: filter.account_id.clone().map(|id| Actor::AcmeAccount(id).to_string()),
        action: Some("order.refused".to_owned()),
        // Those at finalize are of an order, whose page tells them.
        resource_type: Some("profile".to_owned()),
        since: filter.since,
        until: filter.until,
        page: filter.page.clone(),
        ..AuditFilter::default()
    };
    let mut db = core.store.read().await?;
    let mut pages = Vec::new();
    for profile in scope::parts(&reach, filter.profile_id.as_ref()) {
        let resource_id = profile.map(|id| id.to_string());
        pages.push(db.audit_events(&AuditFilter { resource_id, ..of_all.clone() }).await?);
    }
    let Page { items, next } = scope::merge(pages, filter.page.limit, |event| event.id.to_string());
    Ok(Page { items: items.into_iter().map(RefusedOrder::of).collect::<Result<_>>()?, next })
}

impl RefusedOrder {
    fn of(event: AuditEvent) -> Result<Self> {
        let malformed = |what: &str| Error::Internal(format!("the audit event {} has no {what}", event.id));
        let details = &event.details;
        let text = |field: &str| details[field].as_str();
        let mut reasons: Vec<_> = explain::reasons(&event).map(str::to_owned).collect();
        if reasons.is_empty() {
            reasons.extend(text("reason").map(str::to_owned));
        }
        Ok(Self {
            profile_id: event.resource_id.parse().map_err(|_| malformed("profile"))?,
            account_id: text("account_id").and_then(|id| id.parse().ok()),
            identifiers: serde_json::from_value(details["identifiers"].clone())
                .map_err(|_| malformed("names"))?,
            reasons,
            advice: advice_for_rule(text("rule").unwrap_or_default()),
            event,
        })
    }
}

pub async fn examine(core: &Core, caller: &Caller, id: &OrderId) -> Result<Examination> {
    let reach = reach(caller, Permission::OrderRead)?;
    let mut db = core.store.read().await?;
    let now = core.now();
    let found = db.order(id).await?.filter(|found| reach.covers(&found.profile_id));
    let found = found.ok_or_else(|| Error::not_found(format!("order {id}")))?;
    let order = order::as_of(found, now);
    let authorizations = db.authorizations_of_order(id).await?;
    let challenged = authorizations.iter().any(|a| a.offered.is_some());
    let (mut challenges, mut attempts) = (Vec::new(), Vec::new());
    if challenged {
        challenges = db.challenges_of_order(id).await?;
        attempts = db.validation_attempts_of_order(id).await?;
    }
    let filter = AuditFilter {
        resource_id: Some(id.to_string()),
        outcome: Some(Outcome::Refused),
        page: PageRequest { after: None, limit: REFUSALS },
        ..AuditFilter::default()
    };
    let refusals = db.audit_events(&filter).await?.items;
    let examined = authorizations.into_iter().map(|found| {
        let of_this = challenges.extract_if(.., |c| c.authorization_id == found.id).collect::<Vec<_>>();
        let with_attempts = of_this.into_iter().map(|challenge| {
            let of_this =
                |a: &mut model::ValidationAttempt| a.authorization_id == found.id && a.kind == challenge.kind;
            let attempts = attempts.extract_if(.., of_this).collect();
            (challenge, attempts)
        });
        let challenges = with_attempts.collect();
        Examined { authorization: authorization::as_of(found, now), challenges }
    });
    let authorizations: Vec<_> = examined.collect();
    let account = db.account(&order.account_id).await?.map(|account| account.status);
    let attempts = core.validation.attempts;
    let explanation = explain(&order, account, &authorizations, &refusals, attempts, now);
    Ok(Examination { order, authorizations, explanation })
}
