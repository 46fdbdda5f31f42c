use app::Query;
use app::views::{
    ActionLink, Alternative, Holder, Link, PermissionRow, RoleColumn, RoleFormView, RoleView, RolesView,
    SubjectRows,
};
use model::{Caller, Grant, Permission, Permissions, Reach, Reachable, Role};

use super::fields::Fields;
use super::{Services, words};
use crate::auth::authorise;
use crate::error::{Error, Result};
use crate::http::api::roles::parse_id;
use crate::services::roles::{self, AnyRole, Holders};

const PATH: &str = "/roles";
/// Columns of the matrix: more of them make a page of more than 60 KB, which nobody can read either.
const COLUMNS: u32 = 12;

impl Services {
    pub(super) async fn list_roles(&self, caller: &Caller, query: &Query) -> Result<RolesView> {
        let mut fields = Fields::new(PATH, query);
        let request = model::PageRequest { limit: COLUMNS, ..fields.page() };
        if fields.is_wrong() {
            return Err(Error::not_found("such page of the roles"));
        }
        let page = roles::list(&self.state.core, caller, &request).await?;
        let held: Vec<_> = page.items.iter().map(|role| (role.id().to_owned(), role.permissions())).collect();
        let mut columns = fields.with_rows(page.map(|role| RoleColumn {
            role: Link {
                text: role.id().to_owned(),
                href: Some(format!("{PATH}/{}", role.id())),
                title: None,
            },
            description: role.description().to_owned(),
            built_in: matches!(role, AnyRole::BuiltIn(_)),
        }));
        if self.may(Permission::RoleEdit) {
            let href = Some(format!("{PATH}/new"));
            columns.actions = vec![Link { text: "New role".to_owned(), href, title: None }];
        }
        let subjects = by_subject(Permissions::all(), |permission| {
            let having = held.iter().filter(|(_, permissions)| permissions.contains(permission));
            having.map(|(role, _)| role.clone()).collect()
        });
        Ok(RolesView { roles: columns, subjects })
    }

    pub(super) async fn show_role(&self, caller: &Caller, id: &str) -> Result<RoleView> {
        let core = &self.state.core;
        let id = parse_id(id)?;
        let role = roles::find(core, caller, &id).await?;
        let Holders { users, mappings, keys } = roles::holders(core, caller, &id).await?;
        let holder = |who, group, grant: &Grant| Holder {
            who,
            group,
            profiles: grant.profiles.iter().map(|id| self.profile_link(id)).collect(),
        };
        let now = core.now();
        let own = match &role {
            AnyRole::Own(role) => Some((role.created_at, role.updated_at)),
            AnyRole::BuiltIn(_) => None,
        };
        let actions = match own {
            Some(_) if self.may(Permission::RoleEdit) => vec![
                ActionLink { text: "Edit", href: format!("{PATH}/{id}/edit"), danger: false },
                ActionLink { text: "Delete", href: format!("{PATH}/{id}/delete"), danger: true },
            ],
            _ => Vec::new(),
        };
        Ok(RoleView {
            description: role.description().to_owned(),
            built_in: own.is_none(),
            subjects: by_subject(role.permissions(), |_| Vec::new()),
            users: users.map(|users| {
                let users = users.into_iter();
                users
                    .map(|(user, grant)| {
                        let who = Link { text: super::users::shown_name(&user), ..self.user_link(&user.id) };
                        holder(who, None, &grant)
                    })
                    .collect()
            }),
            mappings: mappings.map(|mappings| {
                let mappings = mappings.into_iter();
                mappings
                    .map(|(provider, m)| holder(self.provider_link(&provider), Some(m.group), &m.grant))
                    .collect()
            }),
            keys: keys.map(|keys| {
                let keys = keys.into_iter();
                keys.map(|key| {
                    let who = Link { text: key.name.clone(), ..self.api_key_link(&key.id) };
                    holder(who, None, &key.grant)
                })
                .collect()
            }),
            created: own.map(|(at, _)| words::moment(at, now)),
            changed: own.map(|(_, at)| words::moment(at, now)),
            audit: self.audit_of(id.as_str()),
            actions,
            id: id.to_string(),
        })
    }

    /// `id`: of the one to be changed; `None`: a new one.
    pub(super) async fn show_role_form(&self, caller: &Caller, id: Option<&str>) -> Result<RoleFormView> {
        authorise(caller, Permission::RoleEdit)?;
        let role = match id {
            None => None,
            Some(id) => match roles::find(&self.state.core, caller, &parse_id(id)?).await? {
                AnyRole::Own(role) => Some(role),
                AnyRole::BuiltIn(role) => {
                    return Err(Error::Forbidden(format!(
                        "the role {} is built in and cannot be changed",
                        role.id
                    )));
                }
            },
        };
        let permissions = role.as_ref().map_or(Permissions::NONE, |role| role.permissions);
        Ok(RoleFormView {
            description: role.as_ref().map(|role| role.description.clone()).unwrap_or_default(),
            permissions: permissions.iter().map(Permission::as_str).collect(),
            choices: choices(caller),
            stored: role.map(|Role { id, version, .. }| (id.to_string(), version)),
        })
    }
}

/// The permissions of a set, by what they are about. `roles`: which of the roles shown have one.
fn by_subject(permissions: Permissions, roles: impl Fn(Permission) -> Vec<String>) -> Vec<SubjectRows> {
    let mut subjects: Vec<SubjectRows> = Vec::new();
    for permission in permissions.iter() {
        let row = PermissionRow {
            name: permission.as_str(),
            meaning: permission.meaning(),
            within_profiles: match permission.within_profiles() {
                Reachable::ByProfile => "within profiles: what is theirs",
                Reachable::Always => "within profiles: all the same",
                Reachable::Never => "within profiles: not",
            },
            roles: roles(permission),
        };
        let subject = in_words(permission.subject());
        match subjects.last_mut().filter(|last| last.subject == subject) {
            Some(last) => last.permissions.push(row),
            None => subjects.push(SubjectRows { subject, permissions: vec![row] }),
        }
    }
    subjects
}

/// Every permission with what it means, and whether the caller can put it into a role.
fn choices(caller: &Caller) -> Vec<(String, Vec<Alternative>)> {
    let choice = |row: PermissionRow| {
        let permission: Option<Permission> = row.name.parse().ok();
        let held = permission.and_then(|permission| caller.rights.reach(permission));
        let note =
            if matches!(held, Some(Reach::Everywhere)) { "" } else { ". You do not hold it yourself." };
        Alternative::new(row.name, row.name, format!("{}{note}", row.meaning))
    };
    let subjects = by_subject(Permissions::all(), |_| Vec::new()).into_iter();
    subjects.map(|rows| (rows.subject, rows.permissions.into_iter().map(choice).collect())).collect()
}

/// `eab_key` as `EAB keys`.
fn in_words(subject: &str) -> String {
    match subject {
        "acme_account" => "ACME accounts".to_owned(),
        "api_key" => "API keys".to_owned(),
        "audit" => "Audit trail".to_owned(),
        "eab_key" => "EAB keys".to_owned(),
        "provider" => "Identity providers".to_owned(),
        "system" => "System".to_owned(),
        other => {
            let mut letters = other.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase()).unwrap_or_default();
            format!("{first}{}s", letters.as_str().replace('_', " "))
        }
    }
}
