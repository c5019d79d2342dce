//! Statements about memberships. Every read for a viewer is joined with the viewer's own membership, so
//! that rows the viewer may not see are not found.

mod administration;
mod mirrored;
mod pages;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de::Error as _};
use sqlx::FromRow;

pub use administration::{
    delete_membership, find_membership, find_own_membership, has_member_with_address,
    has_other_owner, set_role,
};
pub use mirrored::{
    ClerkMembershipState, delete_mirrored_membership, promote_creator, upsert_mirrored_membership,
};
pub use pages::load_page;

use super::{Conn, StoreError, connection::on, organizations::VisibleOrganization};
use crate::model::{
    Membership, MembershipId, Organization, OrganizationId, Position, Role, User, UserId,
};

/// A membership together with what is shown of it: the person and the organization.
#[derive(Clone)]
pub struct VisibleMembership {
    /// The membership itself.
    pub membership: Membership,
    /// The person's full name.
    pub name: Option<String>,
    /// The person's short name.
    pub preferred_name: Option<String>,
    /// The person's e-mail address.
    pub email: Option<String>,
    /// The organization as the viewer sees it.
    pub organization: Arc<VisibleOrganization>,
}

/// What makes a JSON array of a membership and its organization, for tables aliased `m` and `o`, in
/// the order of [`OwnMembership`].
pub(super) const OWN_MEMBERSHIP: &str = "m.id, m.role, m.created_at, m.updated_at, \
    o.id, o.clerk_organization_id, o.name, o.created_at, o.updated_at";

/// A membership of the viewer's own, as it comes in one JSON text with the others.
#[derive(Deserialize)]
pub(super) struct OwnMembership(
    MembershipId,
    Role,
    #[serde(deserialize_with = "rfc3339")] DateTime<Utc>,
    #[serde(deserialize_with = "rfc3339")] DateTime<Utc>,
    OrganizationId,
    Option<String>,
    String,
    #[serde(deserialize_with = "rfc3339")] DateTime<Utc>,
    #[serde(deserialize_with = "rfc3339")] DateTime<Utc>,
);

/// A time as both databases write it into JSON. What chrono reads with serde by default is laxer and so
/// slow that it shows in a profile: a membership has four of them.
fn rfc3339<'de, D: Deserializer<'de>>(json: D) -> Result<DateTime<Utc>, D::Error> {
    let time = DateTime::parse_from_rfc3339(<&str>::deserialize(json)?);
    Ok(time.map_err(D::Error::custom)?.to_utc())
}

impl OwnMembership {
    /// What the viewer, who is `person`, sees of it.
    pub(super) fn of(self, person: &User) -> VisibleMembership {
        let Self(id, role, created_at, updated_at, ..) = self;
        let Self(.., organization_id, clerk_organization_id, name, o_created_at, o_updated_at) =
            self;
        VisibleMembership {
            membership: Membership {
                id,
                organization_id,
                user_id: person.id,
                role,
                created_at,
                updated_at,
            },
            name: person.name.clone(),
            preferred_name: person.preferred_name.clone(),
            email: person.email.clone(),
            organization: Arc::new(VisibleOrganization {
                organization: Organization {
                    id: organization_id,
                    clerk_organization_id,
                    name,
                    created_at: o_created_at,
                    updated_at: o_updated_at,
                },
                viewer_role: role,
            }),
        }
    }
}

/// The columns of a membership with its organization and its person.
#[derive(FromRow)]
struct VisibleColumns {
    id: MembershipId,
    user_id: UserId,
    role: Role,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    organization_id: OrganizationId,
    clerk_organization_id: Option<String>,
    organization_name: String,
    organization_created_at: DateTime<Utc>,
    organization_updated_at: DateTime<Utc>,
    viewer_role: Role,
    person_name: Option<String>,
    person_preferred_name: Option<String>,
    person_email: Option<String>,
}

