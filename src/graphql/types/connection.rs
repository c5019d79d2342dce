//! A page of memberships as the Relay connection specification has it.

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject};

use super::OrganizationMember;
use crate::{
    error::ApiError,
    graphql::paging::{Page, cursor},
    store::memberships::VisibleMembership,
};

/// One page of memberships.
pub(crate) struct OrganizationMemberConnection(pub(crate) Page);

/// One page of memberships.
#[Object]
impl OrganizationMemberConnection {
    /// The memberships with their cursors.
    async fn edges(&self) -> Vec<OrganizationMemberEdge> {
        let edge = |row: &Arc<VisibleMembership>| OrganizationMemberEdge {
            cursor: cursor(row),
            node: OrganizationMember(row.clone()),
        };
        self.0.rows().iter().map(edge).collect()
    }

    /// The memberships without cursors.
    async fn nodes(&self) -> Vec<OrganizationMember> {
        self.0.rows().iter().cloned().map(OrganizationMember).collect()
    }

    /// Where this page lies.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.0.has_next(),
            has_previous_page: self.0.has_previous(),
            start_cursor: self.0.rows().first().map(|row| cursor(row)),
            end_cursor: self.0.rows().last().map(|row| cursor(row)),
        }
    }

    /// How many memberships there are on all pages together.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        self.0.total(ctx).await
    }
}

/// A membership and its cursor.
#[derive(SimpleObject)]
pub(crate) struct OrganizationMemberEdge {
    /// Opaque position, for `after`.
    cursor: String,
    /// The membership.
    node: OrganizationMember,
}

/// Where a page lies in its list, as the Relay connection specification has it.
#[derive(SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether there is a page after this one.
    pub(super) has_next_page: bool,
    /// Whether there is a page before this one.
    pub(super) has_previous_page: bool,
    /// Cursor of the first item; `null` on an empty page.
    pub(super) start_cursor: Option<String>,
    /// Cursor of the last item, to pass as `after`; `null` on an empty page.
    pub(super) end_cursor: Option<String>,
}
