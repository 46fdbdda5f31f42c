use leptos::prelude::*;

use super::sessions::{self, ENDS_AT_ONCE};
use crate::PageRequest;
use crate::components::{
    Confirmation, Form, Instant, PageTitle, StatusBadge, Table, Versions, actions, asking, compared,
    grant_rows, grants_in_words, held_role, list_page, page, parameter, stored_grants, thing,
};
use crate::views::{GrantsView, HeldRole, ListView, Moment, SessionRow, UserRow, UserView};

#[component]
pub fn Users() -> impl IntoView {
    page("Users", PATH, |r| async move { r.backend.users(&r.query).await }, list)
}

#[component]
pub fn User() -> impl IntoView {
    let id = parameter("id");
    page("User", PATH, |r| async move { r.backend.user(&id).await }, detail)
}

#[component]
pub fn UserGrants() -> impl IntoView {
    let id = parameter("id");
    page("Roles of a user", PATH, |r| async move { r.backend.user_grants(&id).await }, grants)
}

#[component]
pub fn DeactivateUser() -> impl IntoView {
    asked("Deactivate a user", |v, common| {
        Confirmation {
        heading: format!("Deactivate {}", v.name),
        consequences: vec![
            "They are signed out at once, on every replica, and cannot sign in again, whatever their groups are."
                .to_owned(),
            "What they were granted stays written down, and comes back when they are let in again. API keys that \
             they have made go on working."
                .to_owned(),
        ],
        button: "Deactivate",
        danger: true,
        ..common
    }
    })
}

#[component]
pub fn ReactivateUser() -> impl IntoView {
    asked("Let a user in again", |v, common| Confirmation {
        heading: format!("Let {} in again", v.name),
        consequences: vec![
            "They can sign in, with the roles that they were granted here and those of their groups."
                .to_owned(),
        ],
        button: "Let them in",
        ..common
    })
}

#[component]
pub fn EndSessionsOfUser() -> impl IntoView {
    asked("End the sessions of a user", |v, common| Confirmation {
        heading: format!("End all sessions of {}", v.name),
        consequences: vec![ENDS_AT_ONCE.to_owned()],
        button: "End all sessions",
        danger: true,
        ..common
    })
}

/// A page that asks before something is done to the user in the path.
fn asked(
    title: &'static str,
    ask: impl FnOnce(&UserView, Confirmation) -> Confirmation + Send + 'static,
) -> impl IntoView {
    let load = |r: PageRequest, id: String| async move { r.backend.user(&id).await };
    asking(title, PATH, Confirmation::here(), load, |v| v.name.clone(), ask)
}

const PATH: &str = "/users";

fn list(view: ListView<UserRow>) -> impl IntoView {
    const COLUMNS: &[&str] = &["User", "Status", "Roles", "Signs in by", "Last sign-in (UTC)"];
    let heading = (
        "Users",
        "The people who have signed in. They appear by themselves at their first sign-in and are never deleted, because the audit trail names them.",
    );
    list_page(view, PATH, heading, COLUMNS, row, || {
        view! {
            <p><strong>"Nobody has signed in yet."</strong></p>
            <p>"People come in through an identity provider; " <code>"certctl login-link"</code>
                " on the server's machine lets in a first administrator."</p>
        }
        .into_any()
    })
}

fn row(row: UserRow) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">{thing(row.user)} <small>{row.email}</small></th>
            <td><StatusBadge badge=row.status/></td>
            <td>{roles(row.roles)} {(!row.in_force).then(|| view! { <small>"not in force"</small> })}</td>
            <td>{thing(row.provider)}</td>
            <td class="nowrap">{moment(row.last_sign_in)}</td>
        </tr>
    }
}

fn moment(at: Option<Moment>) -> AnyView {
    match at {
        Some(at) => view! { <Instant at/> }.into_any(),
        None => view! { <span class="muted">"never"</span> }.into_any(),
    }
}

fn roles(held: Vec<HeldRole>) -> AnyView {
    match held.is_empty() {
        true => view! { <span class="muted">"none"</span> }.into_any(),
        false => view! { <ul class="plain">{held.into_iter().map(held_role).collect_view()}</ul> }.into_any(),
    }
}

