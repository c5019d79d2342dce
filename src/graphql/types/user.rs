//! A user: the caller, or for a super admin anyone.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::{DateTime, InvitationConnection, Organization, OrganizationMemberConnection};
use crate::{
    accounts::{active_among, is_all},
    error::ApiError,
    graphql::{context::ContextExt, paging::PageRequest},
    model,
    store::memberships::ListOf,
};

/// A user the viewer may read.
pub(crate) struct User(pub(crate) Arc<model::User>);

/// The caller's own account and profile.
#[Object]
impl User {
    /// Globally unique, stable, opaque identifier.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Identifier of the user at Clerk, for example `user_2abcXYZ`.
    async fn clerk_user_id(&self) -> &str {
        &self.0.clerk_user_id
    }

    /// Primary e-mail address in lower case; `null` when Clerk knows none.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// Full display name.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Short name to show in user interfaces.
    async fn preferred_name(&self) -> Option<&str> {
        self.0.preferred_name.as_deref()
    }

    /// The best name available: preferred name, else full name, else the part of the e-mail address
    /// before the `@`, else `User`.
    async fn display_name(&self) -> &str {
        self.0.display_name()
    }

    /// Pronouns, for example `they/them`.
    async fn pronouns(&self) -> Option<&str> {
        self.0.pronouns.as_deref()
    }

    /// IANA time zone name, for example `America/Los_Angeles`.
    async fn timezone(&self) -> Option<&str> {
        self.0.timezone.as_deref()
    }

    /// Notes for operators.
    async fn notes(&self) -> Option<&str> {
        self.0.notes.as_deref()
    }

    /// Background used to personalise the product.
    async fn context(&self) -> Option<&str> {
        self.0.context.as_deref()
    }

    /// Whether the user administers the whole installation.
    async fn is_super_admin(&self, ctx: &Context<'_>) -> Result<bool, ApiError> {
        // Of somebody else only a super admin sees this, whose session is nobody else's.
        Ok(ctx.viewer().session()?.is_super_admin(&self.0))
    }

    /// The organization the user is working in; `null` when the user belongs to none.
    async fn active_organization(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Organization>, ApiError> {
        let viewer = ctx.viewer();
        if let Some(rows) = viewer.preloaded(self.0.id).await
            && let Some(row) = active_among(&self.0, &rows)
        {
            return Ok(Some(Organization(row.organization.clone())));
        }
        let loaders = viewer.loaders().await?;
        // What the user is seen with counts before what is stored: it may be of the session token.
        if let Some(organization) = self.0.active_organization_id
            && viewer.is(self.0.id).await
            && let Some(found) = loaders.organization(organization).await?
        {
            return Ok(Some(Organization(found)));
        }
        let found = loaders.active_organization(self.0.id).await?;
        Ok(found.map(Organization))
    }

    /// The user's memberships, oldest first.
    async fn memberships(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many to return, 1 to 100.", default = 50)] first: i32,
        #[graphql(desc = "Return those after this cursor.")] after: Option<String>,
    ) -> Result<OrganizationMemberConnection, ApiError> {
        let page = PageRequest::new(first, after.as_deref())?;
        let list = ListOf::User(self.0.id);
        if let Some(rows) = ctx.viewer().preloaded(self.0.id).await
            && let Some(cut) = page.cut(list, &rows, is_all(rows.len()))
        {
            return Ok(OrganizationMemberConnection(cut));
        }
        page.load(ctx, list).await.map(OrganizationMemberConnection)
    }

    /// The open invitations for the user's e-mail address, the newest 100 of them, newest first. Accept one with
    /// `acceptInvitation` and the token that the inviting person passes on: nobody joins without it. Empty while
    /// the address is not known to be verified; accepting asks Clerk about that. Of other people none are shown.
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many to return, 1 to 100.", default = 50)] first: i32,
        #[graphql(desc = "Return those after this cursor.")] after: Option<String>,
    ) -> Result<InvitationConnection, ApiError> {
        let page = PageRequest::new(first, after.as_deref())?;
        let list = ctx.viewer().loaders().await?.invitations_for(&self.0).await?;
        Ok(InvitationConnection(page.of_invitations(&list)))
    }

    /// When the user was first seen.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When the user was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }
}
