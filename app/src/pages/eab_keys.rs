use leptos::prelude::*;

use super::accounts::{self, newest};
use super::profiles::listed;
use crate::components::{Instant, PageTitle, StatusBadge, list_page, page, parameter, thing};
use crate::views::{EabKeyRow, EabKeyView, Link, ListView, Moment};

#[component]
pub fn EabKeys() -> impl IntoView {
    page("EAB keys", PATH, |r| async move { r.backend.eab_keys(&r.query).await }, list)
}

#[component]
pub fn EabKey() -> impl IntoView {
    let id = parameter("id");
    page("EAB key", PATH, |r| async move { r.backend.eab_key(&id).await }, detail)
}

const PATH: &str = "/eab-keys";

fn list(view: ListView<EabKeyRow>) -> impl IntoView {
    const COLUMNS: &[&str] = &["Key", "Status", "Used", "Profiles", "Binds until (UTC)", "Created (UTC)"];
    let heading = (
        "EAB keys",
        "Who holds such a key may register an ACME account (external account binding): it ties accounts to people and clusters.",
    );
    list_page(view, PATH, heading, COLUMNS, row, || {
        view! {
            <p><strong>"There is no EAB key yet."</strong></p>
            <p>"Make one for each cluster or team with " <code>"POST /api/acme/eab-keys"</code>
                ", and require it in a " <a href="/profiles">"profile"</a> "."</p>
        }
        .into_any()
    })
}

fn row(row: EabKeyRow) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">{thing(row.key)} <small class="mono">{row.id}</small></th>
            <td><StatusBadge badge=row.status/></td>
            <td class="nowrap">{row.uses}</td>
            <td>{profiles(row.profiles)}</td>
            <td class="nowrap">{end(row.expires)}</td>
            <td class="nowrap"><Instant at=row.created/></td>
        </tr>
    }
}

fn profiles(links: Vec<Link>) -> impl IntoView {
    match links.is_empty() {
        true => view! { <span class="muted">"all"</span> }.into_any(),
        false => {
            let all = links.into_iter().map(|link| view! { <li>{thing(link)}</li> }).collect_view();
            view! { <ul class="plain">{all}</ul> }.into_any()
        }
    }
}

fn end(at: Option<Moment>) -> impl IntoView {
    match at {
        Some(at) => view! { <Instant at/> }.into_any(),
        None => view! { <span class="muted">"no end"</span> }.into_any(),
    }
}

fn detail(v: EabKeyView) -> impl IntoView {
    let heading = if v.note.is_empty() { "EAB key without a note".to_owned() } else { v.note };
    let accounts = v.accounts.map(|(rows, all)| {
        let rows: Vec<_> = rows.into_iter().map(|row| accounts::row(row).into_any()).collect();
        newest("ACME accounts", "It has bound no account yet.", accounts::COLUMNS, rows, all)
    });
    view! {
        <PageTitle text=format!("EAB key {heading}")/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"EAB keys"</a> " / " <code>{v.id}</code></div>
                <h1>{heading} " " <StatusBadge badge=v.status/></h1>
            </div>
            <div class="actions">
                {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
            </div>
        </div>
        <div class="grid cols-2">
            <section class="card">
                <header><h2>"What its accounts may do"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"Profiles"</dt><dd>{profiles(v.profiles)}</dd>
                        <dt>"Names"</dt><dd>{listed(v.names, "what the profile permits")}</dd>
                        <dt>"Challenges"</dt>
                        <dd>{if v.preauthorized {
                            "none needed: the key vouches for these names"
                        } else {
                            "as the profile says"
                        }}</dd>
                    </dl>
                </div>
            </section>
            <section class="card">
                <header><h2>"Its life"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"Used"</dt><dd>{v.uses}</dd>
                        <dt>"Binds until"</dt><dd>{end(v.expires)}</dd>
                        <dt>"Created"</dt><dd><Instant at=v.created/></dd>
                        <dt>"By"</dt><dd class="mono">{v.created_by}</dd>
                        {v.rotated.map(|at| view! { <dt>"New MAC key"</dt><dd><Instant at/></dd> })}
                        {v.revoked.map(|at| view! { <dt>"Revoked"</dt><dd><Instant at/></dd> })}
                    </dl>
                </div>
            </section>
        </div>
        {accounts}
    }
}
