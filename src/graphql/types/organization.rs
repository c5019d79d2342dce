//! An organization.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::{DateTime, InvitationConnection, OrganizationMemberConnection, OrganizationRole};
use crate::{
    error::ApiError,
    graphql::{context::ContextExt, paging::PageRequest},
    model::Role,
    store::{memberships::ListOf, organizations::VisibleOrganization},
};

/// An organization the viewer belongs to.
pub(crate) struct Organization(pub(crate) Arc<VisibleOrganization>);

/// A group of people working together.
#[Object]
impl Organization {
    /// Globally unique, stable, opaque identifier.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.organization.id.to_string())
    }

    /// Identifier of the organization at Clerk, for example `org_2abcXYZ`; `null` for one that exists only here.
    async fn clerk_organization_id(&self) -> Option<&str> {
        self.0.organization.clerk_organization_id.as_deref()
    }

    /// Display name.
    async fn name(&self) -> &str {
        &self.0.organization.name
    }

    /// The caller's role in this organization.
    async fn viewer_role(&self) -> OrganizationRole {
        self.0.viewer_role.into()
    }

    /// The people in this organization, oldest membership first.
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many to return, 1 to 100.", default = 50)] first: i32,
        #[graphql(desc = "Return those after this cursor.")] after: Option<String>,
    ) -> Result<OrganizationMemberConnection, ApiError> {
        let list = ListOf::Organization(self.0.organization.id);
        let page = PageRequest::new(first, after.as_deref())?;
        page.load(ctx, list).await.map(OrganizationMemberConnection)
    }

    /// The open invitations into this organization, newest first, at most 100 in all; `null` unless the caller is
    /// an owner or an admin.
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many to return, 1 to 100.", default = 50)] first: i32,
        #[graphql(desc = "Return those after this cursor.")] after: Option<String>,
    ) -> Result<Option<InvitationConnection>, ApiError> {
        let page = PageRequest::new(first, after.as_deref())?;
        if self.0.viewer_role < Role::Admin {
            ctx.viewer().note_unseen();
            return Ok(None);
        }
        let loaders = ctx.viewer().loaders().await?;
        let list = loaders.invitations_into(self.0.organization.id).await?;
        Ok(Some(InvitationConnection(page.of_invitations(&list))))
    }

    /// When the organization was created.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.organization.created_at)
    }

    /// When the organization was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.organization.updated_at)
    }
}
