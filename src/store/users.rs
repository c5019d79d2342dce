//! Statements about users, among them the one that every signed-in request runs.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::{
    Conn, StoreError,
    connection::on,
    memberships::{MembershipColumns, VisibleMembership},
    tombstones::Tombstone,
};
use crate::model::{AttemptId, OrganizationId, User, UserId};

/// The columns of a user, all optional because the row may be the empty side of an outer join.
#[derive(FromRow)]
pub(super) struct UserColumns {
    user_id: Option<UserId>,
    clerk_user_id: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    email_as_of: Option<DateTime<Utc>>,
    name: Option<String>,
    preferred_name: Option<String>,
    pronouns: Option<String>,
    timezone: Option<String>,
    notes: Option<String>,
    context: Option<String>,
    is_super_admin: Option<bool>,
    active_organization_id: Option<OrganizationId>,
    profile_next_try: Option<DateTime<Utc>>,
    profile_tried_at: Option<DateTime<Utc>>,
    profile_tries: Option<i64>,
    user_created_at: Option<DateTime<Utc>>,
    user_updated_at: Option<DateTime<Utc>>,
}

/// The select list that [`UserColumns`] reads, for a table aliased `u`.
macro_rules! user_columns {
    () => {
        "u.id AS user_id, u.clerk_user_id, u.email, u.email_verified, u.email_as_of, u.name, \
         u.preferred_name, u.pronouns, u.timezone, u.notes, u.context, u.is_super_admin, \
         u.active_organization_id, u.profile_next_try, u.profile_tried_at, u.profile_tries, \
         u.created_at AS user_created_at, u.updated_at AS user_updated_at"
    };
}

impl UserColumns {
    fn into_user(self) -> Option<User> {
        Some(User {
            id: self.user_id?,
            clerk_user_id: self.clerk_user_id?,
            email: self.email,
            email_verified: self.email_verified?,
            email_as_of: self.email_as_of,
            name: self.name,
            preferred_name: self.preferred_name,
            pronouns: self.pronouns,
            timezone: self.timezone,
            notes: self.notes,
            context: self.context,
            is_super_admin: self.is_super_admin?,
            active_organization_id: self.active_organization_id,
            profile_next_try: self.profile_next_try,
            profile_tried_at: self.profile_tried_at,
            profile_tries: self.profile_tries?,
            created_at: self.user_created_at?,
            updated_at: self.user_updated_at?,
        })
    }
}

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
    super::memberships::membership_columns!("m.role"),
    standing_tables!(),
    " LEFT JOIN organization_members m ON m.user_id = u.id \
      LEFT JOIN organizations o ON o.id = m.organization_id \
      ORDER BY m.created_at, m.id LIMIT $4"
);

/// [`find_standing`], and in the same statement the user's first `limit` memberships with their
/// organizations, oldest first: the whole of a typical `me`.
pub async fn find_standing_with_memberships(
    conn: Conn<'_>,
    lookup: Lookup<'_>,
    limit: i64,
) -> Result<(Standing, Vec<Arc<VisibleMembership>>), StoreError> {
    let rows: Vec<StandingMembershipColumns> = on!(conn, link => sqlx::query_as(FIND_STANDING_WITH_MEMBERSHIPS)
        .bind(lookup.clerk_user_id)
        .bind(lookup.session_id)
        .bind(lookup.clerk_organization_id)
        .bind(limit)
        .fetch_all(link)
        .await)?;
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

/// Loads users by id, in no particular order; ids nobody has are left out.
pub async fn load_users(conn: Conn<'_>, ids: &[UserId]) -> Result<Vec<Arc<User>>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<UserColumns> = on!(conn, link => {
        let mut query = sqlx::QueryBuilder::new(
            concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id IN ("),
        );
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query.push(")");
        query.build_query_as().fetch_all(link).await
    })?;
    Ok(rows.into_iter().filter_map(UserColumns::into_user).map(Arc::new).collect())
}

/// The organization each user works in, whoever may see it: the stored one, or, when there is none or
/// the membership is lost, that of the oldest membership. Users without any are left out.
pub async fn load_active_organizations(
    conn: Conn<'_>,
    ids: &[UserId],
) -> Result<Vec<(UserId, OrganizationId)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(UserId, Option<OrganizationId>)> = on!(conn, link => {
        let mut query = sqlx::QueryBuilder::new(
            "SELECT u.id, COALESCE(\
             (SELECT m.organization_id FROM organization_members m \
                 WHERE m.user_id = u.id AND m.organization_id = u.active_organization_id), \
             (SELECT m.organization_id FROM organization_members m \
                 WHERE m.user_id = u.id ORDER BY m.created_at, m.id LIMIT 1)) \
             FROM users u WHERE u.id IN (",
        );
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query.push(")");
        query.build_query_as().fetch_all(link).await
    })?;
    Ok(rows.into_iter().filter_map(|(user, organization)| Some((user, organization?))).collect())
}

