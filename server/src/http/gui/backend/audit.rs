use app::Query;
use app::views::{AuditEventView, AuditRow, Change, Link, ListView, Revoked};
use model::{AuditEvent, AuditEventId, AuditFilter, Caller, Outcome, Permission, Timestamp};
use serde_json::Value;

use super::fields::{self, Fields};
use super::{Services, words};
use crate::error::{Error, Result};
use crate::services::audit;

const PATH: &str = "/audit";

impl Services {
    pub(super) async fn list_audit_events(
        &self,
        caller: &Caller,
        query: &Query,
    ) -> Result<ListView<AuditRow>> {
        let mut fields = Fields::new(PATH, query);
        let filter = AuditFilter {
            actor: fields.text("actor", "Actor", "acme: or key:…"),
            action: fields.text("action", "Action", "certificate.issued"),
            resource_id: fields.text("resource", "Resource", "id"),
            resource_type: fields.text("type", "Type", "order"),
            outcome: fields.choice("outcome", "Outcome", fields::words(Outcome::ALL)),
            since: fields.day("from", "From", false),
            until: fields.day("until", "Until", true),
            page: fields.page(),
        };
        if fields.is_wrong() {
            return Ok(fields.without_rows());
        }
        let now = self.state.core.now();
        let page = audit::list(&self.state.core, caller, &filter).await?;
        let mut view = fields.with_rows(page.map(|event| self.audit_row(&event, now)));
        if self.may(Permission::AuditExport) {
            view.actions = vec![export("CSV", "csv", &filter), export("JSON lines", "jsonl", &filter)];
        }
        Ok(view)
    }

    fn audit_row(&self, event: &AuditEvent, now: Timestamp) -> AuditRow {
        AuditRow {
            id: event.id.to_string(),
            at: words::moment(event.created_at, now),
            actor: self.actor_link(&event.actor),
            action: words::action(&event.action),
            resource: self.resource_link(&event.resource_type, &event.resource_id),
            resource_type: event.resource_type.replace('_', " "),
            outcome: words::outcome(event.outcome),
            from: event.client_ip.map(|ip| ip.to_string()),
        }
    }

    pub(super) async fn show_audit_event(&self, caller: &Caller, id: &str) -> Result<AuditEventView> {
        let core = &self.state.core;
        let id: AuditEventId = id.parse().map_err(|_| Error::not_found(format!("audit event {id}")))?;
        let event = audit::find(core, caller, &id).await?;
        let (changes, facts) = split(&event.details);
        Ok(AuditEventView {
            at: words::moment(event.created_at, core.now()),
            actor: self.actor_link(&event.actor),
            by_actor: list_of("actor", &event.actor),
            action: words::action(&event.action),
            resource: self.resource_link(&event.resource_type, &event.resource_id),
            resource_type: event.resource_type.replace('_', " "),
            of_resource: list_of("resource", &event.resource_id),
            outcome: words::outcome(event.outcome),
            from: event.client_ip.map(|ip| ip.to_string()),
            request_id: event.request_id,
            changes,
            facts,
            details: serde_json::to_string_pretty(&event.details).unwrap_or_default(),
            id: id.to_string(),
        })
    }

    /// `event`: of who revoked it.
    pub(super) fn revoked(&self, at: Timestamp, event: Option<AuditEvent>, now: Timestamp) -> Revoked {
        Revoked {
            at: words::moment(at, now),
            by: event.as_ref().map(|event| self.actor_link(&event.actor)),
            reason: event.and_then(|event| event.details["reason"].as_str().map(str::to_owned)),
        }
    }

    /// Who did something, with the way to their page where they have one.
    pub(super) fn actor_link(&self, actor: &str) -> Link {
        let (kind, id) = actor.split_once(':').unwrap_or(("", actor));
        let link = match kind {
            "acme" => self.resource_link("account", id),
            "user" => self.resource_link("user", id),
            _ => named(id),
        };
        match kind {
            "" => link,
            kind => Link { text: format!("{kind}:{}", link.text), title: Some(actor.to_owned()), ..link },
        }
    }

