use leptos::prelude::*;

use super::Form;
use crate::Query;

const VERSION: &str = "version";

/// A field of two versions of a thing.
#[derive(Debug, Clone)]
pub struct Compared {
    label: &'static str,
    stored: String,
    sent: String,
}

impl Compared {
    pub fn new(label: &'static str, stored: String, sent: String) -> Self {
        Self { label, stored, sent }
    }

    /// The field of this name, as it is stored and as the form has it.
    pub fn field(form: &Form, stored: &Query, name: &str, label: &'static str) -> Self {
        let text = |query: &Query| {
            let values: Vec<_> = query.all(name).map(str::trim).filter(|value| !value.is_empty()).collect();
            values.join(", ")
        };
        Self::new(label, text(stored), text(form.values()))
    }
}

/// For a form that changes something stored: sends along at which version it was read. Where that has changed since, both
/// versions are shown, and whoever sends the form again has seen the other one.
pub fn versions(form: &Form, current: i64, fields: Vec<Compared>) -> AnyView {
    let current = current.to_string();
    let sent = form.value(VERSION);
    let changed = (!sent.is_empty() && sent != current).then(|| {
        let side = |text: String| if text.is_empty() { "none".to_owned() } else { text };
        let rows = fields.into_iter().filter(|field| field.stored != field.sent).map(|field| {
            view! {
                <tr>
                    <th scope="row">{field.label}</th>
                    <td class="text">{side(field.stored)}</td>
                    <td class="text">{side(field.sent)}</td>
                </tr>
            }
        });
        let rows = rows.collect_view();
        view! {
            <div class="note warn">
                <p><strong>"Somebody has changed this since you opened it."</strong>
                    " Your input is kept below; sending it again puts it in the place of what is stored now."</p>
                <div class="scroll" tabindex="0" role="region" aria-label="Both versions">
                    <table>
                        <thead><tr>
                            <th scope="col">"Field"</th> <th scope="col">"Stored now"</th> <th scope="col">"Yours"</th>
                        </tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </div>
        }
    });
    view! {
        <input type="hidden" name=VERSION value=current/>
        {changed}
    }
    .into_any()
}
