use leptos::prelude::*;

use crate::components::{
    Instant, Live, PageTitle, StatusBadge, Table, list_page, optional_link, page, parameter, prose, thing,
};
use crate::views::{
    AuthorizationRow, Event, ExplanationView, ListView, OrderRow, OrderView, RefusedOrderRow, Tone,
};

#[component]
pub fn Orders() -> impl IntoView {
    page("Orders", PATH, |r| async move { r.backend.orders(&r.query).await }, list)
}

#[component]
pub fn RefusedOrders() -> impl IntoView {
    page("Refused orders", PATH, |r| async move { r.backend.refused_orders(&r.query).await }, refused)
}

#[component]
pub fn Order() -> impl IntoView {
    let id = parameter("id");
    page("Order", PATH, |r| async move { r.backend.order(&id).await }, detail)
}

const PATH: &str = "/orders";

/// Of every table of orders.
pub const COLUMNS: &[&str] = &["Names", "Status", "Placed (UTC)", "Profile", "Account", "Certificate"];

fn list(view: ListView<OrderRow>) -> impl IntoView {
    let heading = (
        "Orders",
        "What ACME clients have asked for. Each order says how far it came; one that failed says why and what to do.",
    );
    list_page(view, PATH, heading, COLUMNS, row, || {
        view! {
            <p><strong>"No client has ordered yet."</strong></p>
            <p>"Open a " <a href="/profiles">"profile"</a>
                " and follow “Connect a client”. Orders that ended are kept for some time, certificates for ever."</p>
        }
        .into_any()
    })
}

fn refused(view: ListView<RefusedOrderRow>) -> impl IntoView {
    const COLUMNS: &[&str] = &["Names", "Why, and what to do", "Asked (UTC)", "Profile", "Account"];
    let heading = (
        "Refused orders",
        "What clients wanted to order and were refused at once, so that there is no order.",
    );
    list_page(view, "/orders/refused", heading, COLUMNS, refused_row, || {
        view! {
            <p><strong>"Nothing was refused."</strong></p>
            <p>"An order that was accepted and failed later is among the " <a href=PATH>"orders"</a> "."</p>
        }
        .into_any()
    })
}

fn refused_row(row: RefusedOrderRow) -> impl IntoView {
    let reasons =
        row.reasons.into_iter().map(|reason: String| view! { <div>{prose(&reason)}</div> }).collect_view();
    view! {
        <tr>
            <th scope="row" class="wide">
                {thing(row.name)}
                {row.more_names.map(|names| view! { <small>{names}</small> })}
            </th>
            <td class="text">{reasons} <small>{row.advice}</small></td>
            <td class="nowrap"><Instant at=row.asked/></td>
            <td class="nowrap">{thing(row.profile)}</td>
            <td class="mono nowrap">{optional_link(row.account)}</td>
        </tr>
    }
}

pub fn row(row: OrderRow) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">
                {thing(row.order)}
                {row.more_names.map(|names| view! { <small>{names}</small> })}
                {row.problem.map(|problem| view! { <small class="fault">{problem}</small> })}
            </th>
            <td><StatusBadge badge=row.status/></td>
            <td class="nowrap"><Instant at=row.placed/></td>
            <td class="nowrap">{thing(row.profile)}</td>
            <td class="mono nowrap">{thing(row.account)}</td>
            <td class="mono nowrap">{optional_link(row.certificate)}</td>
        </tr>
    }
}

