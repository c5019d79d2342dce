//! The GraphQL face: schema, resolvers, and everything between a document and its execution. Knows
//! accounts and the store; knows nothing of HTTP (media types, status codes), which is the caller's.

mod connection;
mod context;
mod documents;
mod dry_run;
mod empty_objects;
pub mod engine;
pub mod error;
mod limits;
mod loaders;
mod mutation;
mod nulls;
mod ordering;
pub mod precheck;
mod query;
mod schema;
mod types;

pub use context::{Viewer, ViewerFailure};
pub use limits::Limits;
pub use schema::{Schema, sdl};
pub use types::{AuthMode, ServerInfo};
