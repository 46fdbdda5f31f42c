use leptos::prelude::*;

use crate::PageRequest;
use crate::components::{CsrfToken, page};
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
    let rows = sessions.into_iter().map(|session| row(session, token)).collect_view();
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
            <div class="scroll" tabindex="0" role="region" aria-label="Your sessions">
                <table>
                    <thead><tr>
                        <th scope="col">"Began"</th> <th scope="col">"By"</th> <th scope="col">"From"</th>
                        <th scope="col">"Last seen"</th> <th scope="col">"Ends"</th> <th scope="col">"Session"</th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
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
            <td class="nowrap">{session.began}</td>
            <td class="nowrap">{session.way}</td>
            <td>{session.client_ip} <small>{session.user_agent}</small></td>
            <td class="nowrap">{session.last_seen}</td>
            <td class="nowrap">{session.ends}</td>
            <td>{end}</td>
        </tr>
    }
}
