//! Bringing the tables up to date, and refusing those that are not ours.

use futures::future::join_all;
use store::{EngineKind, SchemaError, Store, StoreError, StoreOptions};

use crate::support::{Db, on_both_engines};

on_both_engines! {
    migrating_again_changes_nothing,
    a_database_that_is_newer_than_the_binary_is_refused,
    a_step_with_other_text_is_refused,
}

async fn migrating_again_changes_nothing(db: Db) {
    let applied = "SELECT version FROM _sqlx_migrations ORDER BY version";
    let before = db.query(applied);
    db.check_schema().await.unwrap();
    db.migrate().await.unwrap();
    assert_eq!(db.query(applied), before);
}

async fn a_database_that_is_newer_than_the_binary_is_refused(db: Db) {
    let known = db.query("SELECT MAX(version) FROM _sqlx_migrations")[0].parse().unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
                 SELECT 9000, 'later', installed_on, success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    db.query(newer);
    for refused in [db.check_schema().await, db.migrate().await] {
        match refused {
            Err(StoreError::Schema(error)) => assert_eq!(error, SchemaError::Newer { found: 9000, known }),
            other => panic!("{other:?}"),
        }
    }
}

async fn a_step_with_other_text_is_refused(db: Db) {
    let garbled = match db.engine() {
        EngineKind::Sqlite => "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1",
        EngineKind::Postgres => r"UPDATE _sqlx_migrations SET checksum = '\x00' WHERE version = 1",
    };
    db.query(garbled);
    for refused in [db.check_schema().await, db.migrate().await] {
        match refused {
            Err(StoreError::Schema(error)) => assert_eq!(error, SchemaError::Altered { version: 1 }),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_lacks_every_step() {
    for engine in [EngineKind::Sqlite, EngineKind::Postgres] {
        let db = Db::without_tables(engine).await;
        match db.check_schema().await {
            Err(StoreError::Schema(SchemaError::Pending { missing, first: 1 })) => assert!(missing > 0),
            other => panic!("{other:?}"),
        }
        db.migrate().await.unwrap();
        db.check_schema().await.unwrap();
    }
}

/// As when several replicas of a new version start together.
#[tokio::test(flavor = "multi_thread")]
async fn migrators_at_once_apply_each_step_once() {
    let db = Db::without_tables(EngineKind::Postgres).await;
    let migrators = (0..6).map(|_| {
        let options = StoreOptions::new(db.url.clone());
        tokio::spawn(async move { Store::connect(&options).await?.migrate().await })
    });
    for outcome in join_all(migrators).await {
        outcome.unwrap().unwrap();
    }
    let gaps = "SELECT COUNT(*) - MAX(version), BOOL_AND(success) FROM _sqlx_migrations";
    assert_eq!(db.query(gaps), ["0|t"]);
    db.check_schema().await.unwrap();
}
