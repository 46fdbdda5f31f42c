use leptos::prelude::*;

use super::profiles::PATH;
use crate::components::{Instant, PageTitle, Pager, StatusBadge, changes, page, parameter, thing};
use crate::views::{HistoryView, Tone, VersionRow};

#[component]
pub fn ProfileHistory() -> impl IntoView {
    let id = parameter("id");
    page("History", PATH, |r| async move { r.backend.profile_history(&id, &r.query).await }, content)
}

fn content(v: HistoryView) -> impl IntoView {
    let shown = v.versions.len();
    let crumb = match v.profile {
        Some(link) => thing(link).into_any(),
        None => view! { <code>{v.id.clone()}</code> }.into_any(),
    };
    view! {
        <PageTitle text=format!("History of {}", v.id)/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"Profiles"</a> " / " {crumb}</div>
                <h1>"History"</h1>
                <p>"Every version of the profile " <code>{v.id}</code> ", newest first, as the audit trail has it."</p>
            </div>
        </div>
        {v.versions.into_iter().map(version).collect_view()}
        <section class="card"><Pager first=v.first next=v.next shown/></section>
    }
}

fn version(row: VersionRow) -> impl IntoView {
    let made = row.what.tone == Tone::Ok;
    let differences = match row.changes.is_empty() {
        true => ().into_any(),
        false if made => {
            view! {
                <details class="body"><summary>"As it was made"</summary> {changes(row.changes, ("Before", "Made as"))}</details>
            }
            .into_any()
        }
        false => changes(row.changes, ("Before", "After")).into_any(),
    };
    view! {
        <section class="card">
            <header>
                <h2>{thing(row.event)} " " <StatusBadge badge=row.what/></h2>
                <span class="muted">"by " {thing(row.by)} ", " <Instant at=row.at/></span>
            </header>
            {differences}
        </section>
    }
}
