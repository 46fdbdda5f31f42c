use std::time::Duration;

use model::{OrderId, ValidationAttempt};

use crate::engine::{Row, Value, args};
use crate::{Reader, StoreError, Tx};

macro_rules! columns {
    () => {
        "authorization_id, kind, number, started_at, duration_us, outcome, problem, evidence"
    };
}

impl Reader {
    /// All attempts to validate the challenges of the order, by authorization and challenge, the first one first.
    pub async fn validation_attempts_of_order(
        &mut self,
        order: &OrderId,
    ) -> Result<Vec<ValidationAttempt>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM validation_attempts \
             WHERE authorization_id IN (SELECT id FROM authorizations WHERE order_id = $1) \
             ORDER BY authorization_id, kind, number"
        );
        self.fetch_all(sql, args![order]).await?.iter().map(attempt).collect()
    }
}

impl Tx {
    pub async fn insert_validation_attempt(&mut self, attempt: &ValidationAttempt) -> Result<(), StoreError> {
        self.execute(
            concat!(
                "INSERT INTO validation_attempts (",
                columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
            ),
            args![
                &attempt.authorization_id,
                attempt.kind,
                i64::from(attempt.number),
                attempt.started_at,
                i64::try_from(attempt.duration.as_micros()).unwrap_or(i64::MAX),
                attempt.outcome,
                Value::json_opt(attempt.problem.as_ref())?,
                Value::json(&attempt.evidence)?,
            ],
        )
        .await
        .map(drop)
    }
}

fn attempt(row: &Row) -> Result<ValidationAttempt, StoreError> {
    let row = row.of("validation_attempts");
    let micros = row.int("duration_us")?;
    Ok(ValidationAttempt {
        authorization_id: row.parse("authorization_id")?,
        kind: row.parse("kind")?,
        number: row.uint("number")?,
        started_at: row.time("started_at")?,
        duration: Duration::from_micros(u64::try_from(micros).map_err(|e| row.bad("duration_us", &e))?),
        outcome: row.parse("outcome")?,
        problem: row.json_opt("problem")?,
        evidence: row.json("evidence")?,
    })
}
