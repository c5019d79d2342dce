//! Read operations.

use async_graphql::{Context, ID, Object};

use super::{
    context::ContextExt,
    types::{Node, Organization, ServerInfo, User},
};
use crate::{error::ApiError, model::OrganizationId};

/// The most ids one `nodes` field takes.
pub(crate) const MAX_IDS: usize = 100;

/// The query root.
pub struct Query;

/// Read operations.
#[Object]
impl Query {
    /// About this server. Answers without a token, so it suits a first try and a connectivity check.
    async fn server_info(&self, ctx: &Context<'_>) -> ServerInfo {
        *ctx.data_unchecked::<ServerInfo>()
    }

    /// The signed-in user. The first call for a new Clerk user creates the user and a membership;
    /// later calls take over an e-mail address changed in Clerk and fill in an empty name.
    /// Fails with `UNAUTHENTICATED` when the request carries no valid session token.
    async fn me(&self, ctx: &Context<'_>) -> Result<User, ApiError> {
        let fields = ctx.look_ahead();
        let with_memberships =
            fields.field("memberships").exists() || fields.field("activeOrganization").exists();
        Ok(User(ctx.viewer().resolved(with_memberships).await?.user))
    }

    /// One organization the caller belongs to; `null` when it does not exist or the caller is not a member.
    async fn organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "ID of the organization.")] id: ID,
    ) -> Result<Option<Organization>, ApiError> {
        let viewer = ctx.viewer();
        viewer.resolved(false).await?;
        let organization = match OrganizationId::parse(&id) {
            Some(id) => viewer.loaders().await?.organization(id).await?,
            None => None,
        };
        if organization.is_none() {
            viewer.note_unseen();
        }
        Ok(organization.map(Organization))
    }

    /// Any object by its global ID; `null` when it does not exist or the caller may not see it.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ID of the object.")] id: ID,
    ) -> Result<Option<Node>, ApiError> {
        Node::find(ctx, &id).await
    }

    /// Several objects by global ID, in the order asked for, with `null` for each one not found. At most 100 IDs.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global IDs of the objects.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>, ApiError> {
        ctx.viewer().resolved(false).await?;
        if ids.len() > MAX_IDS {
            return Err(ApiError::bad_input(format!(
                "`ids` holds {}; ask for at most {MAX_IDS} at once.",
                ids.len()
            )));
        }
        futures_util::future::try_join_all(ids.iter().map(|id| Node::find(ctx, id))).await
    }
}
