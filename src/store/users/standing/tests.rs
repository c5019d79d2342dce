//! How SQLite finds the rows of the statements that every request runs.

use std::path::PathBuf;

use sqlx::AssertSqlSafe;

use super::{FIND_STANDING, FIND_STANDING_WITH_MEMBERSHIPS};
use crate::{
    config::DatabaseUrl,
    store::{Store, connection::Link},
};

async fn plan(statement: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join("plan.db");
    let store = Store::connect(&DatabaseUrl::Sqlite { path }).await.unwrap();
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
    for (statement, aliases) in [
        (FIND_STANDING, &["u", "t", "r", "tok", "tm"][..]),
        (FIND_STANDING_WITH_MEMBERSHIPS, &["u", "t", "r", "tok", "tm", "m", "o"][..]),
    ] {
        let plan = plan(statement).await;
        for alias in aliases {
            let probe = format!("SEARCH {alias} USING ");
            assert!(plan.iter().any(|step| step.starts_with(&probe)), "{alias}: {plan:#?}");
        }
        for step in &plan {
            // The one row that is made of the key; everything else is joined to it.
            let is_key = matches!(step.as_str(), "SCAN CONSTANT ROW" | "SCAN s");
            let is_scan = step.starts_with("SCAN ") && !is_key;
            assert!(!is_scan && !step.contains("AUTOMATIC"), "{plan:#?}");
        }
    }
}
