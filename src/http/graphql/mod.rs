//! `/graphql`: GraphQL over HTTP around the pipeline that answers GraphQL.

mod handler;
mod parameters;
mod persisted_queries;
mod response;

pub(crate) use handler::serve;
pub use persisted_queries::PersistedQueries;
pub(crate) use response::Responder;
