use leptos::prelude::*;

use crate::components::{Instant, PageTitle, StatusBadge, Table, list_page, page, parameter, thing};
use crate::views::{AuditEventView, AuditRow, Change, ListView};

#[component]
pub fn AuditEvents() -> impl IntoView {
    page("Audit", PATH, |r| async move { r.backend.audit_events(&r.query).await }, list)
}

#[component]
pub fn AuditEvent() -> impl IntoView {
    let id = parameter("id");
    page("Audit event", PATH, |r| async move { r.backend.audit_event(&id).await }, detail)
}

const PATH: &str = "/audit";

fn list(view: ListView<AuditRow>) -> impl IntoView {
    const COLUMNS: &[&str] = &["When (UTC)", "Actor", "Action", "Resource", "Outcome", "From"];
    let heading =
        ("Audit", "Every change and every refusal: who, through which credential, what, and from where.");
    list_page(view, PATH, heading, COLUMNS, row, || {
        view! { <p><strong>"Nothing has happened yet."</strong></p> }.into_any()
    })
}

fn row(row: AuditRow) -> impl IntoView {
    let href = format!("{PATH}/{}", row.id);
    view! {
        <tr>
            <th scope="row" class="nowrap">
                <a href=href><time datetime=row.at.iso>{row.at.text}</time></a> <small>{row.at.hint}</small>
            </th>
            <td class="mono nowrap">{thing(row.actor)}</td>
            <td>{row.action}</td>
            <td class="text">{thing(row.resource)} <small>{row.resource_type}</small></td>
            <td><StatusBadge badge=row.outcome/></td>
            <td class="mono nowrap">{row.from}</td>
        </tr>
    }
}

fn detail(v: AuditEventView) -> impl IntoView {
    let changed = !v.changes.is_empty();
    let changes = v.changes.into_iter().map(change).collect_view().into_any();
    let facts = v.facts.into_iter().map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> });
    let facts = facts.collect_view();
    view! {
        <PageTitle text=format!("Audit event: {}", v.action)/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"Audit"</a> " / " <code>{v.id}</code></div>
                <h1>{v.action} " " <StatusBadge badge=v.outcome/></h1>
            </div>
            <div class="actions">
                <a class="button" href=v.of_resource>"All of this resource"</a>
                <a class="button" href=v.by_actor>"All by this actor"</a>
            </div>
        </div>
        <div class="grid split">
            <div class="grid">
                {changed.then(|| view! {
                    <section class="card">
                        <header><h2>"What changed"</h2></header>
                        <Table label="What changed" columns=&["Field", "Before", "After"]>{changes}</Table>
                    </section>
                })}
                <section class="card">
                    <header><h2>"Details"</h2></header>
                    <div class="body">
                        <dl class="facts">{facts}</dl>
                        <details>
                            <summary>"As stored (JSON)"</summary>
                            <pre tabindex="0"><code>{v.details}</code></pre>
                        </details>
                    </div>
                </section>
            </div>
            <section class="card">
                <header><h2>"Event"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"When"</dt><dd><Instant at=v.at/></dd>
                        <dt>"Who"</dt><dd class="mono">{thing(v.actor)}</dd>
                        <dt>"What"</dt><dd>{thing(v.resource)} <div class="muted small">{v.resource_type}</div></dd>
                        <dt>"From"</dt><dd class="mono">{v.from.unwrap_or_else(|| "–".to_owned())}</dd>
                        <dt>"Request"</dt><dd class="mono">{v.request_id.unwrap_or_else(|| "–".to_owned())}</dd>
                    </dl>
                </div>
            </section>
        </div>
    }
}

fn change(change: Change) -> impl IntoView {
    let side = |text: Option<String>, class: &'static str| match text {
        Some(text) => view! { <td class=class><code>{text}</code></td> }.into_any(),
        None => view! { <td class="muted">"–"</td> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{change.field}</th>
            {side(change.before, "text before")}
            {side(change.after, "text after")}
        </tr>
    }
}
