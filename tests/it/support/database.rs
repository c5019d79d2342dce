//! A fresh, migrated database for every test.

use std::path::PathBuf;

use mission_control::{
    config::{DatabaseUrl, Environment, Settings},
    store::Store,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

/// Makes a test of its body on SQLite and one on PostgreSQL.
macro_rules! both {
    ($(#[$attribute:meta])* async fn $name:ident($database:ident) $body:block) => {
        mod $name {
            use super::*;

            async fn case($database: $crate::support::TestDatabase) $body

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                case($crate::support::TestDatabase::sqlite().await).await;
            }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                case($crate::support::TestDatabase::postgres().await).await;
            }
        }
    };
}
pub(crate) use both;

/// A database nobody else uses. The file goes with it; a PostgreSQL database goes with the cluster.
pub struct TestDatabase {
    /// How to reach it.
    pub url: String,
    /// An open, migrated store.
    pub store: Store,
    _directory: Option<tempfile::TempDir>,
}

impl TestDatabase {
    /// A file in a directory of its own.
    pub async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path: PathBuf = directory.path().join("test.db");
        Self::open(format!("sqlite:{}", path.display()), Some(directory)).await
    }

    /// A database in the throw-away cluster that `tests/run` starts.
    pub async fn postgres() -> Self {
        let cluster = std::env::var("TEST_POSTGRES_URL").expect(
            "TEST_POSTGRES_URL is not set: run tests/run, which starts a throw-away PostgreSQL",
        );
        let name = format!("test_{}", Uuid::now_v7().simple());
        let mut connection = PgConnection::connect(&cluster).await.unwrap();
        let create = format!("CREATE DATABASE {name}");
        sqlx::query(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let mut url = url::Url::parse(&cluster).unwrap();
        url.set_path(&name);
        Self::open(url.into(), None).await
    }

    async fn open(url: String, directory: Option<tempfile::TempDir>) -> Self {
        let store = Store::connect(&parse(&url)).await.unwrap();
        store.migrate().await.unwrap();
        Self { url, store, _directory: directory }
    }

    /// A second instance's connections to the same database.
    pub async fn second_instance(&self) -> Store {
        Store::connect(&parse(&self.url)).await.unwrap()
    }

    /// Whether this is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// Runs a statement that only a test needs. On SQLite through a connection of its own.
    pub async fn execute(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres() {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
    }

    /// The one number that a statement answers.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres() {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        } else {
            let mut connection = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        }
    }

    /// The lines of text that a statement answers.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres() {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
        } else {
            let mut connection = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
        }
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }
}

/// Reads the address as the product does.
pub fn parse(url: &str) -> DatabaseUrl {
    let environment = Environment::from_pairs([("DATABASE_URL", url)]);
    Settings::read_database(&environment).unwrap().0.url
}
