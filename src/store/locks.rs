//! Locks that a transaction takes in a statement of its own, and that end with it. Each database is
//! named in a `match`, so that one more would not compile without its locks.

#![expect(clippy::disallowed_methods, reason = "the text is of constants")]

use super::{
    StoreError,
    connection::{Conn, Link},
};
use crate::model::OrganizationId;

/// Serialises migrations of several instances; any constant does as long as it never changes.
const MIGRATION_LOCK: i64 = 0x6d69_7373_696f_6e63;

/// Serialises the migrations of several instances. They may take their time.
pub(super) async fn lock_migrations(conn: Conn<'_>) -> Result<(), StoreError> {
    let counter = conn.counter();
    match conn.link {
        // `BEGIN IMMEDIATE` has already excluded every other writer.
        Link::Sqlite(_) => {}
        Link::Postgres(link) => {
            // A lock that ends with the transaction: a pooler in transaction mode would lose one that
            // belongs to the session.
            let sql = format!(
                "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                 SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(link).await?;
            counter.count();
        }
    }
    Ok(())
}

/// Serialises everything that creates or removes what has this Clerk id, until the end of the
/// transaction. A transaction that locks several ids takes organization, user, membership in this order.
///
/// It must be a statement of its own, before the one that reads the tombstone: on READ COMMITTED a
/// statement sees what was committed when it began, so a check inside the inserting statement can miss
/// a deletion that commits while it waits.
///
/// PostgreSQL: an advisory lock on a hash of the id (two ids that share a hash merely wait for each
/// other).
pub async fn lock_clerk_id(conn: Conn<'_>, clerk_id: &str) -> Result<(), StoreError> {
    let counter = conn.counter();
    match conn.link {
        // `BEGIN IMMEDIATE` has already excluded every other writer.
        Link::Sqlite(_) => {}
        Link::Postgres(link) => {
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(clerk_id)
                .execute(link)
                .await?;
            counter.count();
        }
    }
    Ok(())
}

/// Locks organizations against a concurrent change of their memberships, in the order of their ids,
/// so that two transactions that want several cannot wait for each other in a circle.
pub async fn lock_organizations(conn: Conn<'_>, ids: &[OrganizationId]) -> Result<(), StoreError> {
    let counter = conn.counter();
    match conn.link {
        // `BEGIN IMMEDIATE` has already excluded every other writer.
        Link::Sqlite(_) => {}
        Link::Postgres(link) => {
            let mut sorted: Vec<_> = ids.iter().map(|id| id.0).collect();
            sorted.sort_unstable();
            sqlx::query("SELECT id FROM organizations WHERE id = ANY($1) ORDER BY id FOR UPDATE")
                .bind(sorted)
                .execute(link)
                .await?;
            counter.count();
        }
    }
    Ok(())
}
