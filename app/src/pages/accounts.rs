use leptos::prelude::*;

use super::{certificates, orders};
use crate::PageRequest;
use crate::components::{
    Confirmation, Identifier, Instant, PageTitle, StatusBadge, Table, actions, asking, list_page,
    optional_link, page, parameter, thing,
};
use crate::views::{AcmeAccountRow, AcmeAccountView, LimitRow, ListView, RefusedRequest, StandstillView};

#[component]
pub fn AcmeAccounts() -> impl IntoView {
    page("ACME accounts", PATH, |r| async move { r.backend.acme_accounts(&r.query).await }, list)
}

#[component]
pub fn AcmeAccount() -> impl IntoView {
    let id = parameter("id");
    page("ACME account", PATH, |r| async move { r.backend.acme_account(&id).await }, detail)
}

#[component]
pub fn SuspendAccount() -> impl IntoView {
    asked("Suspend an account", |v, common| Confirmation {
        heading: format!("Suspend {}", v.name),
        consequences: vec![
            "Every request of this account is refused until it is resumed; its client is told so.".to_owned(),
            CERTIFICATES_STAY.to_owned(),
        ],
        button: "Suspend",
        danger: true,
        ..common
    })
}

#[component]
pub fn ResumeAccount() -> impl IntoView {
    asked("Resume an account", |v, common| Confirmation {
        heading: format!("Resume {}", v.name),
        consequences: vec!["Its client may order again, under the same key.".to_owned()],
        button: "Resume",
        ..common
    })
}

#[component]
pub fn DeactivateAccount() -> impl IntoView {
    asked("Deactivate an account", |v, common| {
        Confirmation {
        heading: format!("Deactivate {}", v.name),
        consequences: vec![
            "This cannot be taken back. Its open orders fail, and its client must register anew with another key."
                .to_owned(),
            CERTIFICATES_STAY.to_owned(),
        ],
        button: "Deactivate for ever",
        danger: true,
        ..common
    }
    })
}

const CERTIFICATES_STAY: &str =
    "Its certificates stay valid. Revoke those that must not be trusted any more.";

/// A page that asks before something is done to the account in the path.
fn asked(
    title: &'static str,
    ask: impl FnOnce(&AcmeAccountView, Confirmation) -> Confirmation + Send + 'static,
) -> impl IntoView {
    let load = |r: PageRequest, id: String| async move { r.backend.acme_account(&id).await };
    asking(title, PATH, Confirmation::here(), load, |v| v.name.clone(), ask)
}

const PATH: &str = "/acme-accounts";

/// Of every table of accounts.
pub const COLUMNS: &[&str] =
    &["Account", "Status", "Contacts", "EAB key", "Last seen (UTC)", "Registered (UTC)", "From"];

fn list(view: ListView<AcmeAccountRow>) -> impl IntoView {
    let heading = ("ACME accounts", "The clients that may order, each known by its key.");
    list_page(view, PATH, heading, COLUMNS, row, || {
        view! {
            <p><strong>"No client has registered yet."</strong></p>
            <p>"A client registers by itself at its first order. Open a " <a href="/profiles">"profile"</a>
                " and follow “Connect a client”; to know who is behind an account, give out an "
                <a href="/eab-keys">"EAB key"</a> " for each."</p>
        }
        .into_any()
    })
}

pub fn row(row: AcmeAccountRow) -> impl IntoView {
    view! {
        <tr>
            <th scope="row" class="mono">{thing(row.account)}</th>
            <td><StatusBadge badge=row.status/></td>
            <td class="text">{row.contacts}</td>
            <td class="mono nowrap">{optional_link(row.eab_key)}</td>
            <td class="nowrap"><Instant at=row.seen/></td>
            <td class="nowrap"><Instant at=row.registered/></td>
            <td class="mono nowrap">{row.registered_from}</td>
        </tr>
    }
}

