use leptos::prelude::*;

use crate::Query;
use crate::components::{
    Confirmation, Field, Form, Instant, PageTitle, Versions, actions, compared_field, confirmation, page,
    parameter, thing,
};
use crate::views::{
    Holder, Link, ListView, PermissionRow, RoleColumn, RoleFormView, RoleView, RolesView, SubjectRows,
};

#[component]
pub fn Roles() -> impl IntoView {
    page("Roles", PATH, |r| async move { r.backend.roles(&r.query).await }, matrix)
}

#[component]
pub fn Role() -> impl IntoView {
    let id = parameter("id");
    page("Role", PATH, |r| async move { r.backend.role(&id).await }, detail)
}

#[component]
pub fn NewRole() -> impl IntoView {
    page("New role", PATH, |r| async move { r.backend.role_form(None).await }, form)
}

#[component]
pub fn EditRole() -> impl IntoView {
    let id = parameter("id");
    page("Edit a role", PATH, |r| async move { r.backend.role_form(Some(&id)).await }, form)
}

#[component]
pub fn DeleteRole() -> impl IntoView {
    let id = parameter("id");
    let common = Confirmation::without_reason();
    page(
        "Delete a role",
        PATH,
        |r| async move { r.backend.role(&id).await },
        move |v: RoleView| {
            let consequence = match v.is_held() {
                true => "Somebody holds it, so it cannot be deleted yet: its page says who.",
                false => "Nobody whom you may see holds it. It can be made anew under the same id.",
            };
            let asked = Confirmation {
                heading: format!("Delete the role {}", v.id),
                of: (v.id.clone(), format!("{PATH}/{}", v.id)),
                consequences: vec![consequence.to_owned()],
                button: "Delete",
                danger: true,
                ..common
            };
            confirmation(asked, |_| ().into_any())
        },
    )
}

const PATH: &str = "/roles";

fn matrix(v: RolesView) -> impl IntoView {
    let RolesView { roles: list, subjects } = v;
    let ListView { rows: roles, first, next, actions, .. } = list;
    let actions = actions.into_iter().map(|Link { text, href, .. }| {
        view! { <a class="button" href=href>{text}</a> }
    });
    let names: Vec<_> = roles.iter().map(|column| column.role.text.clone()).collect();
    let columns = roles.iter().cloned().map(column).collect_view();
    let rows = subjects.into_iter().map(|subject| matrix_rows(subject, &names)).collect_view();
    let onward = (first.is_some() || next.is_some()).then(|| {
        view! {
            <nav class="pager" aria-label="Pages of this list">
                <span>"By name"</span>
                <div class="actions">
                    {first.map(|url| view! { <a class="button" href=url>"First roles"</a> })}
                    {next.map(|url| view! { <a class="button" href=url rel="next">"More roles"</a> })}
                </div>
            </nav>
        }
    });
    view! {
        <div class="head">
            <div>
                <h1>"Roles"</h1>
                <p>"A role is a set of permissions. It is granted to people, to groups and to API keys, everywhere or within some profiles."</p>
            </div>
            <div class="actions">{actions.collect_view()}</div>
        </div>
        <section class="card">
            <ul class="roles">{roles.into_iter().map(described).collect_view()}</ul>
            {onward}
        </section>
        <section class="card">
            <header><h2>"Which role allows what"</h2></header>
            <div class="scroll" tabindex="0" role="region" aria-label="Which role allows what">
                <table class="matrix">
                    <thead><tr><th scope="col">"Permission"</th> {columns}</tr></thead>
                    {rows}
                </table>
            </div>
        </section>
    }
}

fn described(column: RoleColumn) -> impl IntoView {
    view! {
        <li>
            <strong>{thing(column.role)}</strong>
            {column.built_in.then(|| view! { " " <span class="status">"built in"</span> })}
            <div class="muted">{column.description}</div>
        </li>
    }
}

fn column(column: RoleColumn) -> impl IntoView {
    view! { <th scope="col">{thing(column.role)}</th> }
}

