//! Statements about users as such. Those about one concern of theirs are in a file each: what decides
//! about a session, the profile, the mark of a deletion.

mod deletion;
mod directory;
mod lookups;
mod profile;
mod standing;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::FromRow;

pub use deletion::{
    DeletionMark, find_deletion_mark, find_stale_deletion_marks, mark_deletion,
    take_over_deletion_mark, unmark_deletion,
};
pub use directory::{UserEntry, Who, find_users, list_users};
pub use lookups::{Lookups, PRELOADED};
pub use profile::{
    ClaimsUpdate, ClerkUpdate, ProfileChanges, ProfileTry, apply_claims, apply_clerk_update,
    claim_profile_try, note_active_organization, set_active_organization, update_profile,
    verify_email,
};
pub use standing::{Found, Lookup, Standing, find_standing, find_standings};

use super::{Conn, StoreError, connection::on};
use crate::model::{OrganizationId, Profile, User, UserId};

/// The columns of a user, all optional because the row may be the empty side of an outer join.
#[derive(FromRow)]
struct UserColumns {
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

use user_columns;

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

/// Loads users by id, in no particular order; ids of no user are left out.
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

/// The organization each user works in, without a check of who may see it: the stored one, or, when there is none or
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
    /// What is known of the person.
    pub profile: Profile,
    /// As of when the address holds.
    pub email_as_of: Option<DateTime<Utc>>,
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
    /// A user of whom only the id is known. Not a base for other values: code that knows more names
    /// all fields, so that a new one is not left empty by accident.
    pub fn nameless(id: UserId, clerk_user_id: &'a str, now: DateTime<Utc>) -> Self {
        Self {
            id,
            clerk_user_id,
            profile: Profile::default(),
            email_as_of: None,
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
    let NewUser {
        id,
        clerk_user_id,
        profile: Profile { email, email_verified, name },
        email_as_of,
        clerk_updated_at,
        banned,
        profile_tried_at,
        profile_next_try,
        now,
    } = user;
    on!(conn, link => sqlx::query(
        "INSERT INTO users (id, clerk_user_id, email, email_verified, email_as_of, name, \
         clerk_updated_at, banned, profile_tried_at, profile_next_try, profile_tries, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)")
        .bind(id)
        .bind(clerk_user_id)
        .bind(email.as_deref())
        .bind(email_verified)
        .bind(email_as_of)
        .bind(name.as_deref())
        .bind(clerk_updated_at)
        .bind(banned)
        .bind(profile_tried_at)
        .bind(profile_next_try)
        .bind(i64::from(profile_tried_at.is_some()))
        .bind(now)
        .execute(link)
        .await
        .map(|_| ()))
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
