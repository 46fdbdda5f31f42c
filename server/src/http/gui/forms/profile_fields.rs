//! The fields of a profile's form: what they hold of a profile, and the profile that they make.

use std::fmt::Display;
use std::str::FromStr;

use app::Query;
use model::{AcmeAuthMode, CaaMode, IpNet, IssuerId, ProfileId, ProfileSpec};

use crate::error::{FieldError, Result};
use crate::http::gui::spans;
use crate::services::profiles::Draft;

/// More wrong lines of one list than this are only counted.
const SHOWN_FAULTS: usize = 10;
const HOUR: u64 = 3600;

/// What the form holds of a profile.
pub fn of(spec: &ProfileSpec) -> Query {
    let mut fields = Query::default()
        .with("name", &*spec.name)
        .with("description", &*spec.description)
        .with("issuer_id", spec.issuer_id.as_str())
        .with("acme_auth_mode", spec.acme_auth_mode.as_str())
        .with("max_ttl_seconds", spans::typed(spec.max_ttl_seconds))
        .with("default_ttl_seconds", spec.default_ttl_seconds.map(spans::typed).unwrap_or_default())
        .with("permitted_names", lines(&spec.permitted_names))
        .with("excluded_names", lines(&spec.excluded_names))
        .with("allowed_client_networks", lines(&spec.allowed_client_networks))
        .with("selectable_profiles", lines(&spec.selectable_profiles))
        .with("caa", spec.caa.as_str())
        .with("reuse_authorizations_hours", reuse(spec.reuse_authorizations_hours));
    for key in &spec.allowed_key_types {
        fields = fields.with("allowed_key_types", key.as_str());
    }
    for usage in &spec.extended_key_usages {
        fields = fields.with("extended_key_usages", usage.as_str());
    }
    for kind in &spec.allowed_challenge_types {
        fields = fields.with("allowed_challenge_types", kind.as_str());
    }
    let flags =
        [("eab_required", spec.eab_required), ("must_staple", spec.must_staple), ("enabled", spec.enabled)];
    flags.into_iter().filter(|(_, set)| *set).fold(fields, |fields, (name, _)| fields.with(name, "true"))
}

/// What the form of a new profile holds: the safe choice.
pub fn of_new(issuer: Option<&IssuerId>) -> Query {
    Query::default()
        .with("acme_auth_mode", AcmeAuthMode::TrustAuthenticated.as_str())
        .with("eab_required", "true")
        .with("issuer_id", issuer.map(ToString::to_string).unwrap_or_default())
        .with("max_ttl_seconds", "90d")
        .with("extended_key_usages", model::ExtendedKeyUsage::ServerAuth.as_str())
        .with("caa", CaaMode::Off.as_str())
        .with("enabled", "true")
}

fn lines<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn reuse(hours: u32) -> String {
    if hours == 0 { String::new() } else { spans::typed(u64::from(hours) * HOUR) }
}

/// The profile that the fields make. `before`: the one that is changed; what the form has no field for stays.
pub fn read(fields: &Query, before: Option<&ProfileSpec>) -> Draft {
    let mut form = Reading { fields, unread: Vec::new() };
    let description = fields.all("description").next().unwrap_or_default();
    let spec = ProfileSpec {
        name: fields.get("name").unwrap_or_default().to_owned(),
        description: description.replace("\r\n", "\n").trim().to_owned(),
        issuer_id: form.word("issuer_id").unwrap_or_else(IssuerId::internal_ca),
        acme_auth_mode: form.word("acme_auth_mode").unwrap_or(AcmeAuthMode::Challenge),
        // What could not be read must not make the usual validity look too long.
        max_ttl_seconds: form.span("max_ttl_seconds", true).unwrap_or(u64::MAX),
        default_ttl_seconds: form.span("default_ttl_seconds", false),
        allowed_key_types: form.words("allowed_key_types"),
        extended_key_usages: form.words("extended_key_usages"),
        permitted_names: form.lines("permitted_names"),
        excluded_names: form.lines("excluded_names"),
        must_staple: form.flag("must_staple"),
        allowed_client_networks: form.networks("allowed_client_networks"),
        allowed_challenge_types: form.words("allowed_challenge_types"),
        caa: form.word("caa").unwrap_or(CaaMode::Off),
        reuse_authorizations_hours: form.hours("reuse_authorizations_hours"),
        selectable_profiles: form.lines("selectable_profiles"),
        eab_required: form.flag("eab_required"),
        enabled: before.map_or_else(|| form.flag("enabled"), |before| before.enabled),
    };
    Draft { spec, unread: form.unread }
}

/// The id that was chosen for a new profile; none where the field is empty.
pub fn id(fields: &Query) -> Result<Option<ProfileId>, FieldError> {
    let Some(text) = fields.get("id") else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        FieldError::new("id", format!("`{text:.70}` is no id: 1 to 63 of a-z, 0-9 and - are allowed"))
    })
}

struct Reading<'q> {
    fields: &'q Query,
    unread: Vec<FieldError>,
}

