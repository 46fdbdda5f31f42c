use leptos::prelude::*;

/// Commands to paste, under a heading.
#[component]
pub fn Commands(heading: &'static str, text: String, #[prop(optional)] hint: &'static str) -> impl IntoView {
    view! {
        <section class="commands">
            <h3>{heading}</h3>
            <pre tabindex="0"><code>{text}</code></pre>
            {(!hint.is_empty()).then(|| view! { <p class="muted small">{hint}</p> })}
        </section>
    }
}
