//! Statements about organizations.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{Conn, StoreError, connection::on};
use crate::model::{Organization, OrganizationId, Role, UserId};

/// An organization as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleOrganization {
    /// The organization itself.
    pub organization: Organization,
    /// What the viewer may do in it.
    pub viewer_role: Role,
}

#[derive(FromRow)]
struct VisibleOrganizationColumns {
    id: OrganizationId,
    clerk_organization_id: Option<String>,
    name: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    role: Role,
}

impl From<VisibleOrganizationColumns> for VisibleOrganization {
    fn from(row: VisibleOrganizationColumns) -> Self {
        Self {
            organization: Organization {
                id: row.id,
                clerk_organization_id: row.clerk_organization_id,
                name: row.name,
                created_at: row.created_at,
                updated_at: row.updated_at,
            },
            viewer_role: row.role,
        }
    }
}

macro_rules! select_visible {
    () => {
        "SELECT o.id, o.clerk_organization_id, o.name, o.created_at, o.updated_at, v.role \
         FROM organizations o JOIN organization_members v ON v.organization_id = o.id \
         WHERE v.user_id = "
    };
}

/// Loads organizations by id as `viewer` sees them; those the viewer is no member of are left out.
pub async fn load_organizations(
    conn: Conn<'_>,
    viewer: UserId,
    ids: &[OrganizationId],
) -> Result<Vec<Arc<VisibleOrganization>>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<VisibleOrganizationColumns> = on!(conn, link => {
        let mut query = sqlx::QueryBuilder::new(select_visible!());
        query.push_bind(viewer).push(" AND o.id IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query.push(")");
        query.build_query_as().fetch_all(link).await
    })?;
    Ok(rows.into_iter().map(|row| Arc::new(row.into())).collect())
}

/// A local organization about to exist.
#[derive(Debug, Clone)]
pub struct NewOrganization<'a> {
    /// Ours, freshly generated.
    pub id: OrganizationId,
    /// The user it came with, for a personal one.
    pub personal_user_id: Option<UserId>,
    /// Display name.
    pub name: &'a str,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Inserts a local organization.
pub async fn insert_organization(
    conn: Conn<'_>,
    organization: &NewOrganization<'_>,
) -> Result<(), StoreError> {
    on!(conn, link => sqlx::query(
        "INSERT INTO organizations (id, personal_user_id, name, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $4)")
        .bind(organization.id)
        .bind(organization.personal_user_id)
        .bind(organization.name)
        .bind(organization.now)
        .execute(link)
        .await
        .map(|_| ()))
}

/// A mirrored organization, as far as its members' roles depend on it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Mirror {
    /// Ours.
    pub id: OrganizationId,
    /// Clerk's id of the user who created it, once that is known.
    pub clerk_created_by: Option<String>,
}

/// The mirror of a Clerk organization.
pub async fn find_mirror(
    conn: Conn<'_>,
    clerk_organization_id: &str,
) -> Result<Option<Mirror>, StoreError> {
    on!(conn, link => sqlx::query_as(
        "SELECT id, clerk_created_by FROM organizations WHERE clerk_organization_id = $1")
        .bind(clerk_organization_id)
        .fetch_optional(link)
        .await)
}

/// What Clerk says about an organization.
#[derive(Debug, Clone)]
pub struct ClerkOrganizationState<'a> {
    /// Its id there.
    pub clerk_organization_id: &'a str,
    /// Its name, if it is told.
    pub name: Option<&'a str>,
    /// Clerk's id of the user who created it, if it is told.
    pub created_by: Option<&'a str>,
    /// As of when.
    pub updated_at: DateTime<Utc>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Creates the mirror of an organization, or applies a later state of it. The
