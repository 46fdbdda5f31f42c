use std::borrow::Cow;

use leptos::prelude::*;

use super::CsrfToken;
use super::title::escaped;
use crate::views::Choice;
use crate::{Fault, Labels, PageRequest, Query};

/// What the fields of a form hold: what was sent and refused, else what is stored. It makes the fields, each with its
/// help and what is wrong with it beside it.
#[derive(Debug, Clone)]
pub struct Form {
    values: Query,
    faults: Vec<Fault>,
    csrf_token: String,
    refused: bool,
    labels: Labels,
}

/// What all kinds of fields have.
#[derive(Debug, Clone)]
pub struct Field {
    name: &'static str,
    label: Cow<'static, str>,
    help: String,
    kind: &'static str,
    example: &'static str,
    required: bool,
}

/// One of several values, with what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    pub value: String,
    pub text: String,
    pub help: String,
}

impl Alternative {
    pub fn new(value: impl Into<String>, text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { value: value.into(), text: text.into(), help: help.into() }
    }
}

impl Field {
    /// `name`: as the services name it in what they refuse.
    pub fn new(name: &'static str, label: impl Into<Cow<'static, str>>) -> Self {
        Self { name, label: label.into(), help: String::new(), kind: "text", example: "", required: false }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// The type of the input: `text` unless it is told.
    #[must_use]
    pub fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    #[must_use]
    pub fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl Form {
    /// `stored`: what the fields hold before anything was sent.
    pub fn new(stored: Query) -> Self {
        let request = use_context::<PageRequest>();
        let visitor = request.as_ref().and_then(|request| request.visitor.clone());
        let csrf_token = visitor.map(|visitor| visitor.csrf_token).unwrap_or_default();
        let labels = request.as_ref().map(|request| request.labels.clone()).unwrap_or_default();
        match request.and_then(|request| request.sent) {
            // Of what another site has sent, nothing was read.
            Some(sent) if !sent.values.is_empty() => {
                Self { values: sent.values, faults: sent.faults, csrf_token, refused: true, labels }
            }
            _ => Self { values: stored, faults: Vec::new(), csrf_token, refused: false, labels },
        }
    }

    /// Whether this is what was sent and refused.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// A form that asks by its URL, which has these `values`, with what is wrong with them.
    pub fn asked(values: Query, faults: Vec<Fault>) -> Self {
        if !faults.is_empty()
            && let Some(request) = use_context::<PageRequest>()
        {
            request.status.set(422);
        }
        let refused = !faults.is_empty();
        Self { values, refused, faults, csrf_token: String::new(), labels: Labels::default() }
    }

    /// The whole of a form that asks by the URL of the page at `action`.
    pub fn asking(&self, action: String, submit: &'static str, fields: impl IntoView + 'static) -> AnyView {
        view! {
            <form class="form" method="get" action=action>
                {fields}
                <div class="actions"><button class="button primary">{submit}</button></div>
            </form>
        }
        .into_any()
    }

    pub fn value(&self, name: &str) -> String {
        self.values.all(name).next().unwrap_or_default().to_owned()
    }

    pub fn values(&self) -> &Query {
        &self.values
    }

    /// The whole form, which is sent to `action`. `back`: where to go without sending it.
    pub fn frame(
        &self,
        action: String,
        (submit, danger): (&'static str, bool),
        back: String,
        fields: impl IntoView + 'static,
    ) -> AnyView {
        let class = if danger { "button danger solid" } else { "button primary" };
        let token = self.csrf_token.clone();
        view! {
            <form class="form" method="post" action=action>
                <CsrfToken token/>
                {fields}
                <div class="actions">
                    <button class=class>{submit}</button>
                    <a class="button plain" href=back>"Cancel"</a>
                </div>
            </form>
        }
        .into_any()
    }

    /// One line.
    pub fn text(&self, field: Field) -> AnyView {
        let Field { name, kind, example, required, .. } = field;
        // What was secret is typed anew.
        let value = if kind == "password" { String::new() } else { self.value(name) };
        self.labelled(field, move |id, invalid, described| {
            view! {
                <input
                    id=id name=name type=kind value=value placeholder=example required=required
                    aria-invalid=invalid aria-describedby=described autocomplete="off" spellcheck="false"
                />
            }
            .into_any()
        })
    }

    /// Several lines.
    pub fn lines(&self, field: Field, rows: u8) -> AnyView {
        let Field { name, example, required, .. } = field;
        let value = self.value(name);
        self.labelled(field, move |id, invalid, described| {
            // leptos writes the text of a textarea as it stands. HTML drops a line feed that stands at the beginning.
            let value = format!("\n{}", escaped(&value));
            view! {
                <textarea
                    id=id name=name rows=rows.to_string() placeholder=example required=required
                    aria-invalid=invalid aria-describedby=described spellcheck="false"
                >{value}</textarea>
            }
            .into_any()
        })
    }

    /// One of `choices`, in a menu.
    pub fn menu(&self, field: Field, choices: Vec<Choice>) -> AnyView {
        let (name, value) = (field.name, self.value(field.name));
        self.labelled(field, move |id, invalid, described| {
            let options = choices.into_iter().map(|choice| {
                let selected = choice.value == value;
                view! { <option value=choice.value selected=selected>{choice.text}</option> }
            });
            view! {
                <select id=id name=name aria-invalid=invalid aria-describedby=described>
                    {options.collect_view()}
                </select>
            }
            .into_any()
        })
    }

    /// One of few, each with what it means.
    pub fn alternatives(&self, field: Field, all: Vec<Alternative>) -> AnyView {
        self.group(field, "radio", all)
    }

    /// Any of few, each with what it means.
    pub fn several(&self, field: Field, all: Vec<Alternative>) -> AnyView {
        self.group(field, "checkbox", all)
    }

    /// Any of many, in parts that have a heading each.
    pub fn several_by(&self, field: Field, parts: Vec<(String, Vec<Alternative>)>) -> AnyView {
        self.parts(field, "checkbox", parts.into_iter().map(|(heading, all)| (Some(heading), all)).collect())
    }

    /// Yes or no. It is sent as `true`, or not at all.
    pub fn flag(&self, field: Field) -> AnyView {
        let Field { name, label, help, .. } = field;
        self.called(name, &label);
        let (id, checked) = (field_id(name), self.values.all(name).any(|value| value == "true"));
        let (class, error, note) = self.fault(name);
        let described = format!("{id}-help {}", note.unwrap_or_default()).trim().to_owned();
        view! {
            <div class=class>
                <label class="choice" for=id.clone()>
                    <input
                        id=id.clone() name=name type="checkbox" value="true" checked=checked
                        aria-describedby=described
                    />
                    <span>{label}</span>
                </label>
                <p class="help" id=format!("{id}-help")>{help}</p>
                {error}
            </div>
        }
        .into_any()
    }

    fn group(&self, field: Field, kind: &'static str, all: Vec<Alternative>) -> AnyView {
        self.parts(field, kind, vec![(None, all)])
    }

    fn parts(
        &self,
        field: Field,
        kind: &'static str,
        parts: Vec<(Option<String>, Vec<Alternative>)>,
    ) -> AnyView {
        let Field { name, label, help, .. } = field;
        self.called(name, &label);
        let id = field_id(name);
        let (class, error, note) = self.fault(name);
        let chosen: Vec<_> = self.values.all(name).map(str::to_owned).collect();
        let mut number = 0;
        let mut choice = |Alternative { value, text, help }: Alternative| {
            let own = format!("{id}-{number}");
            number += 1;
            let described = (!help.is_empty()).then(|| format!("{own}-help"));
            let checked = chosen.contains(&value);
            let help = described.clone().map(|id| view! { <p class="help" id=id>{help}</p> });
            view! {
                <div>
                    <label class="choice">
                        <input
                            id=own name=name type=kind value=value checked=checked
                            aria-describedby=described
                        />
                        <span>{text}</span>
                    </label>
                    {help}
                </div>
            }
        };
        let have_headings = parts.iter().any(|(heading, _)| heading.is_some());
        let choices = parts.into_iter().map(|(heading, all)| {
            let all = all.into_iter().map(&mut choice).collect_view();
            match heading {
                Some(heading) => {
                    view! { <div class="part"><strong>{heading}</strong> {all}</div> }.into_any()
                }
                None => all.into_any(),
            }
        });
        let choices = match (have_headings, choices.collect_view()) {
            (true, choices) => view! { <div class="parts">{choices}</div> }.into_any(),
            (false, choices) => choices.into_any(),
        };
        view! {
            <fieldset id=id class=class tabindex="-1" aria-describedby=note>
                <legend>{label}</legend>
                {(!help.is_empty()).then(|| view! { <p class="help">{help}</p> })}
                {choices}
                {error}
            </fieldset>
        }
        .into_any()
    }

    fn labelled(
        &self,
        field: Field,
        input: impl FnOnce(String, Option<&'static str>, Option<String>) -> AnyView,
    ) -> AnyView {
        let Field { name, label, help, required, .. } = field;
        self.called(name, &label);
        let id = field_id(name);
        let help_id = (!help.is_empty()).then(|| format!("{id}-help"));
        let (class, error, note) = self.fault(name);
        let described: Vec<_> = help_id.iter().chain(&note).cloned().collect();
        let described = (!described.is_empty()).then(|| described.join(" "));
        let input = input(id.clone(), note.is_some().then_some("true"), described);
        view! {
            <div class=class>
                <label for=id>{label} {required.then_some(" (required)")}</label>
                {input}
                {help_id.map(|id| view! { <p class="help" id=id>{help}</p> })}
                {error}
            </div>
        }
        .into_any()
    }

    /// Notes what stands beside the field, for the list of what is wrong.
    pub fn called(&self, name: &'static str, label: &str) {
        self.labels.put(name, label);
    }

    /// The class of a field, what is wrong with it, and the id of the element that says so.
    fn fault(&self, name: &str) -> (&'static str, Option<AnyView>, Option<String>) {
        let (error, note) = self.faults_where(|fault| fault.is_of(name), &field_id(name));
        (if note.is_some() { "field wrong" } else { "field" }, error, note)
    }

    /// What is wrong with the field of this id, and the id of the element that says so.
    pub fn faults_where(&self, is: impl Fn(&Fault) -> bool, id: &str) -> (Option<AnyView>, Option<String>) {
        let wrong: Vec<_> = self.faults.iter().filter(|fault| is(fault)).collect();
        if wrong.is_empty() {
            return (None, None);
        }
        let id = format!("{id}-error");
        let reasons = wrong.iter().map(|fault| view! { <p>{fault.reason.clone()}</p> }).collect_view();
        let error = view! { <div class="error" id=id.clone()>{reasons}</div> }.into_any();
        (Some(error), Some(id))
    }
}

pub fn field_id(name: &str) -> String {
    format!("field-{name}")
}
