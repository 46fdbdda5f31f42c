//! What pages are made of.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{Anchor, PageError, PageRequest, VisitorView};

/// Header and main part of a public page. `current`: the path of the page, to mark it in the navigation.
#[component]
pub fn Page(title: &'static str, current: &'static str, children: Children) -> impl IntoView {
    let link = move |path: &'static str, text: &'static str| {
        let here = (path == current).then_some("page");
        view! { <li><a href=path aria-current=here>{text}</a></li> }
    };
    let request = use_context::<PageRequest>();
    let visitor = request.as_ref().and_then(|r| r.visitor.clone());
    let warning = visitor.as_ref().and_then(|v| v.warning.clone());
    let refusal = request.and_then(|r| r.refusal);
    view! {
        <Title text=format!("{title} – certctl")/>
        <a class="skip" href="#main">"Skip to content"</a>
        <header class="top">
            <a class="brand" href="/"><Seal/>"certctl"</a>
            <nav aria-label="Pages">
                <ul>{link("/", "Start")} {link("/pki", "Trust this CA")}</ul>
            </nav>
            {who(visitor, current)}
        </header>
        {warning.map(|text| view! { <p class="banner" role="alert"><strong>"Break-glass. "</strong> {text}</p> })}
        <main id="main" class="main">
            {refusal.map(|text| view! { <p class="note bad" role="alert">{sentence(&text)}</p> })}
            {children()}
        </main>
    }
}

/// Who is signed in and the way out, or the way in.
fn who(visitor: Option<VisitorView>, current: &'static str) -> impl IntoView {
    match visitor {
        Some(VisitorView { name, csrf_token, .. }) => {
            let here = (current == "/account").then_some("page");
            view! {
                <div class="who">
                    <a href="/account" aria-current=here>{name}</a>
                    <form method="post" action="/auth/logout">
                        <CsrfToken token=csrf_token/>
                        <button class="button">"Sign out"</button>
                    </form>
                </div>
            }
            .into_any()
        }
        None if current == "/sign-in" => ().into_any(),
        None => view! { <div class="who"><a class="button" href="/sign-in">"Sign in"</a></div> }.into_any(),
    }
}

/// What a form of somebody who is signed in must send along.
#[component]
pub fn CsrfToken(token: String) -> impl IntoView {
    view! { <input type="hidden" name="csrf_token" value=token/> }
}

/// Errors are written in lower case and without a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// A page that shows what `load` gives, or why it cannot.
pub fn loaded<T, V, F>(load: F, show: impl FnOnce(T) -> V + Send + 'static) -> impl IntoView
where
    F: Future<Output = Result<T, PageError>> + Send + 'static,
    T: Send + 'static,
    V: IntoView + 'static,
{
    // Taken now: the future runs when the context of this component may be gone.
    let status = use_context::<PageRequest>().map(|r| r.status);
    Suspend::new(async move {
        match load.await {
            Ok(data) => show(data).into_any(),
            Err(error) => {
                if let Some(status) = status {
                    status.set(error.status());
                }
                view! {
                    <div class="head"><h1>"This page cannot be shown"</h1></div>
                    <p class="note bad" role="alert">{error.to_string()}</p>
                }
                .into_any()
            }
        }
    })
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

/// A CA certificate: what it is, how to recognise it, how to get it.
#[component]
pub fn AnchorCard(heading: &'static str, purpose: &'static str, anchor: Anchor) -> impl IntoView {
    let Anchor { name, subject, fingerprint, not_after, days_left } = anchor;
    let (class, word) = match days_left {
        ..0 => ("status bad", "expired"),
        0..90 => ("status warn", "expires soon"),
        _ => ("status ok", "valid"),
    };
    let download = |form: &str, text: &'static str| {
        let file = format!("/pki/{name}.{form}");
        view! { <a class="button" href=file download="">{text}</a> }
    };
    let (pem, der, bundle) =
        (download("pem", "PEM"), download("der", "DER"), download("cabundle", "caBundle"));
    view! {
        <section class="card">
            <header><h2>{heading}</h2> <span class=class>{word}</span></header>
            <div class="body">
                <p class="muted">{purpose}</p>
                <dl class="facts">
                    <dt>"Subject"</dt>
                    <dd>{subject}</dd>
                    <dt>"Valid until"</dt>
                    <dd>{not_after} " UTC" <span class="muted">{in_days(days_left)}</span></dd>
                    <dt>"SHA-256"</dt>
                    <dd><code class="fingerprint">{fingerprint}</code></dd>
                </dl>
                <div class="actions">{pem} {der} {bundle}</div>
            </div>
        </section>
    }
}

fn in_days(days: i64) -> String {
    match days {
        ..0 => format!(" ({} days ago)", -days),
        0 => " (today)".to_owned(),
        1 => " (tomorrow)".to_owned(),
        2..730 => format!(" (in {days} days)"),
        _ => format!(" (in {} years)", days / 365),
    }
}

/// Commands to paste, under a heading.
#[component]
pub fn Commands(heading: &'static str, text: String, #[prop(optional)] hint: &'static str) -> impl IntoView {
    view! {
        <section class="commands">
            <h3>{heading}</h3>
            <pre tabindex="0"><code>{text}</code></pre>
            {(!hint.is_empty()).then(|| view! { <p class="muted small">{hint}</p> })}
        </section>
    }
}
