use leptos::prelude::*;
use leptos_meta::Title;

/// The title of the document. Of several the last one counts.
///
/// leptos_meta writes a title as it stands, because scripts take it for text; in HTML it must be escaped, and the
/// names of things in it are anybody's.
#[component]
pub fn PageTitle(#[prop(into)] text: String) -> impl IntoView {
    view! { <Title text=escaped(&(text + " – certctl"))/> }
}

/// For what leptos writes as it stands.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_cannot_end_itself() {
        assert_eq!(escaped("a</title><b>&"), "a&lt;/title&gt;&lt;b&gt;&amp;");
    }
}
