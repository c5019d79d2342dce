//! The mark of a deletion under way, which outlives the process that set it.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use crate::{
    model::{AttemptId, UserId},
    store::{Conn, StoreError, connection::on},
};

/// The mark of a deletion under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionMark {
    /// Whom it is about.
    pub user_id: UserId,
    /// The same, at Clerk.
    pub clerk_user_id: String,
    /// Which attempt set it.
    pub attempt: AttemptId,
    /// Whether the user is to go at Clerk too.
    pub from_clerk: bool,
    /// The sessions that asked, when the user asked for the own account.
    pub sessions: Vec<String>,
    /// When it was set.
    pub marked_at: DateTime<Utc>,
}

/// Marks a user for deletion, taking over the mark of an earlier attempt. `false` when the user is gone.
pub async fn mark_deletion(conn: Conn<'_>, mark: &DeletionMark) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "UPDATE users SET deletion_attempt = $2, deletion_marked_at = $3, deletion_from_clerk = $4, \
         deletion_sessions = $5 WHERE id = $1")
        .bind(mark.user_id)
        .bind(mark.attempt)
        .bind(mark.marked_at)
        .bind(mark.from_clerk)
        // Ids of sessions are visible ASCII.
        .bind((!mark.sessions.is_empty()).then(|| mark.sessions.join(" ")))
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// Takes the mark off again, if it is still the one of this attempt.
pub async fn unmark_deletion(
    conn: Conn<'_>,
    id: UserId,
    attempt: AttemptId,
) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "UPDATE users SET deletion_attempt = NULL, deletion_marked_at = NULL, \
         deletion_from_clerk = NULL, deletion_sessions = NULL \
         WHERE id = $1 AND deletion_attempt = $2")
        .bind(id)
        .bind(attempt)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

#[derive(FromRow)]
struct DeletionMarkColumns {
    id: UserId,
    clerk_user_id: String,
    deletion_attempt: AttemptId,
    deletion_from_clerk: bool,
    deletion_sessions: Option<String>,
    deletion_marked_at: DateTime<Utc>,
}

/// The select list that [`DeletionMarkColumns`] reads.
macro_rules! select_mark {
    () => {
        "SELECT id, clerk_user_id, deletion_attempt, deletion_from_clerk, deletion_sessions, \
         deletion_marked_at FROM users"
    };
}

impl From<DeletionMarkColumns> for DeletionMark {
    fn from(row: DeletionMarkColumns) -> Self {
        let sessions = row.deletion_sessions.unwrap_or_default();
        Self {
            user_id: row.id,
            clerk_user_id: row.clerk_user_id,
            attempt: row.deletion_attempt,
            from_clerk: row.deletion_from_clerk,
            sessions: sessions.split_ascii_whitespace().map(str::to_owned).collect(),
            marked_at: row.deletion_marked_at,
        }
    }
}

/// The mark on a user, if a deletion is under way.
pub async fn find_deletion_mark(
    conn: Conn<'_>,
    id: UserId,
) -> Result<Option<DeletionMark>, StoreError> {
    let row: Option<DeletionMarkColumns> = on!(conn, link => sqlx::query_as(concat!(
        select_mark!(),
        " WHERE id = $1 AND deletion_marked_at IS NOT NULL"))
        .bind(id)
        .fetch_optional(link)
        .await)?;
    Ok(row.map(DeletionMark::from))
}

/// The oldest deletion marks set at or before `before`: attempts that were interrupted.
pub async fn find_stale_deletion_marks(
    conn: Conn<'_>,
    before: DateTime<Utc>,
) -> Result<Vec<DeletionMark>, StoreError> {
    let rows: Vec<DeletionMarkColumns> = on!(conn, link => sqlx::query_as(concat!(
        select_mark!(),
        " WHERE deletion_marked_at IS NOT NULL AND deletion_marked_at <= $1 \
         ORDER BY deletion_marked_at LIMIT 100"))
        .bind(before)
        .fetch_all(link)
        .await)?;
    Ok(rows.into_iter().map(DeletionMark::from).collect())
}

/// Takes over a stale mark by compare-and-set: of several instances that try, one gets `true`.
pub async fn take_over_deletion_mark(
    conn: Conn<'_>,
    stale: &DeletionMark,
    attempt: AttemptId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "UPDATE users SET deletion_attempt = $3, deletion_marked_at = $4 \
         WHERE id = $1 AND deletion_attempt = $2")
        .bind(stale.user_id)
        .bind(stale.attempt)
        .bind(attempt)
        .bind(now)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}
