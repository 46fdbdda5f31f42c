use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::{EngineKind, StoreError};

use crate::fixtures::{account, event};
use crate::support::{Db, sqlite3, unit};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_while_others_write_is_a_consistent_private_copy() {
    let db = Db::new(EngineKind::Sqlite).await;
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (store, done) = (db.store.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut written = 0;
                while !done.load(Ordering::SeqCst) {
                    let account = account(&format!("{writer}-{written}"));
                    let event = event(&format!("acme:{}", account.id), "account.created");
                    store
                        .write(unit!(|tx| {
                            tx.insert_account(&account).await?;
                            tx.record(&[event]).await
                        }))
                        .await
                        .unwrap();
                    written += 1;
                }
                written
            })
        })
        .collect();
    while db.query("SELECT COUNT(*) FROM accounts")[0].parse::<u32>().unwrap() < 100 {
        tokio::task::yield_now().await;
    }
    let directory = tempfile::tempdir().unwrap();
    let copies = [0, 1, 2].map(|number| directory.path().join(format!("copy{number}.db")));
    for copy in &copies {
        db.backup_to(copy).await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }

    let mut sizes = vec![100];
    for copy in &copies {
        let mode = std::fs::metadata(copy).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "sealed keys are in there");
        assert_eq!(sqlite3(copy, "PRAGMA integrity_check"), "ok\n");
        assert_eq!(sqlite3(copy, "PRAGMA foreign_key_check"), "");
        let halves = "SELECT COUNT(*) FROM accounts a FULL JOIN audit_events e ON e.actor = 'acme:' || a.id \
                      WHERE a.id IS NULL OR e.id IS NULL";
        assert_eq!(sqlite3(copy, halves), "0\n", "a unit of work is there as a whole or not at all");
        sizes.push(sqlite3(copy, "SELECT COUNT(*) FROM accounts").trim().parse().unwrap());
    }
    sizes.push(written);
    assert!(sizes.is_sorted(), "each copy has what was written before it: {sizes:?}");

    let again = db.backup_to(&copies[0]).await;
    assert!(
        matches!(again, Err(StoreError::Unavailable(_))),
        "an existing file is not overwritten: {again:?}"
    );
    let nowhere = db.backup_to(&directory.path().join("missing/copy.db")).await;
    assert!(matches!(nowhere, Err(StoreError::Unavailable(_))), "{nowhere:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_backed_up_by_its_own_tools() {
    let db = Db::new(EngineKind::Postgres).await;
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy");
    let refused = db.backup_to(&copy).await;
    assert!(matches!(refused, Err(StoreError::Unsupported(what)) if what.contains("pg_dump")));
    assert!(!copy.exists());
}
