//! Organizations, members and invitations as JSON of the original's shape. Its boards are not this product's: what
//! it says about them is constant, or follows from the role.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use super::paging::PageWish;
use crate::{
    accounts::IssuedInvitation,
    model::{self, Invitation, InvitationId, MembershipId, OrganizationId, Role, UserId},
    store::memberships::VisibleMembership,
};

/// A time as every face of the product writes it.
#[derive(Clone, Copy)]
struct Time(DateTime<Utc>);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// A part of a list.
#[derive(Serialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    total: i64,
    limit: i64,
    offset: i64,
}

impl<T> Page<T> {
    /// What a wish came to.
    pub(super) fn new(items: Vec<T>, total: i64, PageWish { limit, offset }: PageWish) -> Self {
        Self { items, total, limit, offset }
    }
}

/// An organization.
#[derive(Serialize)]
pub(super) struct Organization {
    id: OrganizationId,
    name: String,
    created_at: Time,
    updated_at: Time,
}

impl Organization {
    /// This one.
    pub(super) fn of(organization: &model::Organization) -> Self {
        Self {
            id: organization.id,
            name: organization.name.clone(),
            created_at: Time(organization.created_at),
            updated_at: Time(organization.updated_at),
        }
    }
}

/// An organization of the caller's in their list.
#[derive(Serialize)]
pub(super) struct Listed {
    id: OrganizationId,
    name: String,
    role: &'static str,
    is_active: bool,
}

impl Listed {
    /// All of these, by lower-case name.
    pub(super) fn all(
        rows: &[Arc<VisibleMembership>],
        active: Option<&VisibleMembership>,
    ) -> Vec<Self> {
        let active = active.map(|row| row.membership.organization_id);
        let mut list: Vec<_> = rows
            .iter()
            .map(|row| Self {
                id: row.membership.organization_id,
                name: row.organization.organization.name.clone(),
                role: row.membership.role.as_str(),
                is_active: active == Some(row.membership.organization_id),
            })
            .collect();
        list.sort_by_cached_key(|one| (one.name.to_lowercase(), one.id));
        list
    }
}

/// A member of an organization.
#[derive(Serialize)]
pub(super) struct Member {
    id: MembershipId,
    organization_id: OrganizationId,
    user_id: UserId,
    role: &'static str,
    all_boards_read: bool,
    all_boards_write: bool,
    created_at: Time,
    updated_at: Time,
    user: Person,
    board_access: [(); 0],
}

#[derive(Serialize)]
struct Person {
    id: UserId,
    email: Option<String>,
    name: Option<String>,
    preferred_name: Option<String>,
}

/// Whether a role would see and change all boards.
fn has_all_boards(role: Role) -> bool {
    role >= Role::Admin
}

impl Member {
    /// This one.
    pub(super) fn of(row: &VisibleMembership) -> Self {
        let membership = &row.membership;
        Self {
            id: membership.id,
            organization_id: membership.organization_id,
            user_id: membership.user_id,
            role: membership.role.as_str(),
            all_boards_read: has_all_boards(membership.role),
            all_boards_write: has_all_boards(membership.role),
            created_at: Time(membership.created_at),
            updated_at: Time(membership.updated_at),
            user: Person {
                id: membership.user_id,
                email: row.email.clone(),
                name: row.name.clone(),
                preferred_name: row.preferred_name.clone(),
            },
            board_access: [],
        }
    }
}

/// An open invitation. One that was accepted is there no more.
#[derive(Serialize)]
pub(super) struct Invite {
    id: InvitationId,
    organization_id: OrganizationId,
    invited_email: String,
    role: &'static str,
    all_boards_read: bool,
    all_boards_write: bool,
    token: String,
    created_by_user_id: Option<UserId>,
    accepted_by_user_id: Option<UserId>,
    accepted_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
    expires_at: Time,
}

impl Invite {
    /// Without its token, which nobody knows any more.
    pub(super) fn listed(invitation: &Invitation) -> Self {
        Self {
            id: invitation.id,
            organization_id: invitation.organization_id,
            invited_email: invitation.email.clone(),
            role: invitation.role.as_str(),
            all_boards_read: has_all_boards(invitation.role),
            all_boards_write: has_all_boards(invitation.role),
            token: String::new(),
            created_by_user_id: invitation.created_by,
            accepted_by_user_id: None,
            accepted_at: None,
            created_at: Time(invitation.created_at),
            updated_at: Time(invitation.created_at),
            expires_at: Time(invitation.expires_at),
        }
    }

    /// With its token, this once.
    pub(super) fn issued(issued: &IssuedInvitation) -> Self {
        Self { token: issued.token.clone(), ..Self::listed(&issued.invitation.invitation) }
    }
}
