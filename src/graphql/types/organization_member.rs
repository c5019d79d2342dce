//! A membership: how people see each other.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::{DateTime, Organization, OrganizationRole};
use crate::{
    error::ApiError, graphql::context::ContextExt, model::display_name,
    store::memberships::VisibleMembership,
};

/// A membership in an organization the viewer belongs to.
pub(crate) struct OrganizationMember(pub(crate) Arc<VisibleMembership>);

/// One person's membership in one organization.
#[Object]
impl OrganizationMember {
    /// Globally unique, stable, opaque identifier of the membership.
    pub(crate) async fn id(&self) -> ID {
        ID(self.0.membership.id.to_string())
    }

    /// The organization.
    async fn organization(&self) -> Organization {
        Organization(self.0.organization.clone())
    }

    /// The person's role in the organization.
    async fn role(&self) -> OrganizationRole {
        self.0.membership.role.into()
    }

    /// The person's full display name.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The person's short name.
    async fn preferred_name(&self) -> Option<&str> {
        self.0.preferred_name.as_deref()
    }

    /// The best name available for the person.
    async fn display_name(&self) -> &str {
        display_name(
            self.0.preferred_name.as_deref(),
            self.0.name.as_deref(),
            self.0.email.as_deref(),
        )
    }

    /// The person's primary e-mail address.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// Whether this membership is the caller's own.
    async fn is_viewer(&self, ctx: &Context<'_>) -> Result<bool, ApiError> {
        Ok(ctx.viewer().resolved(false).await?.user.id == self.0.membership.user_id)
    }

    /// When the person joined.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.membership.created_at)
    }

    /// When the membership was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.membership.updated_at)
    }
}
