use leptos::prelude::*;

use super::certificates::chain_link;
use crate::components::{Instant, PageTitle, StatusBadge, Table, page, parameter, thing};
use crate::views::{IssuerRow, IssuerView};

#[component]
pub fn Issuers() -> impl IntoView {
    page("Issuers", PATH, |r| async move { r.backend.issuers().await }, list)
}

#[component]
pub fn Issuer() -> impl IntoView {
    let id = parameter("id");
    page("Issuer", PATH, |r| async move { r.backend.issuer(&id).await }, detail)
}

const PATH: &str = "/issuers";

fn list(issuers: Vec<IssuerRow>) -> impl IntoView {
    let rows = issuers.into_iter().map(row).collect_view().into_any();
    view! {
        <div class="head">
            <div>
                <h1>"Issuers"</h1>
                <p>"The CAs that sign certificates here. " <a href="/pki">"Trust this CA"</a>
                    " has the commands that make systems trust them."</p>
            </div>
        </div>
        <section class="card">
            <Table label="Issuers" columns=&["Issuer", "Status", "Key", "Expires (UTC)"]>{rows}</Table>
        </section>
    }
}

fn row(row: IssuerRow) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">{thing(row.issuer)} <small>{row.subject}</small></th>
            <td><StatusBadge badge=row.status/></td>
            <td>{row.key}</td>
            <td class="nowrap"><Instant at=row.expires/></td>
        </tr>
    }
}

fn detail(v: IssuerView) -> impl IntoView {
    let download = |form: &str, text: &'static str| {
        let href = format!("/pki/{}.{form}", v.id);
        view! { <a class="button" href=href download="">{text}</a> }
    };
    view! {
        <PageTitle text=format!("Issuer {}", v.id)/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"Issuers"</a></div>
                <h1>{v.id.clone()} " " <StatusBadge badge=v.status/></h1>
                <p>{v.subject.clone()}</p>
            </div>
            <div class="actions">
                {download("pem", "PEM")} {download("der", "DER")} {download("cabundle", "caBundle")}
                {v.certificates.map(|url| view! { <a class="button" href=url>"Certificates"</a> })}
                {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
            </div>
        </div>
        <div class="grid cols-2">
            <section class="card">
                <header><h2>"CA certificate"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"Subject"</dt><dd>{v.subject}</dd>
                        <dt>"Issued by"</dt><dd>{v.issued_by}</dd>
                        <dt>"Valid from"</dt><dd><Instant at=v.not_before/></dd>
                        <dt>"Valid until"</dt><dd><Instant at=v.not_after/></dd>
                        <dt>"Key"</dt><dd>{v.key}</dd>
                        <dt>"Key usage"</dt><dd>{v.key_usages}</dd>
                        <dt>"Its key is"</dt><dd>{v.kept}</dd>
                        <dt>"Serial"</dt><dd><code class="fingerprint">{v.serial}</code></dd>
                        <dt>"SHA-256"</dt><dd><code class="fingerprint">{v.fingerprint}</code></dd>
                    </dl>
                </div>
            </section>
            <section class="card">
                <header><h2>"Chain"</h2> <span class="muted small">"as clients get it, up to the root"</span></header>
                <ol class="chain">{v.chain.into_iter().map(chain_link).collect_view()}</ol>
            </section>
        </div>
    }
}
