use leptos::prelude::*;

use super::accounts::{self, newest};
use super::profiles::listed;
use crate::components::{
    Confirmation, Field, Form, Instant, PageTitle, StatusBadge, actions, asking, list_page, page, parameter,
    revoked, shown_once, thing,
};
use crate::views::{EabKeyRow, EabKeyView, Link, ListView, Moment, NewEabKeyView};
use crate::{PageRequest, Query};

#[component]
pub fn EabKeys() -> impl IntoView {
    page("EAB keys", PATH, |r| async move { r.backend.eab_keys(&r.query).await }, list)
}

#[component]
pub fn EabKey() -> impl IntoView {
    let id = parameter("id");
    page("EAB key", PATH, |r| async move { r.backend.eab_key(&id).await }, detail)
}

#[component]
pub fn NewEabKey() -> impl IntoView {
    page("Create an EAB key", PATH, |r| async move { r.backend.new_eab_key().await }, create)
}

#[component]
pub fn RotateEabKey() -> impl IntoView {
    asked("Rotate an EAB key", Confirmation::without_reason(), |v, common| {
        Confirmation {
        heading: format!("Rotate {}", name(v)),
        consequences: vec![
            "It gets a new MAC key under the same id, which is shown once. The old one is good for nothing at once: clients that have not registered yet need the new one."
                .to_owned(),
            "Accounts that it has bound stay bound, and what it is for stays.".to_owned(),
        ],
        button: "Rotate",
        ..common
    }
    })
}

#[component]
pub fn RevokeEabKey() -> impl IntoView {
    asked("Revoke an EAB key", Confirmation::with_optional_reason(), |v, common| Confirmation {
        heading: format!("Revoke {}", name(v)),
        consequences: vec![
            "This cannot be taken back. It binds no more accounts.".to_owned(),
            format!(
                "What it has bound ({}) cannot order any more under profiles that require such a key, and needs challenges again. Certificates stay valid.",
                v.uses
            ),
        ],
        button: "Revoke for ever",
        danger: true,
        ..common
    })
}

/// A page that asks before something is done to the key in the path.
fn asked(
    title: &'static str,
    common: Confirmation,
    ask: impl FnOnce(&EabKeyView, Confirmation) -> Confirmation + Send + 'static,
) -> impl IntoView {
    let load = |r: PageRequest, id: String| async move { r.backend.eab_key(&id).await };
    asking(title, PATH, common, load, name, ask)
}

fn name(v: &EabKeyView) -> String {
    if v.note.is_empty() { "EAB key without a note".to_owned() } else { v.note.clone() }
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
            <p>"Make one for each cluster or team, and require it in a " <a href="/profiles">"profile"</a> "."</p>
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

pub fn profiles(links: Vec<Link>) -> impl IntoView {
    match links.is_empty() {
        true => view! { <span class="muted">"all"</span> }.into_any(),
        false => {
            let all = links.into_iter().map(|link| view! { <li>{thing(link)}</li> }).collect_view();
            view! { <ul class="plain">{all}</ul> }.into_any()
        }
    }
}

pub fn end(at: Option<Moment>) -> impl IntoView {
    match at {
        Some(at) => view! { <Instant at/> }.into_any(),
        None => view! { <span class="muted">"no end"</span> }.into_any(),
    }
}

fn detail(v: EabKeyView) -> impl IntoView {
    let heading = name(&v);
    let secret = shown_once("The MAC key", KEEP, |mac_key| texts(&v.id, mac_key));
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
                {actions(v.actions)}
                {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
            </div>
        </div>
        {secret}
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
                        {v.revoked.map(revoked)}
                    </dl>
                </div>
            </section>
        </div>
        {accounts}
    }
}

const KEEP: &str = "Give it to whoever runs the client, now: it is kept encrypted, and nobody can read it again. Lost ones are rotated.";

/// The key for clients; KEY_ID stands for its id where that is not known.
fn texts(id: &str, mac_key: &str) -> Vec<(&'static str, String, &'static str)> {
    vec![
        (
            "Kubernetes: Secret for cert-manager",
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: certctl-eab\n  namespace: cert-manager\ntype: Opaque\nstringData:\n  secret: {mac_key}"
            ),
            "A ClusterIssuer reads its secrets from the namespace of cert-manager; an Issuer from its own.",
        ),
        (
            "Kubernetes: in the issuer, under acme",
            format!(
                "externalAccountBinding:\n  keyID: {id}\n  keySecretRef:\n    name: certctl-eab\n    key: secret"
            ),
            "",
        ),
        ("lego", format!("--eab --kid {id} --hmac {mac_key}"), ""),
        ("certbot", format!("--eab-kid {id} --eab-hmac-key {mac_key}"), ""),
    ]
}

fn create(v: NewEabKeyView) -> impl IntoView {
    let secret = shown_once("The MAC key", KEEP, |mac_key| texts("KEY_ID", mac_key));
    let form = Form::new(Query::default().with("max_uses", "1"));
    let help = match v.everywhere {
        true => "Under which its accounts register and order; none chosen: all.",
        false => {
            "Under which its accounts register and order; at least one of those that you may make keys for."
        }
    };
    let field = Field::new("profiles", "Profiles").help(help);
    let within = match v.profiles.is_empty() {
        true => form.lines(field.example("prof-web"), 3),
        false => form.several(field, v.profiles),
    };
    let fields = view! {
        {form.text(
            Field::new("note", "Note")
                .help("Whose key it is. Accounts that it binds are told apart by it.")
                .example("cluster production-eu-west-1"),
        )}
        {within}
        {form.text(
            Field::new("max_uses", "Accounts")
                .help("How many accounts it may bind; a cluster that is built anew registers another one. Nothing: any number.")
                .kind("number"),
        )}
        {form.text(
            Field::new("expires_at", "Last day")
                .help("It binds accounts until the end of this day in UTC; those stay bound. Nothing: no end.")
                .kind("date"),
        )}
        {form.lines(
            Field::new("permitted_names", "Names")
                .help("What its accounts may order among what the profile permits, one a line: a name, *.a.example for one label, **.a.example for any depth, or a network of addresses. None: whatever the profile permits.")
                .example("**.team-a.example"),
            4,
        )}
        {form.flag(
            Field::new("preauthorized", "No challenges")
                .help("The key vouches for these names: its accounts get certificates without proof of control, also under profiles that ask for challenges. Limit the names."),
        )}
    };
    view! {
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"EAB keys"</a></div>
                <h1>"Create an EAB key"</h1>
                <p>"Its MAC key is shown once, on the page that follows. What is set here stays as it is."</p>
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
