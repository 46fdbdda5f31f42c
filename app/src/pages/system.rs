use leptos::prelude::*;

use super::rate_limits;
use crate::components::{Identifier, Instant, StatusBadge, Table, page};
use crate::views::{DatabaseView, JobRow, SettingRow, SettingValue, SystemView};

#[component]
pub fn System() -> impl IntoView {
    page("System", "/system", |r| async move { r.backend.system().await }, content)
}

fn content(v: SystemView) -> impl IntoView {
    let limits = v.limits.map(|rows| {
        view! {
            <section class="card">
                <header>
                    <h2>"Rate limits in force"</h2>
                    <a href="/rate-limits">"Who comes near them"</a>
                </header>
                {rate_limits::allowed(rows)}
            </section>
        }
    });
    view! {
        <div class="head">
            <div>
                <h1>"System"</h1>
                <p>"How the server runs. Jobs, connections and settings are those of the replica that made this page; "
                    "others have their own."</p>
            </div>
            <div class="actions">
                <a class="button" href="/api/system">"As JSON"</a>
                {v.audit.map(|url| view! { <a class="button" href=url>"Starts in the audit trail"</a> })}
            </div>
        </div>
        <div class="grid cols-2">
            <section class="card">
                <header><h2>"This replica"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"Version"</dt><dd>"certctl " {v.version}</dd>
                        <dt>"Build"</dt><dd>{v.build}</dd>
                        {v.host.map(|host| view! { <dt>"Host"</dt><dd><Identifier text=host/></dd> })}
                        <dt>"Started"</dt><dd><Instant at=v.started/></dd>
                    </dl>
                </div>
            </section>
            {database(v.database)}
        </div>
        {jobs(v.jobs)}
        {settings(v.given, v.defaults)}
        {limits}
    }
}

fn database(v: DatabaseView) -> impl IntoView {
    let (schema, status) = v.schema;
    view! {
        <section class="card">
            <header><h2>"Database"</h2></header>
            <div class="body">
                <dl class="facts">
                    <dt>"Engine"</dt><dd>{v.engine}</dd>
                    <dt>"Where"</dt><dd><Identifier text=v.location/></dd>
                    <dt>"Size"</dt><dd>{v.size}</dd>
                    <dt>"Schema"</dt><dd>{schema} " " <StatusBadge badge=status/></dd>
                    <dt>"Connections"</dt><dd>{v.connections}</dd>
                    <dt>"Waiting for one"</dt><dd>{v.queue}</dd>
                    {v.all_replicas.map(|all| view! { <dt>"Of all replicas"</dt><dd>{all}</dd> })}
                </dl>
            </div>
        </section>
    }
}

fn jobs(rows: Vec<JobRow>) -> impl IntoView {
    const COLUMNS: &[&str] = &["Job", "Outcome", "Last run (UTC)", "Took", "Next run"];
    let rows = rows.into_iter().map(job).collect_view().into_any();
    view! {
        <section class="card">
            <header><h2>"Jobs"</h2> <span class="muted small">"what this replica does by itself"</span></header>
            <Table label="Jobs" columns=COLUMNS>{rows}</Table>
        </section>
    }
}

fn job(row: JobRow) -> impl IntoView {
    view! {
        <tr>
            <th scope="row"><code>{row.name}</code> <small>{row.about}</small></th>
            <td>
                <StatusBadge badge=row.status/>
                {row.fault.map(|fault| view! { <small class="fault">{fault}</small> })}
            </td>
            <td class="nowrap">{match row.last {
                Some(at) => view! { <Instant at/> }.into_any(),
                None => view! { <span class="muted">"none yet"</span> }.into_any(),
            }}</td>
            <td class="nowrap">{row.took.unwrap_or_else(|| "–".to_owned())}</td>
            <td class="nowrap">
                {row.next.map_or_else(|| "when this one has ended".to_owned(), |at| at.hint)}
                <small>{row.every}</small>
            </td>
        </tr>
    }
}

fn settings(given: Vec<SettingRow>, defaults: Vec<SettingRow>) -> impl IntoView {
    const COLUMNS: &[&str] = &["Setting", "Value", "Where from"];
    let count = defaults.len();
    let table = |label, rows: Vec<SettingRow>| {
        let rows = rows.into_iter().map(setting).collect_view().into_any();
        view! { <Table label columns=COLUMNS>{rows}</Table> }
    };
    view! {
        <section class="card">
            <header>
                <h2>"Settings in force"</h2>
                <span class="muted small">"read at the start; no secret is shown"</span>
            </header>
            {table("Settings that were given", given)}
            <details class="more">
                <summary>{count} " settings at their default"</summary>
                {table("Settings at their default", defaults)}
            </details>
        </section>
    }
}

fn setting(row: SettingRow) -> impl IntoView {
    let value = match row.value {
        SettingValue::Unset => view! { <span class="muted">"not set"</span> }.into_any(),
        SettingValue::Hidden => view! { <span class="muted">"set, hidden"</span> }.into_any(),
        SettingValue::Text(text) => view! { <code>{text}</code> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row"><code>{row.name}</code> <small>{row.help}</small></th>
            <td class="text">{value}</td>
            <td>{row.origin}</td>
        </tr>
    }
}
