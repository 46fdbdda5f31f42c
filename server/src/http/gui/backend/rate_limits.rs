use app::Query;
use app::views::{AllowedRow, Choice, LimitField, Link, RateLimitsForm, RateLimitsView, UsageRow};
use model::{Caller, Page, Permission, RateLimit, RateLimits, RateSubject, Timestamp};

use super::fields::Fields;
use super::{Services, words};
use crate::auth::authorise;
use crate::error::Result;
use crate::services::rate_limits::{self, Usage};

pub const PATH: &str = "/rate-limits";

impl Services {
    pub(super) async fn show_rate_limits(&self, caller: &Caller, query: &Query) -> Result<RateLimitsView> {
        let core = &self.state.core;
        let limits = rate_limits::read(core, caller).await?.limits;
        let mut fields = Fields::new(PATH, query);
        let subject = fields.parsed::<RateSubject>("subject", "Look a subject up", "name:www.example.com");
        let mut usage = match fields.is_wrong() {
            true => fields.without_rows(),
            false => {
                let now = core.now();
                let usage = rate_limits::usage(core, caller, subject.as_ref()).await?;
                let items = usage.iter().map(|usage| self.usage_row(usage, now)).collect();
                fields.with_rows(Page { items, next: None })
            }
        };
        let ways = [("Change them", "/rate-limits/edit"), ("Reset a counter", "/rate-limits/reset")];
        let ways = ways.iter().filter_map(|(text, page)| self.way_to(Permission::RateLimitEdit, text, page));
        usage.actions.extend(ways);
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

    pub(super) async fn show_rate_limits_form(&self, caller: &Caller) -> Result<RateLimitsForm> {
        authorise(caller, Permission::RateLimitEdit)?;
        let stored = rate_limits::read(&self.state.core, caller).await?;
        let (limits, defaults) = (stored.limits, RateLimits::default());
        let text = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
        let prefix = |name, label, now: u8, default: u8| LimitField {
            name,
            label: words::capitalised(label),
            stored: now.to_string(),
            default: default.to_string(),
        };
        let each = RateLimit::ALL.iter().map(|limit| LimitField {
            name: limit.as_str(),
            label: words::capitalised(limit.describe()),
            stored: text(limits.allowed(*limit)),
            default: text(defaults.allowed(*limit)),
        });
        Ok(RateLimitsForm {
            limits: each.collect(),
            networks: vec![
                prefix(
                    "network_prefix_ipv4",
                    "leading bits of an IPv4 address that make its network",
                    limits.network_prefix_ipv4,
                    defaults.network_prefix_ipv4,
                ),
                prefix(
                    "network_prefix_ipv6",
                    "leading bits of an IPv6 address that make its network",
                    limits.network_prefix_ipv6,
                    defaults.network_prefix_ipv6,
                ),
            ],
            version: stored.version,
        })
    }

    /// The limits whose counters can be set back.
    pub(super) fn show_rate_limit_reset(&self, caller: &Caller) -> Result<Vec<Choice>> {
        authorise(caller, Permission::RateLimitEdit)?;
        let limits = RateLimit::ALL.iter().filter(|limit| limit.has_window());
        let choice = |limit: &RateLimit| Choice {
            value: limit.as_str().to_owned(),
            text: limit.describe().to_owned(),
        };
        Ok(limits.map(choice).collect())
    }

    fn usage_row(&self, usage: &Usage, now: Timestamp) -> UsageRow {
        UsageRow {
            subject: self.subject_link(&usage.subject),
            what: usage.limit.describe(),
            used: words::grouped(u64::try_from(usage.count).unwrap_or(0)),
            allowed: usage.allowed.map(|allowed| words::grouped(u64::from(allowed))),
            status: words::usage(usage),
            resets: usage.resets_at.map(|at| words::moment(at, now)),
            reset: self
                .list_link(Permission::RateLimitEdit, &with_subject("/rate-limits/reset", &usage.subject))
                .filter(|_| usage.limit.has_window()),
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

/// The page with the usage of one subject.
pub fn page_of(subject: &RateSubject) -> String {
    with_subject(PATH, subject)
}

fn with_subject(path: &str, subject: &RateSubject) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("{path}?{}", query.append_pair("subject", subject.as_str()).finish())
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
