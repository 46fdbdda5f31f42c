use leptos::prelude::*;

use crate::views::{ActionLink, Badge, Link, Moment, Revoked, Tone};

#[component]
pub fn StatusBadge(badge: Badge) -> impl IntoView {
    let class = match badge.tone {
        Tone::Ok => "status ok",
        Tone::Info => "status info",
        Tone::Warn => "status warn",
        Tone::Bad => "status bad",
        Tone::Quiet => "status",
    };
    view! { <span class=class>{badge.word}</span> }
}

/// A time in UTC with how far away it is.
#[component]
pub fn Instant(at: Moment) -> impl IntoView {
    view! {
        <time datetime=at.iso>{at.text} " " <small>{at.hint}</small></time>
    }
}

/// A thing by its name, with the way to its page.
pub fn thing(link: Link) -> impl IntoView {
    let Link { text, href, title } = link;
    match href {
        Some(href) => view! { <a href=href title=title>{text}</a> }.into_any(),
        None => view! { <span title=title>{text}</span> }.into_any(),
    }
}

/// The same, or a dash for nothing.
pub fn optional_link(link: Option<Link>) -> impl IntoView {
    match link {
        Some(link) => thing(link).into_any(),
        None => view! { <span class="muted">"–"</span> }.into_any(),
    }
}

/// When, by whom and why something was revoked: lines of facts.
pub fn revoked(revoked: Revoked) -> impl IntoView {
    let Revoked { at, by, reason } = revoked;
    view! {
        <dt>"Revoked"</dt><dd><Instant at/></dd>
        {by.map(|by| view! { <dt>"Revoked by"</dt><dd class="mono">{thing(by)}</dd> })}
        {reason.map(|reason| view! { <dt>"Reason"</dt><dd>{reason}</dd> })}
    }
}

/// Text that machines made, to be compared letter by letter.
#[component]
pub fn Identifier(#[prop(into)] text: String) -> impl IntoView {
    view! { <code data-copy="">{text}</code> }
}

/// The ways to what may be done to a thing.
pub fn actions(all: Vec<ActionLink>) -> impl IntoView {
    let link = |ActionLink { text, href, danger }| {
        let class = if danger { "button danger" } else { "button" };
        view! { <a class=class href=href>{text}</a> }
    };
    all.into_iter().map(link).collect_view()
}
