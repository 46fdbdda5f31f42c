use leptos::prelude::*;

use super::overview::Overview;
use super::start::Start;
use crate::PageRequest;

/// The first page.
#[component]
pub fn Home() -> impl IntoView {
    let signed_in = use_context::<PageRequest>().is_some_and(|request| request.visitor.is_some());
    match signed_in {
        true => view! { <Overview/> }.into_any(),
        false => view! { <Start/> }.into_any(),
    }
}
