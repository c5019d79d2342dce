//! Users as an operator looks for them, outside any session. Nothing here is asked by a request, so a
//! search by address may read every row.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{UserColumns, user_columns};
use crate::{
    model::{User, UserId},
    store::{Conn, StoreError, connection::on},
};

/// A user with what only operators see.
#[derive(Debug, Clone)]
pub struct UserEntry {
    /// The user.
    pub user: User,
    /// Whether Clerk has banned the user.
    pub banned: bool,
    /// The `updated_at` of Clerk's newest word about the user.
    pub clerk_updated_at: Option<DateTime<Utc>>,
    /// Since when a deletion is under way.
    pub deletion_marked_at: Option<DateTime<Utc>>,
}

/// Whom an operator means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The user with this id of ours.
    Id(UserId),
    /// The user with this id of Clerk's.
    ClerkId(String),
    /// Everybody with this address, in lower case.
    Email(String),
}

#[derive(FromRow)]
struct EntryColumns {
    #[sqlx(flatten)]
    user: UserColumns,
    banned: Option<bool>,
    clerk_updated_at: Option<DateTime<Utc>>,
    deletion_marked_at: Option<DateTime<Utc>>,
}

/// The select list that [`EntryColumns`] reads, and its table.
const SELECT: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", u.banned, u.clerk_updated_at, u.deletion_marked_at FROM users u WHERE "
);

fn entries(rows: Vec<EntryColumns>) -> Vec<UserEntry> {
    let entry = |row: EntryColumns| {
        Some(UserEntry {
            user: row.user.into_user()?,
            banned: row.banned.unwrap_or(false),
            clerk_updated_at: row.clerk_updated_at,
            deletion_marked_at: row.deletion_marked_at,
        })
    };
    rows.into_iter().filter_map(entry).collect()
}

/// At most `limit` users behind `after`, in the order in which they were created.
pub async fn list_users(
    conn: Conn<'_>,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<UserEntry>, StoreError> {
    let rows = on!(conn, link => {
        let mut query = sqlx::QueryBuilder::new(SELECT);
        match after {
            Some(after) => query.push("u.id > ").push_bind(after),
            None => query.push("TRUE"),
        };
        query.push(" ORDER BY u.id LIMIT ").push(limit);
        query.build_query_as().fetch_all(link).await
    })?;
    Ok(entries(rows))
}

/// The users that an operator means: none, one, or several who share an address, oldest first.
pub async fn find_users(conn: Conn<'_>, who: &Who) -> Result<Vec<UserEntry>, StoreError> {
    let rows = on!(conn, link => {
        let mut query = sqlx::QueryBuilder::new(SELECT);
        match who {
            Who::Id(id) => query.push("u.id = ").push_bind(*id),
            Who::ClerkId(id) => query.push("u.clerk_user_id = ").push_bind(id.as_str()),
            Who::Email(email) => query.push("u.email = ").push_bind(email.as_str()),
        };
        query.push(" ORDER BY u.id LIMIT 100");
        query.build_query_as().fetch_all(link).await
    })?;
    Ok(entries(rows))
}
