use leptos::prelude::*;

use super::certificates;
use crate::components::{Instant, StatusBadge, Table, bars, page, prose, thing};
use crate::views::{Attention, End, Figure, FiguresView, OverviewView};

/// The first page of those who are signed in.
#[component]
pub fn Overview() -> impl IntoView {
    page("Overview", "/", |r| async move { r.backend.overview().await }, content)
}

fn content(v: OverviewView) -> impl IntoView {
    let faults = (!v.faults.is_empty()).then(|| {
        let all = v.faults.into_iter().map(|fault| view! { <li>{fault}</li> }).collect_view();
        view! {
            <section class="note bad" role="alert">
                <h2>"The server cannot issue certificates now"</h2>
                <ul>{all}</ul>
            </section>
        }
    });
    let newest = v.newest.filter(|rows| !rows.is_empty()).map(|rows| {
        let rows = rows.into_iter().map(certificates::row).collect_view().into_any();
        view! {
            <section class="card">
                <header><h2>"Newest certificates"</h2> <a href="/certificates">"All certificates"</a></header>
                <Table label="Newest certificates" columns=certificates::COLUMNS>{rows}</Table>
            </section>
        }
    });
    let counting = v.counting.then(|| {
        view! {
            <section class="note info">
                <p>"What was issued is being counted for the first time since the start. Look again in a moment."</p>
            </section>
        }
    });
    let (numbers, horizon, issued) = v.figures.map(figures).unwrap_or_default();
    view! {
        <div class="head"><div><h1>"Overview"</h1> <p>"certctl " {v.version}</p></div></div>
        {faults}
        {v.first_steps.then(first_steps)}
        {attention(v.attention)}
        {counting}
        {numbers}
        {horizon}
        <div class="grid cols-2">{issued} {ends(v.ends)}</div>
        {newest}
    }
}

fn first_steps() -> impl IntoView {
    view! {
        <section class="card">
            <header><h2>"What to do first"</h2></header>
            <div class="body">
                <ol class="steps">
                    <li><strong>"Make a profile."</strong>
                        " It says who may get which certificates; "
                        <a href="/profiles">"Profiles"</a> " has them all."</li>
                    <li><strong>"Trust this CA"</strong> " where its certificates will be met: "
                        <a href="/pki">"the commands for each system"</a> "."</li>
                    <li><strong>"Connect a client."</strong>
                        " Each profile has ready texts for cert-manager, lego, certbot, Caddy and Traefik."</li>
                </ol>
            </div>
        </section>
    }
}

fn attention(items: Vec<Attention>) -> impl IntoView {
    let content = match items.is_empty() {
        true => view! { <div class="body"><p class="muted">"Nothing. All is well."</p></div> }.into_any(),
        false => {
            let rows = items.into_iter().map(|item| {
                view! {
                    <li>
                        <StatusBadge badge=item.badge/>
                        <div>{thing(item.what)} <small>{prose(&item.why)}</small></div>
                    </li>
                }
            });
            view! { <ul class="attention">{rows.collect_view()}</ul> }.into_any()
        }
    };
    view! {
        <section class="card"><header><h2>"Needs attention"</h2></header> {content}</section>
    }
}

/// The numbers, and the two charts.
fn figures(view: FiguresView) -> (Option<AnyView>, Option<AnyView>, Option<AnyView>) {
    let FiguresView { numbers, horizon, issued, counted } = view;
    let numbers = numbers.into_iter().map(|Figure { name, number, note }| {
        view! { <dl class="card figure"><dt>{name}</dt><dd>{number} <small>{note}</small></dd></dl> }
    });
    let numbers = view! { <div class="grid cols-4">{numbers.collect_view()}</div> }.into_any();
    let (ending, replaced) = horizon.iter().fold((0, 0), |sum, day| (sum.0 + day.0, sum.1 + day.1));
    let words = format!(
        "In the next {} days {ending} certificates in use end, and {replaced} that are replaced.",
        horizon.len()
    );
    let marks = (0..horizon.len())
        .step_by(15)
        .map(|day| (day, if day == 0 { "now".to_owned() } else { format!("+{day} d") }));
    let horizon = view! {
        <section class="card">
            <header>
                <h2>"Expiry horizon"</h2>
                <p class="legend">
                    {counted.map(|when| format!("counted {when}"))}
                    <span>"in use"</span> <span class="soft">"replaced"</span>
                </p>
            </header>
            <div class="body">{bars(horizon, "soft", (900, 170), words, marks.collect())}</div>
        </section>
    };
    let days = issued.len();
    let (all, failed) = issued.iter().fold((0, 0), |sum, day| (sum.0 + day.0, sum.1 + day.1));
    let words =
        format!("In the last {days} days {all} certificates were issued, and {failed} orders failed.");
    let marks = vec![(0, format!("{days} days ago")), (days.saturating_sub(1), "today".to_owned())];
    let issued = view! {
        <section class="card">
            <header>
                <h2>"Issued and failed per day"</h2>
                <p class="legend"><span>"certificates"</span> <span class="failed">"failed orders"</span></p>
            </header>
            <div class="body">
                {bars(issued, "failed", (440, 170), words, marks)}
                <p class="muted small">"Days end at this time of day. A failed order counts for the day on which it was placed."</p>
            </div>
        </section>
    };
    (Some(numbers), Some(horizon.into_any()), Some(issued.into_any()))
}

fn ends(ends: Vec<End>) -> impl IntoView {
    let rows = ends.into_iter().map(|end| {
        view! {
            <tr>
                <th scope="row">{thing(end.of)}</th>
                <td><StatusBadge badge=end.status/></td>
                <td class="nowrap"><Instant at=end.at/></td>
            </tr>
        }
    });
    let rows = rows.collect_view().into_any();
    view! {
        <section class="card">
            <header><h2>"Our own certificates"</h2></header>
            <Table label="Our own certificates" columns=&["Of", "Status", "Expires (UTC)"]>{rows}</Table>
        </section>
    }
}
