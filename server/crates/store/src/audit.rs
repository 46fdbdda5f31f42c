use std::time::Duration;

use model::{AuditEvent, AuditEventId, AuditFilter, Outcome, Page, PageRequest};

use crate::engine::{Row, Value, args};
use crate::sql::{Direction, Sql, id_at};
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
        let sql = select(filter);
        self.page(sql, "id", Direction::NewestFirst, &filter.page, event, |e| e.id.to_string()).await
    }

    /// What happened to a thing by actions that begin with `kind`, newest first. Of all events of that kind there must be
    /// few, as of `profile.`: they are found by the index of actions, because a thing may have any number of others.
    pub async fn audit_events_of_kind(
        &mut self,
        kind: &str,
        resource_id: &str,
        page: &PageRequest,
    ) -> Result<Page<AuditEvent>, StoreError> {
        let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM audit_events"));
        if let Some((kind, end)) = prefix_range(kind) {
            sql.and("action >= ").bind(kind);
            sql.and("action < ").bind(end);
        }
        sql.and("resource_id || '' = ").bind(resource_id);
        self.page(sql, "id", Direction::NewestFirst, page, event, |e| e.id.to_string()).await
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
/// are compared row by row. `|| ''` keeps an engine that knows no statistics from taking the wrong index.
fn select(filter: &AuditFilter) -> Sql {
    let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM audit_events"));
    let mut driven = false;
    let mut equals = |sql: &mut Sql, by_index, by_row, value: Option<&str>| {
        sql.and_opt(if driven { by_row } else { by_index }, value);
        driven |= value.is_some();
    };
    let (actor, actor_prefix) = match filter.actor.as_deref() {
        Some(actor) if actor.ends_with('*') => (None, actor.strip_suffix('*')),
        Some(actor) if actor.ends_with(':') => (None, Some(actor)),
        actor => (actor, None),
    };
    equals(&mut sql, "resource_id = ", "resource_id || '' = ", filter.resource_id.as_deref());
    equals(&mut sql, "actor = ", "actor || '' = ", actor);
    equals(&mut sql, "action = ", "action || '' = ", filter.action.as_deref());
    match filter.outcome {
        // By far the most events: an index would not help.
        Some(Outcome::Success) => sql.and("outcome = 'success'"),
        // The literal lets both engines see that the partial index has these rows.
        Some(outcome) => sql.and("outcome <> 'success' AND outcome = ").bind(outcome),
        None => &mut sql,
    };
    if let Some(resource_type) = filter.resource_type.as_deref() {
        // Every issuance has events of these two: the order of ids finds them soon. The literals let both engines see
        // that the partial index has the others.
        let often = matches!(resource_type, "order" | "certificate");
        let unusual = filter.outcome.is_some_and(|outcome| outcome != Outcome::Success);
        let by_row = driven || often || unusual;
        sql.and(match by_row {
            true => "resource_type || '' = ",
            false => "resource_type <> 'order' AND resource_type <> 'certificate' AND resource_type = ",
        })
        .bind(resource_type);
        driven |= !by_row;
    }
    if let Some((prefix, end)) = actor_prefix.and_then(prefix_range) {
        // Most events are of ACME accounts: for all of those the order of ids is the better guide. For others the
        // index finds the few rows, which are then sorted.
        let by_row = driven || "acme:".starts_with(prefix);
        sql.and(if by_row { "actor || '' >= " } else { "actor >= " }).bind(prefix);
        sql.and(if by_row { "actor || '' < " } else { "actor < " }).bind(end);
    }
    // Ids begin with the time, so they bound the search. An event may be some moments younger than its id, and the
    // clocks of replicas differ.
    let slack = Duration::from_secs(60);
    if let Some(since) = filter.since {
        sql.and("created_at >= ").bind(since);
        sql.and("id >= ").bind(id_at(AuditEventId::PREFIX, since - slack));
    }
    if let Some(until) = filter.until {
        sql.and("created_at < ").bind(until);
        sql.and("id < ").bind(id_at(AuditEventId::PREFIX, until + slack));
    }
    sql
}

/// The range of texts that begin with `prefix`, in the order of octets; `None` for all texts.
fn prefix_range(prefix: &str) -> Option<(&str, String)> {
    let last = prefix.chars().last()?;
    // Actors are ASCII; a prefix that is not has no successor to speak of and matches nothing.
    let next = char::from_u32(u32::from(last) + 1).unwrap_or(last);
    let mut end = prefix.to_owned();
    end.pop();
    end.push(next);
    Some((prefix, end))
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