fn detail(v: AcmeAccountView) -> impl IntoView {
    let contacts = match v.contacts.is_empty() {
        true => view! { <span class="muted">"none"</span> }.into_any(),
        false => {
            let all = v.contacts.into_iter().map(|contact| view! { <li>{contact}</li> }).collect_view();
            view! { <ul class="plain">{all}</ul> }.into_any()
        }
    };
    let orders = v.orders.map(|(rows, all)| {
        let rows: Vec<_> = rows.into_iter().map(|row| orders::row(row).into_any()).collect();
        newest("Orders", "It has not ordered anything.", orders::COLUMNS, rows, all)
    });
    let certificates = v.certificates.map(|(rows, all)| {
        let rows: Vec<_> = rows.into_iter().map(|row| certificates::row(row).into_any()).collect();
        newest("Certificates", "It has no certificate.", certificates::COLUMNS, rows, all)
    });
    view! {
        <PageTitle text=format!("ACME account {}", v.name)/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"ACME accounts"</a> " / " <code>{v.id}</code></div>
                <h1>{v.name} " " <StatusBadge badge=v.status/></h1>
            </div>
            <div class="actions">
                {actions(v.actions)}
                {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
            </div>
        </div>
        {v.standstill.map(standstill)}
        <div class="grid cols-2">
            <section class="card">
                <header><h2>"Account"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"Contacts"</dt><dd>{contacts}</dd>
                        <dt>"Bound by"</dt><dd class="mono">{optional_link(v.eab_key)}</dd>
                        <dt>"Key"</dt><dd>{v.key}</dd>
                        <dt>"Thumbprint"</dt><dd><Identifier text=v.thumbprint/></dd>
                        <dt>"Last seen"</dt><dd><Instant at=v.seen/></dd>
                        <dt>"Registered"</dt><dd><Instant at=v.registered/></dd>
                        <dt>"From"</dt><dd class="mono">{v.registered_from.unwrap_or_else(|| "–".to_owned())}</dd>
                        {v.terms.map(|version| view! { <dt>"Terms"</dt><dd>"agreed to version " {version}</dd> })}
                    </dl>
                </div>
            </section>
            {v.limits.map(limits)}
        </div>
        {orders}
        {certificates}
    }
}

/// Why its client gets nothing, who decided so, what it has asked for in vain, and what to do.
fn standstill(v: StandstillView) -> impl IntoView {
    let (state, effect, advice) = match v.suspended {
        true => (
            "suspended",
            "Its certificates stay valid, but it cannot renew them; its open orders wait.",
            "Resume it when the cause is gone.",
        ),
        false => (
            "deactivated",
            "Its certificates stay valid, but it cannot renew them. That is for ever.",
            "Let its client register anew, with another key.",
        ),
    };
    let refused = (!v.refused.is_empty()).then(|| {
        let rows = v.refused.into_iter().map(|RefusedRequest { at, path, event }| {
            let event = event.map(|href| view! { " (" <a href=href>"audit event"</a> ")" });
            view! { <li><Instant at/> ": " <code>{path}</code> {event}</li> }
        });
        view! {
            <h3>"What it has asked for since, the newest first, at most one a minute"</h3>
            <ul>{rows.collect_view()}</ul>
        }
    });
    view! {
        <section class="note warn" aria-labelledby="why">
            <h2 id="why">"Why its client gets nothing, and what to do"</h2>
            <p>"It was " {state} " by " <span class="mono">{thing(v.by)}</span> ", " <Instant at=v.at/> ": "
                <strong>{v.reason}</strong></p>
            <p>"Whatever it asks for is refused with status 401 and " <code>"unauthorized"</code> ". " {effect}</p>
            {refused}
            <h3>"Try"</h3>
            <p>{advice}</p>
        </section>
    }
}

/// The newest of a thing's orders or the like, with the way to all.
pub fn newest(
    heading: &'static str,
    none: &'static str,
    columns: &'static [&'static str],
    rows: Vec<AnyView>,
    all: String,
) -> impl IntoView {
    let content = match rows.is_empty() {
        true => view! { <div class="body"><p class="muted">{none}</p></div> }.into_any(),
        false => view! { <Table label=heading columns>{rows}</Table> }.into_any(),
    };
    view! {
        <section class="card">
            <header><h2>{heading}</h2> <a href=all>"All " {in_a_sentence(heading)}</a></header>
            {content}
        </section>
    }
}

/// A heading as it stands within a sentence: acronyms stay.
fn in_a_sentence(heading: &str) -> String {
    let word = heading.split(' ').next().unwrap_or_default();
    match word.chars().all(char::is_uppercase) {
        true => heading.to_owned(),
        false => heading.to_lowercase(),
    }
}

fn limits(rows: Vec<LimitRow>) -> impl IntoView {
    let rows = rows.into_iter().map(limit).collect_view().into_any();
    view! {
        <section class="card">
            <header><h2>"Rate limits"</h2></header>
            <Table label="Rate limits" columns=&["Limit", "Used", "State"]>{rows}</Table>
        </section>
    }
}

fn limit(row: LimitRow) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">{row.what}</th>
            <td class="nowrap">{row.used} " of " {row.allowed.unwrap_or_else(|| "any number".to_owned())}</td>
            <td>
                <StatusBadge badge=row.status/>
                <small>{match row.resets { Some(at) => format!("anew {}", at.hint), None => "less as orders end".to_owned() }}</small>
            </td>
        </tr>
    }
}
