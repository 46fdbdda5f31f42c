use std::fmt::Display;
use std::str::FromStr;

use model::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::types::Json;
use sqlx::{Decode, Row as _, Type};
use time::OffsetDateTime;

use crate::StoreError;

/// One row of a result.
pub enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The row as one of `table`, which errors will name.
    pub fn of(&self, table: &'static str) -> Record<'_> {
        Record { row: self, table }
    }
}

/// A row of a known table, with getters whose errors say which value is bad. The first column is the row's id.
#[derive(Clone, Copy)]
pub struct Record<'r> {
    row: &'r Row,
    table: &'static str,
}

impl<'r> Record<'r> {
    pub fn text(self, column: &'static str) -> Result<&'r str, StoreError> {
        self.value(column)
    }

    pub fn text_opt(self, column: &'static str) -> Result<Option<&'r str>, StoreError> {
        self.value(column)
    }

    pub fn string(self, column: &'static str) -> Result<String, StoreError> {
        self.text(column).map(str::to_owned)
    }

    pub fn string_opt(self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(self.text_opt(column)?.map(str::to_owned))
    }

    /// A value that is stored as its text.
    pub fn parse<T: FromStr<Err: Display>>(self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|e| self.bad(column, &e))
    }

    pub fn parse_opt<T: FromStr<Err: Display>>(self, column: &'static str) -> Result<Option<T>, StoreError> {
        self.text_opt(column)?.map(|text| text.parse().map_err(|e| self.bad(column, &e))).transpose()
    }

    pub fn int(self, column: &'static str) -> Result<i64, StoreError> {
        self.value(column)
    }

    /// A number that is never negative.
    pub fn uint(self, column: &'static str) -> Result<u32, StoreError> {
        u32::try_from(self.int(column)?).map_err(|e| self.bad(column, &e))
    }

    pub fn int_opt(self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.value(column)
    }

    pub fn bool(self, column: &'static str) -> Result<bool, StoreError> {
        self.value(column)
    }

    pub fn bytes(self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.value(column)
    }

    pub fn bytes_opt(self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        self.value(column)
    }

    pub fn time(self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.time_opt(column)?.ok_or_else(|| self.bad(column, &"unexpected NULL"))
    }

    pub fn time_opt(self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        match self.row {
            Row::Sqlite(row) => {
                row.try_get::<Option<i64>, _>(column).map(|t| t.map(Timestamp::from_unix_micros))
            }
            Row::Postgres(row) => {
                row.try_get::<Option<OffsetDateTime>, _>(column).map(|t| t.map(Timestamp::from))
            }
        }
        .map_err(|e| self.unreadable(column, &e))
    }

    pub fn json<T: DeserializeOwned>(self, column: &'static str) -> Result<T, StoreError> {
        self.json_opt(column)?.ok_or_else(|| self.bad(column, &"unexpected NULL"))
    }

    pub fn json_opt<T: DeserializeOwned>(self, column: &'static str) -> Result<Option<T>, StoreError> {
        match self.row {
            Row::Sqlite(_) => self
                .text_opt(column)?
                .map(|text| serde_json::from_str(text).map_err(|e| self.bad(column, &e)))
                .transpose(),
            Row::Postgres(row) => row
                .try_get::<Option<Json<T>>, _>(column)
                .map(|value| value.map(|json| json.0))
                .map_err(|e| self.unreadable(column, &e)),
        }
    }

    /// The value is there, but is none that the program could have written.
    pub fn bad(self, column: &'static str, reason: &dyn Display) -> StoreError {
        let id = match self.row {
            Row::Sqlite(row) => row.try_get::<Option<&str>, _>(0).ok().flatten(),
            Row::Postgres(row) => row.try_get::<Option<&str>, _>(0).ok().flatten(),
        };
        let id = id.unwrap_or("(unknown)").to_owned();
        StoreError::BadRow { table: self.table, column, id, reason: reason.to_string() }
    }

    fn value<T>(self, column: &'static str) -> Result<T, StoreError>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        match self.row {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        }
        .map_err(|e| self.unreadable(column, &e))
    }

    fn unreadable(self, column: &'static str, error: &sqlx::Error) -> StoreError {
        match error {
            sqlx::Error::ColumnDecode { source, .. } => self.bad(column, source),
            other => self.bad(column, other),
        }
    }
}
