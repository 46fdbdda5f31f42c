//! Units of work: all or nothing, apart from their neighbours, durable when they are answered.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use model::*;
use store::{EngineKind, Store, StoreError};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::accounts::insert;
use crate::fixtures::{account, event};
use crate::support::{Db, on_both_engines, unit};

on_both_engines! {
    a_failing_unit_leaves_nothing_behind,
    bad_units_do_not_disturb_their_neighbours,
    a_unit_that_ends_badly_alone_leaves_nothing_behind,
    what_is_answered_is_stored,
    closing_finishes_what_was_accepted,
}

async fn a_failing_unit_leaves_nothing_behind(db: Db) {
    let (good, bad) = (account("good"), account("bad"));
    let failing = {
        let bad = bad.clone();
        db.write(unit!(|tx| {
            tx.insert_account(&bad).await?;
            Err::<(), _>(StoreError::Conflict)
        }))
    };
    let (failed, stored) = tokio::join!(failing, insert(&db, &good));
    assert!(matches!(failed, Err(StoreError::Conflict)));
    stored.unwrap();
    let mut reader = db.read().await.unwrap();
    assert_eq!(reader.account(&good.id).await.unwrap(), Some(good));
    assert_eq!(reader.account(&bad.id).await.unwrap(), None);
}

type Answer = JoinHandle<Result<(), StoreError>>;

/// Ways to end badly after an account was inserted.
const BAD: [fn(Store, Account) -> Answer; 4] = [panics, panics_at_once, ignores_a_failure, gives_up];

fn panics(store: Store, account: Account) -> Answer {
    tokio::spawn(async move {
        store
            .write(unit!(|tx| {
                tx.insert_account(&account).await?;
                panic!("on purpose")
            }))
            .await
    })
}

fn panics_at_once(store: Store, _account: Account) -> Answer {
    tokio::spawn(async move { store.write(|_tx| panic!("on purpose")).await })
}

fn ignores_a_failure(store: Store, account: Account) -> Answer {
    tokio::spawn(async move {
        store
            .write(unit!(|tx| {
                tx.insert_account(&account).await?;
                // The key is taken by now. On PostgreSQL the transaction is lost with this.
                let _ = tx.insert_account(&account).await;
                let _ = tx.record(&[event("acme:x", "ignored")]).await;
                Ok(())
            }))
            .await
    })
}

fn gives_up(store: Store, account: Account) -> Answer {
    tokio::spawn(async move {
        store
            .write(unit!(|tx| {
                tx.insert_account(&account).await?;
                Err(StoreError::Conflict)
            }))
            .await
    })
}

/// Holds the writer until the returned permit is given, so that what is submitted meanwhile shares a commit on
/// SQLite.
async fn hold(db: &Db) -> (Arc<Semaphore>, Answer) {
    let gate = Arc::new(Semaphore::new(0));
    let (store, waiting, started) = (db.store.clone(), Arc::clone(&gate), Arc::new(Semaphore::new(0)));
    let signal = Arc::clone(&started);
    let held = tokio::spawn(async move {
        store
            .write(unit!(|_tx| {
                signal.add_permits(1);
                waiting.acquire().await.unwrap().forget();
                Ok(())
            }))
            .await
    });
    started.acquire().await.unwrap().forget();
    (gate, held)
}