impl VisibleColumns {
    fn into_visible(self) -> Arc<VisibleMembership> {
        Arc::new(VisibleMembership {
            membership: Membership {
                id: self.id,
                organization_id: self.organization_id,
                user_id: self.user_id,
                role: self.role,
                created_at: self.created_at,
                updated_at: self.updated_at,
            },
            name: self.person_name,
            preferred_name: self.person_preferred_name,
            email: self.person_email,
            organization: Arc::new(VisibleOrganization {
                organization: Organization {
                    id: self.organization_id,
                    clerk_organization_id: self.clerk_organization_id,
                    name: self.organization_name,
                    created_at: self.organization_created_at,
                    updated_at: self.organization_updated_at,
                },
                viewer_role: self.viewer_role,
            }),
        })
    }
}

/// The select list that [`VisibleColumns`] reads, up to the condition whose value is the viewer.
const SELECT_VISIBLE: &str = "SELECT m.id, m.user_id, m.role, m.created_at, m.updated_at, \
     o.id AS organization_id, o.clerk_organization_id, o.name AS organization_name, \
     o.created_at AS organization_created_at, o.updated_at AS organization_updated_at, \
     v.role AS viewer_role, p.name AS person_name, p.preferred_name AS person_preferred_name, \
     p.email AS person_email \
     FROM organization_members m \
     JOIN organization_members v ON v.organization_id = m.organization_id \
     JOIN organizations o ON o.id = m.organization_id \
     JOIN users p ON p.id = m.user_id \
     WHERE v.user_id = ";

/// Whose list of memberships: a person's or an organization's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListOf {
    /// The memberships of one person.
    User(UserId),
    /// The members of one organization.
    Organization(OrganizationId),
}

impl ListOf {
    /// Whether a membership belongs to the list.
    pub fn holds(self, membership: &Membership) -> bool {
        match self {
            Self::User(id) => membership.user_id == id,
            Self::Organization(id) => membership.organization_id == id,
        }
    }
}

/// Which part of a list: at most `limit` memberships behind `after`, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slice {
    /// How many at most, 1 or more.
    pub limit: i64,
    /// Where the part before ended.
    pub after: Option<(DateTime<Utc>, MembershipId)>,
}

impl Slice {
    /// The first `limit` memberships.
    pub const fn first(limit: i64) -> Self {
        Self { limit, after: None }
    }

    /// At most `limit` memberships behind `position`.
    pub fn behind(position: Position, limit: i64) -> Self {
        Self { limit, after: Some((position.created_at, MembershipId(position.id))) }
    }
}

/// Loads the same slice of several lists in one statement, as `viewer` sees them, in no particular
/// order.
pub async fn load_slices(
    conn: Conn<'_>,
    viewer: UserId,
    lists: &[ListOf],
    slice: Slice,
) -> Result<Vec<Arc<VisibleMembership>>, StoreError> {
    if lists.is_empty() {
        return Ok(Vec::new());
    }
    // One limited index range per list; a window function would read every member of each.
    let rows: Vec<VisibleColumns> = on!(conn, link => {
        let mut query = sqlx::QueryBuilder::new("");
        for (index, list) in lists.iter().enumerate() {
            query.push(if index == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
            query.push(SELECT_VISIBLE).push_bind(viewer);
            match *list {
                ListOf::User(id) => query.push(" AND m.user_id = ").push_bind(id),
                ListOf::Organization(id) => query.push(" AND m.organization_id = ").push_bind(id),
            };
            if let Some((created_at, id)) = slice.after {
                query.push(" AND (m.created_at, m.id) > (").push_bind(created_at);
                query.push(", ").push_bind(id).push(")");
            }
            // The limit as text: see `users::find_standings`.
            query.push(" ORDER BY m.created_at, m.id LIMIT ").push(slice.limit).push(") l");
        }
        query.build_query_as().fetch_all(link).await
    })?;
    Ok(rows.into_iter().map(VisibleColumns::into_visible).collect())
}

/// Loads memberships by id as `viewer` sees them; those the viewer may not see are left out.
pub async fn load_memberships(
    conn: Conn<'_>,
    viewer: UserId,
    ids: &[MembershipId],
) -> Result<Vec<Arc<VisibleMembership>>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<VisibleColumns> = on!(conn, link => {
        let mut query = sqlx::QueryBuilder::new(SELECT_VISIBLE);
        query.push_bind(viewer).push(" AND m.id IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query.push(")");
        query.build_query_as().fetch_all(link).await
    })?;
    Ok(rows.into_iter().map(VisibleColumns::into_visible).collect())
}

