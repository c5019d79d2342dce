//! A SQLite database as a file: a consistent copy of it, what is in it, and whether anybody has it. For commands;
//! a server does nothing of this.

#![expect(clippy::disallowed_methods, reason = "one statement over several tables")]

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use super::{
    Conn, StoreError,
    connection::{Link, StatementCounter},
    dialect, migrations,
    timeouts::ACQUIRE_TIMEOUT,
};
use crate::private_files;

/// Tables and the column with the time of the latest change.
const CHANGES: [(&str, &str); 6] = [
    ("users", "updated_at"),
    ("organizations", "updated_at"),
    ("organization_members", "updated_at"),
    ("organization_invitations", "created_at"),
    ("tombstones", "deleted_at"),
    ("webhook_messages", "received_at"),
];

/// What is in a database file that was examined and found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contents {
    /// How many users.
    pub(crate) users: i64,
    /// When anything was changed last, as stored: times in this form compare as texts.
    pub(crate) latest_change: Option<String>,
}

/// The files beside a database that belong to it.
pub(crate) fn companions(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}

/// Copies a database, which may be in use, into a new file that only its owner may read. The copy is of
/// one moment, and holds no free pages.
pub(crate) async fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    // SQLite takes an empty file for a new one; made by SQLite itself it would be readable by others.
    private_files::create(to).map_err(sqlx::Error::Io)?;
    let mut connection = options(from).connect().await?;
    let target = to.to_str().ok_or_else(|| {
        sqlx::Error::Io(io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8"))
    })?;
    sqlx::query("VACUUM INTO $1").bind(target).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Reads the whole file for damage, and refuses one that this version cannot serve.
pub(crate) async fn examine(path: &Path) -> Result<Contents, StoreError> {
    let mut connection = options(path).connect().await?;
    let found: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_all(&mut connection).await?;
    if found != ["ok"] {
        return Err(StoreError::Corrupt(found.join("; ")));
    }
    let counter = StatementCounter::default();
    migrations::refuse_unfit(Conn::new(Link::Sqlite(&mut connection), &counter)).await?;
    let users = sqlx::query_scalar("SELECT COUNT(*) FROM users").fetch_one(&mut connection).await?;
    let each = CHANGES.map(|(table, column)| format!("SELECT MAX({column}) AS t FROM {table}"));
    let latest = format!("SELECT MAX(t) FROM ({})", each.join(" UNION ALL "));
    let latest_change =
        sqlx::query_scalar(sqlx::AssertSqlSafe(latest)).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(Contents { users, latest_change })
}

/// Folds the write-ahead log into the file. `false` while a server, or anybody else, has the database open.
pub(crate) async fn fold(path: &Path) -> Result<bool, StoreError> {
    let mut connection = options(path).busy_timeout(Duration::ZERO).connect().await?;
    // Every connection to a database with a write-ahead log holds a lock for as long as it is open, and
    // this change needs all others gone.
    let changed: Result<String, _> =
        sqlx::query_scalar("PRAGMA journal_mode = DELETE").fetch_one(&mut connection).await;
    connection.close().await?;
    match changed {
        Err(error) if dialect::is_busy(&error) => Ok(false),
        Err(error) => Err(error.into()),
        Ok(mode) => Ok(mode == "delete"),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(ACQUIRE_TIMEOUT)
        .disable_statement_logging()
}
