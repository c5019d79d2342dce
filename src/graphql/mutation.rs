//! Write operations: read the input, call an account function, show the result.

use async_graphql::{Context, Object};

use super::{
    context::ContextExt,
    types::{
        AcceptInvitationInput, AcceptInvitationPayload, BootstrapPayload, CreateInvitationInput,
        CreateInvitationPayload, CreateOrganizationInput, CreateOrganizationPayload,
        DeleteOrganizationInput, DeleteOrganizationPayload, DeleteUserInput, DeleteUserPayload,
        LeaveOrganizationInput, LeaveOrganizationPayload, RemoveMemberInput, RemoveMemberPayload,
        RevokeInvitationInput, RevokeInvitationPayload, SetActiveOrganizationInput,
        SetActiveOrganizationPayload, UpdateMemberRoleInput, UpdateMemberRolePayload,
        UpdateOrganizationInput, UpdateOrganizationPayload, UpdateProfileInput,
        UpdateProfilePayload, User,
    },
};
use crate::{
    accounts::{DeletionRequest, InvitationRequest, MemberTarget, ProfileInput, Target},
    error::ApiError,
    model::{InvitationId, MembershipId, OrganizationId, UserId},
};

/// The mutation root.
pub struct Mutation;

/// Write operations. Each needs a valid session token.
#[Object]
impl Mutation {
    /// Makes sure the caller has a user record, an organization and a membership, synchronises them with
    /// Clerk, and returns the result. Safe to repeat. Call it once after sign-in.
    async fn bootstrap(&self, ctx: &Context<'_>) -> Result<BootstrapPayload, ApiError> {
        let resolved = ctx.viewer().bootstrap().await?;
        Ok(BootstrapPayload { user: User(resolved.user), created: resolved.created })
    }

