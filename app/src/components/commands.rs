use leptos::prelude::*;

/// Commands to paste, under a heading.
/// `file`: where they can be had as a file.
#[component]
pub fn Commands(
    heading: &'static str,
    text: String,
    #[prop(optional)] hint: &'static str,
    #[prop(optional_no_strip)] file: Option<String>,
) -> impl IntoView {
    let file = file.map(|file| {
        let name = file.rsplit('/').next().unwrap_or_default().to_owned();
        view! { " " <a class="small" href=file download="">"Download " {name}</a> }
    });
    view! {
        <section class="commands">
            <h3>{heading} {file}</h3>
            <pre tabindex="0"><code>{text}</code></pre>
            {(!hint.is_empty()).then(|| view! { <p class="muted small">{hint}</p> })}
        </section>
    }
}
