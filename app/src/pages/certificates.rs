use leptos::prelude::*;

use crate::components::{
    Commands, Instant, PageTitle, StatusBadge, actions, list_page, optional_link, page, parameter, thing,
};
use crate::views::{
    ActionLink, CertificateRow, CertificateView, CertificatesView, ChainLink, Download, SelectionView,
};

#[component]
pub fn Certificates() -> impl IntoView {
    page("Certificates", PATH, |r| async move { r.backend.certificates(&r.query).await }, list)
}

#[component]
pub fn Certificate() -> impl IntoView {
    let id = parameter("id");
    page("Certificate", PATH, |r| async move { r.backend.certificate(&id).await }, detail)
}

pub const PATH: &str = "/certificates";

/// Of every table of certificates.
pub const COLUMNS: &[&str] = &["Names", "Status", "Expires (UTC)", "Issued (UTC)", "Profile", "Account"];

/// Of the list in which several can be selected.
const SELECTABLE: &[&str] =
    &["Select", "Names", "Status", "Expires (UTC)", "Issued (UTC)", "Profile", "Account"];
/// Of the form that sends what is selected.
const SELECTION: &str = "selection";

fn list(view: CertificatesView) -> impl IntoView {
    let CertificatesView { list, selection } = view;
    let selectable = selection.as_ref().map(|selection| selection.all);
    let columns = if selectable.is_some() { SELECTABLE } else { COLUMNS };
    let selection = selection.filter(|_| !list.rows.is_empty()).map(select_several);
    let heading = (
        "Certificates",
        "Every certificate that this CA has issued, who asked for it, and what became of it.",
    );
    let row = move |certificate: CertificateRow| match selectable {
        None => row(certificate).into_any(),
        Some(checked) => {
            let (id, label) = (certificate.id.clone(), format!("Select {}", certificate.certificate.text));
            view! {
                <tr>
                    <td>
                        <input
                            type="checkbox" form=SELECTION name="id" value=id checked=checked aria-label=label
                        />
                    </td>
                    {cells(certificate)}
                </tr>
            }
            .into_any()
        }
    };
    let list = list_page(list, PATH, heading, columns, row, || {
        view! {
            <p><strong>"No certificate was issued yet."</strong></p>
            <p>"Open a " <a href="/profiles">"profile"</a>
                " and follow “Connect a client”: it has the settings for cert-manager, lego, certbot, Caddy and Traefik."</p>
        }
        .into_any()
    });
    view! { {list} {selection} }
}

/// What can be done to several certificates: to those that are selected in the table, and to all that the filter finds.
fn select_several(v: SelectionView) -> impl IntoView {
    let buttons = v.changes.into_iter().map(|ActionLink { text, href, danger }| {
        let class = if danger { "button danger" } else { "button" };
        view! { <button class=class name="do" value=href>{text}</button> }
    });
    let toggle = if v.all { "Select none" } else { "Select all on this page" };
    let by_filter = (!v.by_filter.is_empty()).then(|| {
        view! {
            <div>
                <span>"All that this filter finds:"</span>
                <div class="actions">{actions(v.by_filter)}</div>
            </div>
        }
    });
    view! {
        <form id=SELECTION class="card selection" method="get" action="/bulk-actions/new">
            <div>
                <span>"Selected certificates:"</span>
                <div class="actions">
                    {buttons.collect_view()}
                    <a class="button plain" href=v.toggle>{toggle}</a>
                </div>
            </div>
            {by_filter}
        </form>
    }
}

pub fn row(row: CertificateRow) -> impl IntoView {
    view! { <tr>{cells(row)}</tr> }
}

fn cells(row: CertificateRow) -> impl IntoView {
    view! {
        <th scope="row">
            {thing(row.certificate)}
            {row.more_names.map(|names| view! { <small>{names}</small> })}
        </th>
        <td><StatusBadge badge=row.status/></td>
        <td class="nowrap"><Instant at=row.expires/></td>
        <td class="nowrap"><Instant at=row.issued/></td>
        <td class="nowrap">{thing(row.profile)}</td>
        <td class="mono nowrap">{optional_link(row.account)}</td>
    }
}

