use leptos::prelude::*;

use crate::components::{Page, failure};
use crate::{PageError, PageRequest};

/// Any path that has no page.
#[component]
pub fn NotFound() -> impl IntoView {
    let request = use_context::<PageRequest>();
    let error = PageError::NotFound("such page".to_owned());
    let content = request.map(|request| {
        request.status.set(error.status());
        failure(&error, request.request_id.to_string())
    });
    view! {
        <Page title="Not found" current="">
            {content}
        </Page>
    }
}
