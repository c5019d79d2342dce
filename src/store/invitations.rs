//! Statements about invitations into local organizations. Whoever makes, revokes or accepts one holds the lock
//! on its organization.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{Conn, StoreError, connection::on};
use crate::model::{Invitation, InvitationId, OrganizationId, Role, UserId, display_name};

/// The most open invitations that are listed for an address, the newest of them.
const MAX_FOR_ADDRESS: i64 = 100;

/// An invitation together with what is shown of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleInvitation {
    /// The invitation itself.
    pub invitation: Invitation,
    /// The name of the organization.
    pub organization_name: String,
    /// The best name of who invited; `None` when that user is gone.
    pub invited_by: Option<String>,
}

#[derive(FromRow)]
struct InvitationColumns {
    id: InvitationId,
    organization_id: OrganizationId,
    email: String,
    role: Role,
    created_by_user_id: Option<UserId>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl From<InvitationColumns> for Invitation {
    fn from(row: InvitationColumns) -> Self {
        Self {
            id: row.id,
            organization_id: row.organization_id,
            email: row.email,
            role: row.role,
            created_by: row.created_by_user_id,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

#[derive(FromRow)]
struct VisibleColumns {
    #[sqlx(flatten)]
    invitation: InvitationColumns,
    organization_name: String,
    creator_name: Option<String>,
    creator_preferred_name: Option<String>,
    creator_email: Option<String>,
}

impl VisibleColumns {
    fn into_visible(self) -> Arc<VisibleInvitation> {
        let invitation = Invitation::from(self.invitation);
        let name = display_name(
            self.creator_preferred_name.as_deref(),
            self.creator_name.as_deref(),
            self.creator_email.as_deref(),
        );
        let invited_by = invitation.created_by.map(|_| name.to_owned());
        Arc::new(VisibleInvitation {
            invitation,
            organization_name: self.organization_name,
            invited_by,
        })
    }
}

/// The select list that [`VisibleColumns`] reads, and its tables but for the viewer's membership.
macro_rules! select_visible {
    () => {
        "SELECT i.id, i.organization_id, i.email, i.role, i.created_by_user_id, i.created_at, \
         i.expires_at, o.name AS organization_name, p.name AS creator_name, \
         p.preferred_name AS creator_preferred_name, p.email AS creator_email \
         FROM organization_invitations i JOIN organizations o ON o.id = i.organization_id \
         LEFT JOIN users p ON p.id = i.created_by_user_id "
    };
}

/// The open invitations into these organizations, newest first, of those whose owner or admin `viewer` is.
pub async fn load_invitations_into(
    conn: Conn<'_>,
    viewer: UserId,
    organizations: &[OrganizationId],
    now: DateTime<Utc>,
) -> Result<Vec<Arc<VisibleInvitation>>, StoreError> {
    if organizations.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<VisibleColumns> = on!(conn, link => {
        let mut query = sqlx::QueryBuilder::new(concat!(
            select_visible!(),
            "JOIN organization_members v ON v.organization_id = i.organization_id \
             WHERE v.role IN ('owner', 'admin') AND v.user_id = "
        ));
        query.push_bind(viewer).push(" AND i.expires_at > ").push_bind(now);
        query.push(" AND i.organization_id IN (");
        let mut list = query.separated(", ");
        for id in organizations {
            list.push_bind(*id);
        }
        query.push(") ORDER BY i.created_at DESC, i.id DESC");
        query.build_query_as().fetch_all(link).await
    })?;
    Ok(rows.into_iter().map(VisibleColumns::into_visible).collect())
}

/// The open invitations for an address, newest first. The caller knows that the address is the viewer's.
pub async fn load_invitations_for(
    conn: Conn<'_>,
    email: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Arc<VisibleInvitation>>, StoreError> {
    let rows: Vec<VisibleColumns> = on!(conn, link => sqlx::query_as(concat!(
        select_visible!(),
        "WHERE i.email = $1 AND i.expires_at > $2 \
         ORDER BY i.created_at DESC, i.id DESC LIMIT $3"))
        .bind(email)
        .bind(now)
        .bind(MAX_FOR_ADDRESS)
        .fetch_all(link)
        .await)?;
    Ok(rows.into_iter().map(VisibleColumns::into_visible).collect())
}

/// Every invitation that was made by a user or is for an address, expired ones too, newest first: what is stored
/// about a person.
pub async fn list_invitations_about(
    conn: Conn<'_>,
    creator: UserId,
    email: Option<&str>,
) -> Result<Vec<Invitation>, StoreError> {
    let rows: Vec<InvitationColumns> = on!(conn, link => sqlx::query_as(
        "SELECT id, organization_id, email, role, created_by_user_id, created_at, expires_at \
         FROM organization_invitations WHERE created_by_user_id = $1 OR email = $2 \
         ORDER BY created_at DESC, id DESC")
        .bind(creator)
        .bind(email)
        .fetch_all(link)
        .await)?;
    Ok(rows.into_iter().map(Invitation::from).collect())
}

/// The open invitation with this id.
pub async fn find_invitation(
    conn: Conn<'_>,
    id: InvitationId,
    now: DateTime<Utc>,
) -> Result<Option<Invitation>, StoreError> {
    let row: Option<InvitationColumns> = on!(conn, link => sqlx::query_as(
        "SELECT id, organization_id, email, role, created_by_user_id, created_at, expires_at \
         FROM organization_invitations WHERE id = $1 AND expires_at > $2")
        .bind(id)
        .bind(now)
        .fetch_optional(link)
        .await)?;
    Ok(row.map(Invitation::from))
}

/// The open invitation whose token has this SHA-256. A token is found by its hash, so how long the search takes
/// tells nothing about other tokens.
pub async fn find_invitation_by_hash(
    conn: Conn<'_>,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<Invitation>, StoreError> {
    let row: Option<InvitationColumns> = on!(conn, link => sqlx::query_as(
        "SELECT id, organization_id, email, role, created_by_user_id, created_at, expires_at \
         FROM organization_invitations WHERE token_hash = $1 AND expires_at > $2")
        .bind(token_hash)
        .bind(now)
        .fetch_optional(link)
        .await)?;
    Ok(row.map(Invitation::from))
}

/// How many open invitations into an organization there are.
pub async fn count_invitations(
    conn: Conn<'_>,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    on!(conn, link => sqlx::query_scalar(
        "SELECT COUNT(*) FROM organization_invitations WHERE organization_id = $1 AND expires_at > $2")
        .bind(organization)
        .bind(now)
        .fetch_one(link)
        .await)
}

/// Inserts an invitation; the SHA-256 of its token stands for the token. The caller has deleted any other for
/// the same address.
pub async fn insert_invitation(
    conn: Conn<'_>,
    invitation: &Invitation,
    token_hash: &str,
) -> Result<(), StoreError> {
    let Invitation { id, organization_id, email, role, created_by, created_at, expires_at } =
        invitation;
    on!(conn, link => sqlx::query(
        "INSERT INTO organization_invitations (id, organization_id, email, role, token_hash, \
         created_by_user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(id)
        .bind(organization_id)
        .bind(email)
        .bind(role)
        .bind(token_hash)
        .bind(created_by)
        .bind(created_at)
        .bind(expires_at)
        .execute(link)
        .await
        .map(|_| ()))
}

/// Deletes an invitation. `false` when there was none.
pub async fn delete_invitation(conn: Conn<'_>, id: InvitationId) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query("DELETE FROM organization_invitations WHERE id = $1")
        .bind(id)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// Makes room for an invitation: deletes the one for the same address, open or not.
pub async fn delete_invitation_for(
    conn: Conn<'_>,
    organization: OrganizationId,
    email: &str,
) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "DELETE FROM organization_invitations WHERE organization_id = $1 AND email = $2")
        .bind(organization)
        .bind(email)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// Forgets the invitations that expired at or before `now`; answers how many.
pub async fn expire_invitations(conn: Conn<'_>, now: DateTime<Utc>) -> Result<u64, StoreError> {
    on!(conn, link => sqlx::query("DELETE FROM organization_invitations WHERE expires_at <= $1")
        .bind(now)
        .execute(link)
        .await
        .map(|done| done.rows_affected()))
}
