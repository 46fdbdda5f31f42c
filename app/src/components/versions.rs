use std::borrow::Cow;

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{Form, Instant, changes, thing};
use crate::Query;
use crate::views::{FieldChange, Link, Moment};

const VERSION: &str = "version";

/// A field of two versions of a thing: as it is stored, and as it was sent.
pub fn compared(label: impl Into<Cow<'static, str>>, stored: String, sent: String) -> FieldChange {
    let side = |text: String| vec![if text.is_empty() { "none".to_owned() } else { text }];
    FieldChange { label: label.into(), before: side(stored), after: side(sent), kept: 0 }
}

/// The field of this name, as it is stored and as the form has it.
pub fn compared_field(
    form: &Form,
    stored: &Query,
    name: &str,
    label: impl Into<Cow<'static, str>>,
) -> FieldChange {
    let text = |query: &Query| {
        let values: Vec<_> = query.all(name).map(str::trim).filter(|value| !value.is_empty()).collect();
        values.join(", ")
    };
    compared(label, text(stored), text(form.values()))
}

/// For a form that puts something in the place of what is stored: it sends along at which version that was read. Where
/// somebody was faster, both versions are shown, and whoever sends the form again has seen the other one.
#[derive(Debug, Clone)]
pub struct Versions {
    current: String,
    lost: bool,
}

impl Versions {
    /// `current`: the version that is stored.
    pub fn of(form: &Form, current: i64) -> Self {
        let current = current.to_string();
        Self { lost: form.is_refused() && form.value(VERSION) != current, current }
    }

    /// What the form's button says.
    pub fn button(&self) -> &'static str {
        if self.lost { "Save mine in its place" } else { "Save" }
    }

    /// The part of the form that stands above its fields. `differences`: of what is stored and what was sent; fields that
    /// do not differ may be among them. `latest`: when the stored version was made and by whom, as far as that is known.
    pub fn show(
        self,
        differences: impl IntoIterator<Item = FieldChange>,
        latest: Option<(Moment, Option<Link>)>,
    ) -> AnyView {
        let Self { current, lost } = self;
        let told = lost.then(|| {
            let differing: Vec<_> =
                differences.into_iter().filter(|field| field.before != field.after).collect();
            let differences = match differing.is_empty() {
                true => view! { <p>"What you sent says the same as what is stored now."</p> }.into_any(),
                false => changes(differing, ("Stored now", "Yours")).into_any(),
            };
            let latest = latest.map(|(at, by)| {
                let by = by.map(|by| view! { " by " {thing(by)} });
                view! { <p>"Version " {current.clone()} {by} ", " <Instant at/></p> }
            });
            let anew = use_location().pathname.get_untracked();
            view! {
                <section class="note warn lost-update" aria-labelledby="lost-update">
                    <h2 id="lost-update">"Somebody has changed this since you opened it"</h2>
                    {latest}
                    <p>"Yours was not stored; the form still has what you sent. Change it as it should be and save it in the place
                        of what is stored now, or " <a href=anew>"go on from what is stored"</a> " and lose yours."</p>
                    {differences}
                </section>
            }
        });
        view! {
            <input type="hidden" name=VERSION value=current/>
            {told}
        }
        .into_any()
    }
}
