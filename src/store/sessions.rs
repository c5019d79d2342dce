//! Statements about sessions that count no more. The statement that finds a user reads them; these
//! write and expire them.

use chrono::{DateTime, Utc};

use super::{Conn, StoreError, connection::on};

/// Refuses a session that lives on at Clerk, from now on and until [`end_session`].
pub async fn revoke_session(
    conn: Conn<'_>,
    session_id: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    on!(conn, link => sqlx::query(
        "INSERT INTO revoked_sessions (session_id, revoked_at) VALUES ($1, $2) \
         ON CONFLICT (session_id) DO UPDATE SET expires_at = NULL")
        .bind(session_id)
        .bind(now)
        .execute(link)
        .await
        .map(|_| ()))
}

/// Refuses a session that is over at Clerk until `expires_at`, when no token of its is left. Of two such times the
/// later counts.
pub async fn end_session(
    conn: Conn<'_>,
    session_id: &str,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    on!(conn, link => sqlx::query(
        "INSERT INTO revoked_sessions (session_id, revoked_at, expires_at) VALUES ($1, $2, $3) \
         ON CONFLICT (session_id) DO UPDATE SET expires_at = \
         CASE WHEN revoked_sessions.expires_at > excluded.expires_at THEN revoked_sessions.expires_at \
              ELSE excluded.expires_at END")
        .bind(session_id)
        .bind(now)
        .bind(expires_at)
        .execute(link)
        .await
        .map(|_| ()))
}

/// Forgets the revocations that expired at or before `now`; answers how many.
pub async fn expire_revocations(conn: Conn<'_>, now: DateTime<Utc>) -> Result<u64, StoreError> {
    on!(conn, link => sqlx::query(
        "DELETE FROM revoked_sessions WHERE expires_at IS NOT NULL AND expires_at <= $1")
        .bind(now)
        .execute(link)
        .await
        .map(|done| done.rows_affected()))
}
