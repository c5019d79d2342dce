//! How long a request waits for the database, and how long the database works for one request.

use std::{future::Future, time::Duration};

/// How long a request waits for a connection, or for SQLite's write lock, before it is told that the
/// database cannot serve.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection to PostgreSQL may take to answer the liveness checks of the pool.
pub(super) const LIVENESS_TIMEOUT: Duration = Duration::from_secs(1);

/// Settings of a PostgreSQL session: one client cannot occupy it for longer, whatever it asks for. What
/// the role, the database or the address sets already stays.
pub(super) const SESSION_TIMEOUTS: [(&str, &str); 3] = [
    ("statement_timeout", "15s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "30s"),
];
/// How often PostgreSQL (14 and later, on Linux) looks whether the client of a running statement is still
/// there; without it a statement that was given up runs on.
pub(super) const CONNECTION_CHECK: (&str, &str) = ("client_connection_check_interval", "1s");

/// The work, or an error when it takes longer.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let late = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(limit, work).await.map_err(late)?
}