    /// Changes the caller's own profile. Fields left out keep their value; `null` clears a field.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: UpdateProfileInput,
    ) -> Result<UpdateProfilePayload, ApiError> {
        let viewer = ctx.viewer();
        viewer.resolved(false).await?;
        let changes = match ProfileInput::from(input).validate() {
            Ok(changes) => changes,
            Err(mistakes) => {
                let user_errors = mistakes.into_iter().map(Into::into).collect();
                return Ok(UpdateProfilePayload { user: None, user_errors });
            }
        };
        let updated = viewer.update_profile(&changes).await?;
        Ok(UpdateProfilePayload { user: Some(User(updated)), user_errors: Vec::new() })
    }

    /// Deletes an account (by default the caller's), every organization in which that user is the only
    /// member, and unless told otherwise the user at Clerk. Cannot be undone. Safe to repeat after a failure.
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Options; leave out for the defaults.")] input: Option<DeleteUserInput>,
    ) -> Result<DeleteUserPayload, ApiError> {
        let target = match input.as_ref().and_then(|input| input.user_id.as_ref()) {
            None => Target::Own,
            Some(id) => UserId::parse(id).map_or(Target::Nobody, Target::User),
        };
        let from_clerk = input.is_none_or(|input| input.delete_from_clerk);
        let deleted = ctx.viewer().delete_user(DeletionRequest { target, from_clerk }).await?;
        Ok(deleted.into())
    }

    /// Founds an organization. The caller owns it and from then on works in it. One person owns at most 100.
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization.")] input: CreateOrganizationInput,
    ) -> Result<CreateOrganizationPayload, ApiError> {
        let changed = ctx.viewer().change(|accounts, session, _| async move {
            let (organization, user) = accounts.create_organization(&session, &input.name).await?;
            Ok(((organization, user.clone()), user))
        });
        Ok(changed.await?.into())
    }

    /// Gives an organization another name. Takes an owner or an admin. An organization that is mirrored from Clerk
    /// is named there: `FORBIDDEN`, as every other change to one.
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: UpdateOrganizationInput,
    ) -> Result<UpdateOrganizationPayload, ApiError> {
        let id = OrganizationId::parse(&input.organization_id);
        let changed = ctx.viewer().change(|accounts, _, caller| async move {
            Ok((accounts.rename_organization(&caller, id, &input.name).await?, caller))
        });
        Ok(changed.await?.into())
    }

    /// Deletes an organization with its memberships and invitations. Takes an owner. Cannot be undone. Members who
    /// worked in it go on in their oldest organization; who has none left gets a personal one from `bootstrap`.
    async fn delete_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization.")] input: DeleteOrganizationInput,
    ) -> Result<DeleteOrganizationPayload, ApiError> {
        let id = OrganizationId::parse(&input.organization_id);
        let changed = ctx.viewer().change(|accounts, _, caller| async move {
            let (id, user) = accounts.delete_organization(&caller, id).await?;
            Ok(((id, user.clone()), user))
        });
        Ok(changed.await?.into())
    }

    /// Chooses the organization that the caller works in, `User.activeOrganization`. Takes a member; a session token
    /// of Clerk's in which another organization is active chooses again.
    async fn set_active_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization.")] input: SetActiveOrganizationInput,
    ) -> Result<SetActiveOrganizationPayload, ApiError> {
        let id = OrganizationId::parse(&input.organization_id);
        let changed = ctx.viewer().change(|accounts, _, caller| async move {
            let (organization, user) = accounts.set_active_organization(&caller, id).await?;
            Ok(((organization, user.clone()), user))
        });
        Ok(changed.await?.into())
    }

    /// Gives a member another role. Takes an owner or an admin. Nobody gives or takes a role above their own, and
    /// an organization keeps an owner (`LAST_OWNER`). Counts for the member's next request.
    async fn update_member_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member and the role.")] input: UpdateMemberRoleInput,
    ) -> Result<UpdateMemberRolePayload, ApiError> {
        let member = MemberTarget { id: MembershipId::parse(&input.membership_id), within: None };
        let changed = ctx.viewer().change(|accounts, _, caller| async move {
            Ok((accounts.change_role(&caller, member, input.role.into()).await?, caller))
        });
        Ok(changed.await?.into())
    }

    /// Removes somebody else from an organization. Takes an owner or an admin, and an owner to remove an owner.
    /// Counts for the removed person's next request.
    async fn remove_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member.")] input: RemoveMemberInput,
    ) -> Result<RemoveMemberPayload, ApiError> {
        let member = MemberTarget { id: MembershipId::parse(&input.membership_id), within: None };
        let changed = ctx.viewer().change(|accounts, _, caller| async move {
            Ok((accounts.remove_member(&caller, member).await?, caller))
        });
        Ok(changed.await?.into())
    }

    /// Ends the caller's membership in an organization. Its only owner cannot leave (`LAST_OWNER`): make somebody
    /// else owner before, or delete the organization.
    async fn leave_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization.")] input: LeaveOrganizationInput,
    ) -> Result<LeaveOrganizationPayload, ApiError> {
        let id = OrganizationId::parse(&input.organization_id);
        let changed = ctx.viewer().change(|accounts, _, caller| async move {
            let (id, user) = accounts.leave_organization(&caller, id).await?;
            Ok(((id, user.clone()), user))
        });
        Ok(changed.await?.into())
    }

    /// Invites an e-mail address into an organization for seven days. Takes an owner or an admin. Nothing is sent:
    /// pass the token on to the person. A second invitation for an address replaces the first. At most 100 are open.
    async fn create_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom to invite.")] input: CreateInvitationInput,
    ) -> Result<CreateInvitationPayload, ApiError> {
        let request = InvitationRequest {
            organization: OrganizationId::parse(&input.organization_id),
            email: input.email,
            role: input.role.into(),
        };
        let changed = ctx.viewer().change(|accounts, _, caller| async move {
            Ok((accounts.invite(&caller, &request).await?, caller))
        });
        Ok(changed.await?.into())
    }

    /// Takes an open invitation back. Takes an owner or an admin of its organization.
    async fn revoke_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation.")] input: RevokeInvitationInput,
    ) -> Result<RevokeInvitationPayload, ApiError> {
        let id = InvitationId::parse(&input.invitation_id);
        let changed = ctx.viewer().change(|accounts, _, caller| async move {
            Ok((accounts.revoke_invitation(&caller, id, None).await?.id, caller))
        });
        Ok(changed.await?.into())
    }

    /// Makes the caller a member of the organization that the token invites into, and lets them work in it. Takes
    /// the invited e-mail address, verified (`FORBIDDEN` otherwise). The role of somebody who is a member already
    /// only rises. A token counts once; one that was used, revoked, replaced or has expired is `BAD_USER_INPUT`.
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation.")] input: AcceptInvitationInput,
    ) -> Result<AcceptInvitationPayload, ApiError> {
        let changed = ctx.viewer().change(|accounts, session, caller| async move {
            let (member, user) =
                accounts.accept_invitation(&session, &caller, &input.token).await?;
            Ok(((member, user.clone()), user))
        });
        Ok(changed.await?.into())
    }
}