fn detail(v: OrderView) -> impl IntoView {
    let names = v.names.into_iter().map(|name| view! { <li>{name}</li> }).collect_view();
    let authorizations = v.authorizations.into_iter().map(authorization).collect_view().into_any();
    view! {
        <PageTitle text=format!("Order for {}", v.name)/>
        <Live id="order" running=v.expires.is_some()>
            <div class="head">
                <div>
                    <div class="crumbs"><a href=PATH>"Orders"</a> " / " <code>{v.id}</code></div>
                    <h1>{v.name} " " <StatusBadge badge=v.status/></h1>
                    <p>"Asked " {v.placed.hint.clone()} " by account " {thing(v.account.clone())} " under profile "
                        {thing(v.profile.clone())} "."</p>
                </div>
                <div class="actions">
                    {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
                </div>
            </div>
            {v.explanation.map(explanation)}
            <div class="grid split">
                <div class="grid">
                    <section class="card">
                        <header><h2>"What happened"</h2> <span class="muted small">"times in UTC"</span></header>
                        <div class="body">
                            <ol class="timeline">{v.events.into_iter().map(event).collect_view()}</ol>
                        </div>
                    </section>
                    <section class="card">
                        <header><h2>"Authorizations"</h2></header>
                        <Table label="Authorizations" columns=&["Name", "Status", "How", "Expires (UTC)"]>
                            {authorizations}
                        </Table>
                    </section>
                </div>
                <div class="grid">
                    <section class="card">
                        <header><h2>"Order"</h2></header>
                        <div class="body">
                            <dl class="facts">
                                <dt>"Names"</dt><dd><ul class="plain">{names}</ul></dd>
                                <dt>"Placed"</dt><dd><Instant at=v.placed/></dd>
                                {v.expires.map(|at| view! { <dt>"Ends"</dt><dd><Instant at/></dd> })}
                                {v.wanted.map(|wanted| view! { <dt>"Validity"</dt><dd>{wanted}</dd> })}
                                <dt>"Profile"</dt><dd>{thing(v.profile)}</dd>
                                <dt>"Account"</dt><dd class="mono">{thing(v.account)}</dd>
                                {v.eab_key.map(|key| view! { <dt>"Bound by"</dt><dd class="mono">{thing(key)}</dd> })}
                                {v.replaces.map(|link| view! { <dt>"Replaces"</dt><dd class="mono">{thing(link)}</dd> })}
                                <dt>"Certificate"</dt><dd class="mono">{optional_link(v.certificate)}</dd>
                            </dl>
                        </div>
                    </section>
                    {v.problem.map(|problem| view! {
                        <section class="card">
                            <header><h2>"What the client was told"</h2></header>
                            <div class="body">
                                <dl class="facts">
                                    <dt>"Type"</dt><dd><code>{problem.kind}</code></dd>
                                    <dt>"Status"</dt><dd>{problem.status}</dd>
                                    <dt>"Detail"</dt><dd>{prose(&problem.detail)}</dd>
                                </dl>
                            </div>
                        </section>
                    })}
                </div>
            </div>
        </Live>
    }
}

fn explanation(view: ExplanationView) -> impl IntoView {
    let list =
        |lines: Vec<String>| lines.into_iter().map(|line| view! { <li>{prose(&line)}</li> }).collect_view();
    let (class, heading) = match view.failed {
        true => ("note bad", "Why it failed, and what to do"),
        false => ("note info", "What it waits for"),
    };
    let advised = !view.advice.is_empty();
    view! {
        <section class=class aria-labelledby="why">
            <h2 id="why">{heading}</h2>
            <p><strong>{prose(&view.summary)}</strong></p>
            <ul>{list(view.findings)}</ul>
            {advised.then(|| view! { <h3>"Try"</h3> <ol>{list(view.advice)}</ol> })}
        </section>
    }
}

fn event(event: Event) -> impl IntoView {
    let class = match event.tone {
        Tone::Ok => "ok",
        Tone::Bad => "bad",
        Tone::Warn => "warn",
        Tone::Info | Tone::Quiet => "",
    };
    let notes = event.notes.into_iter().map(|note| view! { <div class="muted small">{prose(&note)}</div> });
    view! {
        <li class=class>
            <time datetime=event.at.iso>{event.at.text}</time>
            <span class="dot"></span>
            <div class="what">
                <div>{prose(&event.what)} {event.link.map(|link| view! { " " {thing(link)} })}</div>
                {notes.collect_view()}
            </div>
        </li>
    }
}

fn authorization(row: AuthorizationRow) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">{row.name}</th>
            <td><StatusBadge badge=row.status/></td>
            <td class="text">{row.how}</td>
            <td class="nowrap"><Instant at=row.expires/></td>
        </tr>
    }
}