fn detail(view: CertificateView) -> impl IntoView {
    let v = view;
    let revoked = v.revocation.map(|(at, reason)| {
        view! {
            <section class="note bad">
                <h2>"Revoked: " {reason}</h2>
                <p>"Since " <Instant at/> ". It stays in force where clients do not check revocation; replace it there."</p>
            </section>
        }
    });
    let renewal = v.renewal.map(|(at, reason)| {
        view! {
            <section class="note warn">
                <h2>"To be renewed at once"</h2>
                <p>{reason} " (since " <Instant at/> "). ACME clients with renewal information (RFC 9773) renew it at their next look."</p>
            </section>
        }
    });
    let names = v.names.into_iter().map(|name| view! { <li>{name}</li> }).collect_view();
    let mut downloads = v.downloads.into_iter();
    let whole = downloads.next().map(|Download { text, href, file }| {
        view! { <a class="button" href=href download=file>"Download " {text}</a> }
    });
    let parts = downloads.map(|Download { text, href, file }| {
        view! { <li><a href=href download=file>{text}</a></li> }
    });
    let parts = parts.collect_view();
    let requester = v.requester.map(|(actor, name)| {
        view! { {name.map(|name| format!("{name}, "))} <span class="mono">{thing(actor)}</span> }.into_any()
    });
    let asked_by = requester
        .unwrap_or_else(|| view! { <span class="mono">{optional_link(v.account)}</span> }.into_any());
    view! {
        <PageTitle text=format!("Certificate {}", v.name)/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"Certificates"</a> " / " <code>{v.id}</code></div>
                <h1>{v.name} " " <StatusBadge badge=v.status/></h1>
            </div>
            <div class="actions">
                {actions(v.actions)}
                {whole}
                {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
            </div>
        </div>
        {revoked} {renewal}
        <div class="grid split">
            <div class="grid">
                <section class="card">
                    <header><h2>"Certificate"</h2></header>
                    <div class="body">
                        <dl class="facts">
                            <dt>"Names"</dt><dd><ul class="plain">{names}</ul></dd>
                            <dt>"Common name"</dt><dd>{v.common_name.unwrap_or_else(|| "none".to_owned())}</dd>
                            <dt>"Subject"</dt><dd>{v.subject}</dd>
                            <dt>"Issuer"</dt><dd>{v.issuer_name}</dd>
                            <dt>"Valid from"</dt><dd><Instant at=v.not_before/></dd>
                            <dt>"Valid until"</dt><dd><Instant at=v.not_after/></dd>
                            <dt>"Key"</dt><dd>{v.key}</dd>
                            <dt>"Key usage"</dt><dd>{v.key_usages}</dd>
                            <dt>"Extended usage"</dt><dd>{v.extended_key_usages}</dd>
                            {v.must_staple.then(|| view! { <dt>"TLS feature"</dt><dd>"must staple (RFC 7633)"</dd> })}
                            <dt>"Serial"</dt><dd><code class="fingerprint">{v.serial}</code></dd>
                            {v.renewal_id.map(|id| view! {
                                <dt>"Renewal id"</dt><dd><code class="fingerprint">{id}</code></dd>
                            })}
                            <dt>"SHA-256"</dt><dd><code class="fingerprint">{v.fingerprint}</code></dd>
                        </dl>
                    </div>
                </section>
                <section class="card">
                    <header><h2>"Chain"</h2> <span class="muted small">"from its issuer to the root"</span></header>
                    <ol class="chain">{v.chain.into_iter().map(chain_link).collect_view()}</ol>
                </section>
                <section class="card">
                    <div class="body"><Commands heading="PEM, without its chain" text=v.pem/></div>
                </section>
            </div>
            <div class="grid">
                <section class="card">
                    <header><h2>"Where it comes from"</h2></header>
                    <div class="body">
                        <dl class="facts">
                            <dt>"Issued"</dt><dd><Instant at=v.issued/></dd>
                            <dt>"Profile"</dt><dd>{thing(v.profile)}</dd>
                            <dt>"Issuer"</dt><dd>{thing(v.issuer)}</dd>
                            <dt>"Order"</dt><dd class="mono">{optional_link(v.order)}</dd>
                            <dt>"Asked by"</dt><dd>{asked_by}</dd>
                            {v.eab_key.map(|key| view! { <dt>"Bound by"</dt><dd class="mono">{thing(key)}</dd> })}
                            <dt>"Replaces"</dt><dd class="mono">{optional_link(v.replaces)}</dd>
                            <dt>"Replaced by"</dt><dd class="mono">{optional_link(v.replaced_by)}</dd>
                        </dl>
                    </div>
                </section>
                <section class="card">
                    <header><h2>"Single files"</h2></header>
                    <div class="body"><ul class="plain files">{parts}</ul></div>
                </section>
            </div>
        </div>
    }
}

pub fn chain_link(link: ChainLink) -> impl IntoView {
    view! {
        <li>
            <strong>{link.subject}</strong>
            <div class="muted small">"expires " <Instant at=link.expires/></div>
            <code class="fingerprint">{link.fingerprint}</code>
        </li>
    }
}
