//! From the `Authorization` header to a session. Touches no database: whether the user behind a
//! session still counts is decided by the statement that finds the user.

mod authenticator;
mod local;
mod memory;
mod session;

pub(crate) use authenticator::{Authenticator, ClerkTokens};
pub(crate) use local::{LOCAL_CLERK_USER_ID, SharedToken};
pub use session::{Authentication, Session};
