//! Orders as administrators see them.

use model::{AuditFilter, Caller, Order, OrderFilter, OrderId, Outcome, Page, PageRequest, Permission};

use super::explain::{Examined, Explanation, explain};
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
