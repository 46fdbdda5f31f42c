use leptos::prelude::*;

use crate::components::{page, parameter};

/// A one-time link. The button spends it, not the visit: programs that look at links visit them too.
#[component]
pub fn Link() -> impl IntoView {
    let token = parameter("token");
    let asked = token.clone();
    page(
        "Sign in once",
        "/sign-in",
        |r| async move { r.backend.link(&asked).await },
        move |good| content(good, token),
    )
}

fn content(good: bool, token: String) -> impl IntoView {
    let form = match good {
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
    };
    view! {
        <div class="head"><div>
            <h1>"Sign in once"</h1>
            <p>"This link signs you in as the local administrator, a single time."</p>
        </div></div>
        {form}
    }
}
