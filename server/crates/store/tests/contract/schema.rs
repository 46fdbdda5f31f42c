//! After all migrations both engines have the same tables, columns, indexes and references.

use std::collections::BTreeSet;

use store::EngineKind;

use crate::support::Db;

/// Asks each engine the same question in its own words and compares the answers line by line.
async fn compare(on_sqlite: &str, on_postgres: &str, least: usize, same: impl Fn(&str) -> String) {
    let (sqlite, postgres) = (Db::new(EngineKind::Sqlite).await, Db::new(EngineKind::Postgres).await);
    let ask = |db: &Db, sql| db.query(sql).iter().map(|line| same(line)).collect::<BTreeSet<_>>();
    let (left, right) = (ask(&sqlite, on_sqlite), ask(&postgres, on_postgres));
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
    let (only_sqlite, only_postgres) = (only(&left, &right), only(&right, &left));
    assert!(
        only_sqlite.is_empty() && only_postgres.is_empty(),
        "only on SQLite: {only_sqlite:#?}\nonly on PostgreSQL: {only_postgres:#?}"
    );
    assert!(left.len() >= least, "the question finds something: {left:?}");
}

/// The tables that are ours.
const SQLITE_TABLES: &str = "(SELECT name FROM sqlite_master WHERE type = 'table' \
                             AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> '_sqlx_migrations')";
const POSTGRES_TABLES: &str = "(SELECT oid, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace \
                               AND relkind = 'r' AND relname <> '_sqlx_migrations')";

/// How a PostgreSQL type is kept by SQLite: times as microseconds, JSON as its text.
const TYPES: [(&str, &str); 6] = [
    ("text", "TEXT"),
    ("jsonb", "TEXT"),
    ("bigint", "INTEGER"),
    ("boolean", "INTEGER"),
    ("timestamp with time zone", "INTEGER"),
    ("bytea", "BLOB"),
];

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_columns_are_the_same() {
    // Not their order: a column that was added later stands at the end, wherever it was written first.
    let on_sqlite = format!(
        "SELECT t.name, c.name, c.type, c.\"notnull\" <> 0, c.dflt_value IS NOT NULL \
         FROM {SQLITE_TABLES} t, pragma_table_info(t.name) c"
    );
    let on_postgres = format!(
        "SELECT t.relname, c.attname, format_type(c.atttypid, c.atttypmod), c.attnotnull::int, c.atthasdef::int \
         FROM {POSTGRES_TABLES} t JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped"
    );
    compare(&on_sqlite, &on_postgres, 80, |line| {
        let mut parts: Vec<&str> = line.split('|').collect();
        if let Some((_, sqlite)) = TYPES.iter().find(|(postgres, _)| *postgres == parts[2]) {
            parts[2] = sqlite;
        }
        parts.join("|")
    })
    .await;
}

/// Named ones by name, primary keys and unique constraints by their columns. Of a partial index's condition the words
/// are compared, because PostgreSQL writes it anew.
#[tokio::test(flavor = "multi_thread")]
async fn indexes_are_the_same() {
    let on_sqlite = format!(
        "SELECT t.name, 'primary key', \
         (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_table_info(t.name) WHERE pk > 0 ORDER BY pk)), \
         '1', '' FROM {SQLITE_TABLES} t \
         UNION ALL \
         SELECT t.name, CASE i.origin WHEN 'u' THEN 'unique' ELSE i.name END, \
         (SELECT group_concat(COALESCE(c.name, '<expression>') || CASE c.\"desc\" WHEN 1 THEN ' desc' ELSE '' END, ',') \
          FROM (SELECT * FROM pragma_index_xinfo(i.name) WHERE key = 1 ORDER BY seqno) c), i.\"unique\", \
         COALESCE((SELECT CASE WHEN instr(m.sql, 'WHERE') THEN substr(m.sql, instr(m.sql, 'WHERE') + 5) END \
          FROM sqlite_master m WHERE m.name = i.name), '') \
         FROM {SQLITE_TABLES} t, pragma_index_list(t.name) i WHERE i.origin <> 'pk'"
    );
    let on_postgres = format!(
        "SELECT t.relname, \
         CASE WHEN x.indisprimary THEN 'primary key' WHEN k.oid IS NOT NULL THEN 'unique' ELSE i.relname END, \
         (SELECT string_agg(COALESCE(a.attname, '<expression>') || CASE o.option & 1 WHEN 1 THEN ' desc' ELSE '' END, \
          ',' ORDER BY o.nr) FROM unnest(x.indkey::int[], x.indoption::int[]) WITH ORDINALITY o (key, option, nr) \
          LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = o.key AND o.key > 0 \
          WHERE o.nr <= x.indnkeyatts), \
         x.indisunique::int, COALESCE(pg_get_expr(x.indpred, t.oid), '') \
         FROM {POSTGRES_TABLES} t JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class i ON i.oid = x.indexrelid \
         LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.contype = 'u'"
    );
    compare(&on_sqlite, &on_postgres, 30, |line| {
        let (index, condition) = line.rsplit_once('|').unwrap();
        let condition = condition.to_lowercase();
        let words = condition.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| {
            !matches!(
                *word,
                "" | "text" | "jsonb" | "bigint" | "any" | "array" | "in" | "or" | "and" | "collate"
            )
        });
        format!("{index}|{:?}", words.collect::<BTreeSet<_>>())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_the_same() {
    let on_sqlite = format!(
        "SELECT t.name, f.\"from\", f.\"table\", COALESCE(f.\"to\", 'id'), f.on_delete \
         FROM {SQLITE_TABLES} t, pragma_foreign_key_list(t.name) f"
    );
    let on_postgres = format!(
        "SELECT t.relname, a.attname, k.confrelid::regclass, b.attname, \
         CASE k.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' \
         WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END \
         FROM {POSTGRES_TABLES} t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f', \
         unnest(k.conkey, k.confkey) o (here, there), pg_attribute a, pg_attribute b \
         WHERE a.attrelid = k.conrelid AND a.attnum = o.here AND b.attrelid = k.confrelid AND b.attnum = o.there"
    );
    compare(&on_sqlite, &on_postgres, 1, str::to_owned).await;
}

/// Cursors and prefixes are compared octet by octet, which is SQLite's way; a database's own collation would put
/// other rows on a page.
#[tokio::test(flavor = "multi_thread")]
async fn indexed_texts_are_in_the_order_of_octets_on_postgresql() {
    let db = Db::new(EngineKind::Postgres).await;
    let others = format!(
        "SELECT DISTINCT t.relname, a.attname FROM {POSTGRES_TABLES} t JOIN pg_index x ON x.indrelid = t.oid \
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY (x.indkey) \
         WHERE a.atttypid = 'text'::regtype AND a.attcollation <> '\"C\"'::regcollation"
    );
    assert_eq!(db.query(&others), Vec::<String>::new());
}
