//! Statements about webhook messages already applied.

use chrono::{DateTime, Utc};

use super::{Conn, StoreError, connection::on};

/// Records a message; the first statement of the transaction of its effect. `false` when the message
/// was recorded before, so that its effect must not happen again.
pub async fn insert_message(
    conn: Conn<'_>,
    id: &str,
    received_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "INSERT INTO webhook_messages (id, received_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
        .bind(id)
        .bind(received_at)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// Forgets messages received at or before `before`; answers how many.
pub async fn expire_messages(conn: Conn<'_>, before: DateTime<Utc>) -> Result<u64, StoreError> {
    on!(conn, link => sqlx::query("DELETE FROM webhook_messages WHERE received_at <= $1")
        .bind(before)
        .execute(link)
        .await
        .map(|done| done.rows_affected()))
}
