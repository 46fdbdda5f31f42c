use model::{
    BulkAction, BulkActionFilter, BulkActionId, BulkActionState, CertificateId, Page, PageRequest, Timestamp,
};

use crate::engine::{Row, Value, args};
use crate::sql::{Direction, Sql};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, state, change, selection, actor, client_ip, request_id, total, done, failed, replaced, counted_at, \
         position, claim, due_at, created_at, ended_at, note"
    };
}

/// Why one certificate of a bulk action was left as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkFailure {
    pub certificate_id: CertificateId,
    pub reason: String,
}

/// How far a step has brought a bulk action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkStep {
    /// Certificates of this step.
    pub done: u64,
    pub failed: u64,
    /// The last certificate that was dealt with.
    pub position: Option<CertificateId>,
    /// Whether it was the last step.
    pub ended: bool,
    /// When somebody has to see to the action again.
    pub due_at: Option<Timestamp>,
}

impl Reader {
    pub async fn bulk_action(&mut self, id: &BulkActionId) -> Result<Option<BulkAction>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM bulk_actions WHERE id = $1");
        self.fetch_optional(sql, args![id]).await?.as_ref().map(action).transpose()
    }

    /// Newest first.
    pub async fn bulk_actions(&mut self, filter: &BulkActionFilter) -> Result<Page<BulkAction>, StoreError> {
        let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM bulk_actions"));
        sql.and_opt("actor = ", filter.actor.as_ref().map(ToString::to_string));
        self.page(sql, "id", Direction::NewestFirst, &filter.page, action, |a| a.id.to_string()).await
    }

    /// The certificates that the action has left as they were, the newest first.
    pub async fn bulk_failures(
        &mut self,
        id: &BulkActionId,
        page: &PageRequest,
    ) -> Result<Page<BulkFailure>, StoreError> {
        let mut sql = Sql::new("SELECT certificate_id, failure FROM bulk_action_items");
        sql.and("failure IS NOT NULL").and("action_id = ").bind(id);
        let key = "certificate_id";
        self.page(sql, key, Direction::NewestFirst, page, failure, |f| f.certificate_id.to_string()).await
    }

    /// Of at most `limit` certificates that the action has changed, from `after` on by id: how many have been replaced
    /// by others, and which was the last; without a last one there are no more.
    pub async fn count_bulk_replaced(
        &mut self,
        id: &BulkActionId,
        after: Option<&CertificateId>,
        limit: u32,
    ) -> Result<(u64, Option<CertificateId>), StoreError> {
        // CROSS: SQLite keeps the order of such a join.
        let rows = self
            .fetch_all(
                "SELECT i.certificate_id, c.replaced_by FROM bulk_action_items i CROSS JOIN certificates c \
                 WHERE c.id = i.certificate_id AND i.action_id = $1 AND i.certificate_id > $2 \
                 AND i.failure IS NULL ORDER BY i.certificate_id LIMIT $3",
                args![id, after.map_or("", CertificateId::as_str), i64::from(limit)],
            )
            .await?;
        let mut replaced = 0;
        for row in &rows {
            let row = row.of("bulk_action_items");
            replaced += u64::from(row.text_opt("replaced_by")?.is_some());
        }
        let last = rows.last().map(|row| row.of("bulk_action_items").parse("certificate_id")).transpose()?;
        Ok((replaced, last))
    }
}

impl Tx {
    pub async fn insert_bulk_action(&mut self, a: &BulkAction) -> Result<(), StoreError> {
        self.execute(
            concat!(
                "INSERT INTO bulk_actions (",
                columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
            ),
            args![
                &a.id,
                a.state,
                Value::json(&a.change)?,
                Value::json(&a.selection)?,
                a.actor.to_string(),
                a.client_ip,
                &a.request_id,
                number(a.total),
                number(a.done),
                number(a.failed),
                a.replaced.map(|(count, _)| number(count)),
                a.replaced.map(|(_, at)| at),
                &a.position,
                &a.claim,
                a.due_at,
                a.created_at,
                a.ended_at,
                &a.note,
            ],
        )
        .await
        .map(drop)
    }

