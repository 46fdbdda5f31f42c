use leptos::prelude::*;

/// The part of a page that changes by itself for as long as it is `running`. Where scripts run they replace it by that of
/// the page fetched anew, and say what its first status badge says then. `id`: unique in the page.
#[component]
pub fn Live(id: &'static str, running: bool, children: Children) -> impl IntoView {
    view! { <div class="live" id=id data-part="" data-live=running.then_some("")>{children()}</div> }
}
