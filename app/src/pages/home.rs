use leptos::prelude::*;

use super::start::Start;

/// The first page.
#[component]
pub fn Home() -> impl IntoView {
    view! { <Start/> }
}
