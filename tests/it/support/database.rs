//! A fresh, migrated database for every test.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use mission_control::{
    config::{Environment, Settings},
    store::{DatabaseAddress, Store},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use uuid::Uuid;

/// Makes a test of its body on SQLite and one on PostgreSQL.
macro_rules! both {
    ($(#[$attribute:meta])* async fn $name:ident($database:ident) $body:block) => {
        mod $name {
            #[allow(unused_imports, reason = "a body may need nothing of its module")]
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

/// A database nobody else uses, without a table. The file goes with it; a PostgreSQL database goes with
/// the cluster.
pub struct EmptyDatabase {
    /// How to reach it.
    pub url: String,
    _directory: Option<tempfile::TempDir>,
}

/// The same, migrated.
pub struct TestDatabase {
    /// An open store.
    pub store: Store,
    place: EmptyDatabase,
}

impl Deref for TestDatabase {
    type Target = EmptyDatabase;

    fn deref(&self) -> &EmptyDatabase {
        &self.place
    }
}

impl TestDatabase {
    /// A file in a directory of its own.
    pub async fn sqlite() -> Self {
        Self::open(EmptyDatabase::sqlite()).await
    }

    /// A database in the throw-away cluster that `tests/run` starts.
    pub async fn postgres() -> Self {
        Self::open(EmptyDatabase::postgres().await).await
    }

    /// A database that is there already, brought up to date as by a server at its start.
    pub async fn open(place: EmptyDatabase) -> Self {
        let store = Store::connect(&parse(&place.url)).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, place }
    }

    /// The same with new connections; those of before must be closed.
    pub async fn reopened(self) -> Self {
        Self { store: self.second_instance().await, place: self.place }
    }

    /// A second instance's connections to the same database.
    pub async fn second_instance(&self) -> Store {
        Store::connect(&parse(&self.url)).await.unwrap()
    }
}

impl EmptyDatabase {
    /// A file in a directory of its own, which the first connection will make.
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path: PathBuf = directory.path().join("test.db");
        Self { url: format!("sqlite:{}", path.display()), _directory: Some(directory) }
    }

    /// A database in the throw-away cluster that `tests/run` starts.
    pub async fn postgres() -> Self {
        let name = format!("test_{}", Uuid::now_v7().simple());
        administer(&format!("CREATE DATABASE {name}")).await;
        let mut url = url::Url::parse(&cluster()).unwrap();
        url.set_path(&name);
        Self { url: url.into(), _directory: None }
    }

    /// Whether this is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// The name of a PostgreSQL database.
    pub fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap()
    }

    /// The file of a SQLite database.
    pub fn path(&self) -> &Path {
        Path::new(self.url.strip_prefix("sqlite:").unwrap())
    }

    /// Runs statements that only a test needs. On SQLite through a connection of its own.
    pub async fn execute(&self, sql: &str) {
        self.try_execute(sql).await.unwrap();
    }

    /// The same, for statements that may fail.
    pub async fn try_execute(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres() {
            let mut connection = PgConnection::connect(&self.url).await?;
            sqlx::raw_sql(sql).execute(&mut connection).await?;
        } else {
            // The first connection makes the file.
            let url = format!("{}?mode=rwc", self.url);
            let mut connection = SqliteConnection::connect(&url).await?;
            sqlx::raw_sql(sql).execute(&mut connection).await?;
        }
        Ok(())
    }

    /// The one number that a statement answers.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres() {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        }
    }

    /// The first column of what a statement answers, as text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres() {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
        }
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }

    /// How many transactions on this PostgreSQL database wait for a lock that another one holds.
    pub async fn waiting(&self) -> i64 {
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        self.number(waiting).await
    }

    /// Waits until exactly so many do.
    pub async fn until_waiting(&self, count: i64) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let found = self.waiting().await;
            if found == count {
                return;
            }
            assert!(Instant::now() < deadline, "{found} wait for a lock, not {count}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The address of the throw-away cluster's own database.
fn cluster() -> String {
    std::env::var("TEST_POSTGRES_URL")
        .expect("TEST_POSTGRES_URL is not set: run tests/run, which starts a throw-away PostgreSQL")
}

/// Runs a statement about databases, from outside of them.
pub async fn administer(sql: &str) {
    let mut connection = PgConnection::connect(&cluster()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Reads the address as the product does.
pub fn parse(url: &str) -> DatabaseAddress {
    let environment = Environment::from_pairs([("DATABASE_URL", url)]);
    Settings::read_database(&environment).unwrap().0.address
}
