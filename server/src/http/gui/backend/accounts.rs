use acme::KeyKind;
use app::Query;
use app::views::{
    AcmeAccountRow, AcmeAccountView, ActionLink, FilterKind, LimitRow, ListView, RefusedRequest,
    StandstillView,
};
use model::{
    Account, AccountFilter, AccountId, AccountOrder, AccountStatus, Caller, CertificateFilter, ContactPart,
    OrderFilter, Page, PageRequest, Permission, RateSubject, Timestamp,
};

use super::fields::{self, Fields};
use super::{Services, words};
use crate::error::{Error, Result};
use crate::http::api::accounts::parse_id;
use crate::services::accounts::Standstill;
use crate::services::rate_limits::Usage;
use crate::services::{accounts, certificates, orders, rate_limits};

const PATH: &str = "/acme-accounts";
const ORDERS: [(AccountOrder, &str); 2] =
    [(AccountOrder::Newest, "newest first"), (AccountOrder::LastSeen, "longest unseen first")];
/// How many of an account's orders and certificates its page shows.
const NEWEST: u32 = 10;

/// What an account is searched by: one of them is enough.
enum Key {
    Id(AccountId),
    Thumbprint(String),
}

impl Services {
    pub(super) async fn list_accounts(
        &self,
        caller: &Caller,
        query: &Query,
    ) -> Result<ListView<AcmeAccountRow>> {
        let mut fields = Fields::new(PATH, query);
        let text = FilterKind::Text { example: "acc-… or thumbprint" };
        let key = fields.read("key", "Id or key thumbprint", text, |text| match text.parse() {
            Ok(id) => Ok(Key::Id(id)),
            // SHA-256 in unpadded base64url.
            Err(_) if text.len() == 43 => Ok(Key::Thumbprint(text.to_owned())),
            Err(_) => Err("neither the id of an account nor the thumbprint of a key (RFC 7638)".to_owned()),
        });
        let contact = ("web@example.com", "begins at the address, after @ or a dot");
        let filter = AccountFilter {
            contact_part: fields.part("contact", "Contact", contact, ContactPart::parse),
            status: fields.choice("status", "Status", fields::words(AccountStatus::ALL)),
            eab_key_id: fields.parsed("eab_key", "EAB key", "eab-…"),
            not_seen_since: fields.day("not_seen_since", "Not seen since", false),
            order: fields.order("as fits the filters", ORDERS),
            page: fields.page(),
        };
        fields.in_order(match filter.order() {
            AccountOrder::Newest => "newest first",
            AccountOrder::LastSeen => "longest unseen first",
        });
        if fields.is_wrong() {
            return Ok(fields.without_rows());
        }
        let core = &self.state.core;
        let page = match key {
            None => accounts::list(core, caller, &filter).await?,
            Some(key) => {
                let found = match key {
                    Key::Id(id) => match accounts::find(core, caller, &id).await {
                        Err(Error::NotFound(_)) => None,
                        found => Some(found?),
                    },
                    Key::Thumbprint(text) => accounts::find_by_thumbprint(core, caller, &text).await?,
                };
                Page { items: found.into_iter().filter(|account| filter.fits(account)).collect(), next: None }
            }
        };
        let now = core.now();
        Ok(fields.with_rows(page.map(|account| self.account_row(account, now))))
    }

    pub(super) fn account_row(&self, a: Account, now: Timestamp) -> AcmeAccountRow {
        AcmeAccountRow {
            account: self.account_link(&a.id),
            contacts: match a.contacts.is_empty() {
                true => "–".to_owned(),
                false => a.contacts.join(", "),
            },
            status: words::account(a.status),
            eab_key: a.external_account.map(|bound| self.eab_key_link(&bound.key_id)),
            registered: words::moment(a.created_at, now),
            registered_from: a.created_from.map(|ip| ip.to_string()),
            seen: words::moment(a.last_seen_at, now),
        }
    }

