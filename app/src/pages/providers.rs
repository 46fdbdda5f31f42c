use leptos::prelude::*;

use crate::PageRequest;
use crate::components::{
    Confirmation, Identifier, Instant, PageTitle, StatusBadge, actions, asking, held_role, list_page, page,
    parameter, thing,
};
use crate::views::{ListView, ProviderRow, ProviderView, RegisterView};

#[component]
pub fn Providers() -> impl IntoView {
    page("Identity providers", PATH, |r| async move { r.backend.providers(&r.query).await }, list)
}

#[component]
pub fn Provider() -> impl IntoView {
    let id = parameter("id");
    page("Identity provider", PATH, |r| async move { r.backend.provider(&id).await }, detail)
}

#[component]
pub fn DisableProvider() -> impl IntoView {
    asked("Disable an identity provider", |v, common| {
        Confirmation {
        heading: format!("Disable {}", v.name),
        consequences: vec![
            "It goes from the sign-in page, and all sessions that began through it end at once, on every replica."
                .to_owned(),
            "Its people, their grants and the mappings stay, and come back when it is enabled again.".to_owned(),
        ],
        button: "Disable",
        danger: true,
        ..common
    }
    })
}

#[component]
pub fn EnableProvider() -> impl IntoView {
    asked("Enable an identity provider", |v, common| Confirmation {
        heading: format!("Enable {}", v.name),
        consequences: vec!["People can sign in through it, with the roles of their groups.".to_owned()],
        button: "Enable",
        ..common
    })
}

#[component]
pub fn DeleteProvider() -> impl IntoView {
    asked("Delete an identity provider", |v, common| {
        Confirmation {
        heading: format!("Delete {}", v.name),
        consequences: vec![
            "Its settings, its client secret and its mappings are gone for good, and all sessions that began \
             through it end at once."
                .to_owned(),
            "Its users stay in the list of users, because the audit trail names them, and cannot sign in any more."
                .to_owned(),
            "If it has users, no other provider can be made under its id: the same name at another provider need \
             not be the same person. To keep the way back open, disable it instead."
                .to_owned(),
        ],
        button: "Delete for good",
        danger: true,
        ..common
    }
    })
}

/// A page that asks before something is done to the provider in the path.
fn asked(
    title: &'static str,
    ask: impl FnOnce(&ProviderView, Confirmation) -> Confirmation + Send + 'static,
) -> impl IntoView {
    let load = |r: PageRequest, id: String| async move { r.backend.provider(&id).await };
    asking(title, PATH, Confirmation::without_reason(), load, |v| v.name.clone(), ask)
}

pub const PATH: &str = "/providers";

fn list(view: ListView<ProviderRow>) -> impl IntoView {
    const COLUMNS: &[&str] = &["Provider", "Status", "Issuer", "Groups with roles", "Changed (UTC)"];
    let heading = (
        "Identity providers",
        "Where people sign in (OpenID Connect). Their groups there become roles here.",
    );
    list_page(view, PATH, heading, COLUMNS, row, || {
        view! {
            <p><strong>"There is no identity provider yet."</strong></p>
            <p>"With one, people sign in with your organisation's account, and lose their access here when they leave. "
                "Begin with “New provider”."</p>
        }
        .into_any()
    })
}

fn row(row: ProviderRow) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">{thing(row.provider)} <small class="mono">{row.id}</small></th>
            <td><StatusBadge badge=row.status/></td>
            <td class="text mono">{row.issuer}</td>
            <td>{row.mappings}</td>
            <td class="nowrap"><Instant at=row.changed/></td>
        </tr>
    }
}

fn detail(v: ProviderView) -> impl IntoView {
    let unmapped = (v.mappings.is_empty() && v.first_administrators.is_empty()).then(|| {
        view! {
            <p class="note warn">"No group has a role, so nobody can sign in through this provider but those who were \
                granted a role themselves. Map a group to a role."</p>
        }
    });
    let domains = match v.allowed_email_domains.is_empty() {
        true => "any".to_owned(),
        false => v.allowed_email_domains.join(", "),
    };
    view! {
        <PageTitle text=format!("Identity provider {}", v.name)/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"Identity providers"</a> " / " <code>{v.id}</code></div>
                <h1>{v.name} " " <StatusBadge badge=v.status/></h1>
            </div>
            <div class="actions">
                {actions(v.actions)}
                {v.users.map(|url| view! { <a class="button" href=url>"Its users"</a> })}
                {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
            </div>
        </div>
        {unmapped}
        <div class="grid cols-2">
            <section class="card">
                <header><h2>"Settings"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"Issuer"</dt><dd><Identifier text=v.issuer/></dd>
                        <dt>"Client id"</dt><dd><Identifier text=v.client_id/></dd>
                        <dt>"Client secret"</dt>
                        <dd>{if v.has_client_secret { "stored, sealed" } else { "none: a public client" }}</dd>
                        <dt>"Scopes"</dt><dd><code>{v.scopes}</code></dd>
                        <dt>"Groups claim"</dt><dd><Identifier text=v.groups_claim/></dd>
                        <dt>"E-mail domains"</dt><dd>{domains}</dd>
                        <dt>"Its TLS certificate"</dt>
                        <dd>{if v.has_ca_certificates {
                            "trusted by the CA certificates given here, or by the system"
                        } else {
                            "trusted by the system"
                        }}</dd>
                        <dt>"Created"</dt><dd><Instant at=v.created/></dd>
                        <dt>"Changed"</dt><dd><Instant at=v.changed/></dd>
                    </dl>
                </div>
            </section>
            <section class="card">
                <header><h2>"What groups bring"</h2></header>
                <div class="body">
                    <ul class="plain">{v.mappings.into_iter().map(held_role).collect_view()}</ul>
                    {first_administrators(&v.first_administrators)}
                </div>
            </section>
        </div>
        <section class="card">
            <header><h2>"To be registered at the provider"</h2></header>
            <div class="body">{register(v.register, "facts")}</div>
        </section>
    }
}

fn first_administrators(groups: &[String]) -> impl IntoView + use<> {
    (!groups.is_empty()).then(|| {
        view! {
            <p class="muted">"While there is no administrator, members of " {groups.join(", ")}
                " become one at their sign-in (" <code>"CERTCTL_BOOTSTRAP_ADMIN_GROUPS"</code> ")."</p>
        }
    })
}

/// The addresses that the provider must know, to copy.
pub fn register(view: RegisterView, class: &'static str) -> impl IntoView {
    let address = |label: &'static str, uri: String, help: &'static str| {
        view! { <dt>{label}</dt> <dd><Identifier text=uri/> <div class="muted small">{help}</div></dd> }
    };
    view! {
        <dl class=class>
            {address("Redirect URI", view.redirect_uri, "Exactly so. Without it the provider refuses the sign-in.")}
            {address(
                "Post-logout redirect URI",
                view.post_logout_redirect_uri,
                "Where browsers come back to after signing out there.",
            )}
            {address(
                "Back-channel logout URI",
                view.backchannel_logout_uri,
                "With session (sid) required. Where the provider knows it, signing out there ends the session here.",
            )}
        </dl>
    }
}