    /// Hands the action that is due longest to whoever calls itself `claim`, until `until`. Of several callers one gets
    /// it.
    pub async fn claim_bulk_action(
        &mut self,
        claim: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<BulkAction>, StoreError> {
        // The condition stands twice because another replica may have been faster than this statement.
        let sql = concat!(
            "UPDATE bulk_actions SET claim = $1, due_at = $2 WHERE due_at <= $3 AND id IN \
             (SELECT id FROM bulk_actions WHERE due_at <= $3 ORDER BY due_at LIMIT 1) RETURNING ",
            columns!()
        );
        self.fetch_optional(sql, args![claim, until, now]).await?.as_ref().map(action).transpose()
    }

    /// Ends the claim with what one step has done; `false` when the action is not in the hands of `claim` or does not
    /// run (any more): then nothing of the step may be kept.
    pub async fn advance_bulk_action(
        &mut self,
        id: &BulkActionId,
        claim: &str,
        step: &BulkStep,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let state = if step.ended { BulkActionState::Done } else { BulkActionState::Running };
        self.changed(
            "UPDATE bulk_actions SET claim = NULL, state = $3, done = done + $4, failed = failed + $5, \
             position = $6, due_at = $7, ended_at = $8 WHERE id = $1 AND claim = $2 AND state = 'running'",
            args![
                id,
                claim,
                state,
                number(step.done),
                number(step.failed),
                &step.position,
                step.due_at,
                step.ended.then_some(now),
            ],
        )
        .await
    }

    /// Keeps the action in the hands of `claim` until `until`; `false` when it is not (any more).
    pub async fn keep_bulk_action(
        &mut self,
        id: &BulkActionId,
        claim: &str,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE bulk_actions SET due_at = $3 WHERE id = $1 AND claim = $2";
        self.changed(sql, args![id, claim, until]).await
    }

    /// Ends the claim with how many of the changed certificates have been replaced; `false` when it is not in the hands
    /// of `claim`. It is due again at `due_at`.
    pub async fn note_bulk_replaced(
        &mut self,
        id: &BulkActionId,
        claim: &str,
        replaced: u64,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE bulk_actions SET claim = NULL, replaced = $3, counted_at = $4, due_at = $5 \
             WHERE id = $1 AND claim = $2 AND state <> 'running'",
            args![id, claim, number(replaced), now, due_at],
        )
        .await
    }

    /// `running` → `stopped`, whoever has it in their hands; `false` when it does not run (any more). `due_at`: when
    /// somebody has to see to it again.
    pub async fn stop_bulk_action(
        &mut self,
        id: &BulkActionId,
        note: &str,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "UPDATE bulk_actions SET state = 'stopped', claim = NULL, note = $2, due_at = $3, ended_at = $4 \
             WHERE id = $1 AND state = 'running'",
            args![id, note, due_at, now],
        )
        .await
    }

    /// What came of certificates: `None`, or why they were left as they were.
    pub async fn insert_bulk_items(
        &mut self,
        id: &BulkActionId,
        items: &[(CertificateId, Option<String>)],
    ) -> Result<(), StoreError> {
        let row = |(certificate, failure): &(CertificateId, Option<String>)| {
            [Value::from(id), Value::from(certificate), Value::from(failure)]
        };
        let head = "INSERT INTO bulk_action_items (action_id, certificate_id, failure) VALUES";
        self.insert_rows(head, items.iter().map(row).collect(), "").await
    }

    /// Deletes what is kept of the action that ended first, if that was before `ended_before`: what came of at most `limit`
    /// certificates, and with the last of them the action. Returns how many rows; 0: there is no such action.
    pub async fn delete_ended_bulk_action(
        &mut self,
        ended_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let first = "SELECT id FROM bulk_actions WHERE ended_at < $1 ORDER BY ended_at LIMIT 1";
        let Some(row) = self.fetch_optional(first, args![ended_before]).await? else { return Ok(0) };
        let id: BulkActionId = row.of("bulk_actions").parse("id")?;
        let items = self
            .execute(
                "DELETE FROM bulk_action_items WHERE action_id = $1 AND certificate_id IN \
                 (SELECT certificate_id FROM bulk_action_items WHERE action_id = $1 ORDER BY certificate_id LIMIT $2)",
                args![&id, i64::from(limit)],
            )
            .await?;
        if items >= u64::from(limit) {
            return Ok(items);
        }
        self.execute("DELETE FROM bulk_actions WHERE id = $1", args![&id]).await.map(|action| items + action)
    }

    /// Makes every action that somebody has claimed due at once. Only for when nobody can be at work on any. Returns
    /// how many.
    pub async fn take_back_bulk_actions(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let sql = "UPDATE bulk_actions SET claim = NULL, due_at = $1 WHERE due_at IS NOT NULL AND claim IS NOT NULL";
        self.execute(sql, args![now]).await
    }
}

/// Counts are far below what the engines can hold.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn action(row: &Row) -> Result<BulkAction, StoreError> {
    let row = row.of("bulk_actions");
    let count = |column| Ok::<_, StoreError>(u64::try_from(row.int(column)?).unwrap_or(0));
    let replaced = match (row.int_opt("replaced")?, row.time_opt("counted_at")?) {
        (Some(replaced), Some(at)) => Some((u64::try_from(replaced).unwrap_or(0), at)),
        _ => None,
    };
    Ok(BulkAction {
        id: row.parse("id")?,
        state: row.parse("state")?,
        change: row.json("change")?,
        selection: row.json("selection")?,
        actor: row.parse("actor")?,
        client_ip: row.parse_opt("client_ip")?,
        request_id: row.string_opt("request_id")?,
        total: count("total")?,
        done: count("done")?,
        failed: count("failed")?,
        replaced,
        position: row.parse_opt("position")?,
        claim: row.string_opt("claim")?,
        due_at: row.time_opt("due_at")?,
        created_at: row.time("created_at")?,
        ended_at: row.time_opt("ended_at")?,
        note: row.string_opt("note")?,
    })
}

fn failure(row: &Row) -> Result<BulkFailure, StoreError> {
    let row = row.of("bulk_action_items");
    Ok(BulkFailure { certificate_id: row.parse("certificate_id")?, reason: row.string("failure")? })
}
