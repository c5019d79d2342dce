//! The types of the API, one per file, each around a value of the model.

mod connection;
mod date_time;
mod enums;
mod node;
mod organization;
mod organization_member;
mod payloads;
mod server_info;
mod user;

pub use connection::OrganizationMemberConnection;
pub use date_time::DateTime;
pub use enums::{AuthMode, ClerkDeletion, OrganizationRole, UserErrorCode};
pub use node::Node;
pub use organization::Organization;
pub use organization_member::OrganizationMember;
pub use payloads::{
    BootstrapPayload, DeleteUserInput, DeleteUserPayload, UpdateProfileInput, UpdateProfilePayload,
};
pub use server_info::ServerInfo;
pub use user::User;
