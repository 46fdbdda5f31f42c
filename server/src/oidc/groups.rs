//! The groups in the claims of a person.

use serde_json::{Map, Value};

pub type Claims = Map<String, Value>;

/// More than this nobody maps, and every session carries them.
pub const MAX_GROUPS: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Groups {
    /// The claim is not there, or is null.
    Absent,
    Listed(Vec<String>),
    /// There are too many for the token; it says where to ask for them (Microsoft Entra ID calls this overage).
    Elsewhere,
}

impl Groups {
    /// Looks for the claim `path`: first as the whole name, because names may be URLs with dots in them, then member by
    /// member. A single string is one group.
    pub fn of(claims: &Claims, path: &str) -> Self {
        if claims.get("_claim_names").and_then(|names| names.get(path)).is_some() {
            return Self::Elsewhere;
        }
        match find(claims, path) {
            None | Some(Value::Null) => Self::Absent,
            Some(Value::String(one)) => Self::Listed(vec![one.clone()]),
            Some(Value::Array(list)) => {
                Self::Listed(list.iter().filter_map(|group| group.as_str().map(str::to_owned)).collect())
            }
            Some(_) => Self::Listed(Vec::new()),
        }
    }
}

fn find<'c>(claims: &'c Claims, path: &str) -> Option<&'c Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    // A name with dots may also be the beginning of a path.
    path.match_indices('.').find_map(|(at, _)| match claims.get(&path[..at])? {
        Value::Object(inner) => find(inner, &path[at + 1..]),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(claims: Value, path: &str) -> Groups {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        Groups::of(&claims, path)
    }

    fn listed(groups: &[&str]) -> Groups {
        Groups::Listed(groups.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn absent_and_empty_are_told_apart_only_to_know_where_to_look() {
        assert_eq!(of(json!({}), "groups"), Groups::Absent);
        assert_eq!(of(json!({ "groups": null }), "groups"), Groups::Absent);
        assert_eq!(of(json!({ "groups": [] }), "groups"), listed(&[]));
    }

    #[test]
    fn lists_strings_and_nonsense() {
        assert_eq!(of(json!({ "groups": ["a", "b"] }), "groups"), listed(&["a", "b"]));
        assert_eq!(of(json!({ "groups": "a b" }), "groups"), listed(&["a b"]));
        assert_eq!(of(json!({ "groups": [1, "a", { "name": "b" }, null] }), "groups"), listed(&["a"]));
        assert_eq!(of(json!({ "groups": { "a": true } }), "groups"), listed(&[]));
    }

    #[test]
    fn paths_and_names_with_dots() {
        let realm = json!({ "realm_access": { "roles": ["a"] } });
        assert_eq!(of(realm, "realm_access.roles"), listed(&["a"]));
        let url = json!({ "https://example.com/groups": ["a"] });
        assert_eq!(of(url, "https://example.com/groups"), listed(&["a"]));
        let below = json!({ "https://example.com/app": { "groups": ["a"] } });
        assert_eq!(of(below, "https://example.com/app.groups"), listed(&["a"]));
        let both = json!({ "a.b": ["whole"], "a": { "b": ["path"] } });
        assert_eq!(of(both, "a.b"), listed(&["whole"]));
        assert_eq!(of(json!({ "a": ["x"] }), "a.b"), Groups::Absent);
    }

    #[test]
    fn too_many_for_the_token() {
        let overage = json!({
            "_claim_names": { "groups": "src1" },
            "_claim_sources": { "src1": { "endpoint": "https://graph.example.com/" } },
        });
        assert_eq!(of(overage.clone(), "groups"), Groups::Elsewhere);
        assert_eq!(of(overage, "roles"), Groups::Absent);
    }
}
