use leptos::prelude::*;

use super::eab_keys::{end, profiles};
use super::profiles::listed;
use crate::Query;
use crate::components::{
    Confirmation, Field, Form, Instant, PageTitle, StatusBadge, actions, confirmation, list_page,
    optional_link, page, parameter, revoked, shown_once, thing,
};
use crate::views::{ApiKeyRow, ApiKeyView, Choice, ListView, NewApiKeyView};

#[component]
pub fn ApiKeys() -> impl IntoView {
    page("API keys", PATH, |r| async move { r.backend.api_keys(&r.query).await }, list)
}

#[component]
pub fn ApiKey() -> impl IntoView {
    let id = parameter("id");
    page("API key", PATH, |r| async move { r.backend.api_key(&id).await }, detail)
}

#[component]
pub fn NewApiKey() -> impl IntoView {
    page("Create an API key", PATH, |r| async move { r.backend.new_api_key().await }, create)
}

#[component]
pub fn RotateApiKey() -> impl IntoView {
    let id = parameter("id");
    let common = Confirmation::here();
    page(
        "Rotate an API key",
        PATH,
        |r| async move { r.backend.api_key(&id).await },
        move |v: ApiKeyView| {
            let asked = Confirmation {
                heading: format!("Rotate {}", v.name),
                consequences: vec![
                    "A new key takes its place, with the same name, role, profiles and networks, and a life of the same length. It is shown once."
                        .to_owned(),
                    "The old key stays good for the time that you choose, so that whoever uses it can change to the new one."
                        .to_owned(),
                ],
                of: (v.name, format!("{PATH}/{}", v.id)),
                button: "Rotate",
                reason: None,
                ..common
            };
            confirmation(asked, |form| {
                let field = Field::new("overlap_seconds", "The old key stays good for");
                let choice =
                    |value: &str, text: &str| Choice { value: value.to_owned(), text: text.to_owned() };
                let choices = vec![
                    choice("3600", "1 hour"),
                    choice("86400", "1 day"),
                    choice("604800", "7 days"),
                    choice("2592000", "30 days"),
                    choice("0", "no time at all"),
                ];
                form.menu(field, choices)
            })
        },
    )
}

#[component]
pub fn RevokeApiKey() -> impl IntoView {
    let id = parameter("id");
    let common = Confirmation::with_optional_reason();
    page(
        "Revoke an API key",
        PATH,
        |r| async move { r.backend.api_key(&id).await },
        move |v: ApiKeyView| {
            let used = match &v.used {
                Some(at) => format!("It was used last at {} UTC, {}.", at.text, at.hint),
                None => "It was never used.".to_owned(),
            };
            let asked = Confirmation {
                heading: format!("Revoke {}", v.name),
                consequences: vec![
                    "This cannot be taken back. Whoever uses the key is refused at once, on every replica, and sessions that were begun with it end."
                        .to_owned(),
                    used,
                ],
                of: (v.name, format!("{PATH}/{}", v.id)),
                button: "Revoke for ever",
                danger: true,
                ..common
            };
            confirmation(asked, |_| ().into_any())
        },
    )
}

const PATH: &str = "/api-keys";

fn list(view: ListView<ApiKeyRow>) -> impl IntoView {
    const COLUMNS: &[&str] = &["Key", "Status", "Role", "Profiles", "From", "Ends (UTC)", "Last used (UTC)"];
    let heading = ("API keys", "What machines show to say who they are. A key does what its role allows.");
    list_page(view, PATH, heading, COLUMNS, row, || {
        view! {
            <p><strong>"There is no API key yet."</strong></p>
            <p>"Make one for each program that calls the API, with a role that is enough and an end."</p>
        }
        .into_any()
    })
}

