use leptos::prelude::*;

/// Text with what stands between backquotes as code.
pub fn prose(text: &str) -> impl IntoView + use<> {
    let parts: Vec<_> = text.split('`').enumerate().map(|(i, part)| (i % 2 == 1, part.to_owned())).collect();
    parts
        .into_iter()
        .map(|(quoted, part)| match quoted {
            true => view! { <code>{part}</code> }.into_any(),
            false => part.into_any(),
        })
        .collect_view()
}
