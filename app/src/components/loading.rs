use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::frame::refused;
use super::{Page, PageTitle};
use crate::{PageError, PageRequest};

/// A page that shows what `load` gives, or why it cannot. `current`: the path in the navigation that it belongs to.
pub fn page<T, V, F>(
    title: &'static str,
    current: &'static str,
    load: impl FnOnce(PageRequest) -> F,
    show: impl FnOnce(T) -> V + Send + 'static,
) -> impl IntoView
where
    F: Future<Output = Result<T, PageError>> + Send + 'static,
    T: Send + 'static,
    V: IntoView + 'static,
{
    let request = use_context::<PageRequest>();
    let content = request.map(|request| {
        let asked = request.clone();
        let future = load(request);
        Suspend::new(async move {
            let content = match future.await {
                Ok(data) => show(data).into_any(),
                Err(error) => {
                    asked.status.set(error.status());
                    failure(&error, asked.request_id.to_string()).into_any()
                }
            };
            view! { {refused(&asked)} {content} }
        })
    });
    view! {
        <Page title current>
            {content}
        </Page>
    }
}

/// A variable part of the page's path; empty when there is none.
pub fn parameter(name: &str) -> String {
    use_params_map().with_untracked(|map| map.get(name)).unwrap_or_default()
}

/// In place of what a page would show.
pub fn failure(error: &PageError, request_id: String) -> impl IntoView + use<> {
    let (heading, advice) = match error {
        PageError::SignIn => ("You are not signed in", ""),
        PageError::Forbidden(_) => (
            "You may not see this",
            "Your roles do not allow it. Whoever administers certctl can grant you a role that does.",
        ),
        PageError::NotFound(_) => {
            ("This does not exist", "The address may be mistyped, or what it named may be gone.")
        }
        PageError::Internal => ("Something broke", ""),
        PageError::Unavailable => ("Not available right now", ""),
    };
    let class = match error.status() {
        500.. => "note bad",
        _ => "note warn",
    };
    let (status, reason) = (error.status(), error.to_string());
    view! {
        <PageTitle text=heading/>
        <div class="head"><h1>{heading}</h1></div>
        <div class=class role="alert">
            <p>{reason}</p>
            {(!advice.is_empty()).then(|| view! { <p>{advice}</p> })}
        </div>
        <p class="muted">
            <a href="/">"Go to the first page"</a> " · " {status}
            {(!request_id.is_empty()).then(|| view! { " · request " <code>{request_id}</code> })}
        </p>
    }
}
