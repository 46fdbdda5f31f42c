use leptos::prelude::*;

use crate::components::{Instant, StatusBadge, Table, page, thing};
use crate::views::{AllowedRow, Link, RateLimitsView, UsageRow};

#[component]
pub fn RateLimits() -> impl IntoView {
    page("Rate limits", PATH, |r| async move { r.backend.rate_limits(&r.query).await }, content)
}

const PATH: &str = "/rate-limits";

fn content(mut v: RateLimitsView) -> impl IntoView {
    const COLUMNS: &[&str] = &["Subject", "Limit", "Used", "State", "Begins anew (UTC)"];
    let wrong = v.usage.is_wrong();
    let (form, filtered) = (v.usage.form(PATH), v.usage.filtered);
    let rows = match v.usage.rows.is_empty() {
        true if wrong => ().into_any(),
        true => view! {
            <div class="empty">
                <p><strong>"Nobody is near a limit."</strong></p>
                <p>"Whoever has used four fifths of one is listed here."</p>
            </div>
        }
        .into_any(),
        false => {
            let rows = v.usage.rows.into_iter().map(used).collect_view().into_any();
            view! { <Table label="Usage" columns=COLUMNS>{rows}</Table> }.into_any()
        }
    };
    let actions = v.usage.actions.into_iter();
    let actions = actions.map(|Link { text, href, .. }| view! { <a class="button" href=href>{text}</a> });
    view! {
        <div class="head">
            <div>
                <h1>"Rate limits"</h1>
                <p>"They stop clients that run wild. Whoever is refused is told which limit it was, and when to try again."</p>
            </div>
            <div class="actions">
                {actions.collect_view()}
                {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
            </div>
        </div>
        <section class="card">
            <header>
                <h2>"In force"</h2>
                <span class="muted small">"the network of a client: " {v.networks}</span>
            </header>
            {allowed(v.allowed)}
        </section>
        <section class="card">
            <header>
                <h2>{if filtered { "Usage of one subject" } else { "Who is near a limit" }}</h2>
                <span class="muted small">"as this replica counts, to the second"</span>
            </header>
            {form}
            {rows}
        </section>
    }
}

pub fn allowed(rows: Vec<AllowedRow>) -> impl IntoView {
    let rows = rows.into_iter().map(|row| {
        let allowed = match row.allowed {
            Some(allowed) => view! { <td class="num">{allowed}</td> }.into_any(),
            None => view! { <td class="num muted">"no limit"</td> }.into_any(),
        };
        view! {
            <tr>
                <th scope="row">{row.what} <small class="mono">{row.name}</small></th>
                {allowed}
                <td>{row.origin}</td>
            </tr>
        }
    });
    let rows = rows.collect_view().into_any();
    view! { <Table label="Rate limits in force" columns=&["Limit", "Allowed", "Where from"]>{rows}</Table> }
}

fn used(row: UsageRow) -> impl IntoView {
    let resets = match row.resets {
        Some(at) => view! { <Instant at/> }.into_any(),
        None => view! { <span class="muted">"less as orders end"</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{thing(row.subject)}</th>
            <td>{row.what}</td>
            <td class="nowrap">{row.used} " of " {row.allowed.unwrap_or_else(|| "any number".to_owned())}</td>
            <td><StatusBadge badge=row.status/></td>
            <td class="nowrap">{resets}</td>
        </tr>
    }
}
