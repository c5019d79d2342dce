//! What can go wrong between a statement and its answer. Absence is not an error: a lookup that
//! finds nothing answers `None`.

use std::sync::Arc;

use sqlx::error::DatabaseError;

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
    /// A row holds something that this version cannot read.
    #[error("a stored row cannot be read: {0}")]
    Corrupt(String),
    /// Anything else: a fault in a statement of ours.
    #[error("the database refused a statement: {0}")]
    Driver(Arc<sqlx::Error>),
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
            sqlx::Error::Database(cause) => match kind_of(cause.as_ref()) {
                Kind::Unavailable => Self::Unavailable(error.into()),
                Kind::Contention => Self::Contention(error.into()),
                Kind::Fault => Self::Driver(error.into()),
            },
            _ => Self::Driver(error.into()),
        }
    }
}

enum Kind {
    Unavailable,
    Contention,
    Fault,
}

/// Sorts an error the database itself reported.
///
/// PostgreSQL: SQLSTATE, appendix A of its manual. SQLite: result codes, whose low byte is the
/// primary code (<https://sqlite.org/rescode.html>).
fn kind_of(error: &dyn DatabaseError) -> Kind {
    let Some(code) = error.code() else { return Kind::Fault };
    if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        return match code.as_ref() {
            "40001" | "40P01" => Kind::Contention,
            // A standby after a fail-over, or a failing disk.
            "25006" | "58030" => Kind::Unavailable,
            // Connection exceptions, insufficient resources, operator intervention, object in use;
            // 28 and 3D while a server is set up or its roles are changed.
            code if ["08", "53", "57", "55", "28", "3D"]
                .iter()
                .any(|class| code.starts_with(class)) =>
            {
                Kind::Unavailable
            }
            _ => Kind::Fault,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        // PERM, BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB
        Ok(3 | 5 | 6 | 7 | 8 | 10 | 11 | 13 | 14 | 15 | 26) => Kind::Unavailable,
        _ => Kind::Fault,
    }
}

/// What the client may know of a failed statement; what it may not is logged here, once.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Contention(_) => {
                tracing::warn!(%error, "the database cannot serve a request");
                Self::unavailable()
            }
            StoreError::Corrupt(_) | StoreError::Driver(_) | StoreError::Migration(_) => {
                tracing::error!(%error, "a statement failed");
                Self::internal()
            }
        }
    }
}
