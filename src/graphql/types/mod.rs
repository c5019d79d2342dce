//! The types of the API, one per file, each around a value of the model.

mod connection;
mod date_time;
mod enums;
mod invitation;
mod node;
mod organization;
mod organization_inputs;
mod organization_member;
mod organization_payloads;
mod payloads;
mod server_info;
mod user;

pub(crate) use connection::OrganizationMemberConnection;
pub(crate) use date_time::DateTime;
pub use enums::AuthMode;
pub(crate) use enums::{ClerkDeletion, OrganizationRole, UserErrorCode};
pub(crate) use invitation::{Invitation, InvitationConnection};
pub(crate) use node::Node;
pub(crate) use organization::Organization;
pub(crate) use organization_inputs::{
    AcceptInvitationInput, CreateInvitationInput, CreateOrganizationInput, DeleteOrganizationInput,
    LeaveOrganizationInput, RemoveMemberInput, RevokeInvitationInput, SetActiveOrganizationInput,
    UpdateMemberRoleInput, UpdateOrganizationInput,
};
pub(crate) use organization_member::OrganizationMember;
pub(crate) use organization_payloads::{
    AcceptInvitationPayload, CreateInvitationPayload, CreateOrganizationPayload,
    DeleteOrganizationPayload, LeaveOrganizationPayload, RemoveMemberPayload,
    RevokeInvitationPayload, SetActiveOrganizationPayload, UpdateMemberRolePayload,
    UpdateOrganizationPayload,
};
pub(crate) use payloads::{
    BootstrapPayload, DeleteUserInput, DeleteUserPayload, UpdateProfileInput, UpdateProfilePayload,
    UserError,
};
pub use server_info::ServerInfo;
pub(crate) use user::User;
