//! What is asked before a profile is disabled, enabled or deleted.

use leptos::prelude::*;

use super::profiles::PATH;
use crate::PageRequest;
use crate::components::{Confirmation, asking, confirmation, page, parameter, thing};
use crate::views::{Link, ProfileUseView};

#[component]
pub fn DisableProfile() -> impl IntoView {
    asked("Disable a profile", |v, common| Confirmation {
        heading: format!("Disable {}", v.name),
        consequences: v.disabling.clone(),
        button: "Disable",
        danger: true,
        ..common
    })
}

#[component]
pub fn EnableProfile() -> impl IntoView {
    asked("Enable a profile", |v, common| Confirmation {
        heading: format!("Enable {}", v.name),
        consequences: v.enabling.clone(),
        button: "Enable",
        ..common
    })
}

#[component]
pub fn DeleteProfile() -> impl IntoView {
    let id = parameter("id");
    let common = Confirmation::without_reason();
    page(
        "Delete a profile",
        PATH,
        |r| async move { r.backend.profile_use(&id).await },
        move |v: ProfileUseView| {
            let of = (v.name.clone(), format!("{PATH}/{}", v.id));
            let heading = format!("Delete {}", v.name);
            let (consequences, version) = (v.deleting, v.version);
            let asked =
                Confirmation { heading, of, consequences, button: "Delete for ever", danger: true, ..common };
            let holding = (!v.holding.is_empty()).then(|| {
                let all = v.holding.into_iter().map(|text| view! { <li>{text}</li> }).collect_view();
                view! {
                    <div class="note warn">
                        <p><strong>"It is in use, so it would not be deleted now:"</strong></p>
                        <ul>{all}</ul>
                    </div>
                }
            });
            let referring = v.referring.into_iter().map(|(kind, things)| referring(kind, things));
            let referring = referring.collect_view();
            confirmation(asked, move |_| {
                view! { {holding} {referring} <input type="hidden" name="version" value=version/> }.into_any()
            })
        },
    )
}

fn referring(kind: &'static str, things: Vec<Link>) -> impl IntoView {
    let things = things.into_iter().map(|link| view! { <li>{thing(link)}</li> }).collect_view();
    view! { <div><p>{kind}</p> <ul class="steps">{things}</ul></div> }
}

/// A page that asks before something is done to the profile in the path. No reason is asked for: what changes is in the
/// audit trail.
fn asked(
    title: &'static str,
    ask: impl FnOnce(&ProfileUseView, Confirmation) -> Confirmation + Send + 'static,
) -> impl IntoView {
    let load = |r: PageRequest, id: String| async move { r.backend.profile_use(&id).await };
    asking(title, PATH, Confirmation::without_reason(), load, |v| v.name.clone(), ask)
}
