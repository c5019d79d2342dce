//! Payloads of the mutations about organizations: what changed, or what the caller can correct.

use std::sync::Arc;

use async_graphql::{ID, SimpleObject};

use super::{Invitation, Organization, OrganizationMember, User, UserError};
use crate::{
    accounts::{IssuedInvitation, Mistake},
    model::{self, InvitationId, MembershipId, OrganizationId},
    store::{memberships::VisibleMembership, organizations::VisibleOrganization},
};

/// What a change comes to: what it left, or mistakes and nothing changed.
type Outcome<T> = Result<T, Vec<Mistake>>;

fn split<T>(outcome: Outcome<T>) -> (Option<T>, Vec<UserError>) {
    match outcome {
        Ok(left) => (Some(left), Vec::new()),
        Err(mistakes) => (None, mistakes.into_iter().map(UserError::from).collect()),
    }
}

/// Result of `createOrganization`: either `organization` and `user`, or `userErrors` and nothing changed.
#[derive(SimpleObject)]
pub(crate) struct CreateOrganizationPayload {
    /// The new organization.
    organization: Option<Organization>,
    /// The caller, who works in it now.
    user: Option<User>,
    /// What the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl From<Outcome<(Arc<VisibleOrganization>, Arc<model::User>)>> for CreateOrganizationPayload {
    fn from(outcome: Outcome<(Arc<VisibleOrganization>, Arc<model::User>)>) -> Self {
        let (left, user_errors) = split(outcome);
        let (organization, user) = left.unzip();
        Self { organization: organization.map(Organization), user: user.map(User), user_errors }
    }
}

/// Result of `updateOrganization`: either `organization`, or `userErrors` and nothing changed.
#[derive(SimpleObject)]
pub(crate) struct UpdateOrganizationPayload {
    /// The changed organization.
    organization: Option<Organization>,
    /// What the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl From<Outcome<Arc<VisibleOrganization>>> for UpdateOrganizationPayload {
    fn from(outcome: Outcome<Arc<VisibleOrganization>>) -> Self {
        let (organization, user_errors) = split(outcome);
        Self { organization: organization.map(Organization), user_errors }
    }
}

/// Result of `deleteOrganization`. Evict the ID from the client's cache.
#[derive(SimpleObject)]
pub(crate) struct DeleteOrganizationPayload {
    /// ID of the deleted organization.
    deleted_organization_id: Option<ID>,
    /// The caller, who may work in another organization now.
    user: Option<User>,
    /// What the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl From<Outcome<(OrganizationId, Arc<model::User>)>> for DeleteOrganizationPayload {
    fn from(outcome: Outcome<(OrganizationId, Arc<model::User>)>) -> Self {
        let (left, user_errors) = split(outcome);
        let (id, user) = left.unzip();
        let deleted_organization_id = id.map(|id| ID(id.to_string()));
        Self { deleted_organization_id, user: user.map(User), user_errors }
    }
}

/// Result of `setActiveOrganization`.
#[derive(SimpleObject)]
pub(crate) struct SetActiveOrganizationPayload {
    /// The organization that the caller works in now.
    organization: Option<Organization>,
    /// The caller.
    user: Option<User>,
    /// What the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl From<Outcome<(Arc<VisibleOrganization>, Arc<model::User>)>> for SetActiveOrganizationPayload {
    fn from(outcome: Outcome<(Arc<VisibleOrganization>, Arc<model::User>)>) -> Self {
        let (left, user_errors) = split(outcome);
        let (organization, user) = left.unzip();
        Self { organization: organization.map(Organization), user: user.map(User), user_errors }
    }
}

/// Result of `leaveOrganization`: either the other fields, or `userErrors` and nothing changed. Evict the ID, and
/// that of the organization, from the client's cache.
#[derive(SimpleObject)]
pub(crate) struct LeaveOrganizationPayload {
    /// ID of the membership that ended.
    deleted_membership_id: Option<ID>,
    /// The caller, who may work in another organization now.
    user: Option<User>,
    /// What the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl From<Outcome<(MembershipId, Arc<model::User>)>> for LeaveOrganizationPayload {
    fn from(outcome: Outcome<(MembershipId, Arc<model::User>)>) -> Self {
        let (left, user_errors) = split(outcome);
        let (id, user) = left.unzip();
        let deleted_membership_id = id.map(|id| ID(id.to_string()));
        Self { deleted_membership_id, user: user.map(User), user_errors }
    }
}

/// Result of `updateMemberRole`: either `member`, or `userErrors` and nothing changed.
#[derive(SimpleObject)]
pub(crate) struct UpdateMemberRolePayload {
    /// The changed membership.
    member: Option<OrganizationMember>,
    /// What the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl From<Outcome<Arc<VisibleMembership>>> for UpdateMemberRolePayload {
    fn from(outcome: Outcome<Arc<VisibleMembership>>) -> Self {
        let (member, user_errors) = split(outcome);
        Self { member: member.map(OrganizationMember), user_errors }
    }
}

/// Result of `removeMember`. Evict the ID from the client's cache.
#[derive(SimpleObject)]
pub(crate) struct RemoveMemberPayload {
    /// ID of the membership that ended.
    deleted_membership_id: Option<ID>,
    /// What the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl From<Outcome<MembershipId>> for RemoveMemberPayload {
    fn from(outcome: Outcome<MembershipId>) -> Self {
        let (id, user_errors) = split(outcome);
        Self { deleted_membership_id: id.map(|id| ID(id.to_string())), user_errors }
    }
}

/// Result of `createInvitation`: either `invitation` and `token`, or `userErrors` and nothing changed.
#[derive(SimpleObject)]
pub(crate) struct CreateInvitationPayload {
    /// The new invitation.
    invitation: Option<Invitation>,
    /// What the invited person accepts it with. Pass it on now, for example in a link: it is shown this once and
    /// stored nowhere.
    token: Option<String>,
    /// What the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl From<Outcome<IssuedInvitation>> for CreateInvitationPayload {
    fn from(outcome: Outcome<IssuedInvitation>) -> Self {
        let (issued, user_errors) = split(outcome);
        let (invitation, token) =
            issued.map(|issued| (Invitation(issued.invitation), issued.token)).unzip();
        Self { invitation, token, user_errors }
    }
}

/// Result of `revokeInvitation`. Evict the ID from the client's cache.
#[derive(SimpleObject)]
pub(crate) struct RevokeInvitationPayload {
    /// ID of the invitation that was taken back.
    deleted_invitation_id: Option<ID>,
    /// What the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl From<Outcome<InvitationId>> for RevokeInvitationPayload {
    fn from(outcome: Outcome<InvitationId>) -> Self {
        let (id, user_errors) = split(outcome);
        Self { deleted_invitation_id: id.map(|id| ID(id.to_string())), user_errors }
    }
}

/// Result of `acceptInvitation`.
#[derive(SimpleObject)]
pub(crate) struct AcceptInvitationPayload {
    /// The caller's membership in the organization, in which the caller works now.
    member: Option<OrganizationMember>,
    /// The caller.
    user: Option<User>,
    /// What the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl From<Outcome<(Arc<VisibleMembership>, Arc<model::User>)>> for AcceptInvitationPayload {
    fn from(outcome: Outcome<(Arc<VisibleMembership>, Arc<model::User>)>) -> Self {
        let (left, user_errors) = split(outcome);
        let (member, user) = left.unzip();
        Self { member: member.map(OrganizationMember), user: user.map(User), user_errors }
    }
}
