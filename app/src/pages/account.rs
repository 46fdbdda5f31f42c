use leptos::prelude::*;

use super::sessions::{OWN_COLUMNS, browser};
use crate::PageRequest;
use crate::components::{CsrfToken, Instant, Table, page};
use crate::views::{AccountView, Held, SessionRow};

/// Who am I, what may I do, and where am I signed in?
#[component]
pub fn Account() -> impl IntoView {
    let visitor = use_context::<PageRequest>().and_then(|request| request.visitor);
    let token = visitor.map(|visitor| visitor.csrf_token).unwrap_or_default();
    page(
        "Your account",
        "/account",
        |r| async move { r.backend.account().await },
        move |view| content(view, &token),
    )
}

fn content(view: AccountView, token: &str) -> impl IntoView + use<> {
    let AccountView { name, email, actor, way, groups, roles, permissions, sessions } = view;
    let rows = sessions.into_iter().map(|session| row(session, token)).collect_view().into_any();
    view! {
        <div class="head"><div><h1>{name}</h1><p>"Signed in by " {way} "."</p></div></div>
        <div class="grid cols-2">
            <section class="card">
                <header><h2>"Who you are"</h2></header>
                <div class="body">
                    <dl class="facts">
                        {email.map(|email| view! { <dt>"E-mail"</dt> <dd>{email}</dd> })}
                        <dt>"In the audit trail"</dt>
                        <dd><code>{actor}</code></dd>
                        {(!groups.is_empty()).then(|| view! { <dt>"Groups"</dt> <dd>{groups.join(", ")}</dd> })}
                        <dt>"Roles"</dt>
                        <dd><ul class="plain">{roles.into_iter().map(held).collect_view()}</ul></dd>
                    </dl>
                </div>
            </section>
            <section class="card">
                <header><h2>"What you may do"</h2></header>
                <div class="body"><ul class="plain columns">{permissions.into_iter().map(held).collect_view()}</ul></div>
            </section>
        </div>
        <section class="card">
            <header><h2>"Where you are signed in"</h2></header>
            <Table label="Your sessions" columns=OWN_COLUMNS>{rows}</Table>
        </section>
    }
}

fn held(held: Held) -> impl IntoView {
    let within = held.profiles.join(", ");
    view! {
        <li><code>{held.name}</code>
            {(!within.is_empty()).then(|| view! { <span class="muted">" within " {within}</span> })}</li>
    }
}

fn row(session: SessionRow, token: &str) -> impl IntoView + use<> {
    let end = match session.current {
        true => view! { <span class="status ok">"this one"</span> }.into_any(),
        false => view! {
            <form method="post" action=format!("/auth/sessions/{}/end", session.id)>
                <CsrfToken token=token.to_owned()/>
                <button class="button danger">"End"</button>
            </form>
        }
        .into_any(),
    };
    view! {
        <tr>
            <th scope="row">{session.way}</th>
            <td><span class="mono">{session.client_ip}</span> {browser(session.user_agent)}</td>
            <td class="nowrap"><Instant at=session.began/></td>
            <td class="nowrap"><Instant at=session.last_seen/></td>
            <td class="nowrap"><Instant at=session.ends/></td>
            <td>{end}</td>
        </tr>
    }
}
