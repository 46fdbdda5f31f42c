use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{Field, Form, PageTitle, page, parameter};
use crate::{PageError, PageRequest, Query};

/// What somebody is asked before something is done.
#[derive(Debug, Clone)]
pub struct Confirmation {
    pub heading: String,
    /// The thing that it is done to, by its name, and its page.
    pub of: (String, String),
    /// What will happen, a paragraph each.
    pub consequences: Vec<String>,
    /// Where the form is sent: the path of this page.
    pub action: String,
    pub button: &'static str,
    /// Whether it takes something away.
    pub danger: bool,
    /// What the reason is for; `None` where none is asked for.
    pub reason: Option<&'static str>,
    /// Whether it may be left out.
    pub reason_is_optional: bool,
}

impl Confirmation {
    /// With a reason, sent to the path of this page; the rest is to be said.
    pub fn here() -> Self {
        Self {
            heading: String::new(),
            of: (String::new(), String::new()),
            consequences: Vec::new(),
            action: use_location().pathname.get_untracked(),
            button: "",
            danger: false,
            reason: Some("It is kept in the audit trail."),
            reason_is_optional: false,
        }
    }

    /// The same, where what is done may say enough.
    pub fn with_optional_reason() -> Self {
        Self { reason_is_optional: true, ..Self::here() }
    }

    /// The same, where what is done says enough.
    pub fn without_reason() -> Self {
        Self { reason: None, ..Self::here() }
    }
}

/// A page that asks before something is done to the thing in the path, whose own page is the one above. `load` gets the
/// thing by its id, `ask` adds to `common` what is to be said of it.
pub fn asking<T, F>(
    title: &'static str,
    current: &'static str,
    common: Confirmation,
    load: impl FnOnce(PageRequest, String) -> F,
    name: impl FnOnce(&T) -> String + Send + 'static,
    ask: impl FnOnce(&T, Confirmation) -> Confirmation + Send + 'static,
) -> impl IntoView
where
    F: Future<Output = Result<T, PageError>> + Send + 'static,
    T: Send + 'static,
{
    let id = parameter("id");
    let above = common.action.rsplit_once('/').map(|(above, _)| above.to_owned()).unwrap_or_default();
    page(
        title,
        current,
        |request| load(request, id),
        move |thing: T| {
            let of = (name(&thing), above);
            confirmation(ask(&thing, Confirmation { of, ..common }), |_| ().into_any())
        },
    )
}

/// A page that asks before something is done. `more`: further fields, which read what was sent before.
pub fn confirmation(asked: Confirmation, more: impl FnOnce(&Form) -> AnyView) -> impl IntoView {
    let Confirmation {
        heading,
        of: (name, page),
        consequences,
        action,
        button,
        danger,
        reason,
        reason_is_optional,
    } = asked;
    let form = Form::new(Query::default());
    let paragraphs = consequences.into_iter().map(|text| view! { <p>{text}</p> }).collect_view();
    let reason = reason.map(|help| {
        let field = Field::new("reason", "Reason").help(help);
        form.text(if reason_is_optional { field } else { field.required() })
    });
    let fields = view! { {paragraphs} {more(&form)} {reason} };
    let form = form.frame(action, (button, danger), page.clone(), fields);
    view! {
        <PageTitle text=heading.clone()/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=page>{name}</a></div>
                <h1>{heading}</h1>
            </div>
        </div>
        <section class="card"><div class="body">{form}</div></section>
    }
}
