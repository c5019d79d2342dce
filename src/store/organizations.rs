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

/// An organization about to exist.
#[derive(Debug, Clone)]
pub struct NewOrganization<'a> {
    /// Ours, freshly generated.
    pub id: OrganizationId,
    /// Clerk's, for a mirrored one.
    pub clerk_organization_id: Option<&'a str>,
    /// The user it came with, for a personal one.
    pub personal_user_id: Option<UserId>,
    /// Display name.
    pub name: &'a str,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Inserts an organization.
pub async fn insert_organization(
    conn: Conn<'_>,
    organization: &NewOrganization<'_>,
) -> Result<(), StoreError> {
    on!(conn, link => sqlx::query(
        "INSERT INTO organizations (id, clerk_organization_id, personal_user_id, name, created_at, \
         updated_at) VALUES ($1, $2, $3, $4, $5, $5)")
        .bind(organization.id)
        .bind(organization.clerk_organization_id)
        .bind(organization.personal_user_id)
        .bind(organization.name)
        .bind(organization.now)
        .execute(link)
        .await
        .map(|_| ()))
}

/// The mirror of a Clerk organization.
pub async fn find_by_clerk_id(
    conn: Conn<'_>,
    clerk_organization_id: &str,
) -> Result<Option<OrganizationId>, StoreError> {
    on!(conn, link => sqlx::query_scalar(
        "SELECT id FROM organizations WHERE clerk_organization_id = $1")
        .bind(clerk_organization_id)
        .fetch_optional(link)
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

/// Deletes an organization and, by cascade, its memberships. `false` when there was none.
pub async fn delete_organization(conn: Conn<'_>, id: OrganizationId) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query("DELETE FROM organizations WHERE id = $1")
        .bind(id)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}
