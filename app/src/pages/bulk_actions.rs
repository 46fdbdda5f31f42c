use leptos::prelude::*;

use super::certificates::PATH as CERTIFICATES;
use super::renew_now::{CLIENTS_ARE_TOLD, OTHERS_ARE_NOT, REASON_HELP, explanation};
use super::revocation::{consequences, reasons};
use crate::components::{
    Confirmation, Field, Instant, Live, PageTitle, Pager, StatusBadge, Table, actions, confirmation,
    list_page, page, parameter, sentence, thing,
};
use crate::views::{BulkActionRow, BulkActionView, CertificateRow, Link, ListView, NewBulkActionView};

#[component]
pub fn BulkActions() -> impl IntoView {
    page("Bulk actions", CERTIFICATES, |r| async move { r.backend.bulk_actions(&r.query).await }, list)
}

#[component]
pub fn BulkAction() -> impl IntoView {
    let id = parameter("id");
    page("Bulk action", CERTIFICATES, |r| async move { r.backend.bulk_action(&id, &r.query).await }, detail)
}

#[component]
pub fn NewBulkAction() -> impl IntoView {
    let common = Confirmation::here();
    page(
        "Change several certificates",
        CERTIFICATES,
        |r| async move {
            // What was sent and refused says what is selected, as the query did.
            let selected = r.sent.map_or(r.query, |sent| sent.values);
            r.backend.new_bulk_action(&selected).await
        },
        move |v: NewBulkActionView| match v.fault.clone() {
            Some(fault) => nothing_to_ask(&fault, v.back, v.wrong).into_any(),
            None => ask(v, common).into_any(),
        },
    )
}

#[component]
pub fn StopBulkAction() -> impl IntoView {
    let (id, common) = (parameter("id"), Confirmation::here());
    page(
        "Stop a bulk action",
        CERTIFICATES,
        |r| async move { r.backend.bulk_action(&id, &r.query).await },
        move |v: BulkActionView| {
            let asked = Confirmation {
                heading: format!("Stop: {}", v.heading),
                of: (v.heading, format!("{PATH}/{}", v.id)),
                consequences: vec![format!(
                    "What is done stays done, {} so far. What is left stays as it is; it cannot be taken up again, only \
                     selected anew.",
                    v.done
                )],
                button: "Stop",
                danger: true,
                reason: None,
                ..common
            };
            confirmation(asked, |_| ().into_any())
        },
    )
}

const PATH: &str = "/bulk-actions";

fn list(view: ListView<BulkActionRow>) -> impl IntoView {
    let heading = ("Bulk actions", "What was done to many certificates at once, and how far it is.");
    let columns = &["Action", "Status", "Done", "Failed", "Left", "By", "Started (UTC)"];
    let row = |row: BulkActionRow| {
        view! {
            <tr>
                <th scope="row">{thing(row.action)} <small>{row.why}</small></th>
                <td><StatusBadge badge=row.status/></td>
                <td class="nowrap">{row.done}</td>
                <td class="nowrap">{row.failed}</td>
                <td class="nowrap">{row.left}</td>
                <td class="mono nowrap">{thing(row.by)}</td>
                <td class="nowrap"><Instant at=row.started/></td>
            </tr>
        }
    };
    list_page(view, PATH, heading, columns, row, || {
        view! {
            <p><strong>"Nothing was done to many certificates at once yet."</strong></p>
            <p>"Select some in the list of " <a href=CERTIFICATES>"certificates"</a>
                ", or filter it, to revoke them or to have them renewed."</p>
        }
        .into_any()
    })
}

fn nothing_to_ask(fault: &str, back: String, wrong: bool) -> impl IntoView + use<> {
    if wrong && let Some(request) = use_context::<crate::PageRequest>() {
        request.status.set(422);
    }
    view! {
        <div class="head"><h1>"Change several certificates"</h1></div>
        <div class="note warn" role="alert">
            <p><strong>{sentence(fault)}</strong></p>
            <p><a href=back>"Back to the list"</a></p>
        </div>
    }
}

fn ask(v: NewBulkActionView, common: Confirmation) -> impl IntoView {
    let (revokes, count) = (v.revokes, v.count.clone());
    let asked = match revokes {
        true => Confirmation {
            heading: format!("Revoke {count}"),
            consequences: consequences("each of them until it expires"),
            button: "Revoke for ever",
            danger: true,
            reason: None,
            ..common
        },
        false => Confirmation {
            heading: format!("Have {count} renewed now"),
            consequences: [
                CLIENTS_ARE_TOLD,
                OTHERS_ARE_NOT,
                "Nothing is revoked: all stay valid until they expire.",
            ]
            .map(str::to_owned)
            .into(),
            button: "Demand renewal",
            reason: Some(REASON_HELP),
            ..common
        },
    };
    let asked = Confirmation { of: ("Certificates".to_owned(), v.back.clone()), ..asked };
    confirmation(asked, move |form| {
        let selected = selected(&v);
        let hidden = v.fields.into_iter().map(|(name, value)| {
            view! { <input type="hidden" name=name value=value/> }
        });
        let hidden = hidden.collect_view();
        let more = match revokes {
            true => {
                let why = Field::new("comment", "In your words").help("It is kept in the audit trail.");
                view! { {reasons(form, v.reasons)} {form.text(why.required())} }.into_any()
            }
            false => explanation(form),
        };
        view! { {selected} {hidden} {more} }.into_any()
    })
}

