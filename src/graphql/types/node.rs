//! Anything that has an id.

use async_graphql::{Context, ID, Interface};
use uuid::Uuid;

use super::{Organization, OrganizationMember, User};
use crate::{
    error::ApiError,
    graphql::context::{ContextExt, Viewer},
    model::{MembershipId, OrganizationId, UserId},
};

/// An object that can be fetched again by its global ID.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Globally unique, stable, opaque identifier."))]
pub(crate) enum Node {
    User(User),
    Organization(Organization),
    OrganizationMember(OrganizationMember),
}

impl Node {
    /// Finds what has this id, as far as the caller may see it. A text that is no id of ours is
    /// nobody's.
    pub(crate) async fn find(ctx: &Context<'_>, id: &ID) -> Result<Option<Self>, ApiError> {
        let viewer = ctx.viewer();
        let found = Self::find_visible(viewer, id).await?;
        if found.is_none() {
            viewer.note_unseen();
        }
        Ok(found)
    }

    async fn find_visible(viewer: &Viewer, id: &ID) -> Result<Option<Self>, ApiError> {
        let resolved = viewer.resolved(false).await?;
        let Some(UserId(id)) = UserId::parse(id) else { return Ok(None) };
        if id == resolved.user.id.0 {
            return Ok(Some(Self::User(User(resolved.user))));
        }
        let loaders = viewer.loaders().await?;
        // Ids do not tell what they are of. All nodes of a request ask at once, so this costs one
        // statement for each kind however many there are.
        let (organization, membership, user) = futures_util::future::join3(
            loaders.organization(OrganizationId(id)),
            loaders.membership(MembershipId(id)),
            Self::find_user(&loaders, id, viewer.session()?.is_super_admin(&resolved.user)),
        )
        .await;
        Ok(match (organization?, membership?, user?) {
            (Some(organization), _, _) => Some(Self::Organization(Organization(organization))),
            (_, Some(membership), _) => {
                Some(Self::OrganizationMember(OrganizationMember(membership)))
            }
            (_, _, Some(user)) => Some(Self::User(user)),
            (None, None, None) => None,
        })
    }

    /// Somebody else's account, which only a super admin may read.
    async fn find_user(
        loaders: &crate::graphql::loaders::Loaders,
        id: Uuid,
        may_read: bool,
    ) -> Result<Option<User>, ApiError> {
        if !may_read {
            return Ok(None);
        }
        Ok(loaders.user(UserId(id)).await?.map(User))
    }
}
