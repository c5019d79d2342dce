//! Statements about how far a synchronisation has come.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{Conn, StoreError, connection::on};

/// There is one at a time.
const NAME: &str = "clerk";

/// How far a synchronisation has come.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SyncPosition {
    /// Which list is being read: `users` or `organizations`.
    pub phase: String,
    /// How many of its entries are done.
    pub position: i64,
    /// What was found so far, as JSON.
    pub report: String,
}

/// Stores a position in the place of the one before.
pub async fn save_position(
    conn: Conn<'_>,
    position: &SyncPosition,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO sync_positions (name, phase, position, report, updated_at) \
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO UPDATE SET phase = excluded.phase, \
        position = excluded.position, report = excluded.report, updated_at = excluded.updated_at";
    on!(conn, link => sqlx::query(SQL)
        .bind(NAME)
        .bind(position.phase.as_str())
        .bind(position.position)
        .bind(position.report.as_str())
        .bind(now)
        .execute(link)
        .await
        .map(|_| ()))
}

/// The position that an interrupted synchronisation has left.
pub async fn find_position(conn: Conn<'_>) -> Result<Option<SyncPosition>, StoreError> {
    on!(conn, link => sqlx::query_as(
        "SELECT phase, position, report FROM sync_positions WHERE name = $1")
        .bind(NAME)
        .fetch_optional(link)
        .await)
}

/// Forgets the position.
pub async fn clear_position(conn: Conn<'_>) -> Result<(), StoreError> {
    on!(conn, link => sqlx::query("DELETE FROM sync_positions WHERE name = $1")
        .bind(NAME)
        .execute(link)
        .await
        .map(|_| ()))
}
