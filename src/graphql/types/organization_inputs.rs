//! Inputs of the mutations about organizations.

use async_graphql::{ID, InputObject};

use super::OrganizationRole;

/// The organization to found.
#[derive(InputObject)]
pub(crate) struct CreateOrganizationInput {
    /// Display name, 1 to 120 characters; no two organizations of one owner have the same, whatever the letter case.
    pub(crate) name: String,
}

/// Changes to an organization.
#[derive(InputObject)]
pub(crate) struct UpdateOrganizationInput {
    /// The organization.
    pub(crate) organization_id: ID,
    /// Display name, 1 to 120 characters.
    pub(crate) name: String,
}

/// The organization to delete.
#[derive(InputObject)]
pub(crate) struct DeleteOrganizationInput {
    /// The organization.
    pub(crate) organization_id: ID,
}

/// The organization to work in.
#[derive(InputObject)]
pub(crate) struct SetActiveOrganizationInput {
    /// One of the caller's organizations, mirrored from Clerk or not.
    pub(crate) organization_id: ID,
}

/// The organization to leave.
#[derive(InputObject)]
pub(crate) struct LeaveOrganizationInput {
    /// The organization.
    pub(crate) organization_id: ID,
}

/// A new role for a member.
#[derive(InputObject)]
pub(crate) struct UpdateMemberRoleInput {
    /// The membership, which may be the caller's own.
    pub(crate) membership_id: ID,
    /// The role, not above the caller's own.
    pub(crate) role: OrganizationRole,
}

/// The member to remove.
#[derive(InputObject)]
pub(crate) struct RemoveMemberInput {
    /// The membership, which must not be the caller's own.
    pub(crate) membership_id: ID,
}

/// Whom to invite.
#[derive(InputObject)]
pub(crate) struct CreateInvitationInput {
    /// The organization.
    pub(crate) organization_id: ID,
    /// The e-mail address of the person; outer white space and letter case do not matter.
    pub(crate) email: String,
    /// The role that the person will have, not above the caller's own.
    pub(crate) role: OrganizationRole,
}

/// The invitation to take back.
#[derive(InputObject)]
pub(crate) struct RevokeInvitationInput {
    /// The invitation.
    pub(crate) invitation_id: ID,
}

/// The invitation to accept.
#[derive(InputObject)]
pub(crate) struct AcceptInvitationInput {
    /// The token that `createInvitation` showed, as the inviting person passed it on.
    pub(crate) token: String,
}
