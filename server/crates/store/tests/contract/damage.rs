//! A stored value that the program could not have written is an error that names table, column and row.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use model::*;
use store::{EngineKind, Reader, StoreError};

use crate::fixtures::*;
use crate::support::{Db, on_both_engines, unit};

on_both_engines!(every_kind_of_unreadable_value_is_reported_with_its_place);

/// One row in every table that has a reader; the order's authorization has a challenge that was answered.
struct Rows {
    account: Account,
    order: Order,
    certificate: CertificateSummary,
    key: ApiKey,
}

/// An order with a challenge to answer.
fn pending(account: &Account) -> NewOrder {
    let mut new = order(&account.id, "a.example");
    new.order.status = OrderStatus::Pending;
    let authorization = &mut new.authorizations[0];
    authorization.status = AuthorizationStatus::Pending;
    authorization.offered = Some(vec![ChallengeKind::Http01]);
    new
}

async fn rows(db: &Db) -> Rows {
    let account = account("owner");
    let new = pending(&account);
    let certificate = certificate(&account.id, "a.example", 1);
    let key = api_key("key", [1; 32]);
    let attempt = ValidationAttempt {
        authorization_id: new.authorizations[0].id.clone(),
        kind: ChallengeKind::Http01,
        number: 1,
        started_at: NOW,
        duration: Duration::from_micros(1),
        outcome: AttemptOutcome::Retried,
        problem: None,
        evidence: serde_json::json!({}),
    };
    let rows = Rows {
        account: account.clone(),
        order: new.order.clone(),
        certificate: certificate.summary.clone(),
        key: key.clone(),
    };
    db.put(unit!(|tx| {
        tx.insert_account(&account).await?;
        tx.insert_order(&new).await?;
        tx.insert_certificate(&certificate).await?;
        tx.start_challenge(&attempt.authorization_id, attempt.kind, NOW).await?;
        tx.insert_validation_attempt(&attempt).await?;
        tx.put_chain("chain", &[vec![0x30, 0x00]]).await?;
        tx.put_issuer(&issuer()).await?;
        tx.insert_profile(&profile(PROFILE)).await?;
        tx.insert_api_key(&key).await?;
        tx.record(&[event("acme:x", "order.created")]).await
    }))
    .await;
    rows
}

/// Reads the first row of `table`, in the way that meets all of its columns.
fn read<'r>(reader: &'r mut Reader, table: &str, rows: &'r Rows) -> BoxFuture<'r, Result<(), StoreError>> {
    match table {
        "accounts" => reader.account(&rows.account.id).map(|r| r.map(drop)).boxed(),
        "orders" => reader.order(&rows.order.id).map(|r| r.map(drop)).boxed(),
        "authorizations" => reader.authorizations_of_order(&rows.order.id).map(|r| r.map(drop)).boxed(),
        "certificates" => reader.certificate(&rows.certificate.id).map(|r| r.map(drop)).boxed(),
        "chains" => reader.chain("chain").map(|r| r.map(drop)).boxed(),
        "challenges" => reader.challenges_of_order(&rows.order.id).map(|r| r.map(drop)).boxed(),
        "validation_attempts" => {
            reader.validation_attempts_of_order(&rows.order.id).map(|r| r.map(drop)).boxed()
        }
        "issuers" => async { reader.issuers().await.map(drop) }.boxed(),
        "profiles" => async { reader.profiles(&PageRequest::default()).await.map(drop) }.boxed(),
        "api_keys" => reader.api_key(&rows.key.id).map(|r| r.map(drop)).boxed(),
        "audit_events" => async { reader.audit_events(&AuditFilter::default()).await.map(drop) }.boxed(),
        other => panic!("{other} has no reader here"),
    }
}