impl Reading<'_> {
    fn refuse(&mut self, field: &str, reason: impl Into<String>) {
        self.unread.push(FieldError::new(field, reason));
    }

    fn flag(&self, name: &str) -> bool {
        self.fields.all(name).any(|value| value == "true")
    }

    fn word<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let Some(text) = self.fields.get(name) else {
            self.refuse(name, "choose one");
            return None;
        };
        text.parse().map_err(|e: T::Err| self.refuse(name, e.to_string())).ok()
    }

    fn words<T: FromStr<Err: Display>>(&mut self, name: &str) -> Vec<T> {
        let parsed: Vec<_> =
            self.fields.all(name).map(|text| text.parse().map_err(|e: T::Err| e.to_string())).collect();
        parsed.into_iter().filter_map(|word| word.map_err(|reason| self.refuse(name, reason)).ok()).collect()
    }

    fn lines<T: FromStr<Err: Display>>(&mut self, name: &str) -> Vec<T> {
        self.each_line(name, |text| text.parse().map_err(|e: T::Err| e.to_string()))
    }

    fn networks(&mut self, name: &str) -> Vec<IpNet> {
        self.each_line(name, |text| {
            let address = text.parse::<std::net::IpAddr>().map(IpNet::from);
            text.parse()
                .or(address)
                .map_err(|_| format!("`{text:.70}` is neither an address nor a range such as 10.0.0.0/8"))
        })
    }

    /// The entries of a list, one a line. Each that is wrong is named by the number of its line.
    fn each_line<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let text = self.fields.all(name).next().unwrap_or_default();
        let numbered = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty());
        let (mut entries, mut wrong) = (Vec::new(), Vec::new());
        for (number, line) in numbered {
            match parse(line) {
                Ok(entry) => entries.push(entry),
                // Which forms an entry may have stands beside the field.
                Err(reason) => {
                    let reason = reason.split("; use ").next().unwrap_or_default();
                    wrong.push(format!("line {number}: {reason}"));
                }
            }
        }
        let more = wrong.len().saturating_sub(SHOWN_FAULTS);
        wrong.into_iter().take(SHOWN_FAULTS).for_each(|reason| self.refuse(name, reason));
        if more > 0 {
            self.refuse(name, format!("{more} further lines are wrong"));
        }
        entries
    }

    /// A length of time in seconds; none where the field is empty.
    fn span(&mut self, name: &str, required: bool) -> Option<u64> {
        match self.fields.get(name) {
            None if required => self.refuse(name, "say how long, for example 90d"),
            None => {}
            Some(text) => match spans::parse(text) {
                Ok(seconds) => return Some(seconds),
                Err(reason) => self.refuse(name, reason),
            },
        }
        None
    }

    /// A length of time in whole hours. A number alone is of hours, as in the API.
    fn hours(&mut self, name: &str) -> u32 {
        let Some(text) = self.fields.get(name) else { return 0 };
        let seconds = match text.parse::<u32>() {
            Ok(hours) => Ok(u64::from(hours) * HOUR),
            Err(_) => spans::parse(text),
        };
        match seconds {
            Ok(seconds) if seconds.is_multiple_of(HOUR) => u32::try_from(seconds / HOUR).unwrap_or(u32::MAX),
            Ok(_) => {
                self.refuse(name, "whole hours are allowed");
                0
            }
            Err(reason) => {
                self.refuse(name, reason);
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec() -> ProfileSpec {
        serde_json::from_value(json!({
            "name": "A", "description": "two\nlines", "issuer_id": "iss-internal-ca", "acme_auth_mode": "challenge",
            "max_ttl_seconds": 7_776_000, "default_ttl_seconds": 5430, "allowed_key_types": ["ed25519", "rsa"],
            "extended_key_usages": ["client_auth"], "permitted_names": ["**.a.test", "10.0.0.0/8"],
            "excluded_names": ["*.b.test"], "must_staple": true, "allowed_client_networks": ["192.0.2.0/24"],
            "allowed_challenge_types": ["dns-01"], "caa": "enforce", "reuse_authorizations_hours": 36,
            "selectable_profiles": ["short"], "eab_required": true, "enabled": false,
        }))
        .unwrap()
    }

    #[test]
    fn the_form_holds_the_whole_profile() {
        let Draft { spec: read, unread } = read(&of(&spec()), None);
        assert_eq!(unread, []);
        assert_eq!(read, spec());
    }

    #[test]
    fn each_wrong_line_is_named_and_everything_at_once() {
        let wrong = "good.test\r\n\r\na_b\r\n*.good.test\r\n10.0.0.0/99";
        let fields = Query::default()
            .with("issuer_id", "iss-internal-ca")
            .with("acme_auth_mode", "maybe")
            .with("max_ttl_seconds", "ninety days")
            .with("default_ttl_seconds", "90d")
            .with("permitted_names", wrong)
            .with("allowed_client_networks", "10.0.0.1\nhere")
            .with("allowed_key_types", "dsa")
            .with("reuse_authorizations_hours", "90m");
        let Draft { spec, unread } = read(&fields, None);
        assert_eq!(spec.allowed_client_networks.len(), 1);
        let found: Vec<_> =
            unread.iter().map(|fault| (fault.field.as_str(), fault.reason.as_str())).collect();
        let starts = |field: &str, reason: &str| {
            assert!(
                found.iter().any(|(f, r)| *f == field && r.starts_with(reason)),
                "{field} {reason}: {found:?}"
            );
        };
        starts("acme_auth_mode", "");
        starts("max_ttl_seconds", "`ninety days`");
        starts("permitted_names", "line 3: `a_b`");
        starts("permitted_names", "line 5: `10.0.0.0/99`");
        starts("allowed_client_networks", "line 2: `here`");
        starts("allowed_key_types", "");
        starts("caa", "choose one");
        starts("reuse_authorizations_hours", "whole hours");
        assert_eq!(found.len(), 8, "{found:?}");
    }
}
