//! What differs between two versions of a profile, field by field, in words.

use app::views::FieldChange;
use serde_json::{Map, Value};

use super::words;

/// The fields in the order of the form, as people call them, with what an empty list means.
const FIELDS: &[(&str, &str, &str)] = &[
    ("name", "Name", ""),
    ("description", "Description", ""),
    ("enabled", "Enabled", ""),
    ("acme_auth_mode", "Authorization", ""),
    ("eab_required", "EAB key required", ""),
    ("permitted_names", "Permitted names", "every name"),
    ("excluded_names", "Excluded names", "none"),
    ("allowed_client_networks", "Client networks", "from anywhere"),
    ("allowed_challenge_types", "Challenges", "every type"),
    ("issuer_id", "Issuer", ""),
    ("max_ttl_seconds", "Longest validity", ""),
    ("default_ttl_seconds", "Usual validity", ""),
    ("allowed_key_types", "Keys", "every type"),
    ("extended_key_usages", "Extended key usage", "server_auth"),
    ("caa", "CAA records", ""),
    ("reuse_authorizations_hours", "Reuse of authorizations", ""),
    ("selectable_profiles", "Selectable profiles", "none"),
    ("must_staple", "Must staple", ""),
];

/// The fields that differ between two specs as they are stored. `None`: there is no profile on that side. `unread`:
/// fields whose value in `after` means nothing.
pub fn changes(before: Option<&Value>, after: Option<&Value>, unread: &[&str]) -> Vec<FieldChange> {
    let side = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let (before, after) = (side(before), side(after));
    let known = FIELDS.iter().filter(|(name, ..)| !unread.contains(name));
    known.filter_map(|field| change(field, &before, &after)).collect()
}

fn change(
    (name, label, empty): &(&str, &'static str, &str),
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Option<FieldChange> {
    let (before, after) = (before.get(*name), after.get(*name));
    if before == after {
        return None;
    }
    let (Some(Value::Array(was)), Some(Value::Array(is))) = (before, after) else {
        let side = |value: Option<&Value>| value.map(|value| told(name, value, empty)).unwrap_or_default();
        return Some(FieldChange {
            label: (*label).into(),
            before: side(before),
            after: side(after),
            kept: 0,
        });
    };
    let only = |list: &[Value], other: &[Value]| -> Vec<String> {
        match list {
            [] => vec![(*empty).to_owned()],
            list => list.iter().filter(|entry| !other.contains(entry)).map(text).collect(),
        }
    };
    let (gone, mut came) = (only(was, is), only(is, was));
    if gone.is_empty() && came.is_empty() {
        came.push("the same in another order".to_owned());
    }
    let kept = was.iter().filter(|entry| is.contains(entry)).count();
    Some(FieldChange { label: (*label).into(), before: gone, after: came, kept })
}

/// A whole value in words.
fn told(name: &str, value: &Value, empty: &str) -> Vec<String> {
    match value {
        Value::Array(list) if list.is_empty() => vec![empty.to_owned()],
        Value::Array(list) => list.iter().map(text).collect(),
        Value::Null if name == "default_ttl_seconds" => vec!["the longest".to_owned()],
        Value::String(text) if text.is_empty() => vec!["empty".to_owned()],
        Value::Number(number) => {
            let number = number.as_u64().unwrap_or_default();
            vec![match name {
                "max_ttl_seconds" | "default_ttl_seconds" => words::exact_span(number),
                "reuse_authorizations_hours" if number == 0 => "for its own order only".to_owned(),
                "reuse_authorizations_hours" => words::exact_span(number * 3600),
                _ => number.to_string(),
            }]
        }
        other => vec![text(other)],
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value) -> Vec<(String, String, String, usize)> {
        let changes = changes(Some(before), Some(after), &["caa"]);
        changes
            .into_iter()
            .map(|c| (c.label.into_owned(), c.before.join(" | "), c.after.join(" | "), c.kept))
            .collect()
    }

    #[test]
    fn only_what_differs_is_told_and_of_lists_only_the_entries() {
        let before = json!({
            "name": "A", "permitted_names": ["a.test", "b.test"], "max_ttl_seconds": 7_776_000, "caa": "off",
            "must_staple": false, "excluded_names": [], "reuse_authorizations_hours": 0, "default_ttl_seconds": null,
        });
        let after = json!({
            "name": "A", "permitted_names": ["b.test", "c.test"], "max_ttl_seconds": 3600, "caa": "enforce",
            "must_staple": true, "excluded_names": ["x.test"], "reuse_authorizations_hours": 48, "default_ttl_seconds": 300,
        });
        let row = |label: &str, before: &str, after: &str, kept| {
            (label.to_owned(), before.to_owned(), after.to_owned(), kept)
        };
        assert_eq!(
            told(&before, &after),
            [
                row("Permitted names", "a.test", "c.test", 1),
                row("Excluded names", "none", "x.test", 0),
                row("Longest validity", "90 days", "1 hour", 0),
                row("Usual validity", "the longest", "5 minutes", 0),
                row("Reuse of authorizations", "for its own order only", "2 days", 0),
                row("Must staple", "no", "yes", 0),
            ]
        );
    }

    #[test]
    fn a_list_may_come_go_and_turn_around() {
        let of = |list: &[&str]| json!({ "permitted_names": list });
        assert_eq!(told(&of(&["a", "b"]), &of(&["b", "a"]))[0].2, "the same in another order");
        assert_eq!(told(&of(&["a"]), &of(&[]))[0].2, "every name");
        assert_eq!(changes(None, Some(&of(&["a"])), &[])[0].after, ["a"]);
    }

    #[test]
    fn every_field_of_a_profile_has_a_name() {
        let spec: model::ProfileSpec = serde_json::from_value(json!({
            "name": "A", "issuer_id": "iss-internal-ca", "acme_auth_mode": "challenge", "max_ttl_seconds": 300,
        }))
        .unwrap();
        for name in serde_json::to_value(spec).unwrap().as_object().unwrap().keys() {
            assert!(FIELDS.iter().any(|(known, ..)| known == name), "{name}");
        }
    }
}