/// A user about to exist.
#[derive(Clone)]
pub struct NewUser<'a> {
    /// Ours, freshly generated.
    pub id: UserId,
    /// Clerk's.
    pub clerk_user_id: &'a str,
    /// Primary address, normalised.
    pub email: Option<&'a str>,
    /// Whether Clerk verified it.
    pub email_verified: bool,
    /// As of when the address holds.
    pub email_as_of: Option<DateTime<Utc>>,
    /// Display name.
    pub name: Option<&'a str>,
    /// The `updated_at` of Clerk's user object, when the values come from one.
    pub clerk_updated_at: Option<DateTime<Utc>>,
    /// Whether Clerk's user object said so.
    pub banned: bool,
    /// When a profile call was tried, if one was and the profile is still incomplete.
    pub profile_tried_at: Option<DateTime<Utc>>,
    /// When the next one may be tried.
    pub profile_next_try: Option<DateTime<Utc>>,
    /// Now.
    pub now: DateTime<Utc>,
}

impl<'a> NewUser<'a> {
    /// A user of whom only the id is known.
    pub fn nameless(id: UserId, clerk_user_id: &'a str, now: DateTime<Utc>) -> Self {
        Self {
            id,
            clerk_user_id,
            email: None,
            email_verified: false,
            email_as_of: None,
            name: None,
            clerk_updated_at: None,
            banned: false,
            profile_tried_at: None,
            profile_next_try: None,
            now,
        }
    }
}

/// Inserts a user. The caller holds the lock on the Clerk id and has seen that there is no such user.
pub async fn insert_user(conn: Conn<'_>, user: &NewUser<'_>) -> Result<(), StoreError> {
    on!(conn, link => sqlx::query(
        "INSERT INTO users (id, clerk_user_id, email, email_verified, email_as_of, name, \
         clerk_updated_at, banned, profile_tried_at, profile_next_try, profile_tries, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)")
        .bind(user.id)
        .bind(user.clerk_user_id)
        .bind(user.email)
        .bind(user.email_verified)
        .bind(user.email_as_of)
        .bind(user.name)
        .bind(user.clerk_updated_at)
        .bind(user.banned)
        .bind(user.profile_tried_at)
        .bind(user.profile_next_try)
        .bind(i64::from(user.profile_tried_at.is_some()))
        .bind(user.now)
        .execute(link)
        .await
        .map(|_| ()))
}

/// What a token says about its user.
#[derive(Debug, Clone, Copy)]
pub struct ClaimedProfile<'a> {
    /// Address, normalised.
    pub email: Option<&'a str>,
    /// Whether a claim says that it was verified.
    pub email_verified: bool,
    /// The token's `iat`; without one the address only fills an empty place.
    pub as_of: Option<DateTime<Utc>>,
    /// Display name; only fills an empty place.
    pub name: Option<&'a str>,
    /// The organization to make active.
    pub active_organization: Option<OrganizationId>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Takes over what a token says, unless something later is stored. `false` when the user is gone or
