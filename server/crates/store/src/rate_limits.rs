//! How much is allowed, and how much of it was used.

use model::{RateCounter, RateLimit, RateLimits, RateSubject, StoredRateLimits, Timestamp};

use crate::engine::{Row, Value, args};
use crate::sql::Sql;
use crate::{Reader, StoreError, Tx};

/// The one row of `rate_limits`.
const ID: &str = "acme";

/// Rows per statement.
const ROWS_AT_ONCE: usize = 200;
/// Larger batches have too many sizes for a prepared statement each.
const CACHED_ROWS: usize = 8;

macro_rules! columns {
    () => {
        "subject, rate_limit, resets_at, count, refused_at"
    };
}

impl Reader {
    /// The limits, or the defaults where nobody has changed them.
    pub async fn rate_limits(&mut self) -> Result<StoredRateLimits, StoreError> {
        let sql = "SELECT id, spec, version FROM rate_limits WHERE id = $1";
        let Some(row) = self.fetch_optional(sql, args![ID]).await? else {
            return Ok(StoredRateLimits::default());
        };
        let row = row.of("rate_limits");
        Ok(StoredRateLimits { limits: row.json("spec")?, version: row.int("version")? })
    }

    /// What the subject used in the window that ends at `resets_at`.
    pub async fn rate_counter(
        &mut self,
        limit: RateLimit,
        subject: &RateSubject,
        resets_at: Timestamp,
    ) -> Result<Option<RateCounter>, StoreError> {
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM rate_counters WHERE rate_limit = $1 AND subject = $2 AND resets_at = $3"
        );
        self.fetch_optional(sql, args![limit, subject, resets_at]).await?.as_ref().map(counter).transpose()
    }

    /// What the subject used of every limit in windows that end after `now`.
    pub async fn rate_counters_of(
        &mut self,
        subject: &RateSubject,
        now: Timestamp,
    ) -> Result<Vec<RateCounter>, StoreError> {
        let mut sql = Sql::new(concat!("SELECT ", columns!(), " FROM rate_counters"));
        sql.and("rate_limit IN (");
        for (i, limit) in RateLimit::ALL.iter().enumerate() {
            sql.push(if i == 0 { "" } else { ", " }).bind(*limit);
        }
        sql.push(")").and("subject = ").bind(subject);
        sql.and("resets_at > ").bind(now).push(" ORDER BY rate_limit, resets_at");
        self.run(sql.repeated()).await?.rows.iter().map(counter).collect()
    }

    /// The counters of windows that end after `now` with at least the given counts, for each limit at most `most` of
    /// them, the highest first.
    pub async fn high_rate_counters(
        &mut self,
        at_least: &[(RateLimit, i64)],
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<RateCounter>, StoreError> {
        let mut sql = Sql::default();
        for (i, (limit, count)) in at_least.iter().enumerate() {
            sql.push(if i == 0 { "" } else { " UNION ALL " })
                .push(concat!(
                    "SELECT * FROM (SELECT ",
                    columns!(),
                    " FROM rate_counters WHERE rate_limit = "
                ))
                .bind(*limit)
                .push(" AND count >= ")
                .bind(*count)
                .push(" AND resets_at > ")
                .bind(now)
                .push(" ORDER BY count DESC LIMIT ")
                .bind(i64::from(most))
                .push(") AS high");
        }
        if at_least.is_empty() {
            return Ok(Vec::new());
        }
        self.run(sql.repeated()).await?.rows.iter().map(counter).collect()
    }
}

impl Tx {
    /// Stores the limits as version `expected_version + 1`; `false` when the stored version is another one.
    pub async fn replace_rate_limits(
        &mut self,
        limits: &RateLimits,
        expected_version: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let args = args![ID, Value::json(limits)?, expected_version + 1, now];
        if expected_version == 0 {
            let sql = "INSERT INTO rate_limits (id, spec, version, updated_at) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT (id) DO NOTHING";
            return self.changed(sql, args).await;
        }
        self.changed(
            "UPDATE rate_limits SET spec = $2, version = $3, updated_at = $4 WHERE id = $1 AND version = $3 - 1",
            args,
        )
        .await
    }

    /// Adds each `count` to what is stored under the same limit, subject and window. Returns what is stored then.
    pub async fn add_to_rate_counters(
        &mut self,
        mut added: Vec<RateCounter>,
    ) -> Result<Vec<RateCounter>, StoreError> {
        // In one order everywhere, so that two replicas cannot wait for each other.
        added.sort_unstable_by(|a, b| {
            (a.limit, &a.subject, a.resets_at).cmp(&(b.limit, &b.subject, b.resets_at))
        });
        let mut stored = Vec::with_capacity(added.len());
        for some in added.chunks(ROWS_AT_ONCE) {
            let mut sql =
                Sql::new("INSERT INTO rate_counters (subject, rate_limit, resets_at, count) VALUES ");
            for (i, c) in some.iter().enumerate() {
                sql.push(if i == 0 { "(" } else { ", (" }).bind(&c.subject);
                sql.push(", ").bind(c.limit).push(", ").bind(c.resets_at);
                sql.push(", ").bind(c.count).push(")");
            }
            sql.push(concat!(
                " ON CONFLICT (rate_limit, subject, resets_at) DO UPDATE SET \
                 count = rate_counters.count + excluded.count RETURNING ",
                columns!()
            ));
            let statement = if some.len() <= CACHED_ROWS { sql.repeated() } else { sql.once() };
            for row in self.run(statement).await?.rows {
                stored.push(counter(&row)?);
            }
        }
        Ok(stored)
    }

    /// Notes that the subject was refused in this window; `false` when that was noted before.
    pub async fn note_rate_refusal(
        &mut self,
        limit: RateLimit,
        subject: &RateSubject,
        resets_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changed(
            "INSERT INTO rate_counters (subject, rate_limit, resets_at, count, refused_at) \
             VALUES ($1, $2, $3, 0, $4) ON CONFLICT (rate_limit, subject, resets_at) \
             DO UPDATE SET refused_at = excluded.refused_at WHERE rate_counters.refused_at IS NULL",
            args![subject, limit, resets_at, now],
        )
        .await
    }

    /// Forgets what the subject used of `limit`, in all windows. Returns what that was.
    pub async fn delete_rate_counters(
        &mut self,
        limit: RateLimit,
        subject: &RateSubject,
    ) -> Result<Vec<RateCounter>, StoreError> {
        let sql = concat!(
            "DELETE FROM rate_counters WHERE rate_limit = $1 AND subject = $2 RETURNING ",
            columns!()
        );
        self.fetch_all(sql, args![limit, subject]).await?.iter().map(counter).collect()
    }

    /// Forgets counters of windows that are over; at most `limit` of them. Returns how many.
    pub async fn delete_ended_rate_counters(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.execute(
            "DELETE FROM rate_counters WHERE (rate_limit, subject, resets_at) IN \
             (SELECT rate_limit, subject, resets_at FROM rate_counters WHERE resets_at <= $1 \
             ORDER BY resets_at LIMIT $2)",
            args![now, i64::from(limit)],
        )
        .await
    }
}

fn counter(row: &Row) -> Result<RateCounter, StoreError> {
    let row = row.of("rate_counters");
    Ok(RateCounter {
        limit: row.parse("rate_limit")?,
        subject: row.parse("subject")?,
        resets_at: row.time("resets_at")?,
        count: row.int("count")?,
        refused: row.time_opt("refused_at")?.is_some(),
    })
}
