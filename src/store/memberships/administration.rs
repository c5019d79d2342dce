//! Statements with which the members of a local organization administer each other. Their caller holds the
//! lock on the organization, so that what was read still holds when it is written.

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use crate::{
    model::{Membership, MembershipId, OrganizationId, Role, UserId},
    store::{Conn, StoreError, connection::on},
};

#[derive(FromRow)]
struct MembershipColumns {
    id: MembershipId,
    organization_id: OrganizationId,
    user_id: UserId,
    role: Role,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<MembershipColumns> for Membership {
    fn from(row: MembershipColumns) -> Self {
        Self {
            id: row.id,
            organization_id: row.organization_id,
            user_id: row.user_id,
            role: row.role,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A membership by id, whoever may see it.
pub async fn find_membership(
    conn: Conn<'_>,
    id: MembershipId,
) -> Result<Option<Membership>, StoreError> {
    let row: Option<MembershipColumns> = on!(conn, link => sqlx::query_as(
        "SELECT id, organization_id, user_id, role, created_at, updated_at \
         FROM organization_members WHERE id = $1")
        .bind(id)
        .fetch_optional(link)
        .await)?;
    Ok(row.map(Membership::from))
}

/// A person's membership in an organization.
pub async fn find_own_membership(
    conn: Conn<'_>,
    organization: OrganizationId,
    user: UserId,
) -> Result<Option<Membership>, StoreError> {
    let row: Option<MembershipColumns> = on!(conn, link => sqlx::query_as(
        "SELECT id, organization_id, user_id, role, created_at, updated_at \
         FROM organization_members WHERE organization_id = $1 AND user_id = $2")
        .bind(organization)
        .bind(user)
        .fetch_optional(link)
        .await)?;
    Ok(row.map(Membership::from))
}

/// Whether an organization has an owner besides this person.
pub async fn has_other_owner(
    conn: Conn<'_>,
    organization: OrganizationId,
    besides: UserId,
) -> Result<bool, StoreError> {
    let found: Option<i32> = on!(conn, link => sqlx::query_scalar(
        "SELECT 1 FROM organization_members \
         WHERE organization_id = $1 AND user_id <> $2 AND role = 'owner' LIMIT 1")
        .bind(organization)
        .bind(besides)
        .fetch_optional(link)
        .await)?;
    Ok(found.is_some())
}

/// Whether a member of an organization has this address, verified or not.
pub async fn has_member_with_address(
    conn: Conn<'_>,
    organization: OrganizationId,
    email: &str,
) -> Result<bool, StoreError> {
    let found: Option<i32> = on!(conn, link => sqlx::query_scalar(
        "SELECT 1 FROM organization_members m JOIN users u ON u.id = m.user_id \
         WHERE m.organization_id = $1 AND u.email = $2 LIMIT 1")
        .bind(organization)
        .bind(email)
        .fetch_optional(link)
        .await)?;
    Ok(found.is_some())
}

/// Gives a member another role. `false` when there is no such membership.
pub async fn set_role(
    conn: Conn<'_>,
    id: MembershipId,
    role: Role,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "UPDATE organization_members SET role = $2, updated_at = $3 WHERE id = $1")
        .bind(id)
        .bind(role)
        .bind(now)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// Deletes a membership. `false` when there was none.
pub async fn delete_membership(conn: Conn<'_>, id: MembershipId) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query("DELETE FROM organization_members WHERE id = $1")
        .bind(id)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}
