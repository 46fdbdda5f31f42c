//! Statements whose text depends on what is asked: lists with filters, and inserts of several rows.

use std::fmt::Write as _;

use model::{Page, PageRequest, Timestamp};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::StoreError;
use crate::engine::{Row, Statement, Value};
use crate::unit::{Reader, Tx};

/// Puts a statement together from texts of this program, which is all that `&'static str` can be, and numbers.
/// Values from outside go into `args` only.
#[derive(Clone, Default)]
pub(crate) struct Sql {
    text: String,
    args: Vec<Value>,
    conditions: usize,
}

impl Sql {
    pub fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    pub fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds the placeholder of `value`.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.args.push(value.into());
        // Writing to a `String` cannot fail.
        let _ = write!(self.text, "${}", self.args.len());
        self
    }

    /// Adds one more condition of the outermost `WHERE`.
    pub fn and(&mut self, condition: &'static str) -> &mut Self {
        self.conditions += 1;
        self.push(if self.conditions == 1 { " WHERE " } else { " AND " }).push(condition)
    }

    /// Adds `condition value` when there is a value.
    pub fn and_opt(&mut self, condition: &'static str, value: Option<impl Into<Value>>) -> &mut Self {
        if let Some(value) = value {
            self.and(condition).bind(value);
        }
        self
    }

    /// Adds the placeholders of `values`, of which there must be one, in brackets.
    pub fn list<'v, T>(&mut self, values: &'v [T]) -> &mut Self
    where
        Value: From<&'v T>,
    {
        for (i, value) in values.iter().enumerate() {
            self.push(if i == 0 { "(" } else { ", " }).bind(value);
        }
        self.push(")")
    }

    /// A statement whose text is not expected again.
    pub fn once(self) -> Statement {
        let (text, args) = self.finish();
        Statement::uncached(text, args)
    }

    /// A statement that the connection keeps prepared.
    pub fn repeated(self) -> Statement {
        let (text, args) = self.finish();
        Statement::new(text, args)
    }

    fn finish(self) -> (SqlStr, Vec<Value>) {
        // Safe: `text` has nothing but static texts, `$` and digits.
        (AssertSqlSafe(self.text).into_sql_str(), self.args)
    }
}

/// In which order a list runs along its key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    OldestFirst,
    NewestFirst,
}

impl Direction {
    /// How what follows compares, and what `ORDER BY` wants behind a column.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::OldestFirst => (" > ", ""),
            Self::NewestFirst => (" < ", " DESC"),
        }
    }
}

impl Reader {
    /// Completes `sql`, which selects and filters, to one page along the column `key`.
    pub(crate) async fn page<T>(
        &mut self,
        mut sql: Sql,
        key: &'static str,
        direction: Direction,
        page: &PageRequest,
        decode: impl Fn(&Row) -> Result<T, StoreError>,
        cursor: impl Fn(&T) -> String,
    ) -> Result<Page<T>, StoreError> {
        let limit = page.limit.clamp(1, PageRequest::MAX_LIMIT);
        let (beyond, order) = direction.words();
        if let Some(after) = &page.after {
            sql.and(key).push(beyond).bind(after);
        }
        sql.push(" ORDER BY ").push(key).push(order).push(" LIMIT ").bind(i64::from(limit) + 1);
        let rows = self.run(sql.repeated()).await?.rows;
        let items = rows.iter().map(decode).collect::<Result<_, _>>()?;
        Ok(Page::from_overfull(items, limit, cursor))
    }

    /// Completes `sql`, which selects, to the rows whose `id` is one of `ids`.
    pub(crate) async fn by_ids<'i, I, T>(
        &mut self,
        mut sql: Sql,
        ids: &'i [I],
        decode: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError>
    where
        &'i I: Into<Value>,
    {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        sql.push(" WHERE id IN (");
        for (i, id) in ids.iter().enumerate() {
            sql.push(if i == 0 { "" } else { ", " }).bind(id);
        }
        sql.push(")");
        self.run(sql.once()).await?.rows.iter().map(decode).collect()
    }
}

/// Rows per INSERT; the engines limit the number of values, PostgreSQL to 65,535 and SQLite to 32,766.
const ROWS_AT_ONCE: usize = 200;
/// Inserts of more rows are not worth a prepared statement for each number of rows.
const CACHED_ROWS: usize = 8;

impl Tx {
    /// `INSERT INTO … VALUES (…), (…)…`. `head` goes up to `VALUES`; `tail` follows the rows.
    pub(crate) async fn insert_rows<const N: usize>(
        &mut self,
        head: &'static str,
        rows: Vec<[Value; N]>,
        tail: &'static str,
    ) -> Result<(), StoreError> {
        let mut sql = Sql::new(head);
        let mut count = 0;
        for row in rows {
            if count == ROWS_AT_ONCE {
                let full = std::mem::replace(&mut sql, Sql::new(head));
                self.insert_finished(full, count, tail).await?;
                count = 0;
            }
            sql.push(if count == 0 { " (" } else { ", (" });
            for (i, value) in row.into_iter().enumerate() {
                sql.push(if i == 0 { "" } else { ", " }).bind(value);
            }
            sql.push(")");
            count += 1;
        }
        match count {
            0 => Ok(()),
            _ => self.insert_finished(sql, count, tail).await,
        }
    }

    async fn insert_finished(
        &mut self,
        mut sql: Sql,
        rows: usize,
        tail: &'static str,
    ) -> Result<(), StoreError> {
        sql.push(tail);
        let statement = match rows <= CACHED_ROWS {
            true => sql.repeated(),
            false => sql.once(),
        };
        self.run(statement).await.map(drop)
    }
}

/// The least id that [`model`] would make at `time`, when `prefix` is that of its kind. All ids of a kind that were
/// made before are less.
pub(crate) fn id_at(prefix: &str, time: Timestamp) -> String {
    let millis = u64::try_from(time.unix_micros().div_euclid(1000)).unwrap_or(0);
    format!("{prefix}{millis:012x}")
}

/// The range of texts that begin with `prefix`, in the order of octets; `None` for all texts.
pub(crate) fn prefix_range(prefix: &str) -> Option<(&str, String)> {
    let last = prefix.chars().last()?;
    // The few characters without a successor match nothing.
    let next = char::from_u32(u32::from(last) + 1).unwrap_or(last);
    let mut end = prefix.to_owned();
    end.pop();
    end.push(next);
    Some((prefix, end))
}
