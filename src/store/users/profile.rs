//! Statements that update a user's profile from a token's claims, from Clerk's user object, or as the
//! user asks.

use chrono::{DateTime, Utc};
use sqlx::{Executor, QueryBuilder};

use crate::{
    model::{OrganizationId, Profile, UserId},
    store::{Conn, StoreError, connection::on, dialect::Spelling},
};

/// What a token says about its user, as far as it counts now.
#[derive(Debug, Clone)]
pub struct ClaimsUpdate {
    /// The address, if it may be later than the stored one; the name, which only fills an empty place.
    pub profile: Profile,
    /// The token's `iat`; without one the address only fills an empty place.
    pub as_of: Option<DateTime<Utc>>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Takes over what a token says, unless something later is stored. `false` when the user is gone or
/// being deleted.
pub async fn apply_claims(
    conn: Conn<'_>,
    id: UserId,
    claims: &ClaimsUpdate,
) -> Result<bool, StoreError> {
    let ClaimsUpdate { profile: Profile { email, email_verified, name }, as_of, now } = claims;
    on!(conn, link => sqlx::query(CLAIMS)
        .bind(id)
        .bind(email.as_deref())
        .bind(email_verified)
        .bind(as_of)
        .bind(name.as_deref())
        .bind(now)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// Whether the claimed address counts. Ties go to what is stored: it came from an event or Clerk's API, or from
/// the same second.
macro_rules! is_later {
    () => {
        "$2 IS NOT NULL AND (email_as_of < $4 \
         OR (email_as_of IS NULL AND ($4 IS NOT NULL OR email IS NULL)))"
    };
}

/// The statement of [`apply_claims`].
const CLAIMS: &str = concat!(
    "UPDATE users SET email = CASE WHEN ",
    is_later!(),
    " THEN $2 ELSE email END, email_verified = CASE WHEN ",
    is_later!(),
    " THEN $3 ELSE email_verified END, email_as_of = CASE WHEN ",
    is_later!(),
    " THEN $4 ELSE email_as_of END, \
     name = COALESCE(name, $5), \
     updated_at = $6 \
     WHERE id = $1 AND deletion_marked_at IS NULL",
);

/// Notes the organization that a session token names as the one its user works in. `false`, and nothing changes,
/// when the user is no member of it, is gone or is being deleted. Nothing that the user did: `updated_at` stays.
pub async fn note_active_organization(
    conn: Conn<'_>,
    id: UserId,
    organization: OrganizationId,
) -> Result<bool, StoreError> {
    on!(conn, link => active_statement(&link)
        .build()
        .bind(id)
        .bind(organization)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// The statement of [`note_active_organization`] for the database of a connection. It holds on to the organization,
/// which another instance may be deleting.
fn active_statement<'c, C>(_: &C) -> QueryBuilder<C::Database>
where
    C: Executor<'c>,
    C::Database: Spelling,
{
    let mut statement = QueryBuilder::new(
        "WITH joined AS (SELECT o.id FROM organizations o \
             JOIN organization_members m ON m.organization_id = o.id \
             WHERE o.id = $2 AND m.user_id = $1",
    );
    statement.push(<C::Database as Spelling>::KEEP_KEY).push(
        ") UPDATE users SET active_organization_id = $2 \
         WHERE id = $1 AND deletion_marked_at IS NULL AND EXISTS (SELECT 1 FROM joined)",
    );
    statement
}

/// Makes an organization the one that a user works in. `false` when the user is no member of it, is gone or is
/// being deleted. The caller holds the lock on the organization.
pub async fn set_active_organization(
    conn: Conn<'_>,
    id: UserId,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "UPDATE users SET active_organization_id = $2, updated_at = $3 \
         WHERE id = $1 AND deletion_marked_at IS NULL AND EXISTS (\
             SELECT 1 FROM organization_members m WHERE m.organization_id = $2 AND m.user_id = $1)")
        .bind(id)
        .bind(organization)
        .bind(now)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// Notes that a user's address is verified, as Clerk said when it was asked. `false` when the user is gone or has
/// another address by now.
pub async fn verify_email(conn: Conn<'_>, id: UserId, email: &str) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "UPDATE users SET email_verified = TRUE WHERE id = $1 AND email = $2")
        .bind(id)
        .bind(email)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// What Clerk's API or an event says about a user.
#[derive(Debug, Clone)]
pub struct ClerkUpdate {
    /// Address and name. The name only fills an empty place.
    pub profile: Profile,
    /// Whether the user has no address left at Clerk. Otherwise a profile without one says nothing.
    pub has_lost_email: bool,
    /// Whether the user is banned.
    pub banned: bool,
    /// The `updated_at` of the user object.
    pub updated_at: DateTime<Utc>,
    /// Earliest time of the next profile call, should a profile that is complete now lose a value.
    pub next_try: DateTime<Utc>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Takes over Clerk's user object, unless a later one was applied. A name fills an empty place
/// whatever its age. `false` when the user is gone.
pub async fn apply_clerk_update(
    conn: Conn<'_>,
    id: UserId,
    update: &ClerkUpdate,
) -> Result<bool, StoreError> {
    macro_rules! email_after {
        () => {
            "CASE WHEN $2 AND (email_as_of IS NULL OR email_as_of <= $6) THEN $3 ELSE email END"
        };
    }
    macro_rules! email_verified_after {
        () => {
            "CASE WHEN $2 AND (email_as_of IS NULL OR email_as_of <= $6) \
             THEN $4 ELSE email_verified END"
        };
    }
    macro_rules! is_complete_after {
        () => {
            concat!(email_after!(), " IS NOT NULL AND COALESCE(name, $5) IS NOT NULL")
        };
    }
    const SQL: &str = concat!(
        "UPDATE users SET email = ",
        email_after!(),
        ", email_verified = ",
        email_verified_after!(),
        ", email_as_of = CASE WHEN $2 AND (email_as_of IS NULL OR email_as_of <= $6) \
            THEN $6 ELSE email_as_of END, \
        name = COALESCE(name, $5), \
        banned = CASE WHEN clerk_updated_at IS NULL OR clerk_updated_at <= $6 THEN $7 ELSE banned END, \
        clerk_updated_at = CASE WHEN clerk_updated_at IS NULL OR clerk_updated_at <= $6 \
            THEN $6 ELSE clerk_updated_at END, \
        profile_tries = CASE WHEN ",
        is_complete_after!(),
        " THEN 0 ELSE profile_tries END, profile_next_try = CASE WHEN ",
        is_complete_after!(),
        " THEN $9 ELSE profile_next_try END, updated_at = CASE WHEN email IS DISTINCT FROM ",
        email_after!(),
        " OR email_verified <> ",
        email_verified_after!(),
        " OR name IS DISTINCT FROM COALESCE(name, $5) THEN $8 ELSE updated_at END \
         WHERE id = $1"
    );
    let ClerkUpdate {
        profile: Profile { email, email_verified, name },
        has_lost_email,
        banned,
        updated_at,
        next_try,
        now,
    } = update;
    let says_email = email.is_some() || *has_lost_email;
    on!(conn, link => sqlx::query(SQL)
        .bind(id)
        .bind(says_email)
        .bind(email.as_deref())
        .bind(email_verified)
        .bind(name.as_deref())
        .bind(updated_at)
        .bind(banned)
        .bind(now)
        .bind(next_try)
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
    let ProfileChanges { name, preferred_name, pronouns, timezone, notes, context } = changes;
    on!(conn, link => sqlx::query(SQL)
        .bind(id)
        .bind(name.is_some())
        .bind(name.as_ref().and_then(Option::as_deref))
        .bind(preferred_name.is_some())
        .bind(preferred_name.as_ref().and_then(Option::as_deref))
        .bind(pronouns.is_some())
        .bind(pronouns.as_ref().and_then(Option::as_deref))
        .bind(timezone.is_some())
        .bind(timezone.as_ref().and_then(Option::as_deref))
        .bind(notes.is_some())
        .bind(notes.as_ref().and_then(Option::as_deref))
        .bind(context.is_some())
        .bind(context.as_ref().and_then(Option::as_deref))
        .bind(now)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}
