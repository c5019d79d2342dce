//! The database: every SQL statement of the product, each written once for SQLite and PostgreSQL.
//!
//! A statement is a function that takes a [`Conn`]; the functions are grouped by the table they are
//! about. What the two spell differently has a name in `dialect`, what they lock differently in
//! [`locks`]. Knows the model; knows nothing of Clerk, GraphQL or HTTP, and never asks what time it is.

mod address;
mod connection;
pub(crate) mod contention;
mod dialect;
mod error;
mod ids;
pub mod invitations;
pub mod locks;
pub mod memberships;
mod migrations;
pub mod mirrored;
pub mod organizations;
mod pool_use;
mod postgres;
mod preconditions;
pub mod sessions;
mod sqlite;
pub(crate) mod sqlite_copy;
mod sqlite_file;
pub mod sync_positions;
mod timeouts;
pub mod tombstones;
pub mod users;
pub mod webhook_messages;

pub use address::{AddressFault, DatabaseAddress};
pub use connection::{Conn, Reader, Store, Tx};
pub use error::StoreError;
