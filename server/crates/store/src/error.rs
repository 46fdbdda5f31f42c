use sqlx::error::{DatabaseError, ErrorKind};

/// Why the store did not do what was asked, by what the caller can do about it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique value is taken. `what` names the columns, e.g. `accounts.key_thumbprint`.
    #[error("{what} is taken already")]
    Duplicate { what: String },
    /// A compare-and-set lost: the row is gone or has changed since it was read.
    #[error("the row has changed since it was read")]
    Conflict,
    /// A foreign key points at nothing, or something still points at the row.
    #[error("a reference between rows would not hold: {what}")]
    Reference { what: String },
    /// The database cannot serve now (gone, disk full, busy, shutting down); the same call may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A stored value is none that the program could have written.
    #[error("table {table}, column {column}, row {id}: {reason}")]
    BadRow { table: &'static str, column: &'static str, id: String, reason: String },
    /// The tables are not those that this binary needs.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// This engine cannot do that.
    #[error("{0}")]
    Unsupported(&'static str),
    /// Anything else; a defect of the program or of the database.
    #[error("database error: {0}")]
    Database(String),
}

/// How the tables differ from what this binary needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("the database lacks {missing} migration(s), the first is {first:04}; run `certctl migrate`")]
    Pending { missing: usize, first: i64 },
    #[error(
        "the database is newer than this binary: it has migration {found:04}, this binary knows up to {known:04}"
    )]
    Newer { found: i64, known: i64 },
    #[error("migration {version:04} was applied with other text than this binary has")]
    Altered { version: i64 },
    #[error("migration failed: {0}")]
    Failed(String),
}

impl StoreError {
    pub(crate) fn went_away(what: &str) -> Self {
        Self::Unavailable(what.to_owned())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(e) => classify(e.as_ref()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(error.to_string()),
            // What a server says that is starting, stopping or dropping the connection in the middle.
            sqlx::Error::Protocol(_) => Self::Unavailable(error.to_string()),
            _ => Self::Database(error.to_string()),
        }
    }
}

fn classify(error: &(dyn DatabaseError + 'static)) -> StoreError {
    let unavailable = match error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        Some(pg) => postgres_unavailable(pg.code()),
        None => sqlite_unavailable(error.code().and_then(|c| c.parse().ok()).unwrap_or(0)),
    };
    if unavailable {
        return StoreError::Unavailable(error.to_string());
    }
    match error.kind() {
        ErrorKind::UniqueViolation => StoreError::Duplicate { what: violated(error) },
        ErrorKind::ForeignKeyViolation => StoreError::Reference { what: violated(error) },
        _ => StoreError::Database(error.to_string()),
    }
}

/// Class 08 is a lost connection, 53 a lack of disk, memory or connections, 57P a stop by the operator; 40001 and
/// 40P01 (serialization failure, deadlock), 55P03 (lock not available), 57014 (statement time-out), 25006 (the
/// server is a standby now) and 58030 (I/O error) may also be gone at the next attempt.
fn postgres_unavailable(code: &str) -> bool {
    code.starts_with("08")
        || code.starts_with("53")
        || code.starts_with("57P")
        || matches!(code, "40001" | "40P01" | "55P03" | "57014" | "25006" | "25P03" | "58030")
}

/// Whether the connection, not only the statement, is lost.
pub(crate) fn connection_is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            true
        }
        sqlx::Error::Database(e) => e
            .code()
            .is_some_and(|c| c.starts_with("08") || c.starts_with("57P") || c == "25P03" || c == "25006"),
        _ => false,
    }
}

/// `code` is SQLite's extended result code; its low byte is the primary one: 5 BUSY, 6 LOCKED, 7 NOMEM, 8 READONLY,
/// 10 IOERR, 13 FULL, 14 CANTOPEN.
fn sqlite_unavailable(code: i32) -> bool {
    matches!(code & 0xff, 5 | 6 | 7 | 8 | 10 | 13 | 14)
}

/// The violated columns in the same words on both engines: `table.column, table.column`.
fn violated(error: &(dyn DatabaseError + 'static)) -> String {
    if let Some(pg) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        // `Key (a, b)=(1, 2) already exists.`
        let columns =
            pg.detail().and_then(|d| d.strip_prefix("Key (")).and_then(|d| d.split_once(")=(")).map(|d| d.0);
        return match (pg.table(), columns) {
            (Some(table), Some(columns)) => {
                columns.split(", ").map(|c| format!("{table}.{c}")).collect::<Vec<_>>().join(", ")
            }
            _ => pg.constraint().unwrap_or("a constraint").to_owned(),
        };
    }
    // `UNIQUE constraint failed: table.a, table.b`
    error.message().split_once("failed: ").map_or(error.message(), |m| m.1).to_owned()
}
