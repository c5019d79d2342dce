//! The files of a SQLite database: readable by their owner alone, and still the ones that were opened.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use axum::http::StatusCode;
use mission_control::{http::CHECK_HOLDS, store::Store};
use serde_json::json;

use super::sample::user;
use crate::support::{TestApp, TestDatabase, parse, start};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[tokio::test]
async fn what_is_made_is_private() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/folder/accounts.db");
    // The usual mask takes nothing from the owner's group and the others but writing.
    let store = Store::connect(&parse(&format!("sqlite:{}", path.display()))).await.unwrap();
    store.migrate().await.unwrap();
    user(&store, "user_a").await;
    for file in [path.clone(), beside(&path, "-wal"), beside(&path, "-shm")] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    for folder in ["new", "new/folder"] {
        assert_eq!(mode(&directory.path().join(folder)), 0o700, "{folder}");
    }
}

#[tokio::test]
async fn rights_that_an_operator_gave_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("accounts.db");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let store = Store::connect(&parse(&format!("sqlite:{}", path.display()))).await.unwrap();
    store.migrate().await.unwrap();
    assert_eq!(mode(&path), 0o640);
}

type Happen = fn(&Path);

/// What may happen to the files under a running server. What is written to them afterwards would be gone
/// when the server stops, or when it is killed.
const ACCIDENTS: [(&str, Happen); 5] = [
    ("removed", |path| fs::remove_file(path).unwrap()),
    ("moved away", |path| fs::rename(path, beside(path, ".old")).unwrap()),
    ("replaced by a copy", |path| {
        let copy = beside(path, ".copy");
        fs::copy(path, &copy).unwrap();
        fs::rename(copy, path).unwrap();
    }),
    ("its log removed", |path| fs::remove_file(beside(path, "-wal")).unwrap()),
    ("its log replaced", |path| {
        let (log, copy) = (beside(path, "-wal"), beside(path, ".copy"));
        fs::copy(&log, &copy).unwrap();
        fs::rename(copy, log).unwrap();
    }),
];

async fn write(app: &TestApp, notes: &str) -> StatusCode {
    let token = app.token("user_a");
    let patch = Some(json!({ "notes": notes }));
    app.rest("PATCH", "/api/v1/users/me", Some(&token), patch).await.status
}

async fn readiness(app: &TestApp) -> (StatusCode, serde_json::Value) {
    tokio::time::sleep(CHECK_HOLDS).await;
    let answer = app.rest("GET", "/readyz", None, None).await;
    (answer.status, answer.json()["ok"].clone())
}

#[tokio::test]
async fn nothing_is_acknowledged_by_files_that_are_not_there_any_more() {
    for (accident, happen) in ACCIDENTS {
        let database = TestDatabase::sqlite().await;
        let app = start(&database).await;
        assert_eq!(write(&app, "before").await, StatusCode::OK, "{accident}");
        assert_eq!(readiness(&app).await, (StatusCode::OK, json!(true)), "{accident}");
        happen(database.path());
        for _ in 0..3 {
            assert_eq!(write(&app, "lost").await, StatusCode::SERVICE_UNAVAILABLE, "{accident}");
        }
        let not_ready = (StatusCode::SERVICE_UNAVAILABLE, json!(false));
        assert_eq!(readiness(&app).await, not_ready, "{accident}");
    }
}

#[tokio::test]
async fn a_file_that_is_put_back_is_served_again() {
    let database = TestDatabase::sqlite().await;
    let app = start(&database).await;
    assert_eq!(write(&app, "before").await, StatusCode::OK);
    let away = beside(database.path(), ".away");
    fs::rename(database.path(), &away).unwrap();
    assert_eq!(write(&app, "lost").await, StatusCode::SERVICE_UNAVAILABLE);
    fs::rename(&away, database.path()).unwrap();
    assert_eq!(write(&app, "after").await, StatusCode::OK);
    assert_eq!(readiness(&app).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_file_that_is_replaced_between_a_write_and_its_commit_acknowledges_nothing() {
    let database = TestDatabase::sqlite().await;
    user(&database.store, "user_a").await;
    let tx = database.store.begin().await.unwrap();
    fs::remove_file(database.path()).unwrap();
    let outcome = tx.commit().await;
    assert!(outcome.is_err(), "{outcome:?}");
}
