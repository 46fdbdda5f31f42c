use super::{ActionLink, Alternative, Link, ListView, Moment};

/// Which role allows what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolesView {
    /// The columns, a page of them.
    pub roles: ListView<RoleColumn>,
    pub subjects: Vec<SubjectRows>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleColumn {
    pub role: Link,
    pub description: String,
    pub built_in: bool,
}

/// The permissions about one kind of thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectRows {
    pub subject: String,
    pub permissions: Vec<PermissionRow>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionRow {
    pub name: &'static str,
    pub meaning: &'static str,
    /// What it means in a grant within profiles.
    pub within_profiles: &'static str,
    /// The names of the roles on this page that have it.
    pub roles: Vec<String>,
}

/// Everything about a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleView {
    pub id: String,
    pub description: String,
    pub built_in: bool,
    pub subjects: Vec<SubjectRows>,
    /// Who holds it, by kind; `None` where the reader may not see them.
    pub users: Option<Vec<Holder>>,
    pub mappings: Option<Vec<Holder>>,
    pub keys: Option<Vec<Holder>>,
    /// Of one's own roles.
    pub created: Option<Moment>,
    pub changed: Option<Moment>,
    pub audit: Option<String>,
    pub actions: Vec<ActionLink>,
}

impl RoleView {
    /// Whether anybody whom the reader may see holds it.
    pub fn is_held(&self) -> bool {
        [&self.users, &self.mappings, &self.keys].into_iter().flatten().any(|holders| !holders.is_empty())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub who: Link,
    /// The group, of a mapping.
    pub group: Option<String>,
    /// Within these profiles only; empty: everywhere.
    pub profiles: Vec<Link>,
}

/// A role to be made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleFormView {
    /// With the version that was read; `None`: a new one.
    pub stored: Option<(String, i64)>,
    pub description: String,
    pub permissions: Vec<&'static str>,
    /// By subject.
    pub choices: Vec<(String, Vec<Alternative>)>,
}
