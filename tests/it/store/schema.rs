//! The two schemas are one: same migrations, same tables, columns, keys and indexes.

use std::{collections::BTreeSet, path::Path};

use super::sample::TABLES;
use crate::support::{EmptyDatabase, TestDatabase, both};

fn names(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names_of_sqlite = names("sqlite");
    assert_eq!(names_of_sqlite, names("postgres"));
    for (index, name) in names_of_sqlite.iter().enumerate() {
        let (number, rest) = name.split_at(4);
        assert_eq!(number.parse(), Ok(index + 1), "numbered without gaps: {name}");
        let is_sql = Path::new(rest).extension().is_some_and(|extension| extension == "sql");
        assert!(rest.starts_with('_') && is_sql, "{name}");
    }
}

/// The schema of a SQLite database, one line for each column, key and index.
const SQLITE: &str = "\
    WITH t AS (SELECT name, sql FROM sqlite_schema WHERE type = 'table' \
        AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name NOT LIKE '!_sqlx!_%' ESCAPE '!') \
    SELECT 'column ' || t.name || '.' || c.name || ' ' || c.type \
        || CASE c.\"notnull\" WHEN 1 THEN ' not null' ELSE '' END \
        || COALESCE(' default ' || lower(c.dflt_value), '') \
    FROM t, pragma_table_info(t.name) c \
    UNION ALL \
    SELECT 'primary key ' || t.name || ' (' || (SELECT group_concat(name, ', ') FROM \
        (SELECT name FROM pragma_table_info(t.name) WHERE pk > 0 ORDER BY pk)) || ')' \
    FROM t \
    UNION ALL \
    SELECT CASE i.origin WHEN 'u' THEN 'unique ' || t.name ELSE 'index ' || i.name || ' of ' || t.name \
            || CASE i.\"unique\" WHEN 1 THEN ' unique' ELSE '' END END \
        || ' (' || (SELECT group_concat(name, ', ') FROM \
            (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) || ')' \
        || CASE i.partial WHEN 1 THEN (SELECT substr(sql, instr(sql, ' WHERE ')) FROM sqlite_schema \
            WHERE type = 'index' AND name = i.name) ELSE '' END \
    FROM t, pragma_index_list(t.name) i WHERE i.origin <> 'pk' \
    UNION ALL \
    SELECT 'foreign key ' || t.name || ' (' || group_concat(f.\"from\", ', ') || ') references ' \
        || f.\"table\" || ' (' || group_concat(f.\"to\", ', ') || ') on delete ' || f.on_delete \
        || ' on update ' || f.on_update \
    FROM t, pragma_foreign_key_list(t.name) f GROUP BY t.name, f.id";

/// The same of a PostgreSQL database.
const POSTGRES: &str = "\
    WITH t AS (SELECT oid, relname AS name FROM pg_class WHERE relkind = 'r' \
        AND relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_sqlx\\_%') \
    SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type \
        || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END \
        || COALESCE(' default ' || lower(column_default), '') \
    FROM information_schema.columns JOIN t ON t.name = table_name WHERE table_schema = 'public' \
    UNION ALL \
    SELECT CASE c.contype WHEN 'p' THEN 'primary key ' ELSE 'unique ' END || t.name || ' (' \
        || (SELECT string_agg(a.attname, ', ' ORDER BY k.place) \
            FROM unnest(c.conkey) WITH ORDINALITY k (number, place) \
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) || ')' \
    FROM pg_constraint c JOIN t ON t.oid = c.conrelid WHERE c.contype IN ('p', 'u') \
    UNION ALL \
    SELECT 'foreign key ' || t.name || ' (' \
        || (SELECT string_agg(a.attname, ', ' ORDER BY k.place) \
            FROM unnest(c.conkey) WITH ORDINALITY k (number, place) \
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) || ') references ' \
        || c.confrelid::regclass || ' (' \
        || (SELECT string_agg(a.attname, ', ' ORDER BY k.place) \
            FROM unnest(c.confkey) WITH ORDINALITY k (number, place) \
            JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number) || ')' \
        || ' on delete ' || CASE c.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' \
            WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END \
        || ' on update ' || CASE c.confupdtype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' \
            WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END \
        || CASE WHEN c.condeferrable THEN ' deferrable' ELSE '' END \
    FROM pg_constraint c JOIN t ON t.oid = c.conrelid WHERE c.contype = 'f' \
    UNION ALL \
    SELECT 'index ' || i.indexrelid::regclass || ' of ' || t.name \
        || CASE WHEN i.indisunique THEN ' unique' ELSE '' END || ' (' \
        || (SELECT string_agg(a.attname, ', ' ORDER BY k.place) \
            FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (number, place) \
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) || ')' \
        || COALESCE(' WHERE ' || trim('()' FROM pg_get_expr(i.indpred, i.indrelid)), '') \
    FROM pg_index i JOIN t ON t.oid = i.indrelid \
    WHERE NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)";