/// How many memberships each list holds that `viewer` may see.
pub async fn count_memberships(
    conn: Conn<'_>,
    viewer: UserId,
    lists: &[ListOf],
) -> Result<Vec<(ListOf, i64)>, StoreError> {
    if lists.is_empty() {
        return Ok(Vec::new());
    }
    // A count names its list by number. The list's own id would be a column of either type, and where
    // it is NULL in the first two parts of a union, PostgreSQL takes the column for text.
    let rows: Vec<(i32, i64)> = on!(conn, link => {
        let mut query = sqlx::QueryBuilder::new("");
        for (number, list) in (0_i32..).zip(lists) {
            query.push(if number == 0 { "SELECT " } else { " UNION ALL SELECT " });
            query.push(number).push(
                " AS list, COUNT(*) AS n FROM organization_members m \
                 JOIN organization_members v ON v.organization_id = m.organization_id \
                 WHERE v.user_id = ").push_bind(viewer);
            match *list {
                ListOf::User(id) => query.push(" AND m.user_id = ").push_bind(id),
                ListOf::Organization(id) => query.push(" AND m.organization_id = ").push_bind(id),
            };
        }
        query.build_query_as().fetch_all(link).await
    })?;
    Ok(rows
        .into_iter()
        .filter_map(|(number, count)| Some((*lists.get(usize::try_from(number).ok()?)?, count)))
        .collect())
}

/// A membership in a local organization about to exist.
#[derive(Debug, Clone)]
pub struct NewMembership {
    /// Ours, freshly generated.
    pub id: MembershipId,
    /// Where.
    pub organization_id: OrganizationId,
    /// Who.
    pub user_id: UserId,
    /// As what.
    pub role: Role,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Inserts a membership. `false` when the person is a member there already.
pub async fn insert_membership(
    conn: Conn<'_>,
    membership: &NewMembership,
) -> Result<bool, StoreError> {
    on!(conn, link => sqlx::query(
        "INSERT INTO organization_members (id, organization_id, user_id, role, \
         created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5) \
         ON CONFLICT (organization_id, user_id) DO NOTHING")
        .bind(membership.id)
        .bind(membership.organization_id)
        .bind(membership.user_id)
        .bind(membership.role)
        .bind(membership.now)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}

/// Makes the longest-standing admin, else member, the owner of an organization that has people but
/// no owner, `leaving` not counted. `false` when there is an owner or no member left.
pub async fn promote_successor(
    conn: Conn<'_>,
    organization: OrganizationId,
    leaving: UserId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE organization_members SET role = 'owner', updated_at = $3 WHERE id = (\
        SELECT m.id FROM organization_members m \
        WHERE m.organization_id = $1 AND m.user_id <> $2 AND NOT EXISTS (\
            SELECT 1 FROM organization_members w \
            WHERE w.organization_id = $1 AND w.user_id <> $2 AND w.role = 'owner') \
        ORDER BY CASE m.role WHEN 'admin' THEN 0 ELSE 1 END, m.created_at, m.id LIMIT 1)";
    on!(conn, link => sqlx::query(SQL)
        .bind(organization)
        .bind(leaving)
        .bind(now)
        .execute(link)
        .await
        .map(|done| done.rows_affected() > 0))
}
