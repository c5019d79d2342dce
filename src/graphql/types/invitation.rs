//! An invitation: how those see it who may revoke it, and the person who may accept it.

use std::sync::Arc;

use async_graphql::{ID, Object, SimpleObject};

use super::{DateTime, OrganizationRole, connection::PageInfo};
use crate::{
    graphql::paging::{InvitationPage, write_cursor},
    store::invitations::VisibleInvitation,
};

/// An invitation the viewer may see.
pub(crate) struct Invitation(pub(crate) Arc<VisibleInvitation>);

/// An open invitation into an organization. It is for one e-mail address and one use, and says nothing about
/// whether the address belongs to a user.
#[Object]
impl Invitation {
    /// Globally unique, stable, opaque identifier, for `revokeInvitation`. Invitations are listed where they belong
    /// and are no nodes: `node` does not find them.
    async fn id(&self) -> ID {
        ID(self.0.invitation.id.to_string())
    }

    /// The e-mail address that is invited, in lower case.
    async fn email(&self) -> &str {
        &self.0.invitation.email
    }

    /// The role that the person will have.
    async fn role(&self) -> OrganizationRole {
        self.0.invitation.role.into()
    }

    /// Name of the organization, for people who are not in it yet.
    async fn organization_name(&self) -> &str {
        &self.0.organization_name
    }

    /// The best name of the person who invited; `null` when that account was deleted.
    async fn invited_by(&self) -> Option<&str> {
        self.0.invited_by.as_deref()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.invitation.created_at)
    }

    /// From when on it counts no more, seven days after it was made.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.invitation.expires_at)
    }
}

/// One page of invitations.
pub(crate) struct InvitationConnection(pub(crate) InvitationPage);

/// One page of invitations.
#[Object]
impl InvitationConnection {
    /// The invitations with their cursors.
    async fn edges(&self) -> Vec<InvitationEdge> {
        let edge = |row: &Arc<VisibleInvitation>| InvitationEdge {
            cursor: write_cursor(row.invitation.position()),
            node: Invitation(row.clone()),
        };
        self.0.rows.iter().map(edge).collect()
    }

    /// The invitations without cursors.
    async fn nodes(&self) -> Vec<Invitation> {
        self.0.rows.iter().cloned().map(Invitation).collect()
    }

    /// Where this page lies.
    async fn page_info(&self) -> PageInfo {
        let cursor = |row: &Arc<VisibleInvitation>| write_cursor(row.invitation.position());
        PageInfo {
            has_next_page: self.0.has_next,
            has_previous_page: self.0.has_previous,
            start_cursor: self.0.rows.first().map(cursor),
            end_cursor: self.0.rows.last().map(cursor),
        }
    }

    /// How many invitations there are on all pages together.
    async fn total_count(&self) -> i32 {
        i32::try_from(self.0.total).unwrap_or(i32::MAX)
    }
}

/// An invitation and its cursor.
#[derive(SimpleObject)]
pub(crate) struct InvitationEdge {
    /// Opaque position, for `after`.
    cursor: String,
    /// The invitation.
    node: Invitation,
}
