//! The migrations, embedded in the binary: the same numbers and names for every engine.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::engine::{Engine, args};
use crate::unit::Reader;
use crate::{EngineKind, SchemaError, StoreError};

struct Step {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! step {
    ($version:literal, $name:literal) => {
        Step {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../../../migrations/postgres/", $name, ".sql")),
        }
    };
}

/// Every migration, in order. A new one is a file of the same name in each folder and a line here.
const STEPS: &[Step] = &[
    step!(1, "0001_initial"),
    step!(2, "0002_challenges"),
    step!(3, "0003_rate_limits"),
    step!(4, "0004_renewal"),
    step!(5, "0005_pending_orders"),
    step!(6, "0006_external_accounts"),
    step!(7, "0007_audit_events_by_type"),
    step!(8, "0008_access"),
    step!(9, "0009_users_with_grants"),
    step!(10, "0010_passwords_by_use"),
    step!(11, "0011_search"),
    step!(12, "0012_bulk_actions"),
    step!(13, "0013_profile_history"),
    step!(14, "0014_end_of_bulk_actions"),
];

/// The number of the last one.
pub(crate) fn newest() -> i64 {
    STEPS.last().map_or(0, |step| step.version)
}

pub(crate) async fn migrate(engine: &dyn Engine) -> Result<(), StoreError> {
    match check(engine).await {
        Ok(()) => return Ok(()),
        Err(StoreError::Schema(SchemaError::Pending { .. })) => {}
        Err(error) => return Err(error),
    }
    let migrations = migrations(engine.kind());
    Ok(engine.migrate(&Migrator::with_migrations(migrations)).await?)
}

pub(crate) async fn check(engine: &dyn Engine) -> Result<(), StoreError> {
    let mut reader = Reader::new(engine.reader().await?);
    let applied = applied(&mut reader, engine.kind()).await?;
    let known = migrations(engine.kind());
    let newest = newest();
    if let Some((found, _)) = applied.iter().find(|(version, _)| known.iter().all(|m| m.version != *version))
    {
        return Err(SchemaError::Newer { found: *found, known: newest }.into());
    }
    let mut pending = Vec::new();
    for migration in &known {
        match applied.iter().find(|(version, _)| *version == migration.version) {
            None => pending.push(migration.version),
            Some((_, checksum)) if **checksum == *migration.checksum => {}
            Some((version, _)) => return Err(SchemaError::Altered { version: *version }.into()),
        }
    }
    match pending.first() {
        None => Ok(()),
        Some(first) => Err(SchemaError::Pending { missing: pending.len(), first: *first }.into()),
    }
}

fn migrations(engine: EngineKind) -> Vec<Migration> {
    let text = |step: &Step| match engine {
        EngineKind::Sqlite => step.sqlite,
        EngineKind::Postgres => step.postgres,
    };
    let make = |step: &Step| {
        let kind = MigrationType::Simple;
        Migration::new(step.version, step.name.into(), kind, text(step).into_sql_str(), false)
    };
    STEPS.iter().map(make).collect()
}

/// Versions and checksums of what was applied, from the table that sqlx's migrator keeps.
async fn applied(reader: &mut Reader, engine: EngineKind) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let table = match engine {
        EngineKind::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'"
        }
        EngineKind::Postgres => "SELECT 1 WHERE to_regclass('_sqlx_migrations') IS NOT NULL",
    };
    if reader.fetch_optional(table, args![]).await?.is_none() {
        return Ok(Vec::new());
    }
    let rows =
        reader.fetch_all("SELECT version, checksum FROM _sqlx_migrations ORDER BY version", args![]).await?;
    rows.iter()
        .map(|row| {
            let row = row.of("_sqlx_migrations");
            Ok((row.int("version")?, row.bytes("checksum")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::STEPS;

    #[test]
    fn the_table_lists_exactly_the_files_of_both_folders() {
        let listed: BTreeSet<String> = STEPS.iter().map(|s| format!("{}.sql", s.name)).collect();
        assert_eq!(listed.len(), STEPS.len(), "a name is listed twice");
        for engine in ["sqlite", "postgres"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../migrations").join(engine);
            let files: BTreeSet<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            assert_eq!(files, listed, "migrations/{engine}");
        }
    }

    #[test]
    fn names_start_with_their_numbers_and_numbers_have_no_gaps() {
        for (i, step) in STEPS.iter().enumerate() {
            assert_eq!(step.version, i64::try_from(i).unwrap() + 1);
            assert!(step.name.starts_with(&format!("{:04}_", step.version)), "{}", step.name);
        }
    }
}
