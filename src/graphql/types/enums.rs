//! The enums of the API.

use async_graphql::Enum;

use crate::{
    accounts::{ClerkOutcome, MistakeKind},
    model::Role,
};

/// How a server authenticates requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AuthMode {
    /// Session tokens issued by Clerk.
    Clerk,
    /// One shared token for one user, for self-hosted set-ups.
    Local,
    /// Session tokens issued by the server's own development issuer. Never for production.
    Development,
}

/// What a member may do in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum OrganizationRole {
    /// Full control, including deleting the organization.
    Owner,
    /// Manages members and settings.
    Admin,
    /// Takes part in the work.
    Member,
}

impl From<Role> for OrganizationRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
        }
    }
}

impl From<OrganizationRole> for Role {
    fn from(role: OrganizationRole) -> Self {
        match role {
            OrganizationRole::Owner => Self::Owner,
            OrganizationRole::Admin => Self::Admin,
            OrganizationRole::Member => Self::Member,
        }
    }
}

/// What became of the user at Clerk when an account was deleted here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ClerkDeletion {
    /// It was deleted.
    Deleted,
    /// Clerk no longer knew it.
    AlreadyAbsent,
    /// It was kept, as asked, or this server has no Clerk secret key.
    Kept,
}

impl From<ClerkOutcome> for ClerkDeletion {
    fn from(outcome: ClerkOutcome) -> Self {
        match outcome {
            ClerkOutcome::Deleted => Self::Deleted,
            ClerkOutcome::AlreadyAbsent => Self::AlreadyAbsent,
            ClerkOutcome::Kept => Self::Kept,
        }
    }
}

/// Kinds of mistakes in the input. More may be added; treat unknown ones as `INVALID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UserErrorCode {
    /// The value is not acceptable; see the message.
    Invalid,
    /// The value is longer than allowed.
    TooLong,
    /// The name is not in the IANA time zone database.
    UnknownTimezone,
    /// Another organization of yours has this name.
    Taken,
    /// A member of the organization has this address already.
    AlreadyMember,
    /// It would leave the organization without an owner.
    LastOwner,
    /// There are as many as there may be; the message says how many.
    TooMany,
}

impl From<MistakeKind> for UserErrorCode {
    fn from(kind: MistakeKind) -> Self {
        match kind {
            MistakeKind::Invalid => Self::Invalid,
            MistakeKind::TooLong => Self::TooLong,
            MistakeKind::UnknownTimezone => Self::UnknownTimezone,
            MistakeKind::Taken => Self::Taken,
            MistakeKind::AlreadyMember => Self::AlreadyMember,
            MistakeKind::LastOwner => Self::LastOwner,
            MistakeKind::TooMany => Self::TooMany,
        }
    }
}