/// What is selected: the filter, and some of the certificates.
fn selected(v: &NewBulkActionView) -> impl IntoView + use<> {
    let by = (!v.filter.is_empty()).then(|| {
        let rows = v.filter.iter().cloned().map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> });
        view! {
            <p>"All valid certificates that this filter finds now; those issued later are left alone."</p>
            <dl class="facts">{rows.collect_view()}</dl>
        }
    });
    let rows = v.first.iter().cloned().map(|CertificateRow { certificate, expires, profile, .. }| {
        view! {
            <tr>
                <th scope="row">{thing(certificate)}</th>
                <td class="nowrap"><Instant at=expires/></td>
                <td class="nowrap">{thing(profile)}</td>
            </tr>
        }
    });
    let rows = rows.collect_view().into_any();
    let more = v.more.then(|| view! { <p class="muted small">"The newest of them; there are more."</p> });
    view! {
        <div class="selected">
            {by}
            <Table label="Selected certificates" columns=&["Names", "Expires (UTC)", "Profile"]>{rows}</Table>
            {more}
        </div>
    }
}

fn detail(v: BulkActionView) -> impl IntoView {
    let note = v.note.map(|note| view! { <p class="note warn">{note}</p> });
    let facts = v.facts.into_iter().map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> });
    let facts = facts.collect_view();
    let bar = v.progress.filter(|_| v.running).map(|(dealt, all)| {
        view! { <progress max=all.to_string() value=dealt.to_string() aria-label="Dealt with"></progress> }
    });
    let replaced = v.replaced.map(|(count, counted)| {
        let note = counted.map_or_else(
            || "not counted yet".to_owned(),
            |at| format!("by their clients; counted {}", at.hint),
        );
        figure("Replaced", count, note)
    });
    let refresh = format!("{PATH}/{}", v.id);
    view! {
        <PageTitle text=v.heading.clone()/>
        <Live id="bulk-action" running=v.running>
            <div class="head">
                <div>
                    <div class="crumbs">
                        <a href=CERTIFICATES>"Certificates"</a> " / " <a href=PATH>"Bulk actions"</a> " / " <code>{v.id}</code>
                    </div>
                    <h1>{v.heading} " " <StatusBadge badge=v.status/></h1>
                </div>
                <div class="actions">
                    {actions(v.actions)}
                    <a class="button" href=refresh>"Refresh"</a>
                    {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
                </div>
            </div>
            {note}
            <div class="grid cols-4">
                {figure("Done", v.done, String::new())}
                {figure("Failed", v.failed, String::new())}
                {figure("Left", v.left, String::new())}
                {replaced}
            </div>
            {bar}
            <section class="card">
                <header><h2>"What was asked for"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"By"</dt><dd class="mono">{thing(v.by)}</dd>
                        <dt>"Started"</dt><dd><Instant at=v.started/></dd>
                        {v.ended.map(|at| view! { <dt>"Ended"</dt><dd><Instant at/></dd> })}
                        {facts}
                    </dl>
                </div>
            </section>
            {failures(v.failures)}
        </Live>
    }
}

fn figure(name: &'static str, number: String, note: String) -> impl IntoView {
    let note = (!note.is_empty()).then(|| view! { <small>{note}</small> });
    view! { <dl class="card figure"><dt>{name}</dt><dd>{number} {note}</dd></dl> }
}

fn failures(view: ListView<(Link, String)>) -> impl IntoView {
    let shown = view.rows.len();
    if shown == 0 {
        return ().into_any();
    }
    let row = |(certificate, reason): (Link, String)| {
        view! { <tr><th scope="row" class="mono">{thing(certificate)}</th><td class="text">{reason}</td></tr> }
    };
    let rows = view.rows.into_iter().map(row).collect_view().into_any();
    view! {
        <section class="card">
            <header><h2>"Left as they were"</h2></header>
            <Table label="Left as they were" columns=&["Certificate", "Why"]>{rows}</Table>
            <Pager first=view.first next=view.next shown order=view.order searched=None/>
        </section>
    }
    .into_any()
}