fn row(row: ApiKeyRow) -> impl IntoView {
    let used = match row.used {
        Some(at) => view! { <Instant at/> }.into_any(),
        None => view! { <span class="muted">"never"</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{thing(row.key)} <small class="mono">{row.id}</small></th>
            <td><StatusBadge badge=row.status/></td>
            <td class="nowrap">{row.role}</td>
            <td>{profiles(row.profiles)}</td>
            <td class="mono">{listed(row.networks, "anywhere")}</td>
            <td class="nowrap">{end(row.expires)}</td>
            <td class="nowrap">{used}</td>
        </tr>
    }
}

const KEEP: &str =
    "Put it where its program reads it, now: the server keeps only its hash, and nobody can read it again.";

fn texts(origin: &str, key: &str) -> Vec<(&'static str, String, &'static str)> {
    let text =
        format!("curl --cacert certctl-ca.pem --header 'Authorization: Bearer {key}' {origin}/api/auth/me");
    vec![("Try it", text, "The answer says who asks and what they may do.")]
}

fn detail(v: ApiKeyView) -> impl IntoView {
    let secret = shown_once("The key", KEEP, |key| texts(&v.origin, key));
    let warnings = (!v.warnings.is_empty()).then(|| {
        let all = v.warnings.into_iter().map(|warning| view! { <p>{warning}</p> }).collect_view();
        view! { <section class="note warn">{all}</section> }
    });
    let used = match v.used {
        Some(at) => view! { <Instant at/> }.into_any(),
        None => view! { <span class="muted">"never"</span> }.into_any(),
    };
    view! {
        <PageTitle text=format!("API key {}", v.name)/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"API keys"</a> " / " <code>{v.id}</code></div>
                <h1>{v.name} " " <StatusBadge badge=v.status/></h1>
            </div>
            <div class="actions">
                {actions(v.actions)}
                {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
            </div>
        </div>
        {secret}
        {warnings}
        <div class="grid cols-2">
            <section class="card">
                <header><h2>"What it may do"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"Role"</dt><dd>{v.role}</dd>
                        <dt>"Profiles"</dt><dd>{profiles(v.profiles)}</dd>
                        <dt>"Used from"</dt><dd>{listed(v.networks, "anywhere")}</dd>
                    </dl>
                </div>
            </section>
            <section class="card">
                <header><h2>"Its life"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"Last used"</dt><dd>{used} {v.used_from.map(|ip| format!(" from {ip}"))}</dd>
                        <dt>"Ends"</dt><dd>{end(v.expires)}</dd>
                        <dt>"Replaced by"</dt><dd>{optional_link(v.replaced_by)}</dd>
                        <dt>"Created"</dt><dd><Instant at=v.created/></dd>
                        <dt>"By"</dt><dd class="mono">{v.created_by}</dd>
                        {v.revoked.map(revoked)}
                    </dl>
                </div>
            </section>
        </div>
    }
}

fn create(v: NewApiKeyView) -> impl IntoView {
    let secret = shown_once("The key", KEEP, |key| texts(&v.origin, key));
    let form = Form::new(Query::default().with("expires_at", v.end));
    let within = Field::new("profiles", "Profiles").help("Within these only; none chosen: everywhere.");
    let within = match v.profiles.is_empty() {
        true => form.lines(within.example("prof-web"), 3),
        false => form.several(within, v.profiles),
    };
    let fields = view! {
        {form.text(
            Field::new("name", "Name")
                .help("What the key is for; it stands in the audit trail beside what was done with it.")
                .example("ci: web team")
                .required(),
        )}
        {form.menu(
            Field::new("role", "Role").help("What the key may do: no more than its program needs, and no more than you may."),
            v.roles,
        )}
        {within}
        {form.lines(
            Field::new("allowed_networks", "From")
                .help("Networks or addresses that the key may be used from, one a line. None: anywhere.")
                .example("10.20.0.0/16"),
            3,
        )}
        {form.text(
            Field::new("expires_at", "Last day")
                .help("The key is good until the end of this day in UTC. Nothing: for ever.")
                .kind("date"),
        )}
    };
    view! {
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"API keys"</a></div>
                <h1>"Create an API key"</h1>
                <p>"The key is shown once, on the page that follows."</p>
            </div>
        </div>
        {secret}
        <section class="card">
            <div class="body">
                {form.frame(format!("{PATH}/new"), ("Create the key", false), PATH.to_owned(), fields)}
            </div>
        </section>
    }
}
