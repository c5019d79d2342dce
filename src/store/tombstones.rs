//! Statements about tombstones: what was deleted and must not come back.

use chrono::{DateTime, Utc};

use super::{Conn, StoreError, connection::on};

/// The memory of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstone {
    /// Deleted at Clerk too: every session is refused, without end. Otherwise the Clerk user was kept, and
    /// a token issued later starts a new account.
    pub is_permanent: bool,
    /// When it was deleted here.
    pub deleted_at: DateTime<Utc>,
}

/// What a tombstone stands for. Clerk's ids carry their kind in a prefix, but that is Clerk's matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TombstoneKind {
    /// A user.
    User,
    /// A mirrored organization.
    Organization,
    /// A mirrored membership, by its `orgmem_` id.
    Membership,
}

impl TombstoneKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Organization => "organization",
            Self::Membership => "membership",
        }
    }
}

/// Writes a tombstone. One that is permanent stays so, and the later time of two deletions counts.
pub async fn write_tombstone(
    conn: Conn<'_>,
    kind: TombstoneKind,
    clerk_id: &str,
    tombstone: Tombstone,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO tombstones (kind, clerk_id, permanent, deleted_at) \
        VALUES ($1, $2, $3, $4) ON CONFLICT (kind, clerk_id) DO UPDATE SET \
        permanent = (tombstones.permanent OR excluded.permanent), \
        deleted_at = CASE WHEN excluded.deleted_at > tombstones.deleted_at \
            THEN excluded.deleted_at ELSE tombstones.deleted_at END";
    on!(conn, link => sqlx::query(SQL)
        .bind(kind.as_str())
        .bind(clerk_id)
        .bind(tombstone.is_permanent)
        .bind(tombstone.deleted_at)
        .execute(link)
        .await
        .map(|_| ()))
}

/// Reads a tombstone.
pub async fn find_tombstone(
    conn: Conn<'_>,
    kind: TombstoneKind,
    clerk_id: &str,
) -> Result<Option<Tombstone>, StoreError> {
    let row: Option<(bool, DateTime<Utc>)> = on!(conn, link => sqlx::query_as(
        "SELECT permanent, deleted_at FROM tombstones WHERE kind = $1 AND clerk_id = $2")
        .bind(kind.as_str())
        .bind(clerk_id)
        .fetch_optional(link)
        .await)?;
    Ok(row.map(|(is_permanent, deleted_at)| Tombstone { is_permanent, deleted_at }))
}
