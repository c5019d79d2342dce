//! Statements about sessions that count no more. The statement that finds a user reads them; these
//! write and expire them.

use chrono::{DateTime, Utc};

use super::{Conn, StoreError, connection::on};

/// Refuses a session from now on, until `expires_at` or for ever. Of two expiries the later counts.
pub async fn revoke_session(
    conn: Conn<'_>,
    session_id: &str,
    now: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO revoked_sessions (session_id, revoked_at, expires_at) \
        VALUES ($1, $2, $3) ON CONFLICT (session_id) DO UPDATE SET expires_at = \
        CASE WHEN revoked_sessions.expires_at IS NULL OR excluded.expires_at IS NULL THEN NULL \
             WHEN excluded.expires_at > revoked_sessions.expires_at THEN excluded.expires_at \
             ELSE revoked_sessions.expires_at END";
    on!(conn, link => sqlx::query(SQL)
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
