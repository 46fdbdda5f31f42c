use leptos::prelude::*;

use super::Commands;
use crate::PageRequest;

/// Where a form that leads here has made a secret: what to know of it, the secret itself, and ready texts that have it in
/// them (heading, text, hint). On every later visit it is gone.
pub fn shown_once(
    name: &'static str,
    what_to_know: &'static str,
    texts: impl FnOnce(&str) -> Vec<(&'static str, String, &'static str)>,
) -> Option<AnyView> {
    let secret = use_context::<PageRequest>()?.done?.secret?;
    let texts = texts(&secret).into_iter();
    let texts = texts.map(|(heading, text, hint)| view! { <Commands heading text hint/> }).collect_view();
    let view = view! {
        <section class="card">
            <header><h2>"Take it now"</h2> <span class="status warn">"shown only now"</span></header>
            <div class="body">
                <p>{what_to_know}</p>
                <Commands heading=name text=secret/>
                {texts}
            </div>
        </section>
    };
    Some(view.into_any())
}
