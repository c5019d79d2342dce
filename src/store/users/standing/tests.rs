//! How SQLite finds the rows of the statements that every request runs.

use std::{collections::HashSet, path::PathBuf};

use sqlx::{AssertSqlSafe, Sqlite};

use super::{Lookup, statement};
use crate::store::{DatabaseAddress, Store, connection::Link};

async fn plan(statement: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join("plan.db");
    let store = Store::connect(&DatabaseAddress::Sqlite { path }).await.unwrap();
    store.migrate().await.unwrap();
    let mut reader = store.read().await.unwrap();
    let Link::Sqlite(link) = reader.conn().link else { panic!("not SQLite") };
    #[expect(clippy::disallowed_methods, reason = "the statement is a constant of ours")]
    let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(sql).fetch_all(link).await.unwrap();
    rows.into_iter().map(|(.., detail)| detail).collect()
}

#[tokio::test]
async fn a_session_is_looked_up_by_one_index_probe_in_each_table() {
    for lookups in [1, 2] {
        let lookup = Lookup { with_memberships: true, ..Lookup::of_user("user_a") };
        let statement = statement::<Sqlite>(&vec![lookup; lookups], 101);
        let plan = plan(statement.sql().as_str()).await;
        for table in ["u", "t", "r", "tok", "tm", "organization_members", "o"] {
            let probe = format!("SEARCH {table} USING ");
            assert!(plan.iter().any(|step| step.starts_with(&probe)), "{table}: {plan:#?}");
        }
        for step in &plan {
            // The rows that are made of the keys, to which everything is joined, and those of one
            // user's memberships.
            let is_made =
                matches!(step.as_str(), "SCAN s" | "SCAN m") || step.contains("CONSTANT ROW");
            let is_scan = step.starts_with("SCAN ") && !is_made;
            assert!(!is_scan && !step.contains("AUTOMATIC"), "{plan:#?}");
        }
    }
}

#[test]
fn a_few_texts_serve_every_number_of_lookups() {
    let texts: HashSet<_> = (1..=64)
        .map(|number| {
            statement::<Sqlite>(&vec![Lookup::of_user("user_a"); number], 101)
                .sql()
                .as_str()
                .to_owned()
        })
        .collect();
    assert_eq!(texts.len(), 7);
}
