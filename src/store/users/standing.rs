//! The statement that every signed-in request runs: the user of a session, and everything that decides
//! whether the session counts.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{UserColumns, user_columns};
use crate::{
    model::{OrganizationId, User},
    store::{
        Conn, StoreError,
        connection::on,
        memberships::{self, MembershipColumns, VisibleMembership},
        tombstones::Tombstone,
    },
};

/// Whom a session is looked up for.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// The `sub` of the token.
    pub clerk_user_id: &'a str,
    /// The `sid` of the token.
    pub session_id: Option<&'a str>,
    /// The Clerk organization that is active in the token.
    pub clerk_organization_id: Option<&'a str>,
}

impl<'a> Lookup<'a> {
    /// Looks a user up for an event, which belongs to no session.
    pub const fn of_user(clerk_user_id: &'a str) -> Self {
        Self { clerk_user_id, session_id: None, clerk_organization_id: None }
    }
}

/// Everything the database knows that decides whether a session counts, and for whom.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The user, if there is one.
    pub user: Option<User>,
    /// A deletion of this Clerk id.
    pub tombstone: Option<Tombstone>,
    /// The session was revoked, ended or removed.
    pub is_session_revoked: bool,
    /// The user is banned at Clerk.
    pub is_banned: bool,
    /// A deletion of the user is under way.
    pub is_being_deleted: bool,
    /// The mirror of the token's active organization, when the user is a member of it.
    pub token_organization: Option<OrganizationId>,
}

#[derive(FromRow)]
struct StandingColumns {
    #[sqlx(flatten)]
    user: UserColumns,
    tombstone_permanent: Option<bool>,
    tombstone_at: Option<DateTime<Utc>>,
    revoked_session: Option<String>,
    banned: Option<bool>,
    deletion_marked_at: Option<DateTime<Utc>>,
    token_organization: Option<OrganizationId>,
}

impl StandingColumns {
    fn into_standing(self) -> Standing {
        Standing {
            user: self.user.into_user(),
            tombstone: self
                .tombstone_permanent
                .zip(self.tombstone_at)
                .map(|(is_permanent, deleted_at)| Tombstone { is_permanent, deleted_at }),
            is_session_revoked: self.revoked_session.is_some(),
            is_banned: self.banned.unwrap_or(false),
            is_being_deleted: self.deletion_marked_at.is_some(),
            token_organization: self.token_organization,
        }
    }
}

macro_rules! standing_columns {
    () => {
        concat!(
            user_columns!(),
            ", t.permanent AS tombstone_permanent, t.deleted_at AS tombstone_at, \
             r.session_id AS revoked_session, u.banned, u.deletion_marked_at, \
             tm.organization_id AS token_organization"
        )
    };
}

macro_rules! standing_tables {
    () => {
        " FROM (SELECT $1 AS clerk_user_id) s \
         LEFT JOIN users u ON u.clerk_user_id = s.clerk_user_id \
         LEFT JOIN tombstones t ON t.kind = 'user' AND t.clerk_id = s.clerk_user_id \
         LEFT JOIN revoked_sessions r ON r.session_id = $2 \
         LEFT JOIN organizations tok ON tok.clerk_organization_id = $3 \
         LEFT JOIN organization_members tm ON tm.organization_id = tok.id AND tm.user_id = u.id"
    };
}

const FIND_STANDING: &str = concat!("SELECT ", standing_columns!(), standing_tables!());

/// Finds the user of a session together with everything that can refuse the session: one index probe
/// each, in one statement, so that every instance sees a deletion, a ban or a sign-out at once.
pub async fn find_standing(conn: Conn<'_>, lookup: Lookup<'_>) -> Result<Standing, StoreError> {
    let row: StandingColumns = on!(conn, link => sqlx::query_as(FIND_STANDING)
        .bind(lookup.clerk_user_id)
        .bind(lookup.session_id)
        .bind(lookup.clerk_organization_id)
        .fetch_one(link)
        .await)?;
    Ok(row.into_standing())
}

#[derive(FromRow)]
struct StandingMembershipColumns {
    #[sqlx(flatten)]
    standing: StandingColumns,
    #[sqlx(flatten)]
    membership: MembershipColumns,
}

const FIND_STANDING_WITH_MEMBERSHIPS: &str = concat!(
    "SELECT ",
    standing_columns!(),
    ", ",
    memberships::membership_columns!("m.role"),
    standing_tables!(),
    " LEFT JOIN organization_members m ON m.user_id = u.id \
      LEFT JOIN organizations o ON o.id = m.organization_id \
      ORDER BY m.created_at, m.id"
);

/// [`find_standing`], and in the same statement the user's first `limit` memberships with their
/// organizations, oldest first: the whole of a typical `me`.
pub async fn find_standing_with_memberships(
    conn: Conn<'_>,
    lookup: Lookup<'_>,
    limit: i64,
) -> Result<(Standing, Vec<Arc<VisibleMembership>>), StoreError> {
    let rows: Vec<StandingMembershipColumns> = on!(conn, link => {
        let mut query = sqlx::QueryBuilder::new(FIND_STANDING_WITH_MEMBERSHIPS);
        // As text: SQLite prepares a statement anew for each value that is bound to a limit, which
        // costs several times what the statement does.
        query.push(" LIMIT ").push(limit);
        query
            .build_query_as()
            .bind(lookup.clerk_user_id)
            .bind(lookup.session_id)
            .bind(lookup.clerk_organization_id)
            .fetch_all(link)
            .await
    })?;
    let mut standing = None;
    let mut memberships = Vec::with_capacity(rows.len());
    for row in rows {
        let found = standing.get_or_insert_with(|| row.standing.into_standing());
        if let Some(user) = &found.user {
            memberships.extend(row.membership.of(user));
        }
    }
    standing
        .map(|standing| (standing, memberships))
        .ok_or_else(|| StoreError::Corrupt("a join that always has a row had none".to_owned()))
}

#[cfg(test)]
mod tests;
