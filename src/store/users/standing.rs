//! The statement behind every signed-in request: the user of a session, and everything that decides
//! whether the session counts.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{Database, Encode, FromRow, QueryBuilder, Row, Type};

use super::{UserColumns, user_columns};
use crate::{
    model::{OrganizationId, User},
    store::{
        Conn, StoreError,
        connection::on,
        dialect::Spelling,
        memberships::{OWN_MEMBERSHIP, OwnMembership, VisibleMembership},
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
    /// Whether the user's first memberships are wanted too.
    pub with_memberships: bool,
}

impl<'a> Lookup<'a> {
    /// Looks a user up for an event, which belongs to no session.
    pub const fn of_user(clerk_user_id: &'a str) -> Self {
        Self {
            clerk_user_id,
            session_id: None,
            clerk_organization_id: None,
            with_memberships: false,
        }
    }
}

/// What a lookup finds.
#[derive(Clone)]
pub struct Found {
    /// What decides about the session.
    pub standing: Standing,
    /// The user's first memberships with their organizations, oldest first, if they were wanted.
    pub memberships: Option<Vec<Arc<VisibleMembership>>>,
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
struct FoundColumns {
    #[sqlx(flatten)]
    user: UserColumns,
    tombstone_permanent: Option<bool>,
    tombstone_at: Option<DateTime<Utc>>,
    revoked_session: Option<String>,
    banned: Option<bool>,
    deletion_marked_at: Option<DateTime<Utc>>,
    token_organization: Option<OrganizationId>,
    memberships: Option<String>,
}

impl FoundColumns {
    fn into_found(self, with_memberships: bool) -> Result<Found, StoreError> {
        let user = self.user.into_user();
        let memberships = match (&user, self.memberships) {
            (Some(user), Some(json)) => own_memberships(user, &json)?,
            _ => Vec::new(),
        };
        let standing = Standing {
            user,
            tombstone: self
                .tombstone_permanent
                .zip(self.tombstone_at)
                .map(|(is_permanent, deleted_at)| Tombstone { is_permanent, deleted_at }),
            is_session_revoked: self.revoked_session.is_some(),
            is_banned: self.banned.unwrap_or(false),
            is_being_deleted: self.deletion_marked_at.is_some(),
            token_organization: self.token_organization,
        };
        Ok(Found { standing, memberships: with_memberships.then_some(memberships) })
    }
}

fn own_memberships(user: &User, json: &str) -> Result<Vec<Arc<VisibleMembership>>, StoreError> {
    let rows: Vec<OwnMembership> = serde_json::from_str(json)
        .map_err(|error| StoreError::Corrupt(format!("a membership: {error}")))?;
    let mut memberships: Vec<_> = rows.into_iter().map(|row| Arc::new(row.of(user))).collect();
    // They were put together in this order, which neither database promises to keep.
    memberships.sort_by_key(|row| row.membership.position());
    Ok(memberships)
}

/// The statement for so many lookups. It is the same text for every number up to the next power of
/// two, so that a connection caches few prepared statements; surplus rows hold NULL and find nothing.
fn statement<'a, DB>(lookups: &[Lookup<'a>], limit: i64) -> QueryBuilder<DB>
where
    DB: Database + Spelling,
    Option<&'a str>: Encode<'a, DB> + Type<DB>,
    bool: Encode<'a, DB> + Type<DB>,
{
    let mut query = QueryBuilder::new(
        "WITH s (n, clerk_user_id, session_id, clerk_organization_id, with_memberships) AS (VALUES ",
    );
    for number in 0..lookups.len().next_power_of_two() {
        let lookup = lookups.get(number);
        query.push(if number == 0 { "(" } else { ", (" }).push(number);
        query.push(", ").push_bind(lookup.map(|lookup| lookup.clerk_user_id));
        query.push(", ").push_bind(lookup.and_then(|lookup| lookup.session_id));
        query.push(", ").push_bind(lookup.and_then(|lookup| lookup.clerk_organization_id));
        query.push(", ").push_bind(lookup.is_some_and(|lookup| lookup.with_memberships)).push(")");
    }
    // The limit as text: SQLite prepares a statement anew for each value that is bound to a limit,
    // which costs several times what the statement does.
    query
        .push(") SELECT s.n, ")
        .push(STANDING_COLUMNS)
        .push(", CASE WHEN s.with_memberships THEN (SELECT CAST(")
        .push(DB::JSON_AGGREGATE)
        .push("(")
        .push(DB::JSON_ARRAY)
        .push("(")
        .push(OWN_MEMBERSHIP)
        .push(")) AS TEXT) FROM (SELECT id, organization_id, role, created_at, updated_at ")
        .push("FROM organization_members WHERE user_id = u.id ")
        .push("ORDER BY created_at, id LIMIT ")
        .push(limit)
        .push(") m JOIN organizations o ON o.id = m.organization_id) END AS memberships")
        .push(STANDING_TABLES);
    query
}

