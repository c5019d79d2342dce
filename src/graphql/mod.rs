//! The GraphQL face: schema, resolvers, and the pipeline from a request to its answer. Knows accounts and
//! the store; knows nothing of HTTP (media types, status codes), which is the caller's.

mod access;
mod complexity;
mod context;
mod documents;
mod loaders;
mod mutation;
mod paging;
mod pipeline;
mod query;
mod schema;
pub(crate) mod strict;
mod types;

pub use context::{Viewer, ViewerFailure};
pub use pipeline::{GraphqlRequest, Limits, Pipeline, Refusal};
pub use schema::{Schema, sdl};
pub use strict::{Bounds, RequestError};
pub use types::{AuthMode, ServerInfo};
