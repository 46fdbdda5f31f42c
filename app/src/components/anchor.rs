use leptos::prelude::*;

use crate::views::Anchor;

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
