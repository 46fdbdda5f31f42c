use std::time::Duration;

use model::{AuditEvent, AuditEventId, AuditFilter, Outcome, Page, PageRequest, ProfileId};

use crate::engine::{Row, Value, args};
use crate::list::{Along, Condition, List};
use crate::sql::{id_at, prefix_range};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, created_at, actor, action, resource_type, resource_id, outcome, client_ip, request_id, details"
    };
}

impl Reader {
    pub async fn audit_event(&mut self, id: &AuditEventId) -> Result<Option<AuditEvent>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM audit_events WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(event).transpose()
    }

    /// Newest first.
    pub async fn audit_events(&mut self, filter: &AuditFilter) -> Result<Page<AuditEvent>, StoreError> {
        let prefix = match filter.actor.as_deref() {
            Some(actor) if actor.ends_with('*') => actor.strip_suffix('*'),
            Some(actor) if actor.ends_with(':') => Some(actor),
            _ => None,
        };
        let sorted = match prefix.and_then(prefix_range) {
            None => false,
            Some((first, end)) => {
                let sql = "SELECT id FROM audit_events WHERE actor >= $1 AND actor < $2 LIMIT 1 OFFSET $3";
                self.are_few(sql, first, &end).await?
            }
        };
        self.page_of(&list_of(filter, prefix, sorted), &filter.page, event).await
    }

    /// How a profile came to be as it is, newest first: its events whose actions begin with `profile.`.
    pub async fn profile_history(
        &mut self,
        id: &ProfileId,
        page: &PageRequest,
    ) -> Result<Page<AuditEvent>, StoreError> {
        let mut list = List::new(columns!(), "audit_events", Along::newest_first("id"));
        // The literals let both engines see that the partial index has these rows.
        list.drive(Condition::plain("action >= 'profile.' AND action < 'profile/'"));
        list.drive(Condition::of("resource_id = ", id));
        self.page_of(&list, page, event).await
    }
}

impl Tx {
    /// One statement for all events.
    pub async fn record(&mut self, events: &[AuditEvent]) -> Result<(), StoreError> {
        let rows = events.iter().map(values).collect::<Result<_, _>>()?;
        self.insert_rows(concat!("INSERT INTO audit_events (", columns!(), ") VALUES"), rows, "").await
    }
}

/// The most selective column of the filter drives, by its index, which gives the rows in the order of ids; the others
/// are compared row by row. `|| ''` keeps an engine that knows no statistics from taking the wrong index. `sorted`: the
/// rows of an actor's prefix are few enough to be sorted.
fn list_of(filter: &AuditFilter, prefix: Option<&str>, sorted: bool) -> List {
    let mut list = List::new(columns!(), "audit_events", Along::newest_first("id"));
    let mut driven = false;
    let actor = filter.actor.as_deref().filter(|_| prefix.is_none());
    for (by_index, by_row, value) in [
        ("resource_id = ", "resource_id || '' = ", filter.resource_id.as_deref()),
        ("actor = ", "actor || '' = ", actor),
        ("action = ", "action || '' = ", filter.action.as_deref()),
    ] {
        let Some(value) = value else { continue };
        match driven {
            true => list.compare(Condition::of(by_row, value)),
            false => list.drive(Condition::of(by_index, value)),
        }
        driven = true;
    }
    match filter.outcome {
        None => {}
        // By far the most events: an index would not help.
        Some(Outcome::Success) => list.compare(Condition::plain("outcome = 'success'")),
        Some(outcome) if driven => list.compare(Condition::of("outcome || '' = ", outcome)),
        // The literal lets both engines see that the partial index has these rows.
        Some(outcome) => {
            list.drive(Condition::of("outcome <> 'success' AND outcome = ", outcome));
            driven = true;
        }
    }
    if let Some(resource_type) = filter.resource_type.as_deref() {
        // Every issuance has events of these two: the order of ids finds them soon. The literals let both engines see
        // that the partial index has the others.
        match driven || matches!(resource_type, "order" | "certificate") {
            true => list.compare(Condition::of("resource_type || '' = ", resource_type)),
            false => {
                let text = "resource_type <> 'order' AND resource_type <> 'certificate' AND resource_type = ";
                list.drive(Condition::of(text, resource_type));
                driven = true;
            }
        }
    }
    if let Some((prefix, end)) = prefix.and_then(prefix_range) {
        match sorted && !driven {
            true => {
                list.drive(Condition::of("actor >= ", prefix));
                list.drive(Condition::of("actor < ", end));
            }
            false => {
                list.compare(Condition::of("actor || '' >= ", prefix));
                list.compare(Condition::of("actor || '' < ", end));
            }
        }
    }
    // Ids begin with the time, so they bound the search. An event may be some moments younger than its id, and the
    // clocks of replicas differ.
    let slack = Duration::from_secs(60);
    if let Some(since) = filter.since {
        list.compare(Condition::of("created_at >= ", since));
        list.drive(Condition::of("id >= ", id_at(AuditEventId::PREFIX, since - slack)));
    }
    if let Some(until) = filter.until {
        list.compare(Condition::of("created_at < ", until));
        list.drive(Condition::of("id < ", id_at(AuditEventId::PREFIX, until + slack)));
    }
    list
}

fn values(e: &AuditEvent) -> Result<[Value; 10], StoreError> {
    Ok([
        Value::from(&e.id),
        Value::from(e.created_at),
        Value::from(&e.actor),
        Value::from(&e.action),
        Value::from(&e.resource_type),
        Value::from(&e.resource_id),
        Value::from(e.outcome),
        Value::from(e.client_ip),
        Value::from(&e.request_id),
        Value::json(&e.details)?,
    ])
}

fn event(row: &Row) -> Result<AuditEvent, StoreError> {
    let row = row.of("audit_events");
    Ok(AuditEvent {
        id: row.parse("id")?,
        created_at: row.time("created_at")?,
        actor: row.string("actor")?,
        action: row.string("action")?,
        resource_type: row.string("resource_type")?,
        resource_id: row.string("resource_id")?,
        outcome: row.parse("outcome")?,
        client_ip: row.parse_opt("client_ip")?,
        request_id: row.string_opt("request_id")?,
        details: row.json("details")?,
    })
}
