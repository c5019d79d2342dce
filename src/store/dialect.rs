//! Every place where SQLite and PostgreSQL must be told different things, by name.

use sqlx::{Postgres, Sqlite};

use super::{
    StoreError,
    connection::{Conn, Link},
};
use crate::model::OrganizationId;

/// How a transaction that writes begins on SQLite: it takes the one write lock at once, because a
/// transaction that reads first and writes later fails without waiting when another wrote between.
pub const SQLITE_BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// How a transaction that writes begins on PostgreSQL: on the isolation that [`lock_clerk_id`] and the
/// migrations rely on, whatever the default of the database or the role is. On a stricter one every
/// statement would see what was committed before the lock was waited for.
pub const POSTGRES_BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

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
}

impl Spelling for Sqlite {
    const JSON_ARRAY: &str = "json_array";
    const JSON_AGGREGATE: &str = "json_group_array";
    const KEEP_KEY: &str = "";
}

impl Spelling for Postgres {
    const JSON_ARRAY: &str = "json_build_array";
    const JSON_AGGREGATE: &str = "json_agg";
    const KEEP_KEY: &str = " FOR KEY SHARE OF o";
}

/// Serialises everything that creates or removes what has this Clerk id, until the end of the
/// transaction. Who locks several takes organization, user, membership in this order.
///
/// It must be a statement of its own, before the one that reads the tombstone: on READ COMMITTED a
/// statement sees what was committed when it began, so a check inside the inserting statement can miss
/// a deletion that commits while it waits.
///
/// PostgreSQL: an advisory lock on a hash of the id (two ids that share a hash merely wait for each
/// other). SQLite: `BEGIN IMMEDIATE` has already excluded every other writer.
pub async fn lock_clerk_id(conn: Conn<'_>, clerk_id: &str) -> Result<(), StoreError> {
    conn.count_on_postgres();
    if let Link::Postgres(link) = conn.link {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(clerk_id)
            .execute(link)
            .await?;
    }
    Ok(())
}

/// Locks organizations against a concurrent change of their memberships, in the order of their ids,
/// so that two transactions that want several cannot wait for each other in a circle.
pub async fn lock_organizations(conn: Conn<'_>, ids: &[OrganizationId]) -> Result<(), StoreError> {
    conn.count_on_postgres();
    if let Link::Postgres(link) = conn.link {
        let mut sorted: Vec<_> = ids.iter().map(|id| id.0).collect();
        sorted.sort_unstable();
        sqlx::query("SELECT id FROM organizations WHERE id = ANY($1) ORDER BY id FOR UPDATE")
            .bind(sorted)
            .execute(link)
            .await?;
    }
    Ok(())
}

/// Whether a statement failed because its table does not exist. PostgreSQL has a code for that; SQLite
/// has only the text of its general error.
pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    match error.code().as_deref() {
        Some("42P01") => true,
        Some("1") => error.message().starts_with("no such table"),
        _ => false,
    }
}

/// Whether SQLite gave up because another connection has the file (`SQLITE_BUSY`).
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    error.code().and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}
