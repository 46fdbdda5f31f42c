use app::Query;
use app::views::{AllowedRow, Link, RateLimitsView, UsageRow};
use model::{Caller, Page, Permission, RateLimit, RateLimits, RateSubject, Timestamp};

use super::fields::Fields;
use super::{Services, words};
use crate::error::Result;
use crate::services::rate_limits::{self, Usage};

const PATH: &str = "/rate-limits";

impl Services {
    pub(super) async fn show_rate_limits(&self, caller: &Caller, query: &Query) -> Result<RateLimitsView> {
        let core = &self.state.core;
        let limits = rate_limits::read(core, caller).await?.limits;
        let mut fields = Fields::new(PATH, query);
        let subject = fields.parsed::<RateSubject>("subject", "Look a subject up", "name:www.example.com");
        let usage = match fields.is_wrong() {
            true => fields.without_rows(),
            false => {
                let now = core.now();
                let usage = rate_limits::usage(core, caller, subject.as_ref()).await?;
                let items = usage.iter().map(|usage| self.usage_row(usage, now)).collect();
                fields.with_rows(Page { items, next: None })
            }
        };
        Ok(RateLimitsView {
            networks: format!(
                "/{} of IPv4, /{} of IPv6",
                limits.network_prefix_ipv4, limits.network_prefix_ipv6
            ),
            allowed: allowed(&limits),
            usage,
            audit: self.list_link(Permission::AuditRead, "/audit?resource=acme&action=rate_limits.updated"),
        })
    }

    fn usage_row(&self, usage: &Usage, now: Timestamp) -> UsageRow {
        UsageRow {
            subject: self.subject_link(&usage.subject),
            what: usage.limit.describe(),
            used: words::grouped(u64::try_from(usage.count).unwrap_or(0)),
            allowed: usage.allowed.map(|allowed| words::grouped(u64::from(allowed))),
            status: words::usage(usage),
            resets: usage.resets_at.map(|at| words::moment(at, now)),
        }
    }

    /// To the account or the key, where the subject is one.
    fn subject_link(&self, subject: &RateSubject) -> Link {
        let (kind, id) = subject.as_str().split_once(':').unwrap_or_default();
        let page = match kind {
            "account" => Some((Permission::AcmeAccountRead, "/acme-accounts")),
            "eab_key" => Some((Permission::EabKeyRead, "/eab-keys")),
            _ => None,
        };
        let href =
            page.filter(|(permission, _)| self.may(*permission)).map(|(_, path)| format!("{path}/{id}"));
        Link { text: subject.to_string(), href, title: None }
    }
}

/// Each limit, in the order in which the API has them.
pub(super) fn allowed(limits: &RateLimits) -> Vec<AllowedRow> {
    let defaults = RateLimits::default();
    let number = |n: u32| words::grouped(u64::from(n));
    let row = |limit: &RateLimit| {
        let (now, default) = (limits.allowed(*limit), defaults.allowed(*limit));
        AllowedRow {
            name: limit.as_str(),
            what: limit.describe(),
            allowed: now.map(number),
            origin: match (now == default, default) {
                (true, _) => "default".to_owned(),
                (false, Some(default)) => format!("set; the default is {}", number(default)),
                (false, None) => "set".to_owned(),
            },
        }
    };
    RateLimit::ALL.iter().map(row).collect()
}