    pub(super) async fn show_account(&self, caller: &Caller, id: &str) -> Result<AcmeAccountView> {
        let core = &self.state.core;
        let id = parse_id(id)?;
        let a = accounts::find(core, caller, &id).await?;
        let now = core.now();
        let page = PageRequest { after: None, limit: NEWEST };
        let orders = match self.may(Permission::OrderRead) {
            false => None,
            true => {
                let filter = OrderFilter {
                    account_id: Some(id.clone()),
                    page: page.clone(),
                    ..OrderFilter::default()
                };
                let found = orders::list(core, caller, &filter).await?.items;
                let rows = found.into_iter().map(|order| self.order_row(order, now)).collect();
                Some((rows, format!("/orders?account={id}")))
            }
        };
        let certificates = match self.may(Permission::CertificateRead) {
            false => None,
            true => {
                let account_id = Some(id.clone());
                let filter = CertificateFilter { account_id, page, ..CertificateFilter::default() };
                let found = certificates::list(core, caller, &filter).await?.items;
                let rows = found.into_iter().map(|c| self.certificate_row(c, now)).collect();
                Some((rows, format!("/certificates?account={id}")))
            }
        };
        let limits = match self.may(Permission::RateLimitRead) {
            false => None,
            true => {
                let usage = rate_limits::usage(core, caller, Some(&RateSubject::account(&id))).await?;
                Some(usage.iter().map(|usage| limit(usage, now)).collect())
            }
        };
        let standstill = accounts::standstill(core, caller, &a).await?;
        Ok(AcmeAccountView {
            standstill: standstill.map(|standstill| self.standstill(a.status, standstill, now)),
            actions: self.account_actions(&a),
            status: words::account(a.status),
            name: match a.contacts.first() {
                Some(contact) => contact.strip_prefix("mailto:").unwrap_or(contact).to_owned(),
                None => words::short(id.as_str()),
            },
            contacts: a.contacts,
            thumbprint: a.key_thumbprint,
            key: acme::Jwk::parse(&a.jwk).map_or_else(|_| "unknown".to_owned(), |key| key_kind(&key)),
            eab_key: a.external_account.map(|bound| self.eab_key_link(&bound.key_id)),
            terms: a.terms_version,
            registered: words::moment(a.created_at, now),
            registered_from: a.created_from.map(|ip| ip.to_string()),
            seen: words::moment(a.last_seen_at, now),
            orders,
            certificates,
            limits,
            audit: self.audit_of(id.as_str()),
            id: id.to_string(),
        })
    }

    fn standstill(&self, status: AccountStatus, found: Standstill, now: Timestamp) -> StandstillView {
        let Standstill { event, refused } = found;
        let refused = refused.into_iter().map(|event| RefusedRequest {
            at: words::moment(event.created_at, now),
            path: event.details["path"].as_str().unwrap_or_default().to_owned(),
            event: self.list_link(Permission::AuditRead, &format!("/audit/{}", event.id)),
        });
        StandstillView {
            suspended: status == AccountStatus::Suspended,
            at: words::moment(event.created_at, now),
            by: self.actor_link(&event.actor),
            reason: event.details["reason"].as_str().unwrap_or_default().to_owned(),
            refused: refused.collect(),
        }
    }

    /// What the caller may do to an account in its state.
    fn account_actions(&self, a: &Account) -> Vec<ActionLink> {
        let (suspend, deactivate) = (Permission::AcmeAccountSuspend, Permission::AcmeAccountDeactivate);
        let action = |permission, fits: bool, text, path: &str, danger| {
            let href = format!("{PATH}/{}/{path}", a.id);
            (fits && self.may(permission)).then_some(ActionLink { text, href, danger })
        };
        let all = [
            action(suspend, a.status == AccountStatus::Valid, "Suspend", "suspend", true),
            action(suspend, a.status == AccountStatus::Suspended, "Resume", "resume", false),
            action(deactivate, a.status != AccountStatus::Deactivated, "Deactivate", "deactivate", true),
        ];
        all.into_iter().flatten().collect()
    }
}

fn key_kind(key: &acme::Jwk) -> String {
    match key.kind() {
        KeyKind::P256 => "ECDSA P-256",
        KeyKind::P384 => "ECDSA P-384",
        KeyKind::P521 => "ECDSA P-521",
        KeyKind::Ed25519 => "Ed25519",
        KeyKind::Rsa => "RSA",
    }
    .to_owned()
}

fn limit(usage: &Usage, now: Timestamp) -> LimitRow {
    LimitRow {
        what: usage.limit.describe().to_owned(),
        used: words::grouped(u64::try_from(usage.count).unwrap_or(0)),
        allowed: usage.allowed.map(|allowed| words::grouped(u64::from(allowed))),
        status: words::usage(usage),
        resets: usage.resets_at.map(|at| words::moment(at, now)),
    }
}
