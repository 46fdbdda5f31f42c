use leptos::prelude::*;

use super::{Form, changes};
use crate::Query;
use crate::views::FieldChange;

const VERSION: &str = "version";

/// A field of two versions of a thing: as it is stored, and as it was sent.
pub fn compared(label: &'static str, stored: String, sent: String) -> FieldChange {
    let side = |text: String| vec![if text.is_empty() { "none".to_owned() } else { text }];
    FieldChange { label, before: side(stored), after: side(sent), kept: 0 }
}

/// The field of this name, as it is stored and as the form has it.
pub fn compared_field(form: &Form, stored: &Query, name: &str, label: &'static str) -> FieldChange {
    let text = |query: &Query| {
        let values: Vec<_> = query.all(name).map(str::trim).filter(|value| !value.is_empty()).collect();
        values.join(", ")
    };
    compared(label, text(stored), text(form.values()))
}

/// For a form that changes something stored: sends along at which version it was read. Where that has changed since, both
/// versions are shown, and whoever sends the form again has seen the other one.
pub fn versions(form: &Form, current: i64, fields: Vec<FieldChange>) -> AnyView {
    let current = current.to_string();
    let sent = form.value(VERSION);
    let changed = (!sent.is_empty() && sent != current).then(|| {
        let differing = fields.into_iter().filter(|field| field.before != field.after).collect();
        view! {
            <div class="note warn">
                <p><strong>"Somebody has changed this since you opened it."</strong>
                    " Your input is kept below; sending it again puts it in the place of what is stored now."</p>
                {changes(differing, ("Stored now", "Yours"))}
            </div>
        }
    });
    view! {
        <input type="hidden" name=VERSION value=current/>
        {changed}
    }
    .into_any()
}
