//! The objects of Clerk's APIs and events in JSON, made from what the issuer knows. Names and members are
//! those of Clerk's published types (`packages/shared/src/types/json.ts`); what does not exist here
//! (telephones beside the first, wallets, external accounts) is an empty list.

mod attempts;
mod organizations;
mod pictures;
mod public_user;
mod sessions;
mod users;

pub(crate) use attempts::{SignInObject, SignUpObject};
pub(crate) use organizations::{MembershipObject, OrganizationObject, Role, roles};
pub(crate) use sessions::{ClientObject, SessionEvent, SessionObject, TokenObject};
pub(crate) use users::{Deleted, UserObject};