/// Waits until `count` units, the running one included, are with SQLite's writer.
async fn queued(db: &Db, count: usize) {
    while db.engine() == EngineKind::Sqlite && db.stats().queue < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn bad_units_do_not_disturb_their_neighbours(db: Db) {
    let (gate, held) = hold(&db).await;
    let mut answers = Vec::new();
    for number in 0..24 {
        let stored = account(&format!("n{number}"));
        let answer = match number % 3 {
            2 => BAD[number / 3 % BAD.len()](db.store.clone(), stored.clone()),
            _ => {
                let (store, account) = (db.store.clone(), stored.clone());
                tokio::spawn(async move { store.write(unit!(|tx| tx.insert_account(&account).await)).await })
            }
        };
        // One after the other, so that good and bad ones alternate.
        queued(&db, number + 2).await;
        answers.push((number % 3 != 2, stored, answer));
    }
    gate.add_permits(1);
    held.await.unwrap().unwrap();
    for (good, stored, answer) in answers {
        let answer = answer.await.unwrap();
        assert_eq!(answer.is_ok(), good, "{}: {answer:?}", stored.key_thumbprint);
        let found = db.read().await.unwrap().account(&stored.id).await.unwrap();
        assert_eq!(found.is_some(), good, "{}", stored.key_thumbprint);
    }
    assert_eq!(db.query("SELECT COUNT(*) FROM audit_events"), ["0"]);
}

async fn a_unit_that_ends_badly_alone_leaves_nothing_behind(db: Db) {
    for bad in BAD {
        let answer = bad(db.store.clone(), account("alone")).await.unwrap();
        assert!(answer.is_err(), "{answer:?}");
        assert_eq!(db.query("SELECT COUNT(*) FROM accounts"), ["0"]);
    }
    insert(&db, &account("alone")).await.unwrap();
}

/// "Stored" is what a connection sees that is not ours; a crash is simulated by the end-to-end tests.
async fn what_is_answered_is_stored(db: Db) {
    let writers = (0..300).map(|number| {
        let (store, stored) = (db.store.clone(), account(&format!("n{number}")));
        tokio::spawn(async move {
            let account = stored.clone();
            store.write(unit!(|tx| tx.insert_account(&account).await)).await?;
            let seen = store.read().await?.account(&stored.id).await?;
            assert_eq!(seen, Some(stored), "answered before it was committed");
            Ok::<_, StoreError>(())
        })
    });
    for answer in join_all(writers).await {
        answer.unwrap().unwrap();
    }
    assert_eq!(db.query("SELECT COUNT(*) FROM accounts"), ["300"]);
    assert_eq!(db.stats().queue, 0);
}

async fn closing_finishes_what_was_accepted(db: Db) {
    let (gate, held) = hold(&db).await;
    let waiting: Vec<Answer> = match db.engine() {
        EngineKind::Sqlite => (0..10)
            .map(|number| {
                let (store, account) = (db.store.clone(), account(&format!("n{number}")));
                tokio::spawn(async move { store.write(unit!(|tx| tx.insert_account(&account).await)).await })
            })
            .collect(),
        EngineKind::Postgres => Vec::new(),
    };
    queued(&db, waiting.len() + 1).await;
    let closing = tokio::spawn({
        let store = db.store.clone();
        async move { store.close().await }
    });
    while db.read().await.is_ok() && db.engine() == EngineKind::Postgres {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if !closing.is_finished() {
            break;
        }
    }
    gate.add_permits(1);
    closing.await.unwrap();
    held.await.unwrap().unwrap();
    let count = waiting.len();
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(db.query("SELECT COUNT(*) FROM accounts"), [count.to_string()]);

    let late = insert(&db, &account("late")).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    assert!(matches!(db.read().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(db.ping().await, Err(StoreError::Unavailable(_))));
    let nonce = db.redeem_nonce([1; 16], crate::fixtures::NOW).await;
    assert!(matches!(nonce, Err(StoreError::Unavailable(_))), "{nonce:?}");
    db.close().await;
}

/// One fsync serves all units that wait: counted in the write-ahead log, where each commit marks its last frame.
#[tokio::test(flavor = "multi_thread")]
async fn units_that_wait_share_a_commit_on_sqlite() {
    let db = Db::new(EngineKind::Sqlite).await;
    let before = commits(&db);
    let (gate, held) = hold(&db).await;
    let waiting: Vec<Answer> = (0..100)
        .map(|number| {
            let (store, account) = (db.store.clone(), account(&format!("n{number}")));
            tokio::spawn(async move { store.write(unit!(|tx| tx.insert_account(&account).await)).await })
        })
        .collect();
    queued(&db, 101).await;
    gate.add_permits(1);
    held.await.unwrap().unwrap();
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(db.query("SELECT COUNT(*) FROM accounts"), ["100"]);
    // The unit that held the others wrote nothing; the last one counts as waiting a moment before it is in the queue.
    let made = commits(&db) - before;
    assert!((1..=2).contains(&made), "{made} commits for 100 units");
}

/// How many transactions the write-ahead log has (<https://www.sqlite.org/fileformat2.html#walformat>).
fn commits(db: &Db) -> usize {
    const HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    let mut path = db.file().into_os_string();
    path.push("-wal");
    let log = std::fs::read(path).unwrap();
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let page = usize::try_from(number(8)).unwrap();
    let salts = &log[16..24];
    (HEADER..)
        .step_by(FRAME_HEADER + page)
        .take_while(|at| at + FRAME_HEADER + page <= log.len())
        // Frames with other salts are left from an earlier round of the log.
        .take_while(|at| &log[at + 8..at + 16] == salts)
        .filter(|at| number(at + 4) != 0)
        .count()
}
