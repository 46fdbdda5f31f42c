use leptos::prelude::*;

use crate::Query;
use crate::components::page;
use crate::views::{ProviderLink, SignInView};

/// The ways in, and why entry was refused.
#[component]
pub fn SignIn() -> impl IntoView {
    page(
        "Sign in",
        "/sign-in",
        |r| {
            let return_to = r.query.get("return_to").map(str::to_owned);
            async move { Ok((r.backend.sign_in(return_to).await?, r.query)) }
        },
        content,
    )
}

/// The query has a code, never words: nobody can make this page say theirs.
fn notice(refused: Option<&str>, signed_out: bool) -> Option<AnyView> {
    let words = match refused {
        None if signed_out => {
            return Some(view! { <p class="note ok" role="status">"You are signed out."</p> }.into_any());
        }
        None => return None,
        Some("no-role") => {
            "You are known to your identity provider, but nothing is granted to you here: none of your groups has a role. Ask an administrator of certctl to map one."
        }
        Some("deactivated") => "Your account is deactivated here. Ask an administrator of certctl.",
        Some("email-domain") => {
            "Your e-mail address is not of a domain that may sign in here, or your identity provider has not verified it."
        }
        Some("too-many-groups") => {
            "You are in more groups than your identity provider can send. Ask its administrator to send only the groups that are assigned to this application."
        }
        Some("provider-refused") => {
            "The identity provider refused the sign-in, or its answer cannot be believed. The audit trail says why."
        }
        Some("cancelled") => "The sign-in was cancelled at the identity provider.",
        Some("expired") => {
            "The sign-in took too long, was begun in another browser, or was finished already. Try again."
        }
        Some("session-ended") => "Your identity provider has ended your session. Sign in again.",
        Some("provider-unavailable") => {
            "The identity provider cannot be reached now. Try again in a few minutes."
        }
        Some("provider-disabled") => "This identity provider is not in use here any more.",
        Some(_) => "The sign-in was refused. The audit trail and the server's log say why.",
    };
    Some(view! { <p class="note bad" role="alert">{words}</p> }.into_any())
}

fn content((view, query): (SignInView, Query)) -> impl IntoView {
    let SignInView { providers, break_glass, return_to } = view;
    let back = return_to.clone();
    view! {
        <div class="head"><div><h1>"Sign in"</h1><p>"To see and administer what this CA issues."</p></div></div>
        {notice(query.get("refused"), query.has("signed_out"))}
        <div class="grid cols-2">
            {(!providers.is_empty()).then(|| view! {
                <section class="card">
                    <header><h2>"With your organisation's account"</h2></header>
                    <div class="body">
                        {providers.into_iter().map(provider).collect_view()}
                    </div>
                </section>
            })}
            <section class="card">
                <header><h2>"With an API key"</h2></header>
                <form class="body" method="post" action="/auth/api-key">
                    <input type="hidden" name="return_to" value=return_to/>
                    <div class="field">
                        <label for="api_key">"API key"</label>
                        <input id="api_key" name="api_key" type="password" autocomplete="off" required="" spellcheck="false"/>
                        <p class="muted small">"You can do what the key can, for as long as the key is good. "
                            <code>"certctl login-link"</code> " on the server makes a link that needs none."</p>
                    </div>
                    <div class="actions"><button class="button primary">"Sign in"</button></div>
                </form>
            </section>
            {break_glass.then(|| view! {
                <section class="card">
                    <header><h2>"Break-glass"</h2> <span class="status warn">"every use is reported"</span></header>
                    <form class="body" method="post" action="/auth/break-glass">
                        <input type="hidden" name="return_to" value=back/>
                        <div class="field">
                            <label for="name">"Name"</label>
                            <input id="name" name="name" autocomplete="username" required="" spellcheck="false"/>
                        </div>
                        <div class="field">
                            <label for="password">"Password"</label>
                            <input id="password" name="password" type="password" autocomplete="current-password" required=""/>
                        </div>
                        <div class="actions"><button class="button">"Sign in with a password"</button></div>
                    </form>
                </section>
            })}
        </div>
    }
}

fn provider(link: ProviderLink) -> impl IntoView {
    view! { <a class="button primary" href=link.url>"Continue with " {link.name}</a> }
}
