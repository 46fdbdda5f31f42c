use leptos::prelude::*;

use crate::components::{Instant, PageTitle, StatusBadge, actions, list_page, page, parameter, thing};
use crate::views::{ListView, ProfileRow, ProfileView};

#[component]
pub fn Profiles() -> impl IntoView {
    page("Profiles", PATH, |r| async move { r.backend.profiles(&r.query).await }, list)
}

#[component]
pub fn Profile() -> impl IntoView {
    let id = parameter("id");
    page("Profile", PATH, |r| async move { r.backend.profile(&id).await }, detail)
}

pub const PATH: &str = "/profiles";

fn list(view: ListView<ProfileRow>) -> impl IntoView {
    const COLUMNS: &[&str] =
        &["Profile", "Status", "Authorization", "Names", "Validity", "Issuer", "Changed (UTC)"];
    let heading =
        ("Profiles", "Who may get which certificates. Each profile is an ACME directory of its own.");
    list_page(view, PATH, heading, COLUMNS, row, || {
        view! {
            <p><strong>"There is no profile yet, so no client can order."</strong></p>
            <p>"A profile says who may ask, for which names, and for how long. Make one by the button above, or by "
                <code>"POST /api/profiles"</code> "; "
                <a href="/api/openapi.json">"the API's description"</a> " has all of its fields."</p>
        }
        .into_any()
    })
}

fn row(row: ProfileRow) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">{thing(row.profile)} <small class="mono">{row.id}</small></th>
            <td><StatusBadge badge=row.status/></td>
            <td>{row.mode}</td>
            <td class="text">{row.names}</td>
            <td class="nowrap">{row.validity}</td>
            <td class="nowrap">{thing(row.issuer)}</td>
            <td class="nowrap"><Instant at=row.changed/></td>
        </tr>
    }
}

fn detail(v: ProfileView) -> impl IntoView {
    let (dangerous, harmless): (Vec<_>, Vec<_>) = v.actions.into_iter().partition(|action| action.danger);
    let connect = format!("{PATH}/{}/connect", v.id);
    let warnings = (!v.warnings.is_empty()).then(|| {
        let all = v.warnings.into_iter().map(|warning| view! { <p>{warning}</p> }).collect_view();
        view! { <section class="note warn"><h2>"Take care"</h2> {all}</section> }
    });
    let selectable = match v.who.selectable.is_empty() {
        true => "none".into_any(),
        false => {
            let all =
                v.who.selectable.into_iter().map(|link| view! { <li>{thing(link)}</li> }).collect_view();
            view! { <ul class="plain">{all}</ul> }.into_any()
        }
    };
    view! {
        <PageTitle text=format!("Profile {}", v.name)/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"Profiles"</a> " / " <code>{v.id}</code></div>
                <h1>{v.name} " " <StatusBadge badge=v.status/></h1>
                {(!v.description.is_empty()).then(|| view! { <p>{v.description}</p> })}
                {v.directory.clone().map(|url| view! { <p>"Directory: " <code>{url}</code></p> })}
            </div>
            <div class="actions">
                {v.directory.is_some().then(|| {
                    view! { <a class="button primary" href=connect>"Connect a client"</a> }
                })}
                <a class="button" href=v.preview>"Dry run"</a>
                {actions(harmless)}
                {v.orders.map(|url| view! { <a class="button" href=url>"Orders"</a> })}
                {v.certificates.map(|url| view! { <a class="button" href=url>"Certificates"</a> })}
                {v.history.map(|url| view! { <a class="button" href=url>"History"</a> })}
                {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
                {actions(dangerous)}
            </div>
        </div>
        {warnings}
        <div class="grid cols-2">
            <section class="card">
                <header><h2>"Who may ask"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"Authorization"</dt><dd>{v.who.mode} <p class="muted small">{v.who.mode_help}</p></dd>
                        <dt>"External account"</dt><dd>{v.who.external_account}</dd>
                        <dt>"Client networks"</dt><dd>{listed(v.who.networks, "from anywhere")}</dd>
                        <dt>"Challenges"</dt><dd>{v.who.challenges}</dd>
                        <dt>"CAA records"</dt><dd>{v.who.caa}</dd>
                        <dt>"Reuse"</dt><dd>{v.who.reuse}</dd>
                        <dt>"Selectable"</dt><dd>{selectable}</dd>
                    </dl>
                </div>
            </section>
            <section class="card">
                <header><h2>"What it issues"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"Issuer"</dt><dd>{thing(v.what.issuer)}</dd>
                        <dt>"Permitted names"</dt><dd>{listed(v.what.permitted, "every name")}</dd>
                        <dt>"Excluded names"</dt><dd>{listed(v.what.excluded, "none")}</dd>
                        <dt>"Longest validity"</dt><dd>{v.what.longest}</dd>
                        <dt>"Usual validity"</dt><dd>{v.what.usual}</dd>
                        <dt>"Keys"</dt><dd>{v.what.keys}</dd>
                        <dt>"Extended usage"</dt><dd>{v.what.usages}</dd>
                        <dt>"Must staple"</dt><dd>{if v.what.must_staple { "yes (RFC 7633)" } else { "no" }}</dd>
                    </dl>
                </div>
            </section>
        </div>
        <p class="muted small">"Version " {v.version} ", changed " <Instant at=v.changed/> ", created "
            <Instant at=v.created/> "."</p>
    }
}

/// A list of texts as machines write them, or words for none.
pub fn listed(texts: Vec<String>, none: &'static str) -> impl IntoView {
    match texts.is_empty() {
        true => none.into_any(),
        false => {
            let all = texts.into_iter().map(|text| view! { <li><code>{text}</code></li> }).collect_view();
            view! { <ul class="plain">{all}</ul> }.into_any()
        }
    }
}