/// being deleted.
pub async fn apply_claims(
    conn: Conn<'_>,
    id: UserId,
    claims: ClaimedProfile<'_>,
) -> Result<bool, StoreError> {
    /// Whether the claimed address counts. Ties go to what is stored: it came from an event or Clerk's
    /// API, or from the same second.
    macro_rules! is_later {
        () => {
            "$2 IS NOT NULL AND (email_as_of < $4 \
             OR (email_as_of IS NULL AND ($4 IS NOT NULL OR email IS NULL)))"
        };
    }
    const SQL: &str = concat!(
        "UPDATE users SET email = CASE WHEN ",
        is_later!(),
        " THEN $2 ELSE email END, email_verified = CASE WHEN ",
        is_later!(),
        " THEN $3 ELSE email_verified END, email_as_of = CASE WHEN ",
        is_later!(),
        " THEN $4 ELSE email_as_of END, \
        name = COALESCE(name, $5), \
        active_organization_id = COALESCE(\
            (SELECT o.id FROM organizations o JOIN organization_members m ON m.organization_id = o.id \
             WHERE o.id = $6 AND m.user_id = users.id), active_organization_id), \
        updated_at = $7 \
        WHERE id = $1 AND deletion_marked_at IS NULL"
    );
    on!(conn, link => sqlx::query(SQL)
        .bind(id)
        .bind(claims.email)
        .bind(claims.email_verified)
        .bind(claims.as_of)
        .bind(claims.name)
        .bind(claims.active_organization)
        .bind(claims.now)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// What Clerk's API or an event says about a user.
#[derive(Clone, Copy)]
pub struct ClerkProfile<'a> {
    /// Primary address, normalised: `None` says nothing, `Some(None)` that the user has none left.
    pub email: Option<Option<&'a str>>,
    /// Whether Clerk verified it.
    pub email_verified: bool,
    /// Display name; only fills an empty place.
    pub name: Option<&'a str>,
    /// Whether the user is banned.
    pub banned: bool,
    /// The `updated_at` of the user object.
    pub updated_at: DateTime<Utc>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Takes over Clerk's user object, unless a later one was applied. A name fills an empty place
/// whatever its age. `false` when the user is gone.
pub async fn apply_clerk_profile(
    conn: Conn<'_>,
    id: UserId,
    profile: ClerkProfile<'_>,
) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE users SET \
        email = CASE WHEN $2 AND (email_as_of IS NULL OR email_as_of <= $6) THEN $3 ELSE email END, \
        email_verified = CASE WHEN $2 AND (email_as_of IS NULL OR email_as_of <= $6) \
            THEN $4 ELSE email_verified END, \
        email_as_of = CASE WHEN $2 AND (email_as_of IS NULL OR email_as_of <= $6) \
            THEN $6 ELSE email_as_of END, \
        name = COALESCE(name, $5), \
        banned = CASE WHEN clerk_updated_at IS NULL OR clerk_updated_at <= $6 THEN $7 ELSE banned END, \
        clerk_updated_at = CASE WHEN clerk_updated_at IS NULL OR clerk_updated_at <= $6 \
            THEN $6 ELSE clerk_updated_at END, \
        profile_tries = CASE WHEN $3 IS NOT NULL AND COALESCE(name, $5) IS NOT NULL \
            THEN 0 ELSE profile_tries END, \
        updated_at = $8 \
        WHERE id = $1";
    on!(conn, link => sqlx::query(SQL)
        .bind(id)
        .bind(profile.email.is_some())
        .bind(profile.email.flatten())
        .bind(profile.email_verified)
        .bind(profile.name)
        .bind(profile.updated_at)
        .bind(profile.banned)
        .bind(profile.now)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// Claims the right to make the next profile call: exactly one of several that try at the same time
/// gets `true`.
pub async fn claim_profile_try(
    conn: Conn<'_>,
    id: UserId,
    claim: ProfileTry,
) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE users SET profile_tries = profile_tries + 1, profile_tried_at = $2, \
        profile_next_try = $3 \
        WHERE id = $1 AND deletion_marked_at IS NULL \
        AND (profile_next_try IS NULL OR profile_next_try <= $2 OR profile_tried_at <= $4)";
    on!(conn, link => sqlx::query(SQL)
        .bind(id)
        .bind(claim.now)
        .bind(claim.next)
        .bind(claim.ignore_back_off_before)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// When a profile call may be made.
#[derive(Debug, Clone, Copy)]
pub struct ProfileTry {
    /// Now.
    pub now: DateTime<Utc>,
    /// When the one after this may be made, should this one not complete the profile.
    pub next: DateTime<Utc>,
    /// A last try at or before this time counts as long enough ago whatever the back-off says;
    /// `None` keeps to the back-off.
    pub ignore_back_off_before: Option<DateTime<Utc>>,
}

/// Changes to a profile: `None` keeps a field, `Some(None)` clears it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProfileChanges {
    /// Display name.
    pub name: Option<Option<String>>,
    /// Short name.
    pub preferred_name: Option<Option<String>>,
    /// Pronouns.
    pub pronouns: Option<Option<String>>,
    /// IANA time zone name.
    pub timezone: Option<Option<String>>,
    /// Notes for operators.
    pub notes: Option<Option<String>>,
    /// Background.
    pub context: Option<Option<String>>,
}

/// Applies changes to a profile. `false` when the user is gone or being deleted.
pub async fn update_profile(
    conn: Conn<'_>,
    id: UserId,
    changes: &ProfileChanges,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE users SET \
        name = CASE WHEN $2 THEN $3 ELSE name END, \
        preferred_name = CASE WHEN $4 THEN $5 ELSE preferred_name END, \
        pronouns = CASE WHEN $6 THEN $7 ELSE pronouns END, \
        timezone = CASE WHEN $8 THEN $9 ELSE timezone END, \
        notes = CASE WHEN $10 THEN $11 ELSE notes END, \
        context = CASE WHEN $12 THEN $13 ELSE context END, \
        updated_at = $14 \
        WHERE id = $1 AND deletion_marked_at IS NULL";
    on!(conn, link => {
        let mut query = sqlx::query(SQL).bind(id);
        for field in [
            &changes.name,
            &changes.preferred_name,
            &changes.pronouns,
            &changes.timezone,
            &changes.notes,
            &changes.context,
        ] {
            query = query.bind(field.is_some()).bind(field.as_ref().and_then(Option::as_deref));
        }
        query.bind(now).execute(link).await.map(|done| done.rows_affected() > 0)
    })
}

/// The mark of a deletion under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionMark {
    /// Whom it is about.
    pub user_id: UserId,
    /// The same, at Clerk.
    pub clerk_user_id: String,
    /// Which attempt set it.
    pub attempt: AttemptId,
    /// Whether the user is to go at Clerk too.
    pub from_clerk: bool,
    /// The session that asked, when the user asked for the own account.
    pub session_id: Option<String>,
    /// When it was set.
    pub marked_at: DateTime<Utc>,
}

/// Marks a user for deletion, taking over the mark of an earlier attempt. `false` when the user is gone.
pub async fn mark_deletion(conn: Conn<'_>, mark: &DeletionMark) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "UPDATE users SET deletion_attempt = $2, deletion_marked_at = $3, deletion_from_clerk = $4, \
         deletion_session = $5 WHERE id = $1")
        .bind(mark.user_id)
        .bind(mark.attempt)
        .bind(mark.marked_at)
        .bind(mark.from_clerk)
        .bind(mark.session_id.as_deref())
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// Takes the mark off again, if it is still the one of this attempt.
pub async fn unmark_deletion(
    conn: Conn<'_>,
    id: UserId,
    attempt: AttemptId,
) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "UPDATE users SET deletion_attempt = NULL, deletion_marked_at = NULL, \
         deletion_from_clerk = NULL, deletion_session = NULL \
         WHERE id = $1 AND deletion_attempt = $2")
        .bind(id)
        .bind(attempt)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

#[derive(FromRow)]
struct DeletionMarkColumns {
    id: UserId,
    clerk_user_id: String,
    deletion_attempt: AttemptId,
    deletion_from_clerk: bool,
    deletion_session: Option<String>,
    deletion_marked_at: DateTime<Utc>,
}

/// The oldest deletion marks set at or before `before`: attempts that nobody finished.
pub async fn find_stale_deletion_marks(
    conn: Conn<'_>,
    before: DateTime<Utc>,
) -> Result<Vec<DeletionMark>, StoreError> {
    let rows: Vec<DeletionMarkColumns> = on!(conn, link => sqlx::query_as(
        "SELECT id, clerk_user_id, deletion_attempt, deletion_from_clerk, deletion_session, \
         deletion_marked_at FROM users \
         WHERE deletion_marked_at IS NOT NULL AND deletion_marked_at <= $1 \
         ORDER BY deletion_marked_at LIMIT 100")
        .bind(before)
        .fetch_all(link)
        .await)?;
    Ok(rows
        .into_iter()
        .map(|row| DeletionMark {
            user_id: row.id,
            clerk_user_id: row.clerk_user_id,
            attempt: row.deletion_attempt,
            from_clerk: row.deletion_from_clerk,
            session_id: row.deletion_session,
            marked_at: row.deletion_marked_at,
        })
        .collect())
}

/// Takes over a stale mark by compare-and-set: of several instances that try, one gets `true`.
pub async fn take_over_deletion_mark(
    conn: Conn<'_>,
    stale: &DeletionMark,
    attempt: AttemptId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "UPDATE users SET deletion_attempt = $3, deletion_marked_at = $4 \
         WHERE id = $1 AND deletion_attempt = $2")
        .bind(stale.user_id)
        .bind(stale.attempt)
        .bind(attempt)
        .bind(now)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// Deletes a user and, by cascade, the memberships. `false` when there was none.
pub async fn delete_user(conn: Conn<'_>, id: UserId) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query("DELETE FROM users WHERE id = $1")
        .bind(id)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// Makes a user a super admin, or no longer one. `false` when there is no such user.
pub async fn set_super_admin(
    conn: Conn<'_>,
    id: UserId,
    is_super_admin: bool,
) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query("UPDATE users SET is_super_admin = $2 WHERE id = $1")
        .bind(id)
        .bind(is_super_admin)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

#[cfg(test)]
mod tests;
