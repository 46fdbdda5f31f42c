use leptos::prelude::*;

use super::PageTitle;
use super::form::field_id;
use crate::{Fault, PageRequest, VisitorView};

/// What every page stands in: the navigation, for those who are signed in by what they may see, and the main part.
/// `current`: the path in the navigation that the page belongs to.
#[component]
pub fn Page(title: &'static str, current: &'static str, children: Children) -> impl IntoView {
    let request = use_context::<PageRequest>();
    let visitor = request.as_ref().and_then(|request| request.visitor.clone());
    let warning = visitor.as_ref().and_then(|visitor| visitor.warning.clone());
    let done = request.and_then(|request| request.done).map(|done| {
        view! { <p class="note ok" role="status">{done.message}</p> }
    });
    let banner = warning.map(|text| {
        view! { <p class="banner" role="alert"><strong>"Break-glass. "</strong> {text}</p> }
    });
    let main = view! {
        <main id="main" class="main">
            {done}
            {children()}
        </main>
    };
    let framed = match visitor {
        Some(visitor) => {
            view! { <div class="frame"><Side visitor current/> <div>{banner} {main}</div></div> }.into_any()
        }
        None => view! { <Top current/> {main} }.into_any(),
    };
    view! {
        <PageTitle text=title/>
        <a class="skip" href="#main">"Skip to content"</a>
        {framed}
    }
}

/// Why what was sent was refused. Of several fields each is named, with the way to it, so the page's form comes first.
pub fn refused(request: &PageRequest) -> Option<AnyView> {
    let text = request.refusal.as_ref()?;
    let faults = request.sent.clone().map(|sent| sent.faults).unwrap_or_default();
    if faults.is_empty() {
        return Some(view! { <p class="note bad" role="alert">{sentence(text)}</p> }.into_any());
    }
    let faults = faults.into_iter().map(|Fault { field, reason }| {
        let name = field.split(['[', '.']).next().unwrap_or_default();
        let field = match request.labels.of(name) {
            Some(label) => view! { <a href=format!("#{}", field_id(name))>{label}</a> }.into_any(),
            None => name.replace('_', " ").into_any(),
        };
        view! { <li>{field} ": " {reason}</li> }
    });
    let told = view! {
        <div class="note bad" role="alert">
            <p><strong>"Nothing was changed yet."</strong></p>
            <ul>{faults.collect_view()}</ul>
        </div>
    };
    Some(told.into_any())
}

/// What a form of somebody who is signed in must send along.
#[component]
pub fn CsrfToken(token: String) -> impl IntoView {
    view! { <input type="hidden" name="csrf_token" value=token/> }
}

/// Errors are written in lower case and without a full stop.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// A place in the navigation, and the permission that its page asks for.
struct Place(&'static str, &'static str, Option<&'static str>);

/// By what people come to do.
const GROUPS: &[(&str, &[Place])] = &[
    (
        "Issuance",
        &[
            Place("/", "Overview", None),
            Place("/certificates", "Certificates", Some("certificate.read")),
            Place("/orders", "Orders", Some("order.read")),
            Place("/acme-accounts", "ACME accounts", Some("acme_account.read")),
            Place("/eab-keys", "EAB keys", Some("eab_key.read")),
        ],
    ),
    (
        "Policy",
        &[
            Place("/profiles", "Profiles", Some("profile.read")),
            Place("/issuers", "Issuers", Some("issuer.read")),
            Place("/rate-limits", "Rate limits", Some("rate_limit.read")),
            Place("/pki", "Trust", None),
        ],
    ),
    (
        "Access",
        &[
            Place("/users", "Users", Some("user.read")),
            Place("/roles", "Roles", Some("role.read")),
            Place("/api-keys", "API keys", Some("api_key.read")),
            Place("/sessions", "Sessions", Some("session.read")),
            Place("/providers", "Identity providers", Some("provider.read")),
            Place("/break-glass", "Break-glass", Some("user.read")),
        ],
    ),
    ("Proof", &[Place("/audit", "Audit", Some("audit.read"))]),
    ("System", &[Place("/system", "System", Some("system.read"))]),
];

/// The navigation of those who are signed in. It stands there twice: on the side, and folded for narrow screens; the
/// style sheet shows one of them.
#[component]
fn Side(visitor: VisitorView, current: &'static str) -> impl IntoView {
    let (wide, narrow) = (groups(&visitor, current), groups(&visitor, current));
    let me = move |visitor: VisitorView| {
        let here = (current == "/account").then_some("page");
        view! {
            <div class="me small">
                <a href="/account" aria-current=here><strong>{visitor.name}</strong></a>
                <div class="muted">{visitor.role}</div>
                <form method="post" action="/auth/logout">
                    <CsrfToken token=visitor.csrf_token/>
                    <button class="plain">"Sign out"</button>
                </form>
            </div>
        }
    };
    view! {
        <nav class="side" aria-label="Main">
            <a class="brand" href="/"><Seal/>"certctl"</a>
            {wide}
            {me(visitor.clone())}
        </nav>
        <header class="folded">
            <a class="brand" href="/"><Seal/>"certctl"</a>
            <details>
                <summary>"Menu"</summary>
                <nav aria-label="Main">{narrow} {me(visitor)}</nav>
            </details>
        </header>
    }
}

fn groups(visitor: &VisitorView, current: &'static str) -> Vec<AnyView> {
    let shown = |place: &&Place| place.2.is_none_or(|permission| visitor.may(permission));
    let groups = GROUPS.iter().map(|(name, places)| (name, places.iter().filter(shown).collect::<Vec<_>>()));
    groups
        .filter(|(_, places)| !places.is_empty())
        .map(|(name, places)| {
            let places =
                places.into_iter().map(|Place(path, text, _)| link(path, text, current)).collect_view();
            view! { <section><h2>{*name}</h2><ul>{places}</ul></section> }.into_any()
        })
        .collect()
}

/// The header of those who are not signed in.
#[component]
fn Top(current: &'static str) -> impl IntoView {
    view! {
        <header class="top">
            <a class="brand" href="/"><Seal/>"certctl"</a>
            <nav aria-label="Pages">
                <ul>{link("/", "Start", current)} {link("/pki", "Trust", current)}</ul>
            </nav>
            {(current != "/sign-in").then(|| {
                view! { <div class="who"><a class="button" href="/sign-in">"Sign in"</a></div> }
            })}
        </header>
    }
}

fn link(path: &'static str, text: &'static str, current: &'static str) -> impl IntoView {
    let here = (path == current).then_some("page");
    view! { <li><a href=path aria-current=here>{text}</a></li> }
}

#[component]
fn Seal() -> impl IntoView {
    view! {
        <svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2">
            <circle cx="12" cy="9" r="6"/>
            <path d="M8.5 14.5 7 22l5-2.5L17 22l-1.5-7.5" stroke-linejoin="round"/>
            <path d="m9.5 9 2 2 3.5-3.5" stroke-linecap="round" stroke-linejoin="round"/>
        </svg>
    }
}
