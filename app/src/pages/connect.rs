use leptos::prelude::*;

use super::profiles::PATH;
use crate::components::{Commands, PageTitle, page, parameter, thing};
use crate::views::{ClientGuide, ConnectView, Snippet};

/// Ready texts for the clients of a profile.
#[component]
pub fn Connect() -> impl IntoView {
    let id = parameter("id");
    page("Connect a client", PATH, |r| async move { r.backend.connect(&id).await }, content)
}

fn content(v: ConnectView) -> impl IntoView {
    let profile = format!("{PATH}/{}", v.id);
    let files = format!("{profile}/connect");
    let warnings = (!v.warnings.is_empty()).then(|| {
        let all = v.warnings.into_iter().map(|warning| view! { <p>{warning}</p> }).collect_view();
        view! { <section class="note warn">{all}</section> }
    });
    let contents = v.clients.iter().map(|guide| {
        let href = format!("#{}", anchor(guide.client));
        view! { <a class="button" href=href>{guide.client}</a> }
    });
    view! {
        <PageTitle text=format!("Connect a client to {}", v.name)/>
        <div class="head">
            <div>
                <div class="crumbs">
                    <a href=PATH>"Profiles"</a> " / " <a href=profile>{v.name}</a>
                </div>
                <h1>"Connect a client"</h1>
                <p>"Ready to copy, with the values of this profile. Directory: " <code>{v.directory}</code></p>
            </div>
            <nav class="actions" aria-label="Clients">{contents.collect_view()}</nav>
        </div>
        {warnings}
        {v.needs_key.map(|keys| view! {
            <section class="note info">
                <h2>"This profile takes only accounts with an EAB key"</h2>
                <p>"Replace " <code>"KEY_ID"</code> " and " <code>"MAC_KEY"</code> " below by those of an "
                    {thing(keys)} ". The MAC key is shown once, when the key is made."</p>
            </section>
        })}
        {(!v.trust.is_empty()).then(|| view! {
            <section class="card">
                <header><h2>"First: trust this server"</h2> <a href="/pki">"More systems"</a></header>
                <div class="body">{v.trust.into_iter().map(|text| snippet(text, &files)).collect_view()}</div>
            </section>
        })}
        {v.clients.into_iter().map(|client| guide(client, &files)).collect_view()}
    }
}

fn guide(guide: ClientGuide, files: &str) -> impl IntoView + use<> {
    let snippets = guide.snippets.into_iter().map(|text| snippet(text, files)).collect_view();
    view! {
        <section class="card" id=anchor(guide.client)>
            <header><h2>{guide.client}</h2></header>
            <div class="body">{snippets}</div>
        </section>
    }
}

fn anchor(client: &str) -> String {
    client.to_lowercase().replace(' ', "-")
}

/// `files`: where each can be had as a file.
fn snippet(snippet: Snippet, files: &str) -> impl IntoView + use<> {
    let file = Some(format!("{files}/{}", snippet.file));
    view! { <Commands heading=snippet.heading text=snippet.text hint=snippet.hint file/> }
}
