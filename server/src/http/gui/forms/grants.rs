//! The rows of a form in which roles are given.

use app::Query;
use model::Grant;

use crate::error::{Error, FieldError, Result};

/// A row that stays, in its place among all.
pub struct Line {
    pub group: String,
    pub grant: Grant,
}

/// The rows of the form that are filled in and are not to be removed. `field`: what the whole is called in refusals.
pub fn read(sent: &Query, field: &str) -> Result<Vec<Line>> {
    lines(sent, field, false)
}

/// The same for rows that begin with a group.
pub fn read_of_groups(sent: &Query, field: &str) -> Result<Vec<Line>> {
    lines(sent, field, true)
}

fn lines(sent: &Query, field: &str, of_groups: bool) -> Result<Vec<Line>> {
    let all = |name: &str| sent.all(name).map(str::trim).map(str::to_owned).collect::<Vec<_>>();
    let [groups, roles, profiles, removed] = ["group", "role", "profiles", "remove"].map(all);
    let at = |list: &[String], row: usize| list.get(row).cloned().unwrap_or_default();
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    for row in 0..roles.len() {
        let (group, role, profiles) = (at(&groups, row), at(&roles, row), at(&profiles, row));
        if removed.contains(&row.to_string()) || (group.is_empty() && role.is_empty() && profiles.is_empty())
        {
            continue;
        }
        match grant(&role, &profiles) {
            Ok(_) if of_groups && group.is_empty() => {
                let reason = "write the group as the provider sends it";
                wrong.push(FieldError::new(format!("{field}[{row}]"), reason));
            }
            Ok(grant) => lines.push(Line { group, grant }),
            Err(reason) => wrong.push(FieldError::new(format!("{field}[{row}]"), reason)),
        }
    }
    if wrong.is_empty() { Ok(lines) } else { Err(Error::Invalid(wrong)) }
}

fn grant(role: &str, profiles: &str) -> Result<Grant, String> {
    if role.is_empty() {
        return Err("choose a role".to_owned());
    }
    let role = role.parse().map_err(|e: model::InvalidId| format!("the role: {e}"))?;
    let profile = |id: &str| id.parse().map_err(|e: model::InvalidId| format!("the profile `{id}`: {e}"));
    let ids = profiles.split([' ', ',', ';']).filter(|id| !id.is_empty());
    Ok(Grant { role, profiles: ids.map(profile).collect::<Result<_, _>>()? })
}

/// A refusal in which everything about a grant is about the whole of them.
pub fn about(field: &'static str) -> impl Fn(Error) -> Error {
    move |error| match error {
        Error::Invalid(faults) => {
            let is_own = |name: &str| matches!(name, "role" | "profiles");
            let named = faults.into_iter().map(|fault| match is_own(&fault.field) {
                true => FieldError::new(field, fault.reason),
                false => fault,
            });
            Error::Invalid(named.collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(rows: &[(&str, &str, &str)], removed: &[&str]) -> Query {
        let query = rows.iter().fold(Query::default(), |query, (group, role, profiles)| {
            query.with("group", *group).with("role", *role).with("profiles", *profiles)
        });
        removed.iter().fold(query, |query, row| query.with("remove", *row))
    }

    #[test]
    fn rows_are_filled_in_removed_or_empty() {
        let rows =
            [("a", "admin", ""), ("b", "viewer", "prof-a, prof-b"), ("", "", " "), ("c", "agent", "x")];
        let lines = read(&sent(&rows, &["0"]), "grants").unwrap();
        let found: Vec<_> = lines.iter().map(|line| (&*line.group, line.grant.profiles.len())).collect();
        assert_eq!(found, [("b", 2), ("c", 1)]);
    }

    #[test]
    fn what_is_wrong_is_told_of_its_row() {
        let rows = [("", "admin", ""), ("", "", "prof-a"), ("g", "", ""), ("", "agent", "prof a_b")];
        let Err(Error::Invalid(faults)) = read(&sent(&rows, &[]), "grants") else { panic!() };
        let fields: Vec<_> = faults.iter().map(|fault| &*fault.field).collect();
        assert_eq!(fields, ["grants[1]", "grants[2]", "grants[3]"]);
    }
}
