//! What the rows say about which Clerk decides, to be compared with what Clerk says. Reads only.

use chrono::{DateTime, Utc};

use super::{Conn, StoreError, connection::on};

/// What one row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// The values that somebody can see, under their names.
    pub values: Vec<(&'static str, String)>,
    /// As of when they hold, by Clerk's clock.
    pub as_of: Vec<Option<DateTime<Utc>>>,
}

fn shown(value: Option<String>) -> String {
    value.unwrap_or_default()
}

/// A user: address, name, ban.
pub async fn find_user(conn: Conn<'_>, clerk_id: &str) -> Result<Option<Mirrored>, StoreError> {
    type Row =
        (Option<String>, bool, Option<String>, bool, Option<DateTime<Utc>>, Option<DateTime<Utc>>);
    let row: Option<Row> = on!(conn, link => sqlx::query_as(
        "SELECT email, email_verified, name, banned, email_as_of, clerk_updated_at FROM users \
         WHERE clerk_user_id = $1")
        .bind(clerk_id)
        .fetch_optional(link)
        .await)?;
    Ok(row.map(|(email, email_verified, name, banned, email_as_of, clerk_updated_at)| Mirrored {
        values: vec![
            ("email", shown(email)),
            ("emailVerified", email_verified.to_string()),
            ("name", shown(name)),
            ("banned", banned.to_string()),
        ],
        as_of: vec![email_as_of, clerk_updated_at],
    }))
}

/// A mirrored organization: its name and who created it.
pub async fn find_organization(
    conn: Conn<'_>,
    clerk_id: &str,
) -> Result<Option<Mirrored>, StoreError> {
    let row: Option<(String, Option<String>, Option<DateTime<Utc>>)> = on!(conn, link => sqlx::query_as(
        "SELECT name, clerk_created_by, clerk_updated_at FROM organizations \
         WHERE clerk_organization_id = $1")
        .bind(clerk_id)
        .fetch_optional(link)
        .await)?;
    Ok(row.map(|(name, created_by, clerk_updated_at)| Mirrored {
        values: vec![("name", name), ("createdBy", shown(created_by))],
        as_of: vec![clerk_updated_at],
    }))
}

/// A mirrored membership: who, where and as what.
pub async fn find_membership(
    conn: Conn<'_>,
    clerk_id: &str,
) -> Result<Option<Mirrored>, StoreError> {
    type Row = (String, String, Option<String>, Option<DateTime<Utc>>);
    let row: Option<Row> = on!(conn, link => sqlx::query_as(
        "SELECT m.role, u.clerk_user_id, o.clerk_organization_id, m.clerk_updated_at \
         FROM organization_members m JOIN users u ON u.id = m.user_id \
         JOIN organizations o ON o.id = m.organization_id WHERE m.clerk_membership_id = $1")
        .bind(clerk_id)
        .fetch_optional(link)
        .await)?;
    Ok(row.map(|(role, user, organization, clerk_updated_at)| Mirrored {
        values: vec![("role", role), ("user", user), ("organization", shown(organization))],
        as_of: vec![clerk_updated_at],
    }))
}

/// At most `limit` of Clerk's ids of users behind `after`, sorted.
pub async fn list_users(
    conn: Conn<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    on!(conn, link => sqlx::query_scalar(
        "SELECT clerk_user_id FROM users WHERE clerk_user_id > $1 ORDER BY clerk_user_id LIMIT $2")
        .bind(after)
        .bind(limit)
        .fetch_all(link)
        .await)
}

/// At most `limit` of Clerk's ids of mirrored organizations behind `after`, sorted.
pub async fn list_organizations(
    conn: Conn<'_>,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    on!(conn, link => sqlx::query_scalar(
        "SELECT clerk_organization_id FROM organizations WHERE clerk_organization_id > $1 \
         ORDER BY clerk_organization_id LIMIT $2")
        .bind(after)
        .bind(limit)
        .fetch_all(link)
        .await)
}

/// Clerk's ids of all mirrored memberships in a mirrored organization.
pub async fn list_memberships(
    conn: Conn<'_>,
    clerk_organization_id: &str,
) -> Result<Vec<String>, StoreError> {
    on!(conn, link => sqlx::query_scalar(
        "SELECT m.clerk_membership_id FROM organization_members m \
         JOIN organizations o ON o.id = m.organization_id \
         WHERE o.clerk_organization_id = $1 AND m.clerk_membership_id IS NOT NULL")
        .bind(clerk_organization_id)
        .fetch_all(link)
        .await)
}
