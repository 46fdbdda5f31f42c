use leptos::prelude::*;

use crate::PageRequest;
use crate::components::Page;

/// Any path that has no page.
#[component]
pub fn NotFound() -> impl IntoView {
    if let Some(request) = use_context::<PageRequest>() {
        request.status.set(404);
    }
    view! {
        <Page title="Not found" current="">
            <div class="head"><h1>"There is no such page"</h1></div>
            <p>"The address may be mistyped, or the page may have moved. " <a href="/">"Go to the start page"</a> "."</p>
        </Page>
    }
}