fn matrix_rows(subject: SubjectRows, roles: &[String]) -> impl IntoView + use<> {
    let rows = subject.permissions.into_iter().map(|row| {
        let cells = roles.iter().map(|role| match row.roles.contains(role) {
            true => view! { <td class="yes">"yes"</td> }.into_any(),
            false => view! { <td class="no">"no"</td> }.into_any(),
        });
        let cells = cells.collect_view();
        let held = match row.roles.is_empty() {
            true => "no role".to_owned(),
            false => row.roles.join(", "),
        };
        view! {
            <tr>
                <th scope="row">
                    <code>{row.name}</code>
                    <small>{row.meaning}</small>
                    <p class="held">"Held by " {held}</p>
                </th>
                {cells}
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <tbody>
            <tr class="subject"><th scope="rowgroup" colspan=roles.len() + 1>{subject.subject}</th></tr>
            {rows}
        </tbody>
    }
}

fn detail(v: RoleView) -> impl IntoView {
    let permissions = match v.subjects.is_empty() {
        true => view! { <p class="muted">"None: it allows nothing."</p> }.into_any(),
        false => v.subjects.into_iter().map(permissions_of).collect_view().into_any(),
    };
    let kind = |heading: &'static str, none: &'static str, holders: Option<Vec<Holder>>| {
        holders.map(|holders| {
            let rows = match holders.is_empty() {
                true => view! { <p class="muted">{none}</p> }.into_any(),
                false => {
                    let all = holders.into_iter().map(holder).collect_view();
                    view! { <ul class="plain">{all}</ul> }.into_any()
                }
            };
            view! { <h3>{heading}</h3> {rows} }
        })
    };
    let built_in = v.built_in.then(|| {
        view! { <p class="note">"Built in: every server has this role, and nobody can change it."</p> }
    });
    view! {
        <PageTitle text=format!("Role {}", v.id)/>
        <div class="head">
            <div>
                <div class="crumbs"><a href=PATH>"Roles"</a></div>
                <h1>{v.id}</h1>
                <p>{v.description}</p>
            </div>
            <div class="actions">
                {actions(v.actions)}
                {v.audit.map(|url| view! { <a class="button" href=url>"Audit events"</a> })}
            </div>
        </div>
        {built_in}
        <div class="grid cols-2">
            <section class="card">
                <header><h2>"What it allows"</h2></header>
                <div class="body">
                    <p class="help">"A role can be granted everywhere, or within some profiles, where it allows less."</p>
                    {permissions}
                </div>
            </section>
            <section class="card">
                <header><h2>"Who holds it"</h2></header>
                <div class="body">
                    {kind("Users, by a grant of their own", "No user.", v.users)}
                    {kind("Groups of identity providers", "No group.", v.mappings)}
                    {kind("API keys", "No API key.", v.keys)}
                    <dl class="facts">
                        {v.created.map(|at| view! { <dt>"Created"</dt><dd><Instant at/></dd> })}
                        {v.changed.map(|at| view! { <dt>"Changed"</dt><dd><Instant at/></dd> })}
                    </dl>
                </div>
            </section>
        </div>
    }
}

fn permissions_of(subject: SubjectRows) -> impl IntoView {
    let rows =
        subject.permissions.into_iter().map(|PermissionRow { name, meaning, within_profiles, .. }| {
            view! { <dt><code>{name}</code></dt> <dd>{meaning} " " <small>{within_profiles}</small></dd> }
        });
    view! { <h3>{subject.subject}</h3> <dl class="facts permissions">{rows.collect_view()}</dl> }
}

fn holder(holder: Holder) -> impl IntoView {
    let within = holder.profiles.into_iter().map(|link| view! { " " {thing(link)} }).collect::<Vec<_>>();
    let within = (!within.is_empty()).then(|| view! { <small>" within" {within}</small> });
    let group = holder.group.map(|group| view! { {group} " of " });
    view! { <li>{group} {thing(holder.who)} {within}</li> }
}

fn form(v: RoleFormView) -> impl IntoView {
    let stored = v
        .permissions
        .iter()
        .fold(Query::default().with("description", v.description.clone()), |query, permission| {
            query.with("permissions", *permission)
        });
    let form = Form::new(stored.clone());
    let (heading, action, back, from) = match &v.stored {
        Some((id, _)) => {
            (format!("Edit the role {id}"), format!("{PATH}/{id}/edit"), format!("{PATH}/{id}"), id.clone())
        }
        None => ("New role".to_owned(), format!("{PATH}/new"), PATH.to_owned(), "Roles".to_owned()),
    };
    let versions = v.stored.as_ref().map(|(_, version)| Versions::of(&form, *version));
    let button = versions.as_ref().map_or("Create", Versions::button);
    let head = match versions {
        Some(versions) => {
            let compared = [
                compared_field(&form, &stored, "description", "Description"),
                compared_field(&form, &stored, "permissions", "Permissions"),
            ];
            view! {
                {versions.show(compared, None)}
                <p>"A change holds at once, on every replica, for everybody who holds the role."</p>
            }
            .into_any()
        }
        None => form.text(
            Field::new("id", "Id")
                .help("1 to 63 of a-z, 0-9 and -. It cannot be changed later. Left empty, one is made up.")
                .example("revoker"),
        ),
    };
    let description =
        Field::new("description", "Description").help("What it is for; at most 500 characters.");
    let permissions = Field::new("permissions", "Permissions")
        .help("Nobody can put into a role what they do not hold themselves, everywhere.");
    let fields = view! {
        {head}
        {form.text(description)}
        {form.several_by(permissions, v.choices)}
    };
    let form = form.frame(action, (button, false), back.clone(), fields);
    view! {
        <PageTitle text=heading.clone()/>
        <div class="head">
            <div><div class="crumbs"><a href=back>{from}</a></div> <h1>{heading}</h1></div>
        </div>
        <section class="card"><div class="body">{form}</div></section>
    }
}
