use leptos::prelude::*;

use crate::components::page;
use crate::views::{AcmeView, StartView};

/// Where a newcomer lands: what this server is, whether it works, and the three things to do here.
#[component]
pub fn Start() -> impl IntoView {
    page("Start", "/", |r| async move { r.backend.start().await }, content)
}

fn content(view: StartView) -> impl IntoView {
    let StartView { version, acme, issuers, faults } = view;
    let name = issuers.first().map_or_else(|| "A certificate authority".to_owned(), |i| i.subject.clone());
    let ready = faults.is_empty();
    view! {
        <div class="head">
            <div>
                <h1>{name}</h1>
                <p>"A private certificate authority that speaks ACME. certctl "{version}"."</p>
            </div>
            <span class=if ready { "status ok" } else { "status bad" }>
                {if ready { "ready" } else { "not ready" }}
            </span>
        </div>
        {(!ready).then(|| view! {
            <div class="note bad" role="alert">
                <strong>"The server cannot issue certificates now."</strong>
                <ul>{faults.into_iter().map(|f| view! { <li>{f}</li> }).collect_view()}</ul>
            </div>
        })}
        <div class="grid cols-3">
            {acme_card(acme)}
            <section class="card">
                <header><h2>"Trust its certificates"</h2></header>
                <div class="body">
                    <p>"Programs accept the certificates of this CA once they know its own. The page "
                        <a href="/pki">"Trust this CA"</a>
                        " has it to download, its fingerprint, and the commands for each system."</p>
                </div>
            </section>
            <section class="card">
                <header><h2>"Administer it"</h2></header>
                <div class="body">
                    <p>"Profiles, accounts, certificates and the audit trail are on the pages behind "
                        <a href="/sign-in">"Sign in"</a> ", and in the JSON API, for programs with an API key: "
                        <code>"certctl api-key create"</code> " on the server makes one."</p>
                    <p><a href="/api/openapi.json">"The API, described in OpenAPI"</a></p>
                </div>
            </section>
        </div>
    }
}

fn acme_card(acme: Option<AcmeView>) -> impl IntoView {
    let body = match acme {
        None => view! {
            <p>"The ACME server is disabled: no client can order a certificate here. Start certctl with "
                <code>"CERTCTL_ACME_SERVER_ENABLED=true"</code> " to serve ACME."</p>
        }
        .into_any(),
        Some(AcmeView { directory_form, default_directory, server_ca_url }) => view! {
            <p>"Point cert-manager, lego, certbot, Caddy or any other ACME client at a directory:"</p>
            <dl class="facts">
                {default_directory.map(|url| linked("Default", url))}
                <dt>"Of a profile"</dt>
                <dd><code>{directory_form}</code></dd>
                {server_ca_url.map(|url| linked("Server CA", url))}
            </dl>
            <p class="muted small">"A profile decides which names, keys and lifetimes are allowed. Its administrator "
                "gives you its id."</p>
        }
        .into_any(),
    };
    view! {
        <section class="card">
            <header><h2>"Get a certificate"</h2></header>
            <div class="body">{body}</div>
        </section>
    }
}

fn linked(term: &'static str, url: String) -> impl IntoView {
    let href = url.clone();
    view! {
        <dt>{term}</dt>
        <dd><a href=href><code>{url}</code></a></dd>
    }
}