fn detail(v: UserView) -> impl IntoView {
    let groups = match v.groups.is_empty() {
        true => view! { <span class="muted">"none"</span> }.into_any(),
        false => {
            let all = v.groups.into_iter().map(|group| view! { <li>{group}</li> }).collect_view();
            view! { <ul class="plain">{all}</ul> }.into_any()
        }
    };
    let audit = v.audit.map(|(of, by)| {
        view! {
            <a class="button" href=of>"What happened to them"</a>
            <a class="button" href=by>"What they did"</a>
        }
    });
    view! {
        <PageTitle text=format!("User {}", v.name)/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"Users"</a> " / " <code>{v.id}</code></div>
                <h1>{v.name} " " <StatusBadge badge=v.status/></h1>
            </div>
            <div class="actions">{actions(v.actions)} {audit}</div>
        </div>
        {v.out.map(|why| view! { <p class="note warn">{why}</p> })}
        <div class="grid cols-2">
            <section class="card">
                <header><h2>"Roles, and where they come from"</h2></header>
                <div class="body">{sources(v.roles)}</div>
            </section>
            <section class="card">
                <header><h2>"Who it is"</h2></header>
                <div class="body">
                    <dl class="facts">
                        <dt>"E-mail"</dt><dd>{v.email.unwrap_or_else(|| "–".to_owned())}</dd>
                        <dt>"Signs in by"</dt><dd>{thing(v.provider)}</dd>
                        <dt>"Known there as"</dt><dd><code>{v.subject}</code></dd>
                        <dt>"Groups"</dt><dd>{groups}</dd>
                        <dt>"First seen"</dt><dd><Instant at=v.created/></dd>
                        <dt>"Last sign-in"</dt><dd>{moment(v.last_sign_in)}</dd>
                        {v.deactivated.map(|at| view! { <dt>"Deactivated"</dt><dd><Instant at/></dd> })}
                    </dl>
                </div>
            </section>
        </div>
        {v.sessions.map(open_sessions)}
    }
}

/// Own grants apart from those of groups.
fn sources(held: Vec<HeldRole>) -> AnyView {
    let (mapped, own): (Vec<_>, Vec<_>) = held.into_iter().partition(|held| held.group.is_some());
    let none = own.is_empty() && mapped.is_empty();
    let part = |heading: &'static str, held: Vec<HeldRole>| {
        (!held.is_empty()).then(|| view! { <h3>{heading}</h3> {roles(held)} })
    };
    view! {
        {none.then(|| view! { <p class="muted">"None: they cannot sign in."</p> })}
        {part("Granted here", own)}
        {part("By the groups that their provider has told at the last sign-in", mapped)}
    }
    .into_any()
}

fn open_sessions(rows: Vec<SessionRow>) -> AnyView {
    let content = match rows.is_empty() {
        true => view! { <div class="body"><p class="muted">"Not signed in anywhere."</p></div> }.into_any(),
        false => {
            let rows = rows.into_iter().map(sessions::row).collect_view().into_any();
            view! { <Table label="Sessions" columns=sessions::OWN_COLUMNS>{rows}</Table> }.into_any()
        }
    };
    view! { <section class="card"><header><h2>"Sessions"</h2></header> {content}</section> }.into_any()
}

fn grants(v: GrantsView) -> impl IntoView {
    let stored = stored_grants(&v.grants);
    let form = Form::new(stored.clone());
    let both = compared("Roles", grants_in_words(&stored), grants_in_words(form.values()));
    let page = format!("{PATH}/{}", v.id);
    let heading = format!("Roles of {}", v.name);
    let versions = Versions::of(&form, v.version);
    let button = versions.button();
    let fields = view! {
        {versions.show([both], None)}
        <p>"These are beside the roles that their groups bring. They hold from the next request on."</p>
        {grant_rows(&form, "grants", v.choices, false)}
    };
    let form = form.frame(format!("{page}/grants"), (button, false), page.clone(), fields);
    view! {
        <PageTitle text=heading.clone()/>
        <div class="head">
            <div><div class="crumbs"><a href=page>{v.name}</a></div> <h1>{heading}</h1></div>
        </div>
        <section class="card"><div class="body">{form}</div></section>
    }
}
