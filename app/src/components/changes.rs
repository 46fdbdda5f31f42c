use leptos::prelude::*;

use crate::views::FieldChange;

/// What differs, a row for each field, under headings for the two sides.
pub fn changes(all: Vec<FieldChange>, (before, after): (&'static str, &'static str)) -> impl IntoView {
    let rows = all.into_iter().map(|FieldChange { label, before, after, kept }| {
        let kept = (kept > 0).then(|| view! { <small>{kept} " in both"</small> });
        view! {
            <tr>
                <th scope="row">{label} {kept}</th>
                <td class="text removed">{side(before)}</td>
                <td class="text added">{side(after)}</td>
            </tr>
        }
    });
    let rows = rows.collect_view().into_any();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Differences">
            <table class="changes">
                <thead><tr><th scope="col">"Field"</th><th scope="col">{before}</th><th scope="col">{after}</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn side(values: Vec<String>) -> impl IntoView {
    match values.is_empty() {
        true => view! { <span class="muted">"–"</span> }.into_any(),
        false => {
            let all = values.into_iter().map(|value| view! { <li>{value}</li> }).collect_view();
            view! { <ul class="plain">{all}</ul> }.into_any()
        }
    }
}
