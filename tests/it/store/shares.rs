//! What one user, or many who wait, may take of the database from the others.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use serde_json::json;
use sqlx::Connection;

use crate::support::{Answer, TestApp, TestDatabase, start};

const ME: &str = "{ me { id } }";

async fn me(app: &TestApp, user: &str) -> StatusCode {
    app.query(Some(&app.token(user)), ME).await.status
}

async fn write(app: &TestApp, user: &str, notes: &str) -> Answer {
    let token = app.token(user);
    app.rest("PATCH", "/api/v1/users/me", Some(&token), Some(json!({ "notes": notes }))).await
}

fn write_soon(app: &Arc<TestApp>, user: &str, notes: String) -> tokio::task::JoinHandle<Answer> {
    let (app, user) = (app.clone(), user.to_owned());
    tokio::spawn(async move { write(&app, &user, &notes).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_whose_row_is_locked_takes_one_connection_from_the_others() {
    let database = TestDatabase::postgres().await;
    let app = Arc::new(start(&database).await);
    for user in ["user_a", "user_b"] {
        assert_eq!(me(&app, user).await, StatusCode::OK);
    }
    let mut other = sqlx::PgConnection::connect(&database.url).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM users WHERE clerk_user_id = 'user_a' FOR UPDATE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let own: Vec<_> =
        (0..40).map(|number| write_soon(&app, "user_a", number.to_string())).collect();
    database.until_waiting(1).await;
    for number in 0..20 {
        assert_eq!(me(&app, "user_b").await, StatusCode::OK);
        assert_eq!(write(&app, "user_b", &number.to_string()).await.status, StatusCode::OK);
        assert_eq!(me(&app, &format!("user_new_{number}")).await, StatusCode::OK);
        assert_eq!(me(&app, "user_a").await, StatusCode::OK, "reading waits for nobody");
    }
    assert_eq!(database.waiting().await, 1);
    lock.rollback().await.unwrap();
    for answer in own {
        assert_eq!(answer.await.unwrap().status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_wait_leave_connections_to_those_that_read() {
    let database = TestDatabase::postgres().await;
    let app = Arc::new(start(&database).await);
    for number in 0..30 {
        assert_eq!(me(&app, &format!("user_{number}")).await, StatusCode::OK);
    }
    let mut other = sqlx::PgConnection::connect(&database.url).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::query("LOCK TABLE users IN SHARE MODE").execute(&mut *lock).await.unwrap();
    let writers: Vec<_> =
        (0..30).map(|number| write_soon(&app, &format!("user_{number}"), "x".into())).collect();
    database.until_waiting(7).await;
    for number in 0..30 {
        assert_eq!(me(&app, &format!("user_{number}")).await, StatusCode::OK);
    }
    assert_eq!(database.waiting().await, 7);
    lock.rollback().await.unwrap();
    for answer in writers {
        assert_eq!(answer.await.unwrap().status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_says_early_that_more_writes_wait_than_it_can_serve() {
    const WRITES: usize = 300;
    const PLACES: usize = 256;
    let database = TestDatabase::sqlite().await;
    let app = Arc::new(start(&database).await);
    assert_eq!(me(&app, "user_reader").await, StatusCode::OK);
    let mut other = sqlx::SqliteConnection::connect(&database.url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let tokens: Vec<_> = (0..WRITES).map(|number| app.token(&format!("user_{number}"))).collect();
    let began = Instant::now();
    let (sender, mut answers) = tokio::sync::mpsc::unbounded_channel();
    for token in tokens {
        let (app, sender) = (app.clone(), sender.clone());
        tokio::spawn(async move {
            sender.send(app.query(Some(&token), ME).await.status).unwrap();
        });
    }
    for number in PLACES..WRITES {
        let early = answers.recv().await.unwrap();
        assert_eq!(early, StatusCode::SERVICE_UNAVAILABLE, "answer {number}");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "before those that wait give up");
    assert_eq!(me(&app, "user_reader").await, StatusCode::OK);
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    for number in 0..PLACES {
        assert_eq!(answers.recv().await.unwrap(), StatusCode::OK, "answer {number}");
    }
}
