//! What can go wrong between a statement and its answer. Absence is not an error: a lookup that
//! finds nothing answers `None`.

use std::sync::Arc;

use super::dialect::{Reported, primary_code, reported};

use crate::error::ApiError;

/// A failed statement, sorted by what its caller can do about it. The text includes the driver's, so
/// the driver's error is not a source besides: that would print it twice. Cheap to clone, because a
/// statement may have failed for several requests at once.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot serve now: unreachable, restarting, out of connections, locked, full.
    /// Trying again later may work.
    #[error("the database cannot serve now: {0}")]
    Unavailable(Arc<sqlx::Error>),
    /// Another transaction was in the way (deadlock, serialisation). Trying again may work.
    #[error("a concurrent transaction was in the way: {0}")]
    Contention(Arc<sqlx::Error>),
    /// More writes wait for the database than it can serve in reasonable time.
    #[error("too many writes wait for the database")]
    Overloaded,
    /// The database file is no longer where it was opened; what is written to it would be lost.
    #[error("the database file was removed or replaced while it was open")]
    Displaced,
    /// Something stored cannot be read: a value in a row, or the database file is damaged. Trying again
    /// does not help.
    #[error("what is stored cannot be read: {0}")]
    Corrupt(String),
    /// Anything else: a fault in a statement of ours.
    #[error("the database refused a statement: {0}")]
    Driver(Arc<sqlx::Error>),
    /// The database is not one that can be used, whatever is stored in it.
    #[error("{reason}; {fix}")]
    Unsuitable {
        /// Why not.
        reason: String,
        /// What to do.
        fix: String,
    },
    /// The schema of the database does not fit this version.
    #[error("{0}")]
    Migration(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(error.into()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Corrupt(error.to_string())
            }
            sqlx::Error::Database(_) => {
                let variant = match reported(&error) {
                    Some(Reported::Postgres(cause)) => of_postgres(cause.code()),
                    Some(Reported::Sqlite(cause)) => of_sqlite(primary_code(cause)),
                    None => Self::Driver,
                };
                variant(error.into())
            }
            _ => Self::Driver(error.into()),
        }
    }
}

/// The variant of [`StoreError`] that an error comes to.
type Variant = fn(Arc<sqlx::Error>) -> StoreError;

/// Sorts an SQLSTATE of PostgreSQL (appendix A of its manual).
fn of_postgres(code: &str) -> Variant {
    match code {
        // Serialisation failure, deadlock.
        "40001" | "40P01" => StoreError::Contention,
        // Read-only transaction (a standby after a fail-over), input or output error; a prepared statement
        // that a pooler in transaction mode left on another connection, which is noticed at the start unless
        // the pooler came later.
        "25006" | "58030" | "26000" | "42P05" => StoreError::Unavailable,
        // Connection exceptions, insufficient resources, operator intervention, object in use; invalid
        // authorization and invalid catalog name while a server is set up or its roles are changed.
        code if ["08", "53", "57", "55", "28", "3D"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            StoreError::Unavailable
        }
        _ => StoreError::Driver,
    }
}

/// Sorts a primary result code of SQLite (<https://sqlite.org/rescode.html>).
fn of_sqlite(code: Option<u32>) -> Variant {
    match code {
        // PERM, BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL
        Some(3 | 5 | 6 | 7 | 8 | 10 | 13 | 14 | 15) => StoreError::Unavailable,
        // CORRUPT, NOTADB
        Some(11 | 26) => |error| StoreError::Corrupt(error.to_string()),
        _ => StoreError::Driver,
    }
}

/// What the client may know of a failed statement; what it may not is logged here, once.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_)
            | StoreError::Contention(_)
            | StoreError::Overloaded
            | StoreError::Displaced => {
                tracing::warn!(%error, "the database cannot serve a request");
                Self::unavailable()
            }
            StoreError::Corrupt(_)
            | StoreError::Driver(_)
            | StoreError::Unsuitable { .. }
            | StoreError::Migration(_) => {
                tracing::error!(%error, "a statement failed");
                Self::internal()
            }
        }
    }
}
