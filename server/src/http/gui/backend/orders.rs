use app::Query;
use app::views::{
    AuthorizationRow, ExplanationView, Link, ListView, OrderRow, OrderView, ProblemView, RefusedOrderRow,
    Tone,
};
use model::{
    AuthorizationStatus, Caller, NamePart, Order, OrderFilter, OrderId, OrderStatus, Permission, Timestamp,
};

use super::certificates::NAME;
use super::fields::{self, Fields};
use super::{Services, timeline, words};
use crate::error::{Error, Result};
use crate::issuance::order::as_of;
use crate::services::explain::Examined;
use crate::services::orders::{self, Examination, RefusedFilter, RefusedOrder};

const PATH: &str = "/orders";
pub(super) const REFUSED: &str = "/orders/refused";

impl Services {
    pub(super) async fn list_orders(&self, caller: &Caller, query: &Query) -> Result<ListView<OrderRow>> {
        let mut fields = Fields::new(PATH, query);
        let filter = OrderFilter {
            name_part: fields.part("name", "Name or address", NAME, NamePart::parse),
            status: fields.choice("status", "Status", fields::words(OrderStatus::ALL)),
            profile_id: fields.parsed("profile", "Profile", "id"),
            account_id: fields.parsed("account", "Account", "acc-…"),
            created_after: fields.day("from", "Placed from", false),
            created_before: fields.day("until", "Placed until", true),
            page: fields.page(),
        };
        if fields.is_wrong() {
            return Ok(fields.without_rows());
        }
        let now = self.state.core.now();
        let page = orders::list(&self.state.core, caller, &filter).await?;
        let mut list = fields.with_rows(page.map(|order| self.order_row(order, now)));
        list.actions.extend(self.way_to(Permission::OrderRead, "Refused orders", REFUSED));
        Ok(list)
    }

    pub(super) async fn list_refused_orders(
        &self,
        caller: &Caller,
        query: &Query,
    ) -> Result<ListView<RefusedOrderRow>> {
        let mut fields = Fields::new(REFUSED, query);
        let filter = RefusedFilter {
            profile_id: fields.parsed("profile", "Profile", "id"),
            account_id: fields.parsed("account", "Account", "acc-…"),
            since: fields.day("from", "Asked from", false),
            until: fields.day("until", "Asked until", true),
            page: fields.page(),
        };
        if fields.is_wrong() {
            return Ok(fields.without_rows());
        }
        let now = self.state.core.now();
        let page = orders::refused(&self.state.core, caller, &filter).await?;
        Ok(fields.with_rows(page.map(|refused| self.refused_row(refused, now))))
    }

    fn refused_row(&self, refused: RefusedOrder, now: Timestamp) -> RefusedOrderRow {
        let (name, more_names) = words::names(&refused.identifiers);
        let event = &refused.event;
        RefusedOrderRow {
            name: Link {
                text: name,
                href: self.list_link(Permission::AuditRead, &format!("/audit/{}", event.id)),
                title: None,
            },
            more_names,
            reasons: refused.reasons,
            advice: refused.advice,
            profile: self.profile_link(&refused.profile_id),
            account: refused.account_id.map(|id| self.account_link(&id)),
            asked: words::moment(event.created_at, now),
        }
    }

    pub(super) fn order_row(&self, order: Order, now: Timestamp) -> OrderRow {
        let o = as_of(order, now);
        let (name, more_names) = words::names(&o.identifiers);
        OrderRow {
            order: Link {
                text: name,
                href: self.may(Permission::OrderRead).then(|| format!("{PATH}/{}", o.id)),
                title: Some(o.id.to_string()),
            },
            more_names,
            status: words::order(o.status),
            problem: o.error.map(|problem| clipped(&problem.detail)),
            profile: self.profile_link(&o.profile_id),
            account: self.account_link(&o.account_id),
            certificate: o.certificate_id.map(|id| self.certificate_link(&id)),
            placed: words::moment(o.created_at, now),
        }
    }

    pub(super) async fn show_order(&self, caller: &Caller, id: &str) -> Result<OrderView> {
        let core = &self.state.core;
        let id: OrderId = id.parse().map_err(|_| Error::not_found(format!("order {id}")))?;
        let Examination { order: o, authorizations, explanation } =
            orders::examine(core, caller, &id).await?;
        let now = core.now();
        let (name, _) = words::names(&o.identifiers);
        let certificate = o.certificate_id.as_ref().map(|id| self.certificate_link(id));
        let ended = matches!(o.status, OrderStatus::Valid | OrderStatus::Invalid);
        Ok(OrderView {
            name,
            status: words::order(o.status),
            placed: words::moment(o.created_at, now),
            expires: (!ended).then(|| words::moment(o.expires_at, now)),
            names: o.identifiers.iter().map(ToString::to_string).collect(),
            wanted: wanted(o.not_before, o.not_after),
            profile: self.profile_link(&o.profile_id),
            account: self.account_link(&o.account_id),
            eab_key: self.eab_key_of(caller, &o.account_id).await?,
            replaces: self.certificate_named(o.replaces.as_deref()).await?,
            events: timeline::of_order(&o, &authorizations, certificate.as_ref(), now),
            certificate,
            explanation: explanation.map(|e| ExplanationView {
                failed: o.status == OrderStatus::Invalid,
                summary: e.summary,
                findings: e.findings,
                advice: e.advice,
            }),
            authorizations: authorizations.iter().map(|examined| authorization(examined, now)).collect(),
            problem: o.error.map(|p| ProblemView { kind: p.r#type, detail: p.detail, status: p.status }),
            audit: self.audit_of(id.as_str()),
            id: id.to_string(),
        })
    }
}

fn authorization(examined: &Examined, now: Timestamp) -> AuthorizationRow {
    let a = &examined.authorization;
    let tone = match a.status {
        AuthorizationStatus::Valid => Tone::Ok,
        AuthorizationStatus::Pending => Tone::Info,
        AuthorizationStatus::Invalid => Tone::Bad,
        AuthorizationStatus::Deactivated | AuthorizationStatus::Expired | AuthorizationStatus::Revoked => {
            Tone::Quiet
        }
    };
    AuthorizationRow {
        name: timeline::name_of(a),
        status: words::badge(a.status.as_str(), tone),
        how: match (&a.offered, &a.source_id) {
            (_, Some(_)) => "an earlier validation".to_owned(),
            (None, None) => "no challenge needed".to_owned(),
            (Some(offered), None) => offered.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "),
        },
        expires: words::moment(a.expires_at, now),
    }
}

/// The validity that a client has asked for, in words.
fn wanted(from: Option<Timestamp>, until: Option<Timestamp>) -> Option<String> {
    match (from, until) {
        (None, None) => None,
        (Some(from), None) => Some(format!("asked for: from {from}")),
        (None, Some(until)) => Some(format!("asked for: until {until}")),
        (Some(from), Some(until)) => Some(format!("asked for: {from} to {until}")),
    }
}

/// What fits into a line of a table.
fn clipped(text: &str) -> String {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}