/// Table, column, and an expression that makes a value of it which is unreadable.
const DAMAGES: &[(&str, &str, &str)] = &[
    // Words.
    ("accounts", "status", "'asleep'"),
    ("orders", "status", "''"),
    ("authorizations", "status", "'VALID'"),
    ("authorizations", "identifier_type", "'email'"),
    ("certificates", "key_type", "'dsa'"),
    ("audit_events", "outcome", "'maybe'"),
    ("challenges", "status", "'busy'"),
    ("validation_attempts", "outcome", "'lost'"),
    // Ids that point at other rows.
    ("orders", "account_id", "'ord-1'"),
    ("orders", "certificate_id", "'x'"),
    ("authorizations", "account_id", "''"),
    ("certificates", "profile_id", "'no such form'"),
    ("certificates", "order_id", "'x'"),
    // Addresses and names.
    ("accounts", "created_from", "'nowhere'"),
    ("audit_events", "client_ip", "'300.1.1.1'"),
    ("authorizations", "identifier_value", "'a b'"),
    // JSON of another form.
    ("accounts", "contacts", "'{\"a\": 1}'"),
    ("orders", "identifiers", "'[{\"type\": \"dns\", \"value\": \"a b\"}]'"),
    ("orders", "authorization_ids", "'[1]'"),
    ("orders", "error", "'[]'"),
    ("certificates", "identifiers", "'null'"),
    ("profiles", "spec", "'{\"name\": \"without the rest\"}'"),
    ("authorizations", "offered", "'[\"dns-99\"]'"),
    ("challenges", "error", "'7'"),
    ("validation_attempts", "problem", "'{}'"),
    // Numbers.
    ("validation_attempts", "number", "-1"),
    ("challenges", "attempts", "-1"),
    ("certificates", "revocation_reason", "7"),
    // Octets.
    ("api_keys", "sha256", "$octets"),
    ("chains", "certificates", "$octets"),
    ("issuers", "chain", "$octets"),
];

/// What only SQLite can store, since PostgreSQL checks it.
const DAMAGES_ON_SQLITE: &[(&str, &str, &str)] = &[
    ("accounts", "contacts", "'no JSON'"),
    ("audit_events", "details", "'{'"),
    ("accounts", "jwk", "CAST(x'ff' AS TEXT)"),
    ("orders", "csr_sha256", "CAST(x'ff' AS TEXT)"),
];

async fn every_kind_of_unreadable_value_is_reported_with_its_place(db: Db) {
    let rows = rows(&db).await;
    let (octets, more) = match db.engine() {
        EngineKind::Sqlite => ("x'000000ff01'", DAMAGES_ON_SQLITE),
        EngineKind::Postgres => (r"'\x000000ff01'", &[][..]),
    };
    // A revocation without a time is none, so its reason would not be read.
    db.query("UPDATE certificates SET revocation_reason = 1, revoked_at = created_at");
    for (table, column, value) in DAMAGES.iter().chain(more) {
        let value = value.replace("$octets", octets);
        let mut reader = db.read().await.unwrap();
        read(&mut reader, table, &rows).await.unwrap();
        let key =
            if matches!(*table, "challenges" | "validation_attempts") { "authorization_id" } else { "id" };
        let id = db.query(&format!("SELECT {key} FROM {table}"))[0].clone();
        db.query(&format!("CREATE TABLE kept AS SELECT {column} AS it FROM {table}"));
        db.query(&format!("UPDATE {table} SET {column} = {value}"));
        match read(&mut reader, table, &rows).await {
            Err(StoreError::BadRow { table: t, column: c, id: i, reason }) => {
                assert_eq!((t, c, i.as_str()), (*table, *column, id.as_str()), "{value}: {reason}");
                assert!(!reason.is_empty());
            }
            other => panic!("{table}.{column} = {value}: {other:?}"),
        }
        db.query(&format!("UPDATE {table} SET {column} = (SELECT it FROM kept)"));
        db.query("DROP TABLE kept");
    }
    for table in ["accounts", "orders", "authorizations", "certificates", "profiles", "audit_events"] {
        read(&mut db.read().await.unwrap(), table, &rows).await.unwrap();
    }
}
