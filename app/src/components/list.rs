use leptos::prelude::*;

use crate::PageRequest;
use crate::views::{Filter, FilterKind, Link, ListView};

/// The form above a list. A wrong value stands beside its fault, and the answer is 422.
#[component]
pub fn Filters(
    action: &'static str,
    filters: Vec<Filter>,
    fault: Option<String>,
    filtered: bool,
) -> impl IntoView {
    let wrong = fault.is_some() || filters.iter().any(|filter| filter.error.is_some());
    if wrong && let Some(request) = use_context::<PageRequest>() {
        request.status.set(422);
    }
    view! {
        <form class="filters" method="get" action=action role="search">
            {fault.map(|fault| view! { <p class="error" role="alert">{fault}</p> })}
            {filters.into_iter().map(field).collect_view()}
            <div class="actions" id="filter-actions" data-part="">
                <button class="button">"Filter"</button>
                {filtered.then(|| view! { <a class="button plain" href=action>"Clear"</a> })}
            </div>
        </form>
    }
}

fn field(filter: Filter) -> impl IntoView {
    let Filter { name, label, value, error, help, kind } = filter;
    let (id, note, help_id) =
        (format!("filter-{name}"), format!("filter-{name}-error"), format!("filter-{name}-help"));
    let wrong = error.is_some();
    let invalid = wrong.then_some("true");
    let described = match (wrong, help) {
        (true, Some(_)) => Some(format!("{note} {help_id}")),
        (true, None) => Some(note.clone()),
        (false, Some(_)) => Some(help_id.clone()),
        (false, None) => None,
    };
    let (nothing, kind) = match kind {
        FilterKind::Order(words, choices) => (words, FilterKind::Choice(choices)),
        kind => ("any", kind),
    };
    let input = match kind {
        FilterKind::Choice(choices) => {
            let chosen = value.clone();
            let known = value.is_empty() || choices.iter().any(|choice| choice.value == value);
            let unknown = (!known).then(|| {
                view! { <option value=value.clone() selected=true>{value.clone()}</option> }
            });
            let options = choices.into_iter().map(|choice| {
                let selected = choice.value == chosen;
                view! { <option value=choice.value selected=selected>{choice.text}</option> }
            });
            view! {
                <select id=id.clone() name=name aria-invalid=invalid aria-describedby=described>
                    <option value="">{nothing}</option>
                    {unknown}
                    {options.collect_view()}
                </select>
            }
            .into_any()
        }
        kind => {
            let (kind, example) = match kind {
                FilterKind::Text { example } => ("text", example),
                // A browser's field for days shows nothing but days.
                _ if !wrong && (value.is_empty() || value.len() == 10) => ("date", ""),
                _ => ("text", "2026-01-31"),
            };
            view! {
                <input
                    id=id.clone() name=name type=kind value=value placeholder=example
                    aria-invalid=invalid aria-describedby=described autocomplete="off" spellcheck="false"
                />
            }
            .into_any()
        }
    };
    view! {
        <div class=if wrong { "field wrong" } else { "field" }>
            <label for=id>{label}</label>
            {input}
            {error.map(|error| view! { <p class="error" id=note>{error}</p> })}
            {help.map(|help| view! { <p class="help" id=help_id>{help}</p> })}
        </div>
    }
}

/// The ways onwards from a page of a list. `searched`: see [`ListView`].
#[component]
pub fn Pager(
    first: Option<String>,
    next: Option<String>,
    shown: usize,
    #[prop(default = "newest first")] order: &'static str,
    #[prop(default = None)] searched: Option<String>,
) -> impl IntoView {
    let onwards = if searched.is_some() { "Search on" } else { "Next page" };
    let words = match (shown, searched, first.is_none() && next.is_none()) {
        (n, Some(end), _) => format!("{n} found up to {end} UTC, {order}; there is more to look at"),
        (1, None, true) => "1 in all".to_owned(),
        (n, None, true) => format!("{n} in all, {order}"),
        (n, None, false) => format!("{n} on this page, {order}"),
    };
    view! {
        <nav class="pager" aria-label="Pages of this list">
            <span>{words}</span>
            <div class="actions">
                {first.map(|url| view! { <a class="button" href=url>"First page"</a> })}
                {next.map(|url| view! { <a class="button" href=url rel="next">{onwards}</a> })}
            </div>
        </nav>
    }
}

/// In place of the rows of a list that has none. `begin`: what to do first, where the list is empty without a filter.
#[component]
pub fn Empty(filtered: bool, children: Children) -> impl IntoView {
    match filtered {
        true => view! {
            <div class="empty">
                <p><strong>"Nothing fits these filters."</strong></p>
                <p>"Ids and numbers are compared as a whole, names and contacts from the beginning of a part. Take a filter away, or clear them all."</p>
            </div>
        }
        .into_any(),
        false => view! { <div class="empty">{children()}</div> }.into_any(),
    }
}

/// In place of the rows of a search that has found none so far.
#[component]
fn NothingYet() -> impl IntoView {
    view! {
        <div class="empty">
            <p><strong>"Nothing found so far."</strong></p>
            <p>"What these filters compare has no index of its own, so a page looks at a bounded number of rows. "
                "Search on, or narrow it by an account, a profile or a time."</p>
        </div>
    }
}

impl<R> ListView<R> {
    /// The filters, apart from the rows.
    pub(crate) fn form(&mut self, action: &'static str) -> impl IntoView + use<R> {
        let (filters, fault) = (std::mem::take(&mut self.filters), self.fault.take());
        view! { <Filters action filters fault filtered=self.filtered/> }
    }
}

/// A table with a heading for each column. `label`: what its rows are.
#[component]
pub fn Table(label: &'static str, columns: &'static [&'static str], children: Children) -> impl IntoView {
    let columns = columns.iter().map(|name| view! { <th scope="col">{*name}</th> }).collect_view();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=label>
            <table>
                <thead><tr>{columns}</tr></thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
}

/// The whole of a page with a list: heading, filters, rows, and the way onwards. `begin`: what to do first where there
/// is nothing yet.
pub fn list_page<R: 'static, V: IntoView + 'static>(
    mut view: ListView<R>,
    path: &'static str,
    (heading, about): (&'static str, &'static str),
    columns: &'static [&'static str],
    row: impl Fn(R) -> V,
    begin: impl FnOnce() -> AnyView + Send + 'static,
) -> impl IntoView {
    let (wrong, filtered, shown) = (view.is_wrong(), view.filtered, view.rows.len());
    let actions = std::mem::take(&mut view.actions).into_iter();
    let actions = actions.map(|Link { text, href, .. }| view! { <a class="button" href=href>{text}</a> });
    let form = (!view.filters.is_empty() || wrong).then(|| view.form(path));
    let content = match shown {
        0 if wrong => ().into_any(),
        0 if view.searched.is_some() => {
            let ListView { first, next, order, searched, .. } = view;
            view! { <NothingYet/> <Pager first next shown order searched/> }.into_any()
        }
        0 => view! { <Empty filtered>{begin()}</Empty> }.into_any(),
        _ => {
            let ListView { rows, first, next, order, searched, .. } = view;
            let rows = rows.into_iter().map(row).collect_view().into_any();
            view! {
                <Table label=heading columns>{rows}</Table>
                <Pager first next shown order searched/>
            }
            .into_any()
        }
    };
    view! {
        <div class="head">
            <div><h1>{heading}</h1> <p>{about}</p></div>
            <div class="actions" id="list-actions" data-part="">{actions.collect_view()}</div>
        </div>
        <section class="card">{form} <div id="list" data-part="">{content}</div></section>
    }
}
