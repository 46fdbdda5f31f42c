use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgStatement, Postgres};
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteStatement};
use sqlx::types::Json;
use sqlx::{Arguments, Execute, SqlSafeStr, SqlStr};

use super::Value;

/// A statement and the values for its `$1`, `$2`, …
pub(crate) struct Statement {
    sql: SqlStr,
    args: Vec<Value>,
    /// Whether the database should keep it prepared. Not worth it for texts that seldom come again.
    cached: bool,
}

impl Statement {
    pub fn new(sql: impl SqlSafeStr, args: Vec<Value>) -> Self {
        Self { sql: sql.into_sql_str(), args, cached: true }
    }

    pub fn uncached(sql: SqlStr, args: Vec<Value>) -> Self {
        Self { sql, args, cached: false }
    }

    #[cfg(test)]
    pub fn text(&self) -> &str {
        self.sql.as_str()
    }

    /// The question how the database would run this statement, in the words of `how`.
    #[cfg(test)]
    pub fn explained(&self, how: &str) -> Self {
        let sql = sqlx::AssertSqlSafe(format!("{how}{}", self.text())).into_sql_str();
        Self::uncached(sql, self.args.clone())
    }
}

impl Execute<'_, Sqlite> for Statement {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&SqliteStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<SqliteArguments>, BoxDynError> {
        let mut arguments = SqliteArguments::default();
        arguments.reserve(self.args.len(), 0);
        for value in std::mem::take(&mut self.args) {
            match value {
                Value::Text(v) => arguments.add(v)?,
                Value::Int(v) => arguments.add(v)?,
                Value::Bool(v) => arguments.add(v)?,
                Value::Bytes(v) => arguments.add(v)?,
                Value::Time(v) => arguments.add(v.map(model::Timestamp::unix_micros))?,
                Value::Json(v) => arguments.add(v.map(|json| String::from(Box::<str>::from(json))))?,
            }
        }
        Ok(Some(arguments))
    }

    fn persistent(&self) -> bool {
        self.cached
    }
}

/// By reference, so that it can be sent again on another connection.
impl Execute<'_, Postgres> for &Statement {
    fn sql(self) -> SqlStr {
        self.sql.clone()
    }

    fn statement(&self) -> Option<&PgStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        let mut arguments = PgArguments::default();
        arguments.reserve(self.args.len(), 64 * self.args.len());
        for value in &self.args {
            match value {
                Value::Text(v) => arguments.add(v)?,
                Value::Int(v) => arguments.add(v)?,
                Value::Bool(v) => arguments.add(v)?,
                Value::Bytes(v) => arguments.add(v)?,
                Value::Time(v) => arguments.add(v.map(model::Timestamp::to_offset_date_time))?,
                Value::Json(v) => arguments.add(v.as_deref().map(Json))?,
            }
        }
        Ok(Some(arguments))
    }

    fn persistent(&self) -> bool {
        self.cached
    }
}