/// caller holds the lock on its Clerk id and has seen no tombstone.
pub async fn upsert_mirror(
    conn: Conn<'_>,
    state: &ClerkOrganizationState<'_>,
) -> Result<Mirror, StoreError> {
    const SQL: &str = "INSERT INTO organizations (id, clerk_organization_id, name, clerk_created_by, \
        clerk_updated_at, created_at, updated_at) VALUES ($1, $2, COALESCE($3, 'Organization'), $4, \
        CASE WHEN $3 IS NULL THEN NULL ELSE $5 END, $6, $6) \
        ON CONFLICT (clerk_organization_id) DO UPDATE SET \
        name = CASE WHEN $3 IS NOT NULL AND (organizations.clerk_updated_at IS NULL \
            OR organizations.clerk_updated_at <= $5) THEN $3 ELSE organizations.name END, \
        clerk_updated_at = CASE WHEN $3 IS NOT NULL AND (organizations.clerk_updated_at IS NULL \
            OR organizations.clerk_updated_at <= $5) THEN $5 ELSE organizations.clerk_updated_at END, \
        clerk_created_by = COALESCE(organizations.clerk_created_by, excluded.clerk_created_by), \
        updated_at = CASE WHEN $3 <> organizations.name AND (organizations.clerk_updated_at IS NULL \
            OR organizations.clerk_updated_at <= $5) THEN $6 ELSE organizations.updated_at END \
        RETURNING id, clerk_created_by";
    on!(conn, link => sqlx::query_as(SQL)
        .bind(OrganizationId::generate())
        .bind(state.clerk_organization_id)
        .bind(state.name)
        .bind(state.created_by)
        .bind(state.updated_at)
        .bind(state.now)
        .fetch_one(link)
        .await)
}

/// The local organizations a user belongs to, by id. Mirrored ones are left out: Clerk's events alone
/// decide about them.
pub async fn find_local_organizations_of(
    conn: Conn<'_>,
    user: UserId,
) -> Result<Vec<OrganizationId>, StoreError> {
    on!(conn, link => sqlx::query_scalar(
        "SELECT o.id FROM organizations o JOIN organization_members m ON m.organization_id = o.id \
         WHERE m.user_id = $1 AND o.clerk_organization_id IS NULL ORDER BY o.id")
        .bind(user)
        .fetch_all(link)
        .await)
}

/// Those of a user's local organizations that nobody else is in.
pub async fn find_solitary_organizations_of(
    conn: Conn<'_>,
    user: UserId,
) -> Result<Vec<OrganizationId>, StoreError> {
    on!(conn, link => sqlx::query_scalar(
        "SELECT o.id FROM organizations o JOIN organization_members m ON m.organization_id = o.id \
         WHERE m.user_id = $1 AND o.clerk_organization_id IS NULL AND NOT EXISTS (\
             SELECT 1 FROM organization_members w \
             WHERE w.organization_id = o.id AND w.user_id <> $1) ORDER BY o.id")
        .bind(user)
        .fetch_all(link)
        .await)
}

/// The local organizations that the person with this Clerk id belongs to: what a transaction that is about to
/// lock that person locks before.
pub async fn find_local_organizations_of_person(
    conn: Conn<'_>,
    clerk_user_id: &str,
) -> Result<Vec<OrganizationId>, StoreError> {
    on!(conn, link => sqlx::query_scalar(
        "SELECT o.id FROM users u JOIN organization_members m ON m.user_id = u.id \
         JOIN organizations o ON o.id = m.organization_id \
         WHERE u.clerk_user_id = $1 AND o.clerk_organization_id IS NULL ORDER BY o.id")
        .bind(clerk_user_id)
        .fetch_all(link)
        .await)
}

/// The organizations that a user owns, with their names, and not more than `limit`.
pub async fn find_owned_organizations(
    conn: Conn<'_>,
    user: UserId,
    limit: i64,
) -> Result<Vec<(OrganizationId, String)>, StoreError> {
    on!(conn, link => sqlx::query_as(
        "SELECT o.id, o.name FROM organizations o \
         JOIN organization_members m ON m.organization_id = o.id \
         WHERE m.user_id = $1 AND m.role = 'owner' ORDER BY o.id LIMIT $2")
        .bind(user)
        .bind(limit)
        .fetch_all(link)
        .await)
}

/// Gives a local organization another name. `false` when there is none.
pub async fn rename_organization(
    conn: Conn<'_>,
    id: OrganizationId,
    name: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "UPDATE organizations SET name = $2, updated_at = $3 \
         WHERE id = $1 AND clerk_organization_id IS NULL")
        .bind(id)
        .bind(name)
        .bind(now)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// An organization that this person is no longer in is not their personal one any more.
pub async fn release_personal_organization(
    conn: Conn<'_>,
    id: OrganizationId,
    user: UserId,
) -> Result<(), StoreError> {
    on!(conn, link => sqlx::query(
        "UPDATE organizations SET personal_user_id = NULL WHERE id = $1 AND personal_user_id = $2")
        .bind(id)
        .bind(user)
        .execute(link)
        .await
        .map(|_| ()))
}

/// Deletes an organization and, by cascade, its memberships and invitations. `false` when there was none.
pub async fn delete_organization(conn: Conn<'_>, id: OrganizationId) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query("DELETE FROM organizations WHERE id = $1")
        .bind(id)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}
