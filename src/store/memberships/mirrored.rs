//! Statements that keep memberships in mirrored organizations in step with Clerk.

use chrono::{DateTime, Utc};

use crate::{
    model::{MembershipId, OrganizationId, Role, UserId},
    store::{Conn, StoreError, connection::on},
};

/// What Clerk says about a membership in a mirrored organization.
#[derive(Debug, Clone)]
pub struct ClerkMembershipState<'a> {
    /// Its id there (`orgmem_…`).
    pub clerk_membership_id: &'a str,
    /// Where, here.
    pub organization_id: OrganizationId,
    /// Who, here.
    pub user_id: UserId,
    /// As what, here.
    pub role: Role,
    /// As of when.
    pub updated_at: DateTime<Utc>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Creates a mirrored membership, or applies a later state of it: a new role, or the id of the new
/// membership of a person who left and joined again. Of two states with the same time the greater id and
/// role count, whichever comes first. The caller has seen no tombstone.
pub async fn upsert_mirrored_membership(
    conn: Conn<'_>,
    state: &ClerkMembershipState<'_>,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO organization_members (id, organization_id, user_id, role, \
        clerk_membership_id, clerk_updated_at, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7) \
        ON CONFLICT (organization_id, user_id) DO UPDATE SET \
        role = excluded.role, clerk_membership_id = excluded.clerk_membership_id, \
        clerk_updated_at = excluded.clerk_updated_at, updated_at = CASE \
            WHEN organization_members.role <> excluded.role THEN excluded.updated_at \
            ELSE organization_members.updated_at END \
        WHERE organization_members.clerk_updated_at IS NULL \
        OR organization_members.clerk_updated_at < excluded.clerk_updated_at \
        OR (organization_members.clerk_updated_at = excluded.clerk_updated_at \
            AND (organization_members.clerk_membership_id, organization_members.role) \
                <= (excluded.clerk_membership_id, excluded.role))";
    on!(conn, link => sqlx::query(SQL)
        .bind(MembershipId::generate())
        .bind(state.organization_id)
        .bind(state.user_id)
        .bind(state.role)
        .bind(state.clerk_membership_id)
        .bind(state.updated_at)
        .bind(state.now)
        .execute(link)
        .await
        .map(|_| ()))
}

/// Makes the admin who created a mirrored organization its owner.
pub async fn promote_creator(
    conn: Conn<'_>,
    organization: OrganizationId,
    clerk_user_id: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    on!(conn, link => sqlx::query(
        "UPDATE organization_members SET role = 'owner', updated_at = $3 \
         WHERE organization_id = $1 AND role = 'admin' \
         AND user_id = (SELECT id FROM users WHERE clerk_user_id = $2)")
        .bind(organization)
        .bind(clerk_user_id)
        .bind(now)
        .execute(link)
        .await
        .map(|_| ()))
}

/// Deletes a mirrored membership by Clerk's id. `false` when there was none.
pub async fn delete_mirrored_membership(
    conn: Conn<'_>,
    clerk_membership_id: &str,
) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query("DELETE FROM organization_members WHERE clerk_membership_id = $1")
        .bind(clerk_membership_id)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}
