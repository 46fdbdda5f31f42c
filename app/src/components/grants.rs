use leptos::prelude::*;

use super::Form;
use super::form::field_id;
use crate::Query;
use crate::views::{Choice, GrantChoices, GrantLine, HeldRole};

/// What rows of grants hold before anything was sent.
pub fn stored_grants<'a>(grants: impl IntoIterator<Item = &'a GrantLine>) -> Query {
    grants.into_iter().fold(Query::default(), |query, grant| {
        query.with("role", grant.role.clone()).with("profiles", grant.profiles.clone())
    })
}

/// The same for mappings, each of a group.
pub fn stored_mappings(mappings: &[(String, GrantLine)]) -> Query {
    let groups =
        mappings.iter().fold(Query::default(), |query, (group, _)| query.with("group", group.clone()));
    mappings.iter().fold(groups, |query, (_, grant)| {
        query.with("role", grant.role.clone()).with("profiles", grant.profiles.clone())
    })
}

/// The rows of a form, for the comparison of two versions.
pub fn grants_in_words(query: &Query) -> String {
    let [groups, roles, profiles, removed] =
        ["group", "role", "profiles", "remove"].map(|name| all(query, name));
    let rows = (0..roles.len()).filter(|row| !removed.contains(&row.to_string()));
    let rows = rows.filter_map(|row| {
        let (group, role, profiles) = (at(&groups, row), at(&roles, row), at(&profiles, row));
        let reach = if profiles.is_empty() { String::new() } else { format!(" within {profiles}") };
        let group = if group.is_empty() { String::new() } else { format!("{group}: ") };
        (!role.is_empty()).then(|| format!("{group}{role}{reach}"))
    });
    rows.collect::<Vec<_>>().join("; ")
}

fn all(query: &Query, name: &str) -> Vec<String> {
    query.all(name).map(|value| value.trim().to_owned()).collect()
}

fn at(list: &[String], row: usize) -> String {
    list.get(row).cloned().unwrap_or_default()
}

/// Rows of roles, each everywhere or within profiles and with a mark that removes it, and an empty one. With groups,
/// each row begins with one, and several are empty. `name`: of the whole in what the services refuse.
pub fn grant_rows(form: &Form, name: &'static str, choices: GrantChoices, groups: bool) -> AnyView {
    let GrantChoices { roles, profiles } = choices;
    let [sent_groups, sent_roles, sent_profiles, removed] =
        ["group", "role", "profiles", "remove"].map(|name| all(form.values(), name));
    let is_empty = |row: &usize| {
        [&sent_groups, &sent_roles, &sent_profiles].iter().all(|list| at(list, *row).is_empty())
    };
    let filled = (0..sent_roles.len()).rev().find(|row| !is_empty(row)).map_or(0, |row| row + 1);
    let rows = (0..filled + if groups { 3 } else { 1 }).map(|row| {
        let id = format!("{}-{row}", field_id(name));
        let own = format!("{name}[{row}]");
        let (fault, note) = form.faults_where(|fault| fault.is_of(&own), &id);
        let invalid = note.is_some().then_some("true");
        let group = groups.then(|| {
            let (id, described) = (format!("{id}-group"), note.clone());
            let of = id.clone();
            view! {
                <div class="field">
                    <label for=of>"Group"</label>
                    <input
                        id=id name="group" value=at(&sent_groups, row) autocomplete="off" spellcheck="false"
                        aria-invalid=invalid aria-describedby=described
                    />
                </div>
            }
        });
        let remove = (row < filled).then(|| {
            let id = format!("{id}-remove");
            let checked = removed.contains(&row.to_string());
            view! {
                <label class="choice">
                    <input id=id type="checkbox" name="remove" value=row.to_string() checked=checked/>
                    <span>"Remove"</span>
                </label>
            }
        });
        let (role_id, profiles_id) = (format!("{id}-role"), format!("{id}-profiles"));
        let (of_role, of_profiles, described) = (role_id.clone(), profiles_id.clone(), note.clone());
        let what = if row < filled { format!("Number {}", row + 1) } else { "One more".to_owned() };
        view! {
            <div class="row" role="group" aria-label=what>
                {group}
                <div class="field">
                    <label for=of_role>"Role"</label>
                    <select id=role_id name="role" aria-invalid=invalid aria-describedby=described>
                        {role_options(&roles, &at(&sent_roles, row))}
                    </select>
                </div>
                <div class="field">
                    <label for=of_profiles>"Within profiles"</label>
                    <input
                        id=profiles_id name="profiles" value=at(&sent_profiles, row) placeholder="everywhere"
                        autocomplete="off" spellcheck="false" aria-invalid=invalid aria-describedby=note
                    />
                </div>
                {remove}
                {fault}
            </div>
        }
    });
    let rows = rows.collect_view();
    let (fault, note) = form.faults_where(|fault| fault.field == name, &field_id(name));
    let (class, legend) = match groups {
        true => ("rows of-groups", "Groups and their roles"),
        false => ("rows", "Roles granted here"),
    };
    form.called(name, legend);
    view! {
        <fieldset id=field_id(name) class=class tabindex="-1" aria-describedby=note>
            <legend>{legend}</legend>
            {rows}
            {fault}
        </fieldset>
        {known_profiles(profiles)}
    }
    .into_any()
}

fn role_options(roles: &[Choice], chosen: &str) -> AnyView {
    let known = chosen.is_empty() || roles.iter().any(|role| role.value == chosen);
    let unknown = (!known)
        .then(|| view! { <option value=chosen.to_owned() selected=true>{chosen.to_owned()}</option> });
    let options = roles.iter().map(|Choice { value, text }| {
        view! { <option value=value.clone() selected=*value == chosen>{text.clone()}</option> }
    });
    view! { <option value="">"choose"</option> {unknown} {options.collect_view()} }.into_any()
}

fn known_profiles(profiles: Vec<Choice>) -> AnyView {
    let help = "Without profiles a role holds everywhere. To limit it, write the ids of profiles with spaces between them.";
    let list = (!profiles.is_empty()).then(|| {
        let all = profiles.into_iter().map(|Choice { value, text }| {
            view! { <li><code>{value}</code> " " <span class="muted">{text}</span></li> }
        });
        view! {
            <details>
                <summary>"Which profiles there are"</summary>
                <ul class="plain columns">{all.collect_view()}</ul>
            </details>
        }
    });
    view! { <div class="help"><p>{help}</p> {list}</div> }.into_any()
}

/// A role that somebody holds: how far, and what brings it.
pub fn held_role(held: HeldRole) -> impl IntoView {
    let HeldRole { role, profiles, group } = held;
    let within = (!profiles.is_empty()).then(|| {
        let all = profiles.into_iter().enumerate().map(|(number, link)| {
            view! { {if number == 0 { " " } else { ", " }} {super::thing(link)} }
        });
        view! { " " <small>"within" {all.collect_view()}</small> }
    });
    let by = group.map(|group| view! { " " <small>"by the group " {group}</small> });
    view! { <li>{super::thing(role)} {within} {by}</li> }
}
