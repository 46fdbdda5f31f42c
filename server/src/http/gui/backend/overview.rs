use std::time::Duration;

use app::views::{Attention, End, Figure, FiguresView, Link, OverviewView, Tone};
use model::{
    ApiKeyState, Caller, CertificateFilter, EabKeyState, OrderFilter, OrderStatus, PageRequest, Permission,
    Timestamp,
};

use super::issuers::status;
use super::orders::REFUSED;
use super::{Services, words};
use crate::error::Result;
use crate::services::orders::{RefusedFilter, RefusedOrder};
use crate::services::overview::{self, Figures};
use crate::services::{api_keys, certificates, eab_keys, orders, profiles, trust};
use crate::tls::BootstrapCa;

/// How many of each kind are shown.
const MOST: usize = 5;
const DAY: Duration = Duration::from_secs(86_400);
/// Keys that end within this time need a successor.
const SOON: Duration = Duration::from_secs(14 * 86_400);

impl Services {
    pub(super) async fn show_overview(&self, caller: &Caller) -> Result<OverviewView> {
        let core = &self.state.core;
        let now = core.now();
        let page = PageRequest { after: None, limit: 5 };
        let newest = match self.may(Permission::CertificateRead) {
            false => None,
            true => {
                let filter = CertificateFilter { page, ..CertificateFilter::default() };
                let found = certificates::list(core, caller, &filter).await?.items;
                Some(found.into_iter().map(|c| self.certificate_row(c, now)).collect::<Vec<_>>())
            }
        };
        let everywhere = caller.rights.allows(Permission::CertificateRead);
        let figures = match everywhere {
            true => overview::figures(core, caller).await?.map(|counted| figures(&counted, now)),
            false => None,
        };
        Ok(OverviewView {
            version: env!("CARGO_PKG_VERSION"),
            faults: crate::http::operations::faults(core).await,
            attention: self.attention(caller, now).await?,
            first_steps: newest.as_ref().is_some_and(Vec::is_empty),
            counting: everywhere && figures.is_none(),
            figures,
            ends: self.ends(now)?,
            newest,
        })
    }

    async fn attention(&self, caller: &Caller, now: Timestamp) -> Result<Vec<Attention>> {
        let core = &self.state.core;
        let first = |limit: usize| PageRequest { after: None, limit: u32::try_from(limit).unwrap_or(1) };
        let mut items = Vec::new();
        if self.may(Permission::OrderRead) {
            let filter = OrderFilter {
                status: Some(OrderStatus::Invalid),
                created_after: Some(now - DAY),
                page: first(MOST),
                ..OrderFilter::default()
            };
            for order in orders::list(core, caller, &filter).await?.items {
                let row = self.order_row(order, now);
                let reason = row.problem.unwrap_or_else(|| "it ended without a certificate".to_owned());
                items.push(Attention {
                    badge: words::badge("failed", Tone::Bad),
                    what: Link { text: format!("Order for {}", row.order.text), ..row.order },
                    why: format!("{}: {reason}", row.placed.hint),
                });
            }
            let since = Some(now - DAY);
            let filter = RefusedFilter { since, page: first(50), ..RefusedFilter::default() };
            items.extend(self.refusals(orders::refused(core, caller, &filter).await?.items, now));
        }
        if self.may(Permission::ProfileRead) {
            let all = profiles::list(core, caller, &first(100)).await?.items;
            let enabled = all.into_iter().filter(|profile| profile.spec.enabled);
            let risky = enabled.filter_map(|p| Some((profiles::warnings(&p.spec).into_iter().next()?, p)));
            items.extend(risky.take(MOST).map(|(why, profile)| Attention {
                badge: words::badge("open", Tone::Warn),
                what: Link {
                    text: format!("Profile {}", profile.spec.name),
                    ..self.profile_link(&profile.id)
                },
                why,
            }));
        }
        if self.may(Permission::EabKeyRead) {
            let keys = eab_keys::list(core, caller, &first(100)).await?.items.into_iter();
            let active: Vec<_> = keys.filter(|key| key.state(now) == EabKeyState::Active).collect();
            let endless = active.iter().filter(|key| key.expires_at.is_none()).map(|key| &key.note);
            items.extend(endless_keys("EAB key", Some("/eab-keys"), &endless.collect::<Vec<_>>()));
            let soon = active.into_iter();
            let soon = soon.filter_map(|key| Some((key.expires_at.filter(|end| *end < now + SOON)?, key)));
            items.extend(soon.take(MOST).map(|(end, key)| Attention {
                badge: words::badge("ending", Tone::Warn),
                what: Link { text: format!("EAB key {}", key.note), ..self.eab_key_link(&key.id) },
                why: format!("It binds accounts until {}, {}.", words::day(end), words::distance(end, now)),
            }));
        }
        if self.may(Permission::ApiKeyRead) {
            let keys = api_keys::list(core, caller, Some(now + SOON), &first(MOST)).await?.items;
            items.extend(keys.into_iter().filter_map(|key| {
                let end = key.expires_at?;
                Some(Attention {
                    badge: words::badge("ending", Tone::Warn),
                    what: Link { text: format!("API key {}", key.name), ..self.api_key_link(&key.id) },
                    why: format!("It ends on {}, {}.", words::day(end), words::distance(end, now)),
                })
            }));
            let keys = api_keys::list(core, caller, None, &first(100)).await?.items;
            let active = keys.iter().filter(|key| key.state(now) == ApiKeyState::Active);
            let endless = active.filter(|key| key.expires_at.is_none()).map(|key| &key.name);
            items.extend(endless_keys("API key", Some("/api-keys"), &endless.collect::<Vec<_>>()));
        }
        Ok(items)
    }