    /// What an event is about, with the way to its page where it has one.
    pub(super) fn resource_link(&self, kind: &str, id: &str) -> Link {
        let link = match kind {
            "account" => id.parse().ok().map(|id| self.account_link(&id)),
            "bulk_action" => id.parse().ok().map(|id| self.bulk_action_link(&id)),
            "certificate" => id.parse().ok().map(|id| self.certificate_link(&id)),
            "api_key" => id.parse().ok().map(|id| self.api_key_link(&id)),
            "eab_key" => id.parse().ok().map(|id| self.eab_key_link(&id)),
            "issuer" => id.parse().ok().map(|id| self.issuer_link(&id)),
            "order" => id.parse().ok().map(|id| self.order_link(&id)),
            "profile" => id.parse().ok().map(|id| self.profile_link(&id)),
            "provider" => id.parse().ok().map(|id| self.provider_link(&id)),
            "role" => id.parse().ok().map(|id| self.role_link(&id)),
            "user" => id.parse().ok().map(|id| self.user_link(&id)),
            _ => None,
        };
        link.unwrap_or_else(|| named(id))
    }
}

fn named(id: &str) -> Link {
    let text = words::short(id);
    let title = (text != id).then(|| id.to_owned());
    Link { text, href: None, title }
}

fn list_of(field: &str, value: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("{PATH}?{}", query.append_pair(field, value).finish())
}

/// The download of all events that the filter lets through.
fn export(name: &str, format: &str, filter: &AuditFilter) -> Link {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("format", format);
    let times = (filter.since.map(Timestamp::to_rfc3339), filter.until.map(Timestamp::to_rfc3339));
    for (field, value) in [
        ("actor", filter.actor.as_deref()),
        ("action", filter.action.as_deref()),
        ("resource_type", filter.resource_type.as_deref()),
        ("resource_id", filter.resource_id.as_deref()),
        ("outcome", filter.outcome.map(Outcome::as_str)),
        ("since", times.0.as_deref()),
        ("until", times.1.as_deref()),
    ] {
        value.map(|value| query.append_pair(field, value));
    }
    let href = Some(format!("/api/audit-events/export?{}", query.finish()));
    Link { text: format!("Export {name}"), href, title: None }
}

/// The fields that differ between `before` and `after`, and the other details.
fn split(details: &Value) -> (Vec<Change>, Vec<(String, String)>) {
    let Value::Object(details) = details else { return (Vec::new(), vec![(String::new(), text(details))]) };
    let (before, after) = (details.get("before"), details.get("after"));
    let facts = details.iter().filter(|(name, _)| !matches!(name.as_str(), "before" | "after"));
    let facts = facts.map(|(name, value)| (name.replace('_', " "), text(value))).collect();
    let changes = match (before, after) {
        (None, None) => Vec::new(),
        (Some(Value::Object(_)) | None, Some(Value::Object(_)) | None) => {
            let (before, after) = (before.and_then(Value::as_object), after.and_then(Value::as_object));
            let mut names: Vec<_> = before.into_iter().chain(after).flat_map(|map| map.keys()).collect();
            names.sort_unstable();
            names.dedup();
            let sides = names.into_iter().map(|name| {
                let side =
                    |map: Option<&serde_json::Map<String, Value>>| map.and_then(|map| map.get(name)).cloned();
                (name, side(before), side(after))
            });
            sides
                .filter(|(_, before, after)| before != after)
                .map(|(name, before, after)| change(name, before.as_ref(), after.as_ref()))
                .collect()
        }
        _ => vec![change("value", before, after)],
    };
    (changes, facts)
}

fn change(name: &str, before: Option<&Value>, after: Option<&Value>) -> Change {
    Change { field: name.replace('_', " "), before: before.map(text), after: after.map(text) }
}

/// A value as people write it: texts without quotes, lists with commas.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Array(list) if list.iter().all(|item| !item.is_object() && !item.is_array()) => {
            list.iter().map(text).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_a_change() {
        let details = json!({
            "before": { "name": "a", "names": ["x", "y"], "gone": 1 },
            "after": { "name": "a", "names": ["x"], "new": null },
            "reason": "tidy up",
        });
        let (changes, facts) = split(&details);
        let changes: Vec<_> =
            changes.iter().map(|c| (c.field.as_str(), c.before.as_deref(), c.after.as_deref())).collect();
        assert_eq!(
            changes,
            [("gone", Some("1"), None), ("names", Some("x, y"), Some("x")), ("new", None, Some("none"))]
        );
        assert_eq!(facts, [("reason".to_owned(), "tidy up".to_owned())]);
    }

    #[test]
    fn plain_values_change_too() {
        let (changes, _) = split(&json!({ "before": ["mailto:a"], "after": [] }));
        assert_eq!(changes[0].before.as_deref(), Some("mailto:a"));
        assert_eq!(changes[0].after.as_deref(), Some("none"));
    }
}