const STANDING_COLUMNS: &str = concat!(
    user_columns!(),
    ", t.permanent AS tombstone_permanent, t.deleted_at AS tombstone_at, \
     r.session_id AS revoked_session, u.banned, u.deletion_marked_at, \
     tm.organization_id AS token_organization"
);

const STANDING_TABLES: &str = " FROM s \
    LEFT JOIN users u ON u.clerk_user_id = s.clerk_user_id \
    LEFT JOIN tombstones t ON t.kind = 'user' AND t.clerk_id = s.clerk_user_id \
    LEFT JOIN revoked_sessions r ON r.session_id = s.session_id \
    LEFT JOIN organizations tok ON tok.clerk_organization_id = s.clerk_organization_id \
    LEFT JOIN organization_members tm ON tm.organization_id = tok.id AND tm.user_id = u.id \
    WHERE s.clerk_user_id IS NOT NULL";

/// Finds the users of sessions together with everything that can refuse the sessions: one index probe
/// each, in one statement, so that every instance sees a deletion, a ban or a sign-out at once. With
/// them come at most `limit` memberships of each user: the whole of a typical `me`.
///
/// There is an answer for every lookup, in their order. A row that cannot be read fails its own.
pub async fn find_standings(
    conn: Conn<'_>,
    lookups: &[Lookup<'_>],
    limit: i64,
) -> Result<Vec<Result<Found, StoreError>>, StoreError> {
    let rows: Vec<(i32, Result<FoundColumns, sqlx::Error>)> = on!(conn, link => {
        let mut statement = statement(lookups, limit);
        let rows = match lookups {
            // One row comes back at once; the end of several is waited for separately.
            [_] => statement.build().fetch_one(link).await.map(|row| vec![row]),
            _ => statement.build().fetch_all(link).await,
        };
        rows.and_then(|rows| {
            rows.iter().map(|row| Ok((row.try_get("n")?, FoundColumns::from_row(row)))).collect()
        })
    })?;
    let mut found: Vec<_> = lookups.iter().map(|_| Err(no_row())).collect();
    for (number, row) in rows {
        let place = usize::try_from(number).ok();
        if let Some((place, lookup)) =
            place.and_then(|place| found.get_mut(place).zip(lookups.get(place)))
        {
            *place = row
                .map_err(StoreError::from)
                .and_then(|row| row.into_found(lookup.with_memberships));
        }
    }
    Ok(found)
}

fn no_row() -> StoreError {
    StoreError::Corrupt("a join that always has a row had none".to_owned())
}

/// [`find_standings`] for one, without memberships.
pub async fn find_standing(conn: Conn<'_>, lookup: Lookup<'_>) -> Result<Standing, StoreError> {
    let mut found = find_standings(conn, &[lookup], 1).await?;
    found.pop().unwrap_or_else(|| Err(no_row())).map(|found| found.standing)
}

#[cfg(test)]
mod tests;