    /// Clients ask again and again, so what was refused for one reason is told once, with the newest.
    fn refusals(&self, found: Vec<RefusedOrder>, now: Timestamp) -> Vec<Attention> {
        let mut kinds: Vec<(RefusedOrder, usize)> = Vec::new();
        for refused in found {
            let same = |(kind, _): &&mut (RefusedOrder, usize)| {
                (&kind.profile_id, &kind.reasons) == (&refused.profile_id, &refused.reasons)
            };
            match kinds.iter_mut().find(same) {
                Some((_, times)) => *times += 1,
                None => kinds.push((refused, 1)),
            }
        }
        let attention = kinds.into_iter().take(MOST).map(|(refused, times)| {
            let (name, _) = words::names(&refused.identifiers);
            let often = if times == 1 { String::new() } else { format!(", the newest of {times}") };
            let list = format!("{REFUSED}?profile={}", refused.profile_id);
            Attention {
                badge: words::badge("refused", Tone::Warn),
                what: Link { text: format!("Order for {name}"), href: Some(list), title: None },
                why: format!(
                    "{}{often}: {}. {}",
                    words::distance(refused.event.created_at, now),
                    refused.reasons.join("; "),
                    refused.advice
                ),
            }
        });
        attention.collect()
    }

    fn ends(&self, now: Timestamp) -> Result<Vec<End>> {
        let issuers = trust::issuers(&self.state.core)?.into_iter().map(|anchor| {
            let link = anchor.name.parse().map(|id| self.issuer_link(&id));
            let link = link.unwrap_or(Link { text: anchor.name, href: None, title: None });
            (Link { text: format!("CA {}", anchor.subject), ..link }, anchor.not_after)
        });
        let server = self.state.bootstrap_ca_pem.as_deref().map(trust::server_ca).transpose()?;
        let server = server.map(|anchor| {
            let text = format!("{} (the CA of this server's own certificate)", anchor.subject);
            (Link { text, href: Some("/pki".to_owned()), title: None }, anchor.not_after)
        });
        let all = issuers.chain(server).map(|(of, at)| (of, at, status(now, at, now)));
        let own = self.state.identity.as_ref().and_then(|identity| identity.not_after()).map(|end| {
            let renews_itself = self.state.bootstrap_ca_pem.is_some();
            let (text, status) = match renews_itself {
                // Worth a warning is one that should have renewed itself a day ago.
                true if now < BootstrapCa::renewal_time(end) + DAY => {
                    ("This server's own certificate, which renews itself", words::badge("valid", Tone::Ok))
                }
                true => {
                    ("This server's own certificate, which should have renewed itself", status(now, end, now))
                }
                false => ("This server's own certificate, read from files", status(now, end, now)),
            };
            (Link { text: text.to_owned(), href: None, title: None }, end, status)
        });
        Ok(all.chain(own).map(|(of, at, status)| End { of, status, at: words::moment(at, now) }).collect())
    }
}

/// Whoever gets hold of a key without an end has it for ever. The newest is named.
fn endless_keys(kind: &str, list: Option<&str>, names: &[&String]) -> Option<Attention> {
    let (first, others) = names.split_first()?;
    let (what, they_have) = match u64::try_from(others.len()).unwrap_or(0) {
        0 => (format!("{kind} {first}"), "It has"),
        n => (format!("{kind} {first} and {}", words::counted(n, "other")), "They have"),
    };
    Some(Attention {
        badge: words::badge("endless", Tone::Warn),
        what: Link { text: what, href: list.map(str::to_owned), title: None },
        why: format!(
            "{they_have} no expiry, so whoever gets hold of a copy has it until somebody revokes it."
        ),
    })
}

/// Figures of this age are as good as new.
const AS_NEW: Duration = Duration::from_secs(5);

fn figures(figures: &Figures, now: Timestamp) -> FiguresView {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let horizon: Vec<_> =
        figures.expiring.iter().map(|day| (count(day.all - day.replaced), count(day.replaced))).collect();
    let days = figures.issued.iter().zip(&figures.failed);
    let issued: Vec<_> = days.map(|(issued, failed)| (count(*issued), count(*failed))).collect();
    let total = issued.iter().map(|(issued, _)| issued).sum::<u64>();
    let (last, failed) = issued.last().copied().unwrap_or_default();
    let sum = |days: &[(u64, u64)]| days.iter().fold((0, 0), |sum, day| (sum.0 + day.0, sum.1 + day.1));
    let (week, rest) = (sum(horizon.get(..7).unwrap_or(&horizon)), sum(&horizon));
    let figure = |name, (used, replaced): (u64, u64)| Figure {
        name,
        number: words::grouped(used),
        note: format!("and {} that are replaced", words::grouped(replaced)),
    };
    let numbers = vec![
        figure("End within 7 days", week),
        figure("End within 90 days", rest),
        Figure {
            name: "Issued in 24 hours",
            number: words::grouped(last),
            note: match failed {
                0 => "and no order failed".to_owned(),
                n => format!("and {} failed", words::counted(n, "order")),
            },
        },
        Figure {
            name: "Issued in 28 days",
            number: words::grouped(total),
            note: match total / u64::from(overview::BACK) {
                0 => "less than one a day".to_owned(),
                n => format!("about {} a day", words::grouped(n)),
            },
        },
    ];
    let old = now.since(figures.counted_at) > AS_NEW;
    let counted = old.then(|| words::distance(figures.counted_at, now));
    FiguresView { numbers, horizon, issued, counted }
}
