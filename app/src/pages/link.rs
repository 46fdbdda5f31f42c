use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::PageRequest;
use crate::components::{Page, loaded};

/// A one-time link. The button spends it, not the visit: programs that look at links visit them too.
#[component]
pub fn Link() -> impl IntoView {
    let request = use_context::<PageRequest>();
    let token = use_params_map().get_untracked().get("token").unwrap_or_default();
    view! {
        <Page title="Sign in once" current="/sign-in">
            <div class="head"><div>
                <h1>"Sign in once"</h1>
                <p>"This link signs you in as the local administrator, a single time."</p>
            </div></div>
            {request.map(|r| {
                let asked = token.clone();
                loaded(async move { r.backend.link(&asked).await }, move |good| content(good, token))
            })}
        </Page>
    }
}

fn content(good: bool, token: String) -> impl IntoView {
    match good {
        true => view! {
            <form method="post" action="/auth/link">
                <input type="hidden" name="token" value=token/>
                <div class="actions"><button class="button primary">"Sign in"</button></div>
            </form>
        }
        .into_any(),
        false => view! {
            <p class="note bad" role="alert">"The link was used, has expired, or was not copied whole. "
                "On the server, " <code>"certctl login-link"</code> " makes a new one."</p>
        }
        .into_any(),
    }
}