/// One name for what the two call differently.
fn kind_of(line: &str) -> String {
    let kinds = [
        (" uuid", " TEXT"),
        (" text", " TEXT"),
        (" timestamp with time zone", " TEXT"),
        (" boolean", " BOOLEAN"),
        (" bigint", " BIGINT"),
    ];
    if !line.starts_with("column ") {
        return line.to_owned();
    }
    kinds.iter().fold(line.to_owned(), |line, (from, to)| line.replace(from, to))
}

/// The schema of a database in words that are the same for both, in order.
pub(super) async fn shape(database: &EmptyDatabase) -> Vec<String> {
    let lines = database.texts(if database.is_postgres() { POSTGRES } else { SQLITE }).await;
    let mut lines: Vec<_> = lines.iter().map(|line| kind_of(line)).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn both_databases_have_the_same_schema() {
    let sqlite = shape(&*TestDatabase::sqlite().await).await;
    let postgres = shape(&*TestDatabase::postgres().await).await;
    assert_eq!(sqlite, postgres);
    let tables: BTreeSet<_> =
        sqlite.iter().filter_map(|line| line.strip_prefix("column ")?.split('.').next()).collect();
    assert_eq!(tables, BTreeSet::from(TABLES), "tests that count rows know every table");
    let lines = |kind: &str| sqlite.iter().filter(|line| line.starts_with(kind)).count();
    let counts = ["primary key", "foreign key", "unique", "index"].map(lines);
    assert!(counts.iter().all(|count| *count > 0), "each kind of line is found: {counts:?}");
}

#[tokio::test]
async fn ids_and_times_have_their_types_on_postgres() {
    let columns = "SELECT table_name || '.' || column_name || ' ' || data_type \
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'";
    let clerks =
        ["clerk_user_id", "clerk_organization_id", "clerk_membership_id", "clerk_id", "session_id"];
    for line in TestDatabase::postgres().await.texts(columns).await {
        let (name, kind) = line.split_once(' ').unwrap();
        let (table, column) = name.split_once('.').unwrap();
        let is_time = ["_at", "_of", "_try"].iter().any(|end| column.ends_with(end));
        let is_own_id = (column == "id" || column.ends_with("_id") || column.ends_with("_attempt"))
            && !clerks.contains(&column)
            && table != "webhook_messages";
        assert_eq!(is_time, kind == "timestamp with time zone", "{line}");
        assert_eq!(is_own_id, kind == "uuid", "{line}");
    }
}

both! {
    async fn roles_and_kinds_are_checked(database) {
        for statement in [
            "INSERT INTO tombstones (kind, clerk_id, permanent, deleted_at) \
             VALUES ('session', 'x', TRUE, '2026-11-01T12:00:00+00:00')",
            "INSERT INTO organization_members (id, organization_id, user_id, role, created_at, updated_at) \
             VALUES ('00000000-0000-7000-8000-000000000000', '00000000-0000-7000-8000-000000000000', \
             '00000000-0000-7000-8000-000000000000', 'king', '2026-11-01T12:00:00+00:00', \
             '2026-11-01T12:00:00+00:00')",
        ] {
            let error = database.try_execute(statement).await.unwrap_err().to_string();
            assert!(error.to_lowercase().contains("check constraint"), "{error}");
        }
    }
}
