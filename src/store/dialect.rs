//! Where SQLite and PostgreSQL are spelled differently, by name. What they lock differently is in
//! [`locks`](super::locks). Knows no connection.

use sqlx::{
    Postgres, Sqlite, error::DatabaseError, postgres::PgDatabaseError, sqlite::SqliteError,
};

/// How a transaction that writes begins on SQLite: it takes the one write lock at once, because a
/// transaction that reads first and writes later fails without waiting when another wrote between.
pub(crate) const SQLITE_BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// How a transaction that writes begins on PostgreSQL: on the isolation that the
/// [locks](super::locks) and the migrations rely on, whatever the default of the database or the role is. On a stricter one every
/// statement would see what was committed before the lock was waited for.
pub(crate) const POSTGRES_BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// What the two spell differently within a statement.
pub(super) trait Spelling {
    /// The function that makes a JSON array of its arguments.
    const JSON_ARRAY: &str;
    /// The function that makes a JSON array of one value per row.
    const JSON_AGGREGATE: &str;
    /// Ends a query whose row of the table `o` is about to be referred to, and so must not be deleted
    /// before the transaction ends. Without it the reference can be to nothing by the time it is
    /// checked. SQLite has excluded every other writer.
    const KEEP_KEY: &str;
    /// Behind an expression that is ordered by: texts in the order of their code points, whatever the locale
    /// of the database is.
    const BY_CODE_POINT: &str;
}

impl Spelling for Sqlite {
    const JSON_ARRAY: &str = "json_array";
    const JSON_AGGREGATE: &str = "json_group_array";
    const KEEP_KEY: &str = "";
    const BY_CODE_POINT: &str = " COLLATE BINARY";
}

impl Spelling for Postgres {
    const JSON_ARRAY: &str = "json_build_array";
    const JSON_AGGREGATE: &str = "json_agg";
    const KEEP_KEY: &str = " FOR KEY SHARE OF o";
    const BY_CODE_POINT: &str = " COLLATE \"C\"";
}

/// Whether a statement failed because its table does not exist. PostgreSQL has a code for that
/// (`undefined_table`); SQLite has only the text of its general error (`SQLITE_ERROR`).
pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    match reported(error) {
        Some(Reported::Postgres(error)) => error.code() == "42P01",
        Some(Reported::Sqlite(error)) => {
            primary_code(error) == Some(1) && error.message().starts_with("no such table")
        }
        None => false,
    }
}

/// Whether SQLite gave up because another connection has the file (`SQLITE_BUSY`).
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    match reported(error) {
        Some(Reported::Sqlite(error)) => primary_code(error) == Some(5),
        Some(Reported::Postgres(_)) | None => false,
    }
}

/// Whether SQLite had opened a file for reading only (`SQLITE_READONLY`).
pub(super) fn is_read_only(error: &sqlx::Error) -> bool {
    match reported(error) {
        Some(Reported::Sqlite(error)) => primary_code(error) == Some(8),
        Some(Reported::Postgres(_)) | None => false,
    }
}

/// An error that a database itself reported, as opposed to one of the driver.
pub(super) enum Reported<'e> {
    Sqlite(&'e SqliteError),
    Postgres(&'e PgDatabaseError),
}

/// What the database reported, if the error comes from there.
pub(super) fn reported(error: &sqlx::Error) -> Option<Reported<'_>> {
    let error = error.as_database_error()?;
    let sqlite = error.try_downcast_ref().map(Reported::Sqlite);
    sqlite.or_else(|| error.try_downcast_ref().map(Reported::Postgres))
}

/// SQLite's primary result code, the low byte of the extended one
/// (<https://sqlite.org/rescode.html>).
pub(super) fn primary_code(error: &SqliteError) -> Option<u32> {
    error.code()?.parse::<u32>().ok().map(|code| code & 0xff)
}
